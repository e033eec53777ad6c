#include "decode/avro/avro_detection.h"

#include <arrow/array/util.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "decode/avro/avro_columns.h"
#include "decode/avro/avro_decoder.h"
#include "decode/avro/avro_file.h"
#include "decode/avro/avro_format.h"
#include "decode/conform.h"
#include "decode/interleaved_rows.h"
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

  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    std::vector<DecodedRows> parts;
    std::optional<std::uint32_t> stopped_at;
    std::int64_t bytes = 0;
    for (std::size_t from = 0; from < payloads.size() && !stopped_at;) {
      std::size_t to = std::min(payloads.size(), from + together_);
      TRY(stopped_at, DecodeTogether(payloads, from, &to, &bytes, &parts));
      from = to;
      // Together they should not take more than one batch does.
      if (!stopped_at && from < payloads.size() && bytes > kMostBytes) {
        stopped_at = payloads[from].record;
      }
    }
    TRY(DecodedRows out, InterleaveRows(std::move(parts), schema_));
    out.stopped_at = stopped_at;
    return out;
  }

 private:
  static constexpr std::int64_t kMostBytes = 64 << 20;
  static constexpr std::size_t kMostTogether = 4'096;
  static constexpr std::size_t kMostGroups = 64;

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

  /// The messages of one writer.
  struct Group {
    Writer* writer = nullptr;
    std::vector<Payload> payloads;
  };

  /// Messages from `from` up to `*to`, which is cut where there are too many writers: those of one
  /// writer are decoded together, wherever they stand. Returns where it stopped.
  Result<std::optional<std::uint32_t>> DecodeTogether(const std::vector<Payload>& payloads,
                                                      std::size_t from, std::size_t* to,
                                                      std::int64_t* bytes,
                                                      std::vector<DecodedRows>* parts) {
    DecodedRows refused;
    TRY(refused.rows, arrow::RecordBatch::MakeEmpty(schema_, pool_));
    std::vector<Group> groups = GroupByWriter(payloads, from, to, &refused.rejects);
    parts->push_back(std::move(refused));
    together_ = std::min(together_ * 2, kMostTogether);
    std::optional<std::uint32_t> stopped_at;
    for (Group& group : groups) {
      if (stopped_at) {
        std::erase_if(group.payloads, [&](const Payload& p) { return p.record >= *stopped_at; });
      }
      if (group.payloads.empty()) continue;
      if (*bytes > kMostBytes) {
        // What those before have read behind this is read again: fewer at a time from now on.
        together_ = std::max<std::size_t>(together_ / 16, 1);
        stopped_at = group.payloads.front().record;
        continue;
      }
      TRY(DecodedRows rows, DecodeGroup(group));
      if (rows.stopped_at) stopped_at = rows.stopped_at;
      *bytes += arrow::util::TotalBufferSize(*rows.rows);
      parts->push_back(std::move(rows));
    }
    for (DecodedRows& part : *parts) part.stopped_at = stopped_at;
    return stopped_at;
  }

  std::vector<Group> GroupByWriter(const std::vector<Payload>& payloads, std::size_t from,
                                   std::size_t* to, std::vector<Reject>* rejects) {
    while (writers_.size() > kKeptWriters) writers_.erase(writers_.begin());
    std::vector<Group> groups;
    for (std::size_t i = from; i < *to; ++i) {
      Writer& writer = WriterOf(payloads[i]);
      if (writer.decoder == nullptr) {
        Reject reject;
        reject.record = payloads[i].record;
        reject.code = writer.code;
        reject.reason = writer.reason;
        rejects->push_back(std::move(reject));
        continue;
      }
      auto group = std::find_if(groups.rbegin(), groups.rend(),
                                [&](const Group& of) { return of.writer == &writer; });
      if (group == groups.rend()) {
        if (groups.size() == kMostGroups) {
          *to = i;
          break;
        }
        groups.push_back({&writer, {}});
        group = groups.rbegin();
      }
      group->payloads.push_back(payloads[i]);
    }
    return groups;
  }

  Result<DecodedRows> DecodeGroup(const Group& group) {
    TRY(DecodedRows rows, group.writer->decoder->Decode(group.payloads));
    if (group.writer == &direct_) {
      TRY(rows.rows, WithNothingRescued(*rows.rows));
    } else {
      TRY(ConformRows(&rows, known_));
    }
    if (!group.writer->known) {
      auto unseen = std::make_shared<ObservedType>();
      unseen->Merge(group.writer->seen);
      rows.unseen = std::move(unseen);
    }
    return rows;
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
    TRY(const bool known, HoldDirectly(*writer));
    if (known && reads_directly_->Reads(registered)) BeDirect(writer);
    return {};
  }

  static void BeDirect(Writer* writer) {
    writer->direct = true;
    writer->decoder = nullptr;
  }

  /// Whether the columns have all that it writes, so that direct_ is worth asking.
  Result<bool> HoldDirectly(const Writer& writer) {
    if (!writer.known || known_->num_fields() == 0) return false;
    if (direct_.decoder == nullptr) {
      AvroDecoderOptions made;
      made.declared = known_;
      made.logical_types = options_.logical_types;
      made.limits = options_.limits;
      TRY(auto decoder, AvroDecoder::Make(std::move(made), pool_));
      reads_directly_ = decoder.get();
      direct_.decoder = std::move(decoder);
    }
    return true;
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
      if (writer->text == header.schema) return writer->direct ? direct_ : *writer;
    }
    auto made = std::make_unique<Writer>();
    made->text = header.schema;
    if (auto prepared = PrepareFile(made.get()); !prepared.ok()) {
      made->decoder = nullptr;
      made->code = prepared.error().code;
      made->reason = "the file's schema: " + prepared.error().message;
    }
    writers_.push_back(std::move(made));
    return writers_.back()->direct ? direct_ : *writers_.back();
  }

  Result<void> PrepareFile(Writer* writer) {
    TRY(auto schema, AvroSchema::Parse(writer->text, {options_.logical_types}));
    TRY(Prepare(std::move(schema), writer));
    TRY(const bool known, HoldDirectly(*writer));
    if (known && reads_directly_->ReadsFilesOf(writer->text)) BeDirect(writer);
    return {};
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
  AvroDetectingOptions options_;
  arrow::MemoryPool* pool_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::size_t together_ = 64;  ///< Messages.
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
