#include "cli/sample_fit.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "decode/message_decoder.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostPlaces = 1'000;

/// `tags[3]` as `tags[]`; what is in quotes stays.
std::string WithoutIndices(const std::string& path) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    out += path[i];
    if (path[i] == '\'') quoted = !quoted;
    if (quoted && path[i] == '\\' && i + 1 < path.size()) out += path[++i];
    if (quoted || path[i] != '[') continue;
    while (i + 1 < path.size() && path[i + 1] >= '0' && path[i + 1] <= '9') ++i;
  }
  return out;
}

void CountFilled(const arrow::Array& column, const std::vector<bool>& above,
                 const std::string& place, SampleCounts* counts) {
  std::vector<bool> here(above.size());
  std::int64_t filled = 0;
  for (std::size_t row = 0; row < above.size(); ++row) {
    here[row] = above[row] && column.IsValid(static_cast<std::int64_t>(row));
    filled += here[row];
  }
  counts->filled[place] += filled;
  if (column.type_id() != arrow::Type::STRUCT) return;
  const auto& nested = static_cast<const arrow::StructArray&>(column);
  for (int i = 0; i < nested.num_fields(); ++i) {
    std::string below = place;
    AppendPathName(column.type()->field(i)->name(), &below);
    CountFilled(*nested.field(i), here, below, counts);
  }
}

void CountRescued(const arrow::Array& column, SampleCounts* counts) {
  const auto& texts = static_cast<const arrow::StringArray&>(column);
  for (std::int64_t row = 0; row < texts.length(); ++row) {
    if (texts.IsNull(row)) continue;
    ++counts->rescued_rows;
    const Json list = Json::parse(texts.GetView(row), nullptr, /*allow_exceptions=*/false);
    for (const Json& one : list) {
      ++counts->rescued_values;
      const std::pair key{WithoutIndices(one.value("path", "")), one.value("reason", "")};
      if (counts->rescued.size() >= kMostPlaces && !counts->rescued.contains(key)) continue;
      ++counts->rescued[key];
    }
  }
}

void CountRows(const arrow::RecordBatch& rows, SampleCounts* counts) {
  counts->rows += rows.num_rows();
  const std::vector<bool> all(static_cast<std::size_t>(rows.num_rows()), true);
  for (int i = 0; i + 1 < rows.num_columns(); ++i) {
    std::string place;
    AppendPathName(rows.schema()->field(i)->name(), &place);
    CountFilled(*rows.column(i), all, place, counts);
  }
  CountRescued(*rows.column(rows.num_columns() - 1), counts);
}

}  // namespace

void SampleFit::Keep(const RawBatch& raw) {
  auto batch = std::make_shared<MemoryBatch>();
  for (const RawRecord& record : raw.records) {
    std::optional<std::string> bytes;
    if (record.data != nullptr) bytes.emplace(record.data, record.size);
    batch->Add("", 0, bytes);
  }
  batches_.push_back(std::move(batch));
}

Result<SampleCounts> SampleFit::Count(const JobSource& source) const {
  TRY(auto made, MakeDecoder(source));
  TRY(auto decoder, MessageDecoder::Make(std::move(made), {}, DecodeLimits{},
                                         MakeCompression(source.options.String("compression"))));
  SampleCounts counts;
  for (const auto& batch : batches_) {
    TRY(decoder->Decode(batch, [&](const DecodedBatch& piece) -> Result<void> {
      counts.records += piece.delivered - piece.tombstones;
      counts.bytes += piece.bytes;
      counts.tombstones += piece.tombstones;
      for (std::size_t i = 0; i < kNumCodecs; ++i) {
        counts.decompressed[i] += piece.decompressed[i];
      }
      const auto& rejects = piece.decoded.rejects;
      if (counts.rejects == 0 && !rejects.empty()) counts.first_reject = rejects.front();
      counts.rejects += static_cast<std::int64_t>(rejects.size());
      CountRows(*piece.decoded.rows, &counts);
      return {};
    }));
  }
  return counts;
}

}  // namespace sluice
