// A schema and bytes: the first byte picks a schema, or says that the input brings one (up to the
// first NUL). What follows is decoded as a datum, alone and between two others, which must change
// nothing; and read with some of its columns, which must not accept less.
#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/avro/avro_format.h"
#include "record/schema.h"

namespace {

constexpr const char* kSchemas[] = {
    R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":["null","string"]},
       {"name":"c","type":"double"},{"name":"d","type":"boolean"},{"name":"e","type":"int"}]})",
    R"({"type":"array","items":{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array",
       "items":{"type":"array","items":"null"}}},{"name":"b","type":{"type":"map","values":{"type":"map",
       "values":"int"}}}]}})",
    R"({"type":"record","name":"R","fields":[{"name":"a","type":["int","null","string",{"type":"record",
       "name":"S","fields":[{"name":"x","type":["long"]}]}]},{"name":"b","type":{"type":"enum","name":"E",
       "symbols":["A","B"]}},{"name":"c","type":{"type":"fixed","name":"F","size":3}}]})",
    R"({"type":"record","name":"R","fields":[{"name":"a","type":{"type":"bytes","logicalType":"decimal",
       "precision":20,"scale":5}},{"name":"b","type":{"type":"long","logicalType":"timestamp-nanos"}},
       {"name":"c","type":{"type":"int","logicalType":"date"}},{"name":"d","type":{"type":"fixed",
       "name":"U","size":16,"logicalType":"uuid"}},{"name":"e","type":{"type":"fixed","name":"D",
       "size":12,"logicalType":"duration"}}]})",
    R"({"type":"record","name":"R","fields":[{"name":"t","type":{"type":"record","name":"T","fields":[
       {"name":"kids","type":{"type":"array","items":"T"}}]}},{"name":"a","type":"float"}]})",
    R"("bytes")"};
constexpr const char* kDeclared[] = {"a bigint, e double",
                                     "b map<string,map<string,bigint>>",
                                     ("b string, a struct<member0:int,member1:string,"
                                      "member2:struct<x:bigint>>"),
                                     "c date, missing int",
                                     "a double",
                                     "v binary"};
constexpr std::size_t kCount = sizeof kSchemas / sizeof kSchemas[0];

void Require(bool condition) {
  if (!condition) std::abort();
}

std::unique_ptr<sluice::Decoder> Make(const char* schema, const char* declared) {
  sluice::AvroDecoderOptions options;
  options.limits.string_bytes = 4096;
  options.limits.items = 64;
  options.writer = *sluice::AvroSchema::Parse(schema);
  if (declared != nullptr) options.declared = *sluice::ParseDdl(declared);
  auto decoder = sluice::MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  return decoder.ok() ? *std::move(decoder) : nullptr;
}

void Check(sluice::Decoder* decoder, const char* data, std::size_t size) {
  // A block of its own size, so that AddressSanitizer sees a read beyond it.
  auto block = std::make_unique<char[]>(size);
  std::memcpy(block.get(), data, size);
  static const char kOther[] = "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80";
  auto alone = decoder->Decode({{block.get(), size, 1}});
  auto among = decoder->Decode(
      {{kOther, sizeof kOther, 0}, {block.get(), size, 1}, {kOther, sizeof kOther, 2}});
  auto other = decoder->Decode({{kOther, sizeof kOther, 0}});
  Require(alone.ok() && among.ok() && other.ok());
  Require(alone->rows->ValidateFull().ok() && among->rows->ValidateFull().ok());
  Require(among->rows->num_rows() == alone->rows->num_rows() + 2 * other->rows->num_rows());
  Require(among->rejects.size() == alone->rejects.size() + 2 * other->rejects.size());
  Require(static_cast<std::int64_t>(alone->record_of_row.size()) == alone->rows->num_rows());
  for (const auto& reject : alone->rejects) {
    Require(reject.byte >= 0 && reject.byte <= static_cast<std::int64_t>(size));
    Require(reject.row >= 0 || alone->rejects.size() == 1);
    Require(reject.row >= 0 || alone->rows->num_rows() == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto decoders = [] {
    std::vector<std::unique_ptr<sluice::Decoder>> made;
    for (std::size_t i = 0; i < kCount; ++i) {
      made.push_back(Make(kSchemas[i], nullptr));
      made.push_back(Make(kSchemas[i], kDeclared[i]));
      Require(made.back() != nullptr);
    }
    return made;
  }();
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % (kCount + 1) != kCount) {
    for (std::size_t i = 0; i < 2; ++i) {
      sluice::Decoder* decoder = decoders[2 * (data[0] % (kCount + 1)) + i].get();
      if (decoder != nullptr) Check(decoder, input.data(), input.size());
    }
    return 0;
  }
  const std::size_t end = input.find('\0');
  if (end == std::string_view::npos || end + 1 == input.size()) return 0;
  auto schema = sluice::AvroSchema::Parse(input.substr(0, end));
  if (!schema.ok()) return 0;
  sluice::AvroDecoderOptions options;
  options.limits.items = 64;
  options.writer = *schema;
  auto decoder = sluice::MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  if (decoder.ok()) Check(decoder->get(), input.data() + end + 1, input.size() - end - 1);
  return 0;
}
