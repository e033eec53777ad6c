#include "decode/mixed_decoder.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "decode/conform.h"
#include "decode/interleaved_rows.h"

namespace sluice {
namespace {

constexpr std::size_t kLongestReason = 300;

/// Messages of which no row can be used: their rejects become reasons.
std::vector<std::uint32_t> TakeRefused(const std::string& format, DecodedRows* rows,
                                       std::map<std::uint32_t, std::string>* reasons) {
  std::vector<std::uint32_t> refused;
  std::erase_if(rows->rejects, [&](const Reject& reject) {
    if (std::binary_search(rows->record_of_row.begin(), rows->record_of_row.end(), reject.record)) {
      return false;
    }
    // Of several bad rows the first tells why.
    if (!refused.empty() && refused.back() == reject.record) return true;
    refused.push_back(reject.record);
    std::string& reason = (*reasons)[reject.record];
    reason += (reason.empty() ? "" : "; ") + format + ": " +
              (reject.field.empty() ? "" : reject.field + ": ") +
              reject.reason.substr(0, kLongestReason) + " [" + reject.code + "]";
    return true;
  });
  return refused;
}

}  // namespace

bool MixedDecoder::MayBeMessage(std::string_view bytes) {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& part) { return part.decoder->MayBeMessage(bytes); });
}

/// A message that names its schema is of the format whose schemas are such.
bool MixedDecoder::MayRead(const Part& part, const Payload& payload) {
  if (payload.schema == nullptr) return part.decoder->MayBeMessage({payload.data, payload.size});
  return std::find(part.registered_as.begin(), part.registered_as.end(), payload.schema->type) !=
         part.registered_as.end();
}

Result<DecodedRows> MixedDecoder::DecodePart(Part* part, const std::vector<Payload>& payloads) {
  TRY(DecodedRows rows, part->decoder->Decode(payloads));
  if (!part->conforms) return rows;
  TRY(ConformRows(&rows, known_));
  if (rows.rows->num_rows() > 0 && !Conforms(*part->decoder->schema(), *known_)) {
    auto unseen = std::make_shared<ObservedType>();
    unseen->Merge(part->own);
    rows.unseen = std::move(unseen);
  }
  return rows;
}

/// Each format gets what those before it did not take.
Result<DecodedRows> MixedDecoder::Decode(const std::vector<Payload>& payloads) {
  std::vector<DecodedRows> taken;
  std::vector<Payload> left = payloads;
  std::map<std::uint32_t, std::string> reasons;
  std::optional<std::uint32_t> stopped_at;
  std::vector<std::vector<std::uint32_t>> records_of_part(parts_.size());
  for (std::size_t i = 0; i < parts_.size() && !left.empty(); ++i) {
    std::vector<Payload> tried, passed;
    for (const Payload& payload : left) {
      (MayRead(parts_[i], payload) ? tried : passed).push_back(payload);
    }
    if (tried.empty()) continue;
    TRY(DecodedRows rows, DecodePart(&parts_[i], tried));
    if (rows.stopped_at) {
      stopped_at = std::min(stopped_at.value_or(*rows.stopped_at), *rows.stopped_at);
    }
    const std::vector<std::uint32_t> refused = TakeRefused(parts_[i].name, &rows, &reasons);
    for (const Payload& payload : tried) {
      const bool took = !std::binary_search(refused.begin(), refused.end(), payload.record);
      if (took) {
        records_of_part[i].push_back(payload.record);
      } else {
        passed.push_back(payload);
      }
    }
    std::sort(passed.begin(), passed.end(),
              [](const Payload& a, const Payload& b) { return a.record < b.record; });
    left = std::move(passed);
    if (stopped_at) {
      std::erase_if(left, [&](const Payload& p) { return p.record >= *stopped_at; });
    }
    taken.push_back(std::move(rows));
  }
  TRY(DecodedRows out, InterleaveRows(std::move(taken), schema_));
  for (const std::vector<std::uint32_t>& records : records_of_part) {
    out.messages_of_format.push_back(
        std::count_if(records.begin(), records.end(),
                      [&](std::uint32_t record) { return !stopped_at || record < *stopped_at; }));
  }
  for (const Payload& payload : left) {
    Reject reject;
    reject.record = payload.record;
    reject.code = "format.none";
    const auto reason = reasons.find(payload.record);
    reject.reason = reason == reasons.end() ? "its first bytes are those of no format of the source"
                                            : "no format takes it: " + reason->second;
    out.rejects.push_back(std::move(reject));
  }
  std::stable_sort(out.rejects.begin(), out.rejects.end(),
                   [](const Reject& a, const Reject& b) { return a.record < b.record; });
  return out;
}

}  // namespace sluice
