#include "encode/avro/avro_encoder.h"

#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <string>

#include "decode/avro/avro_file.h"
#include "decode/avro/avro_testing.h"
#include "encode/avro/avro_written_schema.h"
#include "encode/encode_testing.h"

namespace sluice {
namespace {

/// Elements and values are always nullable; what is declared NOT NULL stays so.
DecodedRows ReadBack(const std::string& file, const SchemaPtr& declared) {
  AvroDecoderOptions options;
  options.declared = declared;
  options.writer = ParsedAvro(AvroSchemaOf(*declared, true));
  return DecodeAvro(std::move(options), {file});
}

AvroFileHeader Header(const std::string& file) {
  AvroFileHeader header;
  AvroFault fault;
  EXPECT_TRUE(ReadAvroFileHeader(file, &header, &fault)) << fault.reason;
  return header;
}

TEST(AvroEncoder, EveryTypeReadsBackWithEveryCodec) {
  auto rows = EdgeRows();
  for (const auto& [option, name] :
       std::vector<std::pair<std::string, std::string>>{{"none", "null"},
                                                        {"uncompressed", "null"},
                                                        {"deflate", "deflate"},
                                                        {"snappy", "snappy"},
                                                        {"bzip2", "bzip2"},
                                                        {"xz", "xz"},
                                                        {"zstandard", "zstandard"},
                                                        {"zstd", "zstandard"}}) {
    SCOPED_TRACE(option);
    const std::string file =
        Encoded(AvroEncoderEntry(), {{"compression", option}}, EveryType(),
                {Shifted(*rows), rows->Slice(2, 0), rows->Slice(1, 3), rows->Slice(4)});
    EXPECT_EQ(Header(file).codec, name);
    auto read = ReadBack(file, EveryType());
    EXPECT_EQ(Rejects(read), "");
    auto expected = *arrow::ConcatenateRecordBatches({rows, rows->Slice(1, 3), rows->Slice(4)});
    ASSERT_EQ(read.rows->num_rows(), expected->num_rows());
    for (int i = 0; i < expected->num_columns(); ++i) {
      EXPECT_TRUE(read.rows->column(i)->Equals(expected->column(i)))
          << expected->schema()->field(i)->name() << read.rows->column(i)->ToString();
    }
  }
}

TEST(AvroEncoder, TheFilesOwnSchemaGivesTheColumns) {
  const std::string file = Encoded(AvroEncoderEntry(), {}, EveryType(), {EdgeRows()});
  AvroDecoderOptions options;
  options.writer = ParsedAvro(std::string(Header(file).schema));
  auto read = DecodeAvro(std::move(options), {file});
  EXPECT_EQ(Rejects(read), "");
  EXPECT_EQ(FormatDdl(*read.rows->schema()),
            "id bigint NOT NULL, b boolean, i8 int, i16 int, i32 int, i64 bigint, f float, "
            "d double, small decimal(9,2), big decimal(38,10), s string, bin binary, day date, "
            "ts timestamp, ntz timestamp_ntz, l array<string>, ll array<array<int>>, "
            "m map<string,int>, st struct<lat:double,deep:struct<x:int NOT NULL,"
            "l:array<struct<k:string,m:map<string,decimal(5,1)>>>>>");
}

TEST(AvroEncoder, SchemasAreLikeSparks) {
  EXPECT_EQ(
      AvroSchemaOf(**ParseDdl("id bigint NOT NULL, st struct<x:array<struct<x:date>>>"), true),
      R"({"type":"record","name":"topLevelRecord","fields":[{"name":"id","type":"long"},)"
      R"({"name":"st","type":["null",{"type":"record","name":"st","namespace":)"
      R"("topLevelRecord","fields":[{"name":"x","type":["null",{"type":"array","items":)"
      R"(["null",{"type":"record","name":"x","namespace":"topLevelRecord.st","fields":)"
      R"([{"name":"x","type":["null",{"type":"int","logicalType":"date"}],)"
      R"("default":null}]}]}],"default":null}]}],"default":null}]})");
  // Structs of one name in several places are several records.
  ParsedAvro(AvroSchemaOf(
      **ParseDdl(
          "a struct<s:struct<x:int>>, s struct<s:struct<y:int>>, m map<string,struct<s:int>>"),
      true));
}

TEST(AvroEncoder, Version17WritesTexts) {
  SchemaPtr schema = *ParseDdl("dec decimal(20,10), day date, ts timestamp, ntz timestamp_ntz");
  const std::string file =
      Encoded(AvroEncoderEntry(), {{"version", "1.7"}, {"compression", "none"}}, schema,
              {RowsFromJson(schema, R"([{"dec": "-0.0000000001", "day": -1, "ts": -1, "ntz": 0},
                                {"dec": null, "day": null, "ts": null, "ntz": null}])")});
  AvroDecoderOptions options;
  options.writer = ParsedAvro(std::string(Header(file).schema));
  auto read = DecodeAvro(std::move(options), {file});
  EXPECT_EQ(FormatDdl(*read.rows->schema()), "dec string, day string, ts string, ntz string");
  EXPECT_EQ(Rows(read),
            "-0.0000000001 | 1969-12-31 | 1969-12-31T23:59:59.999999Z | 1970-01-01T00:00:00\n"
            "null | null | null | null\n");
}

TEST(AvroEncoder, DecimalsTakeAsFewBytesAsTheyCan) {
  SchemaPtr schema = *ParseDdl("d decimal(38,0) NOT NULL");
  const auto bytes = [&](const std::string& value) {
    const std::string file = Encoded(AvroEncoderEntry(), {{"compression", "none"}}, schema,
                                     {RowsFromJson(schema, "[{\"d\": \"" + value + "\"}]")});
    const std::string block = file.substr(Header(file).blocks);
    return block.substr(2, block.size() - 18);  // Count and size before, sync marker behind.
  };
  EXPECT_EQ(bytes("0"), std::string("\2\0", 2));
  EXPECT_EQ(bytes("-1"), "\2\xff");
  EXPECT_EQ(bytes("127"), "\2\x7f");
  EXPECT_EQ(bytes("128"), std::string("\4\0\x80", 3));
  EXPECT_EQ(bytes("-128"), "\2\x80");
  EXPECT_EQ(bytes("-129"), "\4\xff\x7f");
}

TEST(AvroEncoder, BlocksBoundMemoryAndMarkersDiffer) {
  SchemaPtr schema = *ParseDdl("s string");
  auto rows = RowsFromJson(schema, "[{\"s\": \"" + std::string(1000, 'x') + "\"}, {\"s\": null}]");
  std::vector<std::string> files;
  for (int file = 0; file < 2; ++file) {
    StringSink out;
    const EncoderEntry entry = AvroEncoderEntry();
    auto encoder = *entry.make(ParsedOptions(entry, {{"compression", "none"}}), schema, &out);
    const std::size_t header = out.bytes.size();
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(encoder->Write(rows).ok());
      EXPECT_EQ(encoder->rows(), 2 * (i + 1));
    }
    EXPECT_GT(out.bytes.size(), header + 900'000) << "blocks are handed over as they fill";
    EXPECT_LT(encoder->memory() + encoder->held(), 300'000u);
    ASSERT_TRUE(encoder->Flush().ok());
    EXPECT_EQ(encoder->memory(), 0u);
    EXPECT_EQ(encoder->buffered(), 0u);
    ASSERT_TRUE(encoder->Finish().ok());
    files.push_back(out.bytes);
  }
  EXPECT_NE(Header(files[0]).sync, Header(files[1]).sync);
  EXPECT_EQ(ReadBack(files[0], schema).rows->num_rows(), 2000);
  const std::string none = Encoded(AvroEncoderEntry(), {}, schema, {});
  EXPECT_EQ(Header(none).blocks, none.size()) << "a file without rows is a header";
  const std::string large = Encoded(
      AvroEncoderEntry(), {}, schema,
      {RowsFromJson(schema, "[{\"s\": \"" + std::string(3'000'000, 'y') + "\"}, {\"s\": \"z\"}]")});
  EXPECT_EQ(ReadBack(large, schema).rows->num_rows(), 2);
}

TEST(AvroEncoder, RefusesWhatAvroCannotHold) {
  const auto refused = [](const std::string& ddl) {
    return Refusal(AvroEncoderEntry(), {}, *ParseDdl(ddl));
  };
  EXPECT_EQ(refused("id int, `unit price` double"),
            "avro.name: column unit price: 'unit price' is no name in Avro, which takes letters A "
            "to Z, digits and _, no digit first; rename it in the SQL (AS)");
  EXPECT_NE(refused("a array<struct<`0`:int>>").find("column a.element.0"), std::string::npos);
  EXPECT_NE(refused("`größe` int").find("größe"), std::string::npos);
  EXPECT_NE(refused("m map<int,string>").find("column m is map<int,string>"), std::string::npos);
  auto empty = arrow::schema({arrow::field("g", arrow::struct_({}))});
  EXPECT_NE(Refusal(AvroEncoderEntry(), {}, empty).find("column g"), std::string::npos);
  auto twice = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("a", arrow::utf8())});
  EXPECT_NE(Refusal(AvroEncoderEntry(), {}, twice).find("'a'"), std::string::npos);
  EXPECT_NE(Refusal(AvroEncoderEntry(), {}, arrow::schema(arrow::FieldVector{})).find("no column"),
            std::string::npos);
}

TEST(AvroEncoder, ASinkThatFailsIsReportedAsItself) {
  StringSink out;
  const EncoderEntry entry = AvroEncoderEntry();
  auto encoder = *entry.make(ParsedOptions(entry, {}), EveryType(), &out);
  out.limit = out.bytes.size();
  ASSERT_TRUE(encoder->Write(EdgeRows()).ok());
  auto finished = encoder->Finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().code, "storage.full");
}

}  // namespace
}  // namespace sluice
