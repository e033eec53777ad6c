#include "encode/avro/avro_encoder.h"

#include <arrow/type.h>

#include <charconv>
#include <utility>

#include "core/random_id.h"
#include "encode/avro/avro_block_codec.h"
#include "encode/avro/avro_bytes.h"
#include "encode/avro/avro_row_writer.h"
#include "encode/avro/avro_written_schema.h"

namespace sluice {
namespace {

constexpr std::size_t kBlockBytes = 64u << 10;
constexpr std::size_t kBlockKept = 256u << 10;  ///< Of a block that had an unusually large row.
constexpr std::size_t kSyncBytes = 16;

std::string RandomSync() {
  const std::string hex = RandomHex(kSyncBytes);
  std::string sync(kSyncBytes, '\0');
  for (std::size_t i = 0; i < kSyncBytes; ++i) {
    unsigned char byte = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, byte, 16);
    sync[i] = static_cast<char>(byte);
  }
  return sync;
}

bool LogicalTypes(const Options& options) { return options.String("version") != "1.7"; }

Result<const AvroBlockCodec*> FindCodec(const Options& options) {
  const std::string name = options.String("compression");
  if (const AvroBlockCodec* codec = FindAvroBlockCodec(name)) return codec;
  return UserError("avro.compression",
                   "Avro files cannot be written with compression '" + name + "'");
}

class AvroEncoder final : public FileEncoder {
 public:
  static Result<std::unique_ptr<FileEncoder>> Make(const Options& options, const SchemaPtr& schema,
                                                   ByteSink* out) {
    TRY(const AvroBlockCodec* codec, FindCodec(options));
    std::unique_ptr<AvroEncoder> encoder(
        new AvroEncoder(*schema, LogicalTypes(options), codec, out));
    TRY(encoder->WriteHeader(AvroSchemaOf(*schema, LogicalTypes(options))));
    return std::unique_ptr<FileEncoder>(std::move(encoder));
  }

  Result<void> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    TRY(writer_.Bind(*rows));
    for (std::int64_t row = 0; row < rows->num_rows(); ++row) {
      writer_.Append(row, &block_);
      ++block_rows_;
      if (block_.size() >= kBlockBytes) TRY(Flush());
    }
    return {};
  }

  std::int64_t rows() const override { return rows_ + block_rows_; }
  std::size_t buffered() const override { return block_.size(); }
  std::size_t memory() const override { return block_.size(); }
  std::size_t held() const override { return block_.capacity() - block_.size(); }

  Result<void> Flush() override {
    if (block_rows_ == 0) return {};
    if (block_.size() > kMaxAvroBlock) {
      return RemoteError("avro.row", "a row of more than 1 GiB cannot be written", Retry::kNo);
    }
    TRY(const std::string_view compressed, codec_->compress(block_.view()));
    AvroBytes frame;
    frame.Long(block_rows_);
    frame.Long(static_cast<std::int64_t>(compressed.size()));
    TRY(out_->Append(frame.view()));
    TRY(out_->Append(compressed));
    TRY(out_->Append(sync_));
    rows_ += block_rows_;
    block_rows_ = 0;
    block_.Clear(kBlockKept);
    return {};
  }

  Result<void> Finish() override { return Flush(); }

 private:
  AvroEncoder(const arrow::Schema& schema, bool logical_types, const AvroBlockCodec* codec,
              ByteSink* out)
      : writer_(schema, logical_types), codec_(codec), sync_(RandomSync()), out_(out) {}

  Result<void> WriteHeader(const std::string& schema) {
    AvroBytes header;
    header.Raw(std::string_view("Obj\1", 4));
    header.Long(2);
    header.Text("avro.schema");
    header.Text(schema);
    header.Text("avro.codec");
    header.Text(codec_->name);
    header.Long(0);
    header.Raw(sync_);
    return out_->Append(header.view());
  }

  AvroRowWriter writer_;
  const AvroBlockCodec* const codec_;
  const std::string sync_;
  ByteSink* const out_;
  AvroBytes block_;
  std::int64_t block_rows_ = 0;
  std::int64_t rows_ = 0;
};

Result<void> CheckSchema(const Options& options, const SchemaPtr& schema) {
  TRY(FindCodec(options));
  if (schema->num_fields() == 0) {
    return UserError("avro.schema", "there is no column to write to the Avro files");
  }
  return CheckAvroColumns(*schema);
}

}  // namespace

EncoderEntry AvroEncoderEntry() {
  EncoderEntry entry;
  entry.name = "avro";
  entry.summary = "Avro object container files";
  OptionSpec compression;
  compression.name = "compression";
  compression.default_value = "snappy";
  compression.help = "How blocks are compressed.";
  compression.example = "deflate";
  for (const AvroBlockCodec& codec : AvroBlockCodecs()) compression.choices.push_back(codec.option);
  OptionSpec version;
  version.name = "version";
  version.default_value = "1.8";
  version.choices = {"1.7", "1.8"};
  version.help =
      "1.8 writes decimals, dates and timestamps as logical types; 1.7 as strings, as Glue does.";
  version.example = "1.7";
  entry.options = {compression, version};
  entry.extension = [](const Options&) { return std::string(".avro"); };
  entry.check = CheckSchema;
  entry.make = AvroEncoder::Make;
  return entry;
}

}  // namespace sluice
