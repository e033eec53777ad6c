#include "encode/parquet/parquet_encoder.h"

#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <parquet/bloom_filter.h>
#include <parquet/file_writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "encode/byte_sink_stream.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::int64_t kValuesPerWrite = 4096;  // Arrow's 1,024 costs 5 % more.
constexpr double kFirstRatio =
    0.25;  // Encoded bytes per byte in memory, until one has been measured.

struct Codec {
  arrow::Compression::type type;
  const char* extension;  // As Spark names its files.
};

const std::map<std::string, Codec, std::less<>>& Codecs() {
  static const auto& codecs = *new std::map<std::string, Codec, std::less<>>{
      {"snappy", {arrow::Compression::SNAPPY, ".snappy"}},
      {"gzip", {arrow::Compression::GZIP, ".gz"}},
      {"zstd", {arrow::Compression::ZSTD, ".zstd"}},
      {"lz4", {arrow::Compression::LZ4, ".lz4raw"}},
      {"brotli", {arrow::Compression::BROTLI, ".br"}},
      {"none", {arrow::Compression::UNCOMPRESSED, ""}},
      {"uncompressed", {arrow::Compression::UNCOMPRESSED, ""}},
  };
  return codecs;
}

Result<Codec> FindCodec(const Options& options) {
  const std::string name = options.String("compression");
  auto it = Codecs().find(name);
  if (it == Codecs().end() || !arrow::util::Codec::IsAvailable(it->second.type)) {
    std::string known;
    for (const auto& [codec, entry] : Codecs()) {
      if (arrow::util::Codec::IsAvailable(entry.type)) known += (known.empty() ? "" : ", ") + codec;
    }
    return UserError("parquet.compression", "Parquet files cannot be written with compression '" +
                                                name + "'; use one of " + known);
  }
  return it->second;
}

/// What parquet-cpp keeps of a column of a row group until the footer is written, measured: see
/// the test RowGroupsThatWaitForTheFooterAreCounted.
constexpr std::size_t kFooterBytesPerColumn = 1000;

/// Columns as Parquet counts them: values without children.
std::size_t Leaves(const arrow::DataType& type) {
  if (type.num_fields() == 0) return 1;
  std::size_t leaves = 0;
  for (const auto& field : type.fields()) leaves += Leaves(*field->type());
  return leaves;
}

class ParquetEncoder final : public FileEncoder {
 public:
  static Result<std::unique_ptr<FileEncoder>> Make(const Options& options, const SchemaPtr& schema,
                                                   ByteSink* out) {
    TRY(Codec codec, FindCodec(options));
    parquet::WriterProperties::Builder builder;
    builder.compression(codec.type)
        ->data_pagesize(*options.Int("pageSize"))
        ->write_batch_size(kValuesPerWrite)
        ->set_size_statistics_level(parquet::SizeStatisticsLevel::None);
    const std::int64_t dictionary = *options.Int("dictionaryPageSize");
    if (dictionary > 0 && options.Bool("enableDictionary")) {
      builder.dictionary_pagesize_limit(dictionary);
    } else {
      builder.disable_dictionary();
    }
    if (!options.Bool("statistics")) builder.disable_statistics();
    std::size_t filter_bytes = 0;  // Of a row group.
    for (const std::string& column : options.List("bloomFilterColumns")) {
      parquet::BloomFilterOptions filter;
      filter.ndv = *options.Int("bloomFilterNdv");
      filter.fpp = *options.Double("bloomFilterFpp");
      builder.enable_bloom_filter(column, filter);
      filter_bytes += parquet::BlockSplitBloomFilter::OptimalNumOfBytes(
          static_cast<std::uint64_t>(*filter.ndv), filter.fpp);
    }
    auto stream = std::make_shared<ByteSinkStream>(out);
    auto writer = parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), stream,
                                                   builder.build());
    if (!writer.ok()) {
      TRY(stream->Check(writer.status()));
    }
    return std::unique_ptr<FileEncoder>(
        new ParquetEncoder(schema, std::move(stream), std::move(writer).ValueUnsafe(),
                           static_cast<std::size_t>(*options.Int("blockSize")), filter_bytes));
  }

  ~ParquetEncoder() override { stream_->Abandon(); }

  Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    if (rows->num_rows() == 0) return {};
    TRY(std::int64_t bytes, arrow::util::ReferencedBufferSize(*rows));
    pending_.push_back(rows);
    pending_rows_ += rows->num_rows();
    pending_bytes_ += static_cast<std::size_t>(bytes);
    if (buffered() >= block_size_) return Flush();
    return {};
  }

  std::int64_t rows() const override {
    return file_rows_ ? *file_rows_ : written_rows_ + pending_rows_;
  }

  std::size_t buffered() const override {
    return static_cast<std::size_t>(static_cast<double>(pending_bytes_) * ratio_);
  }

  std::size_t memory() const override { return pending_bytes_; }

  std::size_t held() const override {
    return (1 + row_groups_) * footer_bytes_ + row_groups_ * filter_bytes_;
  }

  Result<void> Flush() override {
    if (pending_.empty()) return {};
    TRY(auto table, arrow::Table::FromRecordBatches(schema_, pending_));
    pending_.clear();
    const std::int64_t before = stream_->position();
    TRY(stream_->Check(writer_->WriteTable(*table, std::numeric_limits<std::int64_t>::max())));
    if (pending_bytes_ > 0) {
      ratio_ =
          static_cast<double>(stream_->position() - before) / static_cast<double>(pending_bytes_);
    }
    ++row_groups_;
    written_rows_ += pending_rows_;
    pending_rows_ = 0;
    pending_bytes_ = 0;
    return {};
  }

  Result<void> Finish() override {
    TRY(Flush());
    TRY(stream_->Check(writer_->Close()));
    file_rows_ = writer_->metadata()->num_rows();
    return {};
  }

 private:
  ParquetEncoder(SchemaPtr schema, std::shared_ptr<ByteSinkStream> stream,
                 std::unique_ptr<parquet::arrow::FileWriter> writer, std::size_t block_size,
                 std::size_t filter_bytes)
      : schema_(std::move(schema)),
        stream_(std::move(stream)),
        writer_(std::move(writer)),
        block_size_(block_size),
        footer_bytes_(kFooterBytesPerColumn * Leaves(*arrow::struct_(schema_->fields()))),
        filter_bytes_(filter_bytes) {}

  const SchemaPtr schema_;
  const std::shared_ptr<ByteSinkStream> stream_;
  const std::unique_ptr<parquet::arrow::FileWriter> writer_;
  const std::size_t block_size_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> pending_;
  std::int64_t pending_rows_ = 0;
  std::size_t pending_bytes_ = 0;
  std::int64_t written_rows_ = 0;
  const std::size_t footer_bytes_;  ///< Of one row group, and about what an empty writer takes.
  const std::size_t filter_bytes_;  ///< Of one row group's bloom filters, which wait as well.
  std::size_t row_groups_ = 0;
  std::optional<std::int64_t> file_rows_;
  double ratio_ = kFirstRatio;
};

Result<void> CheckType(const std::string& path, const arrow::DataType& type) {
  if (type.id() == arrow::Type::STRUCT && type.num_fields() == 0) {
    return UserError("parquet.schema", "column " + path +
                                           " is a struct without fields, which Parquet "
                                           "cannot hold; drop it or give it a field");
  }
  std::set<std::string> names;
  for (const auto& field : type.fields()) {
    if (!names.insert(field->name()).second) {
      return UserError("parquet.schema", "column " + path + " has two fields called '" +
                                             field->name() + "'; rename one");
    }
    TRY(CheckType(path + "." + field->name(), *field->type()));
  }
  return {};
}

/// The values' paths as Parquet has them: "id", "geo.lat", "tags.list.element".
void AddLeaves(const std::string& path, const arrow::DataType& type,
               std::map<std::string, arrow::Type::type>* leaves) {
  switch (type.id()) {
    case arrow::Type::STRUCT:
      for (const auto& field : type.fields()) {
        AddLeaves(path + "." + field->name(), *field->type(), leaves);
      }
      return;
    case arrow::Type::LIST:
      return AddLeaves(path + ".list.element", *type.field(0)->type(), leaves);
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      AddLeaves(path + ".key_value.key", *map.key_type(), leaves);
      return AddLeaves(path + ".key_value.value", *map.item_type(), leaves);
    }
    default:
      leaves->emplace(path, type.id());
  }
}

Result<void> CheckBloomFilters(const Options& options, const arrow::Schema& schema) {
  std::map<std::string, arrow::Type::type> leaves;
  for (const auto& field : schema.fields()) AddLeaves(field->name(), *field->type(), &leaves);
  for (const std::string& column : options.List("bloomFilterColumns")) {
    const auto leaf = leaves.find(column);
    if (leaf == leaves.end()) {
      std::vector<std::string> names;
      for (const auto& [name, type] : leaves) names.push_back(name);
      const auto nearest = NearestName(column, names);
      return UserError("parquet.bloom_filter",
                       "bloomFilterColumns: the files have no column '" + column +
                           "' that holds values" +
                           (nearest ? "; did you mean " + *nearest + "?" : ""));
    }
    if (leaf->second == arrow::Type::BOOL) {
      return UserError("parquet.bloom_filter", "bloomFilterColumns: column " + column +
                                                   " is boolean, for which Parquet has no bloom "
                                                   "filters; leave it out");
    }
  }
  const double rate = *options.Double("bloomFilterFpp");
  if (!(rate > 0 && rate < 1)) {
    return UserError("parquet.bloom_filter", "bloomFilterFpp must lie between 0 and 1, like 0.01");
  }
  return {};
}

Result<void> CheckSchema(const Options& options, const SchemaPtr& schema) {
  TRY(FindCodec(options));
  if (schema->num_fields() == 0) {
    return UserError("parquet.schema", "there is no column to write to the Parquet files");
  }
  std::set<std::string> names;
  for (const auto& field : schema->fields()) {
    if (!names.insert(field->name()).second) {
      return UserError("parquet.schema", "two columns are called '" + field->name() +
                                             "'; rename one in the SQL (AS)");
    }
    TRY(CheckType(field->name(), *field->type()));
  }
  return CheckBloomFilters(options, *schema);
}

OptionSpec Flag(std::string name, std::string value, std::string help) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.type = OptionType::kBool;
  spec.example = value == "true" ? "false" : "true";
  spec.default_value = std::move(value);
  spec.help = std::move(help);
  return spec;
}

OptionSpec BytesOption(std::string name, std::string value, std::string help, std::int64_t min,
                       std::string alias) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.type = OptionType::kBytes;
  spec.default_value = std::move(value);
  spec.help = std::move(help);
  spec.example = spec.default_value;
  spec.min = min;
  spec.aliases = {std::move(alias)};
  return spec;
}

}  // namespace

EncoderEntry ParquetEncoderEntry() {
  EncoderEntry entry;
  entry.name = "parquet";
  entry.summary = "Parquet: columns, compressed, with statistics";
  OptionSpec compression;
  compression.name = "compression";
  compression.default_value = "snappy";
  compression.help = "How pages are compressed.";
  compression.example = "zstd";
  for (const auto& [name, codec] : Codecs()) compression.choices.push_back(name);
  OptionSpec dictionary =
      Flag("enableDictionary", "true", "Columns may have dictionaries; see dictionaryPageSize.");
  dictionary.aliases = {"parquet.enable.dictionary"};
  OptionSpec filters;
  filters.name = "bloomFilterColumns";
  filters.type = OptionType::kList;
  filters.help =
      "Columns with a bloom filter in each row group, so that readers skip row groups that do not "
      "have a value. What is in a struct, array or map by Parquet's path: geo.lat, "
      "tags.list.element.";
  filters.example = "[user_id]";
  OptionSpec distinct;
  distinct.name = "bloomFilterNdv";
  distinct.type = OptionType::kInt;
  distinct.default_value = "100000";
  distinct.help = "How many different values a bloom filter is made for.";
  distinct.example = "1000000";
  distinct.min = 1;
  distinct.max = 100'000'000;
  distinct.aliases = {"parquet.bloom.filter.expected.ndv"};
  OptionSpec rate;
  rate.name = "bloomFilterFpp";
  rate.type = OptionType::kDouble;
  rate.default_value = "0.01";
  rate.help = "The share of absent values that a bloom filter may take for present.";
  rate.example = "0.05";
  rate.aliases = {"parquet.bloom.filter.fpp"};
  entry.options = {
      compression,
      BytesOption(
          "blockSize", "134217728",
          "A row group ends at the latest at this many encoded bytes; earlier where a sink's "
          "memory or its even pace asks for it.",
          1, "parquet.block.size"),
      BytesOption("pageSize", "1048576", "A page ends at about this many bytes before compression.",
                  1, "parquet.page.size"),
      BytesOption(
          "dictionaryPageSize", "32768",
          "A column has a dictionary while that is smaller; larger values make smaller files "
          "and cost time, 0 writes none.",
          0, "parquet.dictionary.page.size"),
      dictionary,
      Flag("statistics", "true", "Least and greatest values, by which readers skip row groups."),
      filters,
      distinct,
      rate,
      Flag(
          "useGlueParquetWriter", "false",
          "Accepted for Glue's sake. There is one writer, which needs no columns computed before."),
  };
  entry.extension = [](const Options& options) {
    auto it = Codecs().find(options.String("compression"));
    return std::string(it == Codecs().end() ? "" : it->second.extension) + ".parquet";
  };
  entry.check = CheckSchema;
  entry.make = ParquetEncoder::Make;
  return entry;
}

}  // namespace sluice
