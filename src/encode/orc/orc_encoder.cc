#include "encode/orc/orc_encoder.h"

#include <arrow/adapters/orc/adapter.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/data.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "encode/byte_sink_stream.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

namespace orc = arrow::adapters::orc;

/// Rows that Arrow hands over at once, and so the most of a stripe.
constexpr std::int64_t kStripeRows = 128 << 10;
constexpr double kFirstRatio = 0.25;  // Encoded bytes per byte in memory, until measured.

/// What the writer keeps of a column while the file is open, and of one in a stripe until the
/// footer is written, measured: see the test WhatTheWriterHoldsIsCounted.
constexpr std::size_t kWriterBytesPerColumn = 4600u << 10;
constexpr std::size_t kFooterBytesPerColumn = 250;

struct Codec {
  arrow::Compression::type type;
  const char* extension;  // As Spark names its files.
};

const std::map<std::string, Codec, std::less<>>& Codecs() {
  static const auto& codecs = *new std::map<std::string, Codec, std::less<>>{
      {"snappy", {arrow::Compression::SNAPPY, ".snappy"}},
      {"zlib", {arrow::Compression::GZIP, ".zlib"}},
      {"zstd", {arrow::Compression::ZSTD, ".zstd"}},
      {"lz4", {arrow::Compression::LZ4, ".lz4"}},
      {"none", {arrow::Compression::UNCOMPRESSED, ""}},
      {"uncompressed", {arrow::Compression::UNCOMPRESSED, ""}},
  };
  return codecs;
}

Result<Codec> FindCodec(const Options& options) {
  const std::string name = options.String("compression");
  auto it = Codecs().find(name);
  if (it == Codecs().end() || !arrow::util::Codec::IsAvailable(it->second.type)) {
    return UserError("orc.compression",
                     "ORC files cannot be written with compression '" + name + "'");
  }
  return it->second;
}

/// Columns as ORC counts them: those that hold others, too.
std::size_t CountColumns(const arrow::DataType& type) {
  std::size_t columns = 1;
  for (const auto& field : type.fields()) columns += CountColumns(*field->type());
  return columns;
}

bool IsSliced(const arrow::ArrayData& data) {
  if (data.offset != 0) return true;
  return std::any_of(data.child_data.begin(), data.child_data.end(),
                     [](const auto& child) { return IsSliced(*child); });
}

/// Copies nested columns that are slices: of a struct in one Arrow 26 writes the fields of other
/// rows (its WriteBatch does not add the struct's offset to its fields').
Result<std::shared_ptr<arrow::RecordBatch>> WithoutSlices(
    const std::shared_ptr<arrow::RecordBatch>& rows) {
  std::shared_ptr<arrow::RecordBatch> whole = rows;
  for (int i = 0; i < rows->num_columns(); ++i) {
    const arrow::ArrayData& data = *rows->column_data(i);
    if (data.child_data.empty() || !IsSliced(data)) continue;
    TRY(auto copy, arrow::Concatenate({rows->column(i)}));
    TRY(whole, whole->SetColumn(i, rows->schema()->field(i), copy));
  }
  return whole;
}

/// Arrow 26 writes a time before 1970 that has a fraction of a second with negative nanoseconds.
/// Arrow reads them back; ORC's Java library, and so Spark, cannot read a file that holds one.
Result<void> CheckTimes(const std::string& path, const arrow::DataType& type,
                        const arrow::ArrayData& data) {
  if (type.id() == arrow::Type::TIMESTAMP) {
    const auto* const values = data.GetValues<std::int64_t>(1);
    for (std::int64_t i = 0; i < data.length; ++i) {
      if (values[i] >= 0 || values[i] % 1'000'000 == 0 || data.IsNull(i)) continue;
      return DataError("orc.timestamp",
                       "column " + path +
                           " has a time before 1970 with a fraction of a second, of which Arrow "
                           "makes ORC that Spark cannot read; cut such times to seconds in the SQL "
                           "(date_trunc), or write another format");
    }
  }
  for (int i = 0; i < type.num_fields(); ++i) {
    TRY(CheckTimes(path + "." + type.field(i)->name(), *type.field(i)->type(),
                   *data.child_data[static_cast<std::size_t>(i)]));
  }
  return {};
}

class OrcEncoder final : public FileEncoder {
 public:
  static Result<std::unique_ptr<FileEncoder>> Make(const Options& options, const SchemaPtr& schema,
                                                   ByteSink* out) {
    TRY(const Codec codec, FindCodec(options));
    orc::WriteOptions write;
    write.compression = codec.type;
    write.stripe_size = 0;
    return std::unique_ptr<FileEncoder>(
        new OrcEncoder(schema, write, static_cast<std::size_t>(*options.Int("stripeSize")), out));
  }

  ~OrcEncoder() override { stream_.Abandon(); }

  Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    if (rows->num_rows() == 0) return {};
    TRY(auto whole, WithoutSlices(rows));
    for (int i = 0; i < whole->num_columns(); ++i) {
      const arrow::Field& field = *schema_->field(i);
      TRY(CheckTimes(field.name(), *field.type(), *whole->column_data(i)));
    }
    TRY(std::int64_t bytes, arrow::util::ReferencedBufferSize(*whole));
    pending_.push_back(std::move(whole));
    pending_rows_ += rows->num_rows();
    pending_bytes_ += static_cast<std::size_t>(bytes);
    if (buffered() >= stripe_size_ || pending_rows_ >= kStripeRows) return Flush();
    return {};
  }

  std::int64_t rows() const override { return written_rows_ + pending_rows_; }
  std::size_t buffered() const override {
    return static_cast<std::size_t>(static_cast<double>(pending_bytes_) * ratio_);
  }
  std::size_t memory() const override { return pending_bytes_; }
  std::size_t held() const override {
    return (writer_ == nullptr ? 0 : columns_ * kWriterBytesPerColumn) +
           (1 + stripes_) * columns_ * kFooterBytesPerColumn;
  }

  Result<void> Flush() override {
    if (pending_.empty()) return {};
    TRY(auto table, arrow::Table::FromRecordBatches(schema_, pending_));
    pending_.clear();
    const std::int64_t before = stream_.position();
    TRY(WriteTable(*table));
    if (pending_bytes_ > 0) {
      ratio_ =
          static_cast<double>(stream_.position() - before) / static_cast<double>(pending_bytes_);
    }
    ++stripes_;
    written_rows_ += pending_rows_;
    pending_rows_ = 0;
    pending_bytes_ = 0;
    return {};
  }

  Result<void> Finish() override {
    TRY(Flush());
    if (writer_ == nullptr) {
      // The writer learns its columns from what it is given.
      TRY(auto none, arrow::Table::MakeEmpty(schema_));
      TRY(WriteTable(*none));
    }
    TRY(stream_.Check(writer_->Close()));
    writer_.reset();
    return {};
  }

 private:
  OrcEncoder(SchemaPtr schema, const orc::WriteOptions& options, std::size_t stripe_size,
             ByteSink* out)
      : schema_(std::move(schema)),
        options_(options),
        stripe_size_(stripe_size),
        columns_(CountColumns(*arrow::struct_(schema_->fields()))),
        stream_(out) {}

  Result<void> WriteTable(const arrow::Table& table) {
    if (writer_ == nullptr) {
      orc::WriteOptions options = options_;
      options.batch_size = kStripeRows;
      auto writer = orc::ORCFileWriter::Open(&stream_, options);
      if (!writer.ok()) return stream_.Check(writer.status());
      writer_ = std::move(writer).ValueUnsafe();
    }
    return stream_.Check(writer_->Write(table));
  }

  const SchemaPtr schema_;
  const orc::WriteOptions options_;
  const std::size_t stripe_size_;
  const std::size_t columns_;
  ByteSinkStream stream_;
  std::unique_ptr<orc::ORCFileWriter> writer_;  ///< Goes before the stream.
  std::vector<std::shared_ptr<arrow::RecordBatch>> pending_;
  std::int64_t pending_rows_ = 0;
  std::size_t pending_bytes_ = 0;
  std::int64_t written_rows_ = 0;
  std::size_t stripes_ = 0;
  double ratio_ = kFirstRatio;
};

Result<void> CheckFields(const std::string& path, const arrow::FieldVector& fields) {
  std::set<std::string> names;
  for (const auto& field : fields) {
    const std::string column = path.empty() ? field->name() : path + "." + field->name();
    if (!names.insert(field->name()).second) {
      return UserError("orc.schema", "there are two columns " + column + "; rename one in the SQL");
    }
    if (field->type()->id() == arrow::Type::STRUCT && field->type()->num_fields() == 0) {
      return UserError("orc.schema", "column " + column +
                                         " is a struct without fields, which readers of ORC do "
                                         "not take; drop it or give it a field");
    }
    TRY(CheckFields(column, field->type()->fields()));
  }
  return {};
}

Result<void> CheckSchema(const Options& options, const SchemaPtr& schema) {
  TRY(FindCodec(options));
  if (schema->num_fields() == 0) {
    return UserError("orc.schema", "there is no column to write to the ORC files");
  }
  return CheckFields("", schema->fields());
}

}  // namespace

EncoderEntry OrcEncoderEntry() {
  EncoderEntry entry;
  entry.name = "orc";
  entry.summary = "ORC files";
  OptionSpec compression;
  compression.name = "compression";
  compression.default_value = "snappy";
  compression.help = "How streams are compressed.";
  compression.example = "zlib";
  for (const auto& [name, codec] : Codecs()) compression.choices.push_back(name);
  OptionSpec stripe;
  stripe.name = "stripeSize";
  stripe.type = OptionType::kBytes;
  stripe.default_value = "67108864";
  stripe.help =
      "A stripe ends at the latest at this many encoded bytes, or at 131072 rows; earlier where a "
      "sink's memory or its even pace asks for it.";
  stripe.example = "16 MiB";
  stripe.aliases = {"orc.stripe.size"};
  stripe.min = 1;
  entry.options = {compression, stripe};
  entry.extension = [](const Options& options) {
    auto it = Codecs().find(options.String("compression"));
    return std::string(it == Codecs().end() ? "" : it->second.extension) + ".orc";
  };
  entry.check = CheckSchema;
  entry.make = OrcEncoder::Make;
  return entry;
}

}  // namespace sluice
