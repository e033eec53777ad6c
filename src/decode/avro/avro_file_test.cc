// Object container files, single-object encoding, and how the forms are told apart.
#include "decode/avro/avro_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "decode/avro/avro_testing.h"
#include "decode/codec/codec_testing.h"
#include "record/schema.h"

namespace sluice {
namespace {

constexpr const char* kSchema =
    R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"s","type":"string"}]})";
const std::string kSync = "0123456789abcdef";

std::string TwoRows() { return Datum().Long(1).Text("x").Long(2).Text("y"); }

std::string Compressed(const std::string& codec, const std::string& plain) {
  if (codec == "null") return plain;
  const char* const name = codec == "zstandard" ? "zstd"
                           : codec == "deflate" ? "deflate-raw"
                           : codec == "snappy"  ? "snappy-raw"
                                                : codec.c_str();
  std::string out = FindTestCodec(name).compress(plain);
  if (codec != "snappy") return out;
  const auto sum = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(plain.data()), plain.size()));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(sum >> shift));
  return out;
}

std::string Why(const std::string& message) {
  const DecodedRows out = DecodeAvro(WrittenAs(kSchema), {message});
  EXPECT_EQ(out.rows->num_rows(), 0);
  if (out.rejects.size() != 1) return "no reject";
  return out.rejects[0].code + ": " + out.rejects[0].reason + " @" +
         std::to_string(out.rejects[0].byte);
}

/// A block as another library wrote it: its checksum is of the plain bytes, big-endian.
TEST(AvroFile, SnappyBlockOfAnotherLibrary) {
  const std::string schema = R"({"type":"fixed","name":"F","size":5})";
  const std::string block = FromHex("05 10 68 65 6c 6c 6f 36 10 a6 86");
  const DecodedRows out = DecodeAvro(WrittenAs(schema), {AvroFile(schema, "snappy", 1, block)});
  EXPECT_EQ(Rejects(out), "");
  ASSERT_EQ(out.rows->num_rows(), 1);
  EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*out.rows->column(0)).GetString(0), "hello");
}

TEST(AvroFile, EveryCodec) {
  for (const char* codec : {"null", "deflate", "snappy", "bzip2", "xz", "zstandard"}) {
    const DecodedRows out =
        DecodeAvro(WrittenAs(kSchema), {AvroFile(kSchema, codec, 2, Compressed(codec, TwoRows()))});
    EXPECT_EQ(Rows(out), "1 | x\n2 | y\n") << codec;
    EXPECT_EQ(Rejects(out), "") << codec;
  }
}

TEST(AvroFile, BytesOfAChecksumBehindDeflate) {
  const std::string deflated = Compressed("deflate", TwoRows());
  const std::string tailed = deflated + "abc";
  Datum file;
  file.Raw(std::string("Obj\1", 4)).Long(2).Text("avro.schema").Text(kSchema);
  file.Text("avro.codec").Text("deflate").Long(0).Raw(kSync);
  for (const std::string& block : {tailed, tailed, deflated}) {
    file.Long(2).Text(block).Raw(kSync);
  }
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(kSchema), {file})),
            "1 | x\n2 | y\n1 | x\n2 | y\n1 | x\n2 | y\n");
  EXPECT_NE(Why(AvroFile(kSchema, "deflate", 2, deflated + "abcde")).find("bytes behind its end"),
            std::string::npos);
}

TEST(AvroFile, CodecsThatAreNone) {
  EXPECT_EQ(Why(AvroFile(kSchema, "gzip", 2, Compressed("null", TwoRows()))),
            "avro.codec: the file's codec 'gzip' is none of null, deflate, snappy, bzip2, xz, "
            "zstandard @4");
  std::string snappy = Compressed("snappy", TwoRows());
  snappy.back() ^= 1;
  EXPECT_NE(Why(AvroFile(kSchema, "snappy", 2, snappy)).find("its checksum is wrong"),
            std::string::npos);
  EXPECT_NE(Why(AvroFile(kSchema, "snappy", 2, "abc")).find("its checksum is missing"),
            std::string::npos);
  for (const char* codec : {"deflate", "bzip2", "xz", "zstandard"}) {
    std::string cut = Compressed(codec, TwoRows());
    cut.resize(cut.size() / 2);
    EXPECT_EQ(Why(AvroFile(kSchema, codec, 2, cut)).substr(0, 11), "avro.codec:") << codec;
  }
}

TEST(AvroFile, BombsAreStopped) {
  const std::string zeros(80u << 20, '\0');
  for (const char* codec : {"deflate", "snappy", "bzip2", "xz", "zstandard"}) {
    const std::string block = Compressed(codec, zeros);
    EXPECT_EQ(Why(AvroFile(kSchema, codec, 2, block)).substr(0, 6), "limit.") << codec;
  }
}

TEST(AvroFile, TheSchemaOfTheFileIsTheOneItIsReadWith) {
  // Another order, a promotion, a field more and one less.
  const std::string other =
      R"({"type":"record","name":"other.R","fields":[{"name":"more","type":"double"},
         {"name":"s","type":"string"},{"name":"a","type":"int"}]})";
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(kSchema),
                            {AvroFile(other, "null", 1, Datum().Real(1.0).Text("x").Long(5))})),
            "5 | x\n");
  const std::string less = R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"}]})";
  EXPECT_EQ(Why(AvroFile(less, "null", 1, Datum().Long(1))),
            "avro.resolution: the file's schema: column 's' is not in the data (record R has no "
            "field 's'), and it has no default @19");
  EXPECT_EQ(Why(AvroFile("{}", "null", 1, Datum().Long(1))),
            "avro.schema: the file's schema: this type has no \"type\", at column 1 @18");
}

TEST(AvroFile, ManySchemasInOneBatch) {
  std::vector<std::string> messages;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const int kind = i % 20;
    const std::string schema = R"({"type":"record","name":"R","fields":[{"name":"x)" +
                               std::to_string(kind) + R"(","type":"int"},{"name":"a","type":"long"},
                               {"name":"s","type":"string"}]})";
    messages.push_back(AvroFile(schema, "null", 1, Datum().Long(0).Long(i).Text("t")));
    expected += std::to_string(i) + " | t\n";
  }
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(kSchema), messages)), expected);
}

TEST(AvroFile, MetadataInSeveralBlocks) {
  Datum file;
  file.Raw(std::string("Obj\1", 4));
  file.Long(1).Text("avro.schema").Text(kSchema);
  const std::string second = Datum().Text("user").Text("me");
  file.Long(-1).Long(static_cast<std::int64_t>(second.size())).Raw(second).Long(0).Raw(kSync);
  file.Long(1).Text(std::string(Datum().Long(1).Text("x"))).Raw(kSync);
  file.Long(0).Text("").Raw(kSync);
  file.Long(1).Text(std::string(Datum().Long(2).Text("y"))).Raw(kSync);
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(kSchema), {file})), "1 | x\n2 | y\n");
}

TEST(AvroFile, BrokenFiles) {
  const std::string good = AvroFile(kSchema, "null", 2, TwoRows());
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(kSchema), {good})), "1 | x\n2 | y\n");
  const std::size_t header = good.size() - 1 - 1 - TwoRows().size() - 16;
  for (std::size_t size = 1; size < good.size(); ++size) {
    if (size == header) continue;
    const DecodedRows out = DecodeAvro(WrittenAs(kSchema), {good.substr(0, size), good});
    EXPECT_EQ(Rows(out), "1 | x\n2 | y\n") << size;
    ASSERT_EQ(out.rejects.size(), 1U) << size;
    EXPECT_EQ(out.rejects[0].row, Reject::kWholeMessage);
    EXPECT_LE(out.rejects[0].byte, static_cast<std::int64_t>(size));
  }
  std::string sync = good;
  sync.back() ^= 1;
  EXPECT_EQ(Why(sync), "avro.file: the sync marker behind a block is not that of the header @" +
                           std::to_string(good.size() - 16));
  EXPECT_EQ(Why(AvroFile(kSchema, "null", 1, TwoRows())).substr(0, 11), "avro.datum:");
  EXPECT_EQ(Why(AvroFile(kSchema, "null", 3, TwoRows())).substr(0, 11), "avro.datum:");
  EXPECT_EQ(Why(AvroFile(kSchema, "null", -1, TwoRows())).substr(0, 39),
            "avro.file: a block has a negative count");
  Datum no_schema;
  no_schema.Raw(std::string("Obj\1", 4)).Long(1).Text("avro.codec").Text("null").Long(0).Raw(kSync);
  EXPECT_EQ(Why(no_schema), "avro.file: the header has no avro.schema @4");
  Datum twice;
  twice.Raw(std::string("Obj\1", 4)).Long(2).Text("avro.schema").Text(kSchema);
  twice.Text("avro.schema").Text("\"int\"").Long(0).Raw(kSync);
  EXPECT_NE(Why(twice).find("an entry of the header is repeated"), std::string::npos);
  Datum flood;
  flood.Raw(std::string("Obj\1", 4)).Long(INT64_MIN).Long(0);
  EXPECT_NE(Why(flood).find("more than 1000 entries"), std::string::npos);
}

TEST(AvroFile, ARowThatDoesNotFitCostsOnlyItself) {
  const DecodedRows out =
      DecodeAvro(WrittenAs(kSchema),
                 {AvroFile(kSchema, "null", 3,
                           Datum().Long(1).Text("x").Long(2).Text("\xff").Long(3).Text("z"))});
  EXPECT_EQ(Rows(out), "1 | x\n3 | z\n");
  EXPECT_EQ(out.row_in_message, (std::vector<std::int32_t>{0, 2}));
  ASSERT_EQ(out.rejects.size(), 1U);
  EXPECT_EQ(out.rejects[0].row, 1);
  EXPECT_EQ(out.rejects[0].bytes, "\x04\x02\xff");
}

TEST(AvroFile, SingleObjectOnlyWithTheFingerprintOfAKnownSchema) {
  const std::string known = ::sluice::FromHex("c3 01 c7 03 45 63 72 48 01 8f 02 41");
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(R"("string")"), {known})), "A\n");
  const DecodedRows other = DecodeAvro(WrittenAs(kSchema), {known});
  ASSERT_EQ(other.rejects.size(), 1U);
  EXPECT_EQ(other.rejects[0].code, "avro.fingerprint");
  EXPECT_EQ(other.rejects[0].byte, 2);
  // The reader's own schema is known, too.
  AvroDecoderOptions options = WrittenAs(R"({"type":"record","name":"R","fields":[
      {"name":"a","type":"int"}]})");
  options.reader = ParsedAvro(R"({"type":"record","name":"R","fields":[
      {"name":"a","type":"long"},{"name":"b","type":"int","default":7}]})");
  std::string message("\xc3\x01", 2);
  const std::uint64_t fingerprint = options.reader->Fingerprint();
  for (int i = 0; i < 8; ++i) message.push_back(static_cast<char>(fingerprint >> 8 * i));
  message += std::string(Datum().Long(1).Long(2));
  EXPECT_EQ(Rows(DecodeAvro(std::move(options), {message, Datum().Long(5)})), "1 | 2\n5 | 7\n");
}

TEST(AvroFile, ABareDatumMayBeginLikeAnythingElse) {
  const std::string three = R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},
      {"name":"b","type":"int"},{"name":"c","type":"int"},{"name":"d","type":"int"}]})";
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(three), {std::string("Obj\1", 4), std::string("Obj\0", 4)})),
            "-40 | 49 | 53 | -1\n-40 | 49 | 53 | 0\n");
  const std::string two = R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},
      {"name":"b","type":"string"}]})";
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(two), {std::string("\xc3\x01\x10"
                                                         "12345678",
                                                         11)})),
            "-98 | 12345678\n");
}

}  // namespace
}  // namespace sluice
