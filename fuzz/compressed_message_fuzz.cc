// Any bytes as a message of a JSON source, compressed or not: the first byte picks the
// `compression`. Counts add up, a good neighbour on either side is read, and a row comes from no
// reject.
#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decode/codec/codec_list.h"
#include "decode/json/json_format.h"
#include "decode/message_decoder.h"
#include "record/schema.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

class Messages : public sluice::RawBatch {
 public:
  std::string Origin(std::size_t) const override { return "{}"; }
};

std::vector<std::unique_ptr<sluice::MessageDecoder>> MakeDecoders() {
  sluice::DecodeLimits limits;
  limits.decompressed_bytes = 1u << 20;
  limits.decompressed_free = 1u << 12;
  std::vector<std::string> choices = sluice::CompressionOption().choices;
  std::vector<std::unique_ptr<sluice::MessageDecoder>> decoders;
  for (const std::string& choice : choices) {
    auto json = sluice::MakeJsonDecoder(*sluice::ParseDdl("id bigint, name string"), {},
                                        arrow::default_memory_pool());
    auto decoder =
        sluice::MessageDecoder::Make(*std::move(json), {}, limits, sluice::MakeCompression(choice));
    decoders.push_back(*std::move(decoder));
  }
  return decoders;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto decoders = MakeDecoders();
  if (size < 2) return 0;
  // Half of the inputs to detection.
  const std::size_t choice = data[0] < 128 ? 0 : data[0] % decoders.size();
  const std::string good = R"({"id": 1, "name": "neighbour"})";
  auto raw = std::make_shared<Messages>();
  raw->records.push_back({good.data(), good.size()});
  raw->records.push_back({reinterpret_cast<const char*>(data) + 1, size - 1});
  raw->records.push_back({good.data(), good.size()});
  std::int64_t delivered = 0;
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> refused;
  const auto result =
      decoders[choice]->Decode(raw, [&](const sluice::DecodedBatch& piece) -> sluice::Result<void> {
        delivered += piece.delivered;
        Require(piece.delivered ==
                piece.decoded_messages + piece.rejected_whole + piece.tombstones);
        Require(piece.decoded.rows->ValidateFull().ok());
        Require(piece.decoded.rows->num_rows() ==
                static_cast<std::int64_t>(piece.decoded.record_of_row.size()));
        for (std::uint32_t record : piece.decoded.record_of_row) rows.push_back(record);
        for (const sluice::Reject& reject : piece.decoded.rejects) {
          Require(!reject.code.empty() && !reject.reason.empty());
          if (reject.row == sluice::Reject::kWholeMessage) refused.push_back(reject.record);
        }
        return {};
      });
  Require(result.ok());
  Require(delivered == 3);
  const bool plain = choice <= 1;  // auto, none
  Require(rows.empty() || !plain || (rows.front() == 0 && rows.back() == 2));
  Require(!plain || !rows.empty());
  for (std::uint32_t record : refused) {
    Require(!plain || record == 1);
    for (std::uint32_t row : rows) Require(row != record);
  }
  return 0;
}
