#include "encode/orc/orc_encoder.h"

#include <arrow/adapters/orc/adapter.h>
#include <arrow/builder.h>
#include <arrow/compute/cast.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <string>

#include "encode/encode_testing.h"
#include "record/json_row.h"

namespace sluice {
namespace {

namespace orc = arrow::adapters::orc;

std::unique_ptr<orc::ORCFileReader> Open(const std::string& bytes) {
  auto source = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  auto reader = orc::ORCFileReader::Open(source, arrow::default_memory_pool());
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  return *std::move(reader);
}

/// The columns as JSON; the reader's nanoseconds taken as microseconds.
std::string Json(const arrow::Table& table) {
  std::string out;
  for (int i = 0; i < table.num_columns(); ++i) {
    out += table.schema()->field(i)->name() + ":";
    for (std::shared_ptr<arrow::Array> column : table.column(i)->chunks()) {
      if (column->type_id() == arrow::Type::TIMESTAMP) {
        const auto& type = static_cast<const arrow::TimestampType&>(*column->type());
        column = *arrow::compute::Cast(*column,
                                       arrow::timestamp(arrow::TimeUnit::MICRO, type.timezone()));
      }
      for (std::int64_t row = 0; row < column->length(); ++row) {
        out += " ";
        AppendJsonValue(*column, row, &out);
      }
    }
    out += "\n";
  }
  return out;
}

std::string Json(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  return Json(**arrow::Table::FromRecordBatches(batches[0]->schema(), batches));
}

std::string ReadBack(const std::string& bytes) {
  auto table = Open(bytes)->Read();
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  EXPECT_TRUE((*table)->ValidateFull().ok());
  return Json(**table);
}

/// Arrow's reader counts nanoseconds in 64 bits, which end in the years 1677 and 2262. Spark reads
/// the others: tests/integration/test_written_formats.py.
std::shared_ptr<arrow::RecordBatch> Rows() {
  auto rows = EdgeRows();
  for (const char* name : {"ts", "ntz"}) {
    const int at = rows->schema()->GetFieldIndex(name);
    arrow::TimestampBuilder builder(rows->schema()->field(at)->type(),
                                    arrow::default_memory_pool());
    for (const std::int64_t micros : std::vector<std::int64_t>{1'767'225'600'000'123, -1'000'000, 1,
                                                               -9'000'000'000'000'000, 0}) {
      EXPECT_TRUE((micros == 0 ? builder.AppendNull() : builder.Append(micros)).ok());
    }
    rows = *rows->SetColumn(at, rows->schema()->field(at), *builder.Finish());
  }
  return rows;
}

TEST(OrcEncoder, EveryTypeReadsBackWithEveryCodec) {
  auto rows = Rows();
  for (auto [name, type, extension] :
       {std::tuple("none", arrow::Compression::UNCOMPRESSED, ".orc"),
        std::tuple("uncompressed", arrow::Compression::UNCOMPRESSED, ".orc"),
        std::tuple("snappy", arrow::Compression::SNAPPY, ".snappy.orc"),
        std::tuple("zlib", arrow::Compression::GZIP, ".zlib.orc"),
        std::tuple("zstd", arrow::Compression::ZSTD, ".zstd.orc"),
        std::tuple("lz4", arrow::Compression::LZ4, ".lz4.orc")}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(
        OrcEncoderEntry().extension(ParsedOptions(OrcEncoderEntry(), {{"compression", name}})),
        extension);
    const std::string file =
        Encoded(OrcEncoderEntry(), {{"compression", name}}, EveryType(),
                {Shifted(*rows), rows->Slice(2, 0), rows->Slice(1, 3), rows->Slice(4)});
    EXPECT_EQ(*Open(file)->GetCompression(), type);
    EXPECT_EQ(ReadBack(file), Json({rows, rows->Slice(1, 3), rows->Slice(4)}));
  }
}

TEST(OrcEncoder, TypesAreThoseOfSpark) {
  const std::string file = Encoded(OrcEncoderEntry(), {}, EveryType(), {Rows()});
  auto schema = *Open(file)->ReadSchema();
  EXPECT_EQ(schema->GetFieldByName("ts")->type()->ToString(), "timestamp[ns, tz=UTC]");
  EXPECT_EQ(schema->GetFieldByName("ntz")->type()->ToString(), "timestamp[ns]");
  EXPECT_EQ(schema->GetFieldByName("i8")->type()->ToString(), "int8");
  EXPECT_EQ(schema->GetFieldByName("big")->type()->ToString(), "decimal128(38, 10)");
  EXPECT_EQ(schema->GetFieldByName("day")->type()->ToString(), "date32[day]");
}

TEST(OrcEncoder, FlushEndsAStripeAndNoneIsEmpty) {
  SchemaPtr schema = *ParseDdl("x bigint");
  auto rows = RowsFromJson(schema, R"([{"x": 1}, {"x": 2}])");
  const EncoderEntry entry = OrcEncoderEntry();
  StringSink out;
  auto encoder = *entry.make(ParsedOptions(entry, {}), schema, &out);
  ASSERT_TRUE(encoder->Flush().ok());
  ASSERT_TRUE(encoder->Write(rows->Slice(0, 0)).ok());
  EXPECT_EQ(out.bytes.size(), 0u);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(encoder->Write(rows).ok());
    ASSERT_TRUE(encoder->Write(rows).ok());
    EXPECT_GT(encoder->memory(), 0u);
    const std::size_t before = out.bytes.size();
    ASSERT_TRUE(encoder->Flush().ok());
    EXPECT_GT(out.bytes.size(), before);
    EXPECT_EQ(encoder->memory(), 0u);
    EXPECT_EQ(encoder->buffered(), 0u);
  }
  ASSERT_TRUE(encoder->Finish().ok());
  EXPECT_EQ(encoder->rows(), 8);
  auto reader = Open(out.bytes);
  EXPECT_EQ(reader->NumberOfRows(), 8);
  ASSERT_EQ(reader->NumberOfStripes(), 2);
  EXPECT_EQ(reader->GetStripeInformation(1).num_rows, 4);
}

TEST(OrcEncoder, AFileWithoutRowsHasItsColumns) {
  const std::string file = Encoded(OrcEncoderEntry(), {}, EveryType(), {});
  EXPECT_EQ(Open(file)->NumberOfRows(), 0);
  EXPECT_EQ((*Open(file)->ReadSchema())->num_fields(), EveryType()->num_fields());
}

TEST(OrcEncoder, StripesAreBoundInBytesAndRows) {
  SchemaPtr schema = *ParseDdl("x bigint");
  arrow::Int64Builder builder;
  for (std::int64_t i = 0; i < 50'000; ++i) ASSERT_TRUE(builder.Append(i * i * 7919).ok());
  auto rows = arrow::RecordBatch::Make(schema, 50'000, {*builder.Finish()});
  const std::vector<std::shared_ptr<arrow::RecordBatch>> four = {rows, rows, rows, rows};
  auto few = Open(Encoded(OrcEncoderEntry(), {}, schema, four));
  EXPECT_EQ(few->NumberOfStripes(), 3) << "the third batch passes 131,072 rows, which are one";
  auto many = Open(Encoded(OrcEncoderEntry(), {{"stripeSize", "60000"}}, schema, four));
  EXPECT_EQ(many->NumberOfStripes(), 4);
  EXPECT_EQ(many->NumberOfRows(), 200'000);
}

TEST(OrcEncoder, WhatTheWriterHoldsIsCounted) {
  arrow::FieldVector fields;
  for (int i = 0; i < 12; ++i)
    fields.push_back(arrow::field("c" + std::to_string(i), i % 2 ? arrow::utf8() : arrow::int64()));
  auto schema = arrow::schema(fields);
  auto rows = RowsFromJson(schema, R"([{"c0": 7, "c1": "another", "c11": "and a third"}])");
  const EncoderEntry entry = OrcEncoderEntry();
  const auto used = [] {
    return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd) +
           static_cast<double>(arrow::default_memory_pool()->bytes_allocated());
  };
  StringSink out;
  out.bytes.reserve(16 << 20);
  const double before = used();
  auto encoder = *entry.make(ParsedOptions(entry, {}), schema, &out);
  ASSERT_TRUE(encoder->Write(rows).ok());
  EXPECT_LT(used() - before, 64 << 10) << "no writer before there is a stripe to write";
  ASSERT_TRUE(encoder->Flush().ok());
  const double writer = used() - before;
  if (writer == 0) GTEST_SKIP() << "this allocator does not tell what it holds";
  EXPECT_GT(static_cast<double>(encoder->held()), 0.6 * writer) << writer;
  EXPECT_LT(static_cast<double>(encoder->held()), 1.6 * writer) << writer;
  const double held = static_cast<double>(encoder->held());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(encoder->Write(rows).ok());
    ASSERT_TRUE(encoder->Flush().ok());
  }
  const double footers = used() - before - writer;
  EXPECT_GT(static_cast<double>(encoder->held()) - held, 0.6 * footers) << footers;
  EXPECT_LT(static_cast<double>(encoder->held()) - held, 1.6 * footers) << footers;
}

TEST(OrcEncoder, ASinkThatFailsIsReportedAsItself) {
  const EncoderEntry entry = OrcEncoderEntry();
  StringSink out;
  out.limit = 100;
  auto encoder = *entry.make(ParsedOptions(entry, {}), EveryType(), &out);
  ASSERT_TRUE(encoder->Write(Rows()).ok());
  auto finished = encoder->Finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().code, "storage.full");
  const std::size_t size = out.bytes.size();
  out.limit = 1 << 20;
  encoder.reset();
  EXPECT_EQ(out.bytes.size(), size) << "an abandoned file gets no footer";
}

TEST(OrcEncoder, TimesThatSparkCouldNotReadEndTheJob) {
  const EncoderEntry entry = OrcEncoderEntry();
  for (const char* ddl : {"t timestamp", "t timestamp_ntz", "t struct<x:array<timestamp>>"}) {
    SchemaPtr schema = *ParseDdl(ddl);
    const bool nested = std::string(ddl).find("struct") != std::string::npos;
    const auto write = [&](const std::string& micros) {
      StringSink out;
      auto encoder = *entry.make(ParsedOptions(entry, {}), schema, &out);
      const std::string value = nested ? "{\"x\": [null, " + micros + "]}" : micros;
      return encoder->Write(RowsFromJson(schema, "[{\"t\": null}, {\"t\": " + value + "}]"));
    };
    auto written = write("-1");
    ASSERT_FALSE(written.ok()) << ddl;
    EXPECT_EQ(written.error().code, "orc.timestamp");
    EXPECT_EQ(written.error().blame, Blame::kData);
    EXPECT_NE(written.error().message.find(nested ? "t.x.element" : "column t "),
              std::string::npos);
    EXPECT_FALSE(write("-1000001").ok());
    EXPECT_TRUE(write("-1000000").ok());
    EXPECT_TRUE(write("1").ok());
  }
}

TEST(OrcEncoder, RefusesWhatOrcCannotHold) {
  auto empty =
      arrow::schema({arrow::field("g", arrow::struct_({arrow::field("e", arrow::struct_({}))}))});
  EXPECT_NE(Refusal(OrcEncoderEntry(), {}, empty).find("column g.e"), std::string::npos);
  auto twice = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("a", arrow::utf8())});
  EXPECT_NE(Refusal(OrcEncoderEntry(), {}, twice).find("columns a"), std::string::npos);
  EXPECT_NE(Refusal(OrcEncoderEntry(), {}, arrow::schema(arrow::FieldVector{})).find("no column"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice
