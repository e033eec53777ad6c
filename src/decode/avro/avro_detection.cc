#include "decode/avro/avro_detection.h"

#include <arrow/array/util.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "decode/avro/avro_columns.h"
#include "decode/avro/avro_decoder.h"
#include "decode/avro/avro_file.h"
#include "decode/avro/avro_format.h"
#include "decode/conform.h"
#include "decode/rescued_column.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::size_t kKeptWriters = 16;

/// As SeeType, without what can only be null.
void SeeNode(const AvroNode& node, const arrow::DataType& type, ObservedType* seen) {
  if (node.is(AvroType::kNull)) return seen->See(SeenKind::kNull);
  if (node.is(AvroType::kUnion)) {
    const AvroNode* only = AvroNullable(node);
    return only == nullptr ? seen->SeeType(type) : SeeNode(*only, type, seen);
  }
  if (node.is(AvroType::kRecord) && type.id() == arrow::Type::STRUCT) {
    seen->See(type.num_fields() == 0 ? SeenKind::kEmptyStruct : SeenKind::kStruct);
    for (int i = 0; i < type.num_fields(); ++i) {
      ObservedType* field = seen->Field(type.field(i)->name(), static_cast<std::uint32_t>(i));
      if (field != nullptr) {
        SeeNode(*node.fields[static_cast<std::size_t>(i)].type, *type.field(i)->type(), field);
      }
    }
    return;
  }
  if (node.is(AvroType::kArray) && type.id() == arrow::Type::LIST) {
    seen->See(SeenKind::kList);
    return SeeNode(node.item(), *type.field(0)->type(), seen->Element());
  }
  if (node.is(AvroType::kMap) && type.id() == arrow::Type::MAP) {
    seen->See(SeenKind::kMap);
    return SeeNode(node.item(), *static_cast<const arrow::MapType&>(type).item_type(),
                   seen->Element());
  }
  seen->SeeType(type);
}

void SeeSchema(const AvroSchema& schema, const arrow::Schema& columns, ObservedType* seen) {
  const AvroNode& root = schema.root();
  const AvroRoot kind = AvroRootOf(root);
  const auto type = arrow::struct_(columns.fields());
  if (kind == AvroRoot::kRecord) return SeeNode(root, *type, seen);
  if (kind == AvroRoot::kRecords) return SeeNode(root.item(), *type, seen);
  seen->See(SeenKind::kStruct);
  SeeNode(root, *columns.field(0)->type(), seen->Field(kAvroValueColumn, 0));
}

class DetectingAvroDecoder final : public Decoder {
 public:
  DetectingAvroDecoder(SchemaPtr known, SchemaPtr schema, AvroDetectingOptions options,
                       arrow::MemoryPool* pool)
      : known_(std::move(known)),
        schema_(std::move(schema)),
        options_(std::move(options)),
        pool_(pool) {
    direct_.known = true;
  }

  const SchemaPtr& schema() const override { return schema_; }

  /// Neighbours of one writer are decoded together.
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    DecodedRows out;
    std::vector<std::shared_ptr<arrow::RecordBatch>> pieces;
    unseen_ = nullptr;
    for (std::size_t i = 0; i < payloads.size() && !out.stopped_at;) {
      Writer& writer = WriterOf(payloads[i]);
      std::vector<Payload>& same = same_;
      same.assign(1, payloads[i]);
      std::size_t end = i + 1;
      // The next one's fault would take the place of a broken header's.
      while (&writer != &broken_ && end < payloads.size() && &WriterOf(payloads[end]) == &writer) {
        same.push_back(payloads[end++]);
      }
      if (writer.decoder == nullptr) {
        for (const Payload& payload : same) {
          Reject reject;
          reject.record = payload.record;
          reject.code = writer.code;
          reject.reason = writer.reason;
          out.rejects.push_back(std::move(reject));
        }
      } else {
        TRY(DecodedRows rows, writer.decoder->Decode(same));
        if (&writer == &direct_) {
          TRY(rows.rows, WithNothingRescued(*rows.rows));
        } else {
          TRY(rows.rows, ConformRows(*rows.rows, known_));
        }
        pieces.push_back(rows.rows);
        if (!writer.known) {
          if (unseen_ == nullptr) unseen_ = std::make_shared<ObservedType>();
          unseen_->Merge(writer.seen);
        }
        Append(std::move(rows), &out);
      }
      i = end;
      // Together they should not take more than one batch does.
      if (i < payloads.size() && !out.stopped_at && Bytes(pieces) > kMostBytes) {
        out.stopped_at = payloads[i].record;
      }
    }
    if (pieces.size() == 1) {
      out.rows = pieces.front();
    } else if (pieces.empty()) {
      TRY(out.rows, arrow::RecordBatch::MakeEmpty(schema_, pool_));
    } else {
      TRY(out.rows, arrow::ConcatenateRecordBatches(pieces, pool_));
    }
    out.unseen = std::move(unseen_);
    return out;
  }

 private:
  static constexpr std::int64_t kMostBytes = 64 << 20;

  /// A schema that messages bring.
  struct Writer {
    std::string text;
    std::unique_ptr<Decoder> decoder;  ///< Null: messages with it are refused.
    std::string code;
    std::string reason;
    ObservedType seen;
    bool known = false;   ///< It shows nothing that the columns do not have.
    bool direct = false;  ///< `direct_` reads what it writes.
  };

  static std::int64_t Bytes(const std::vector<std::shared_ptr<arrow::RecordBatch>>& pieces) {
    // A bound from below is enough, and cheap.
    std::int64_t bytes = 0;
    for (const auto& piece : pieces) bytes += piece->num_rows() * 16 * piece->num_columns();
    return bytes;
  }

  static void Append(DecodedRows rows, DecodedRows* out) {
    if (!rows.row_in_message.empty() || !out->row_in_message.empty()) {
      out->row_in_message.resize(out->record_of_row.size());
      rows.row_in_message.resize(rows.record_of_row.size());
    }
    const auto append = [](auto* from, auto* to) {
      to->insert(to->end(), std::make_move_iterator(from->begin()),
                 std::make_move_iterator(from->end()));
    };
    append(&rows.row_in_message, &out->row_in_message);
    append(&rows.record_of_row, &out->record_of_row);
    append(&rows.rejects, &out->rejects);
    out->stopped_at = rows.stopped_at;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> WithNothingRescued(
      const arrow::RecordBatch& rows) const {
    auto columns = rows.columns();
    TRY(auto rescued, arrow::MakeArrayOfNull(schema_->fields().back()->type(), rows.num_rows()));
    columns.push_back(std::move(rescued));
    return arrow::RecordBatch::Make(schema_, rows.num_rows(), std::move(columns));
  }

  /// Their schemas stay for as long as this does.
  Writer& RegisteredWriterOf(const RegisteredSchema& schema) {
    for (const auto& [known, writer] : recent_) {
      if (known == &schema) return *writer;
    }
    auto& slot = registered_[&schema];
    if (slot == nullptr) {
      slot = std::make_unique<Writer>();
      if (auto prepared = PrepareRegistered(schema, slot.get()); !prepared.ok()) {
        slot->decoder = nullptr;
        slot->code = prepared.error().code;
        slot->reason = "the schema in the registry: " + prepared.error().message;
      }
    }
    Writer* writer = slot->direct ? &direct_ : slot.get();
    recent_[next_recent_++ % recent_.size()] = {&schema, writer};
    return *writer;
  }

  Result<void> PrepareRegistered(const RegisteredSchema& registered, Writer* writer) {
    TRY(auto schema,
        AvroSchema::Parse(registered.text, {options_.logical_types, &registered.references}));
    TRY(Prepare(std::move(schema), writer));
    if (!writer->known || known_->num_fields() == 0) return {};
    if (direct_.decoder == nullptr) {
      AvroDecoderOptions made;
      made.declared = known_;
      made.logical_types = options_.logical_types;
      made.limits = options_.limits;
      TRY(auto decoder, AvroDecoder::Make(std::move(made), pool_));
      reads_directly_ = decoder.get();
      direct_.decoder = std::move(decoder);
    }
    writer->direct = reads_directly_->Reads(registered);
    if (writer->direct) writer->decoder = nullptr;
    return {};
  }

  Writer& WriterOf(const Payload& payload) {
    if (payload.schema != nullptr) return RegisteredWriterOf(*payload.schema);
    const std::string_view message(payload.data, payload.size);
    if (!BeginsAvroFile(message)) return bare_;
    AvroFileHeader header;
    AvroFault fault;
    if (!ReadAvroFileHeader(message, &header, &fault)) {
      broken_.code = fault.code;
      broken_.reason = std::move(fault.reason);
      return broken_;
    }
    for (auto& writer : writers_) {
      if (writer->text == header.schema) return *writer;
    }
    auto made = std::make_unique<Writer>();
    made->text = header.schema;
    if (auto prepared = PrepareFile(made.get()); !prepared.ok()) {
      made->decoder = nullptr;
      made->code = prepared.error().code;
      made->reason = "the file's schema: " + prepared.error().message;
    }
    // Those of the batch in hand are still needed.
    if (writers_.size() >= kKeptWriters) {
      std::swap(writers_.front(), retired_);
      writers_.erase(writers_.begin());
    }
    writers_.push_back(std::move(made));
    return *writers_.back();
  }

  Result<void> PrepareFile(Writer* writer) {
    TRY(auto schema, AvroSchema::Parse(writer->text, {options_.logical_types}));
    return Prepare(std::move(schema), writer);
  }

  Result<void> Prepare(std::shared_ptr<const AvroSchema> schema, Writer* writer) {
    TRY(const SchemaPtr columns, AvroColumns(*schema));
    SeeSchema(*schema, *columns, &writer->seen);
    writer->known = Conforms(*columns, *known_);
    AvroDecoderOptions made;
    made.reader = std::move(schema);
    made.logical_types = options_.logical_types;
    made.limits = options_.limits;
    TRY(writer->decoder, MakeAvroDecoder(std::move(made), pool_));
    return {};
  }

  SchemaPtr known_;
  SchemaPtr schema_;
  std::vector<Payload> same_;
  AvroDetectingOptions options_;
  arrow::MemoryPool* pool_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::unique_ptr<Writer> retired_;
  std::map<const RegisteredSchema*, std::unique_ptr<Writer>> registered_;
  std::array<std::pair<const RegisteredSchema*, Writer*>, 8> recent_{};  ///< Of registered_.
  std::size_t next_recent_ = 0;
  Writer direct_;  ///< For every schema whose data the columns hold as they are.
  AvroDecoder* reads_directly_ = nullptr;
  Writer broken_;
  Writer bare_ = {"",
                  nullptr,
                  "avro.schema_needed",
                  "the message does not bring its schema, as an Avro object container file does; "
                  "without one it cannot be read: declare `schema`, or set avroSchema",
                  {},
                  true,
                  false};
  std::shared_ptr<ObservedType> unseen_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeDetectingAvroDecoder(SchemaPtr known,
                                                          AvroDetectingOptions options,
                                                          arrow::MemoryPool* pool) {
  TRY(SchemaPtr schema, WithRescued(known));
  return std::unique_ptr<Decoder>(std::make_unique<DetectingAvroDecoder>(
      std::move(known), std::move(schema), std::move(options), pool));
}

}  // namespace sluice
