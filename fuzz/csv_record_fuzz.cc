// Any bytes as a CSV message: the first two bytes pick the schema and the dialect, the rest is
// decoded alone, between two broken messages, which must change nothing, and, where rows are lines,
// cut in two at line ends, which must change nothing either.
#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "decode/csv/csv_format.h"
#include "record/schema.h"

namespace {

constexpr const char* kSchemas[] = {
    "a string, b string, c string", "a bigint, b double, c boolean, d string",
    "a timestamp, b date, c decimal(12,3), d binary, e timestamp_ntz, f float, g tinyint",
    "a int NOT NULL, b string NOT NULL", "a string"};
constexpr std::size_t kMaxRows = 64;
constexpr std::size_t kSchemaCount = std::size(kSchemas);

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Made {
  std::unique_ptr<sluice::Decoder> decoder;
  sluice::CsvReaderOptions options;
};

Made Make(std::size_t schema, std::uint8_t bits) {
  sluice::CsvReaderOptions options;
  options.limits.string_bytes = 4096;
  options.limits.items = kMaxRows;
  options.dialect.separator = bits & 1 ? ';' : ',';
  if (bits & 2) options.dialect.quote.reset();
  if (bits & 4) options.dialect.escaper = '\\';
  options.dialect.multi_line = (bits & 8) != 0;
  options.with_header = (bits & 16) != 0;
  options.skip_first = (bits & 32) != 0;
  if (bits & 64) options.ragged = sluice::CsvRagged::kFill;
  if (bits & 128) {
    options.ragged = sluice::CsvRagged::kFillAndCut;
    options.null_text = "\\N";
    options.timestamp_unit = sluice::EpochUnit::kMillis;
  }
  auto decoder = sluice::MakeCsvDecoder(*sluice::ParseDdl(kSchemas[schema]), options,
                                        arrow::default_memory_pool());
  return {std::move(*decoder), options};
}

bool Equal(const arrow::RecordBatch& a, const arrow::RecordBatch& b) {
  return a.Equals(b, arrow::EqualOptions().nans_equal(true));
}

sluice::DecodedRows Decode(sluice::Decoder* decoder, const std::vector<sluice::Payload>& payloads) {
  auto decoded = decoder->Decode(payloads);
  Require(decoded.ok());
  Require(decoded->rows->ValidateFull().ok());
  Require(static_cast<std::int64_t>(decoded->record_of_row.size()) == decoded->rows->num_rows());
  return std::move(*decoded);
}

/// Rows are lines here: two halves that are both good make a whole that is their rows, one behind
/// the other.
void CheckHalves(sluice::Decoder* decoder, const char* data, std::size_t size,
                 const sluice::DecodedRows& whole) {
  int checked = 0;
  for (std::size_t at = 0; at + 1 < size && checked < 8; ++at) {
    if (data[at] != '\n' && data[at] != '\r') continue;
    // Neither between CR and LF, nor so that the second half begins with a byte order mark.
    if ((data[at] == '\r' && data[at + 1] == '\n') || data[at + 1] == '\xef') continue;
    const auto begin = Decode(decoder, {{data, at + 1, 0}});
    const auto end = Decode(decoder, {{data + at + 1, size - at - 1, 0}});
    if (!begin.rejects.empty() || !end.rejects.empty()) continue;
    const std::int64_t rows = begin.rows->num_rows();
    if (rows + end.rows->num_rows() > static_cast<std::int64_t>(kMaxRows)) return;
    Require(whole.rejects.empty());
    Require(rows + end.rows->num_rows() == whole.rows->num_rows());
    Require(Equal(*begin.rows, *whole.rows->Slice(0, rows)));
    Require(Equal(*end.rows, *whole.rows->Slice(rows)));
    ++checked;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::vector<Made> made(kSchemaCount * 256);
  if (size < 3) return 0;
  Made& one = made[data[0] % kSchemaCount * 256 + data[1]];
  if (one.decoder == nullptr) one = Make(data[0] % kSchemaCount, data[1]);
  sluice::Decoder* const decoder = one.decoder.get();
  // A block of its own size, so that AddressSanitizer sees a read beyond it.
  const std::size_t length = size - 2;
  auto block = std::make_unique<char[]>(length);
  std::memcpy(block.get(), data + 2, length);
  static const char kBroken[] = "a,\"b\"x\n\xff";
  const sluice::Payload before{kBroken, sizeof kBroken - 1, 0};
  const sluice::Payload after{kBroken, sizeof kBroken - 1, 2};
  const auto alone = Decode(decoder, {{block.get(), length, 1}});
  const auto broken = Decode(decoder, {before});
  const auto among = Decode(decoder, {before, {block.get(), length, 1}, after});
  const std::int64_t skipped = broken.rows->num_rows();
  Require(Equal(*alone.rows, *among.rows->Slice(skipped, alone.rows->num_rows())));
  Require(alone.rejects.size() + 2 * broken.rejects.size() == among.rejects.size());
  for (const auto& reject : alone.rejects) {
    Require(reject.byte >= 0 && reject.byte <= static_cast<std::int64_t>(length));
    Require(reject.row >= 0 || alone.rejects.size() == 1);
    Require(reject.row >= 0 || alone.rows->num_rows() == 0);
  }
  const bool plain = !one.options.with_header && !one.options.skip_first;
  if (plain && !one.options.dialect.multi_line && length < 512) {
    CheckHalves(decoder, block.get(), length, alone);
  }
  return 0;
}
