#include "table/files/text_rows.h"

#include <arrow/type.h>

#include <deque>
#include <utility>

#include "decode/message_decoder.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

Result<std::unique_ptr<MessageDecoder>> Wrap(std::unique_ptr<Decoder> decoder) {
  return MessageDecoder::Make(std::move(decoder), {}, DecodeLimits{}, MakeCompression("none"));
}

/// A row that is left out would be missed where nobody looks: in a join that does not find it.
Result<void> RefuseRejects(const TextChunk& chunk, const DecodedRows& decoded) {
  if (decoded.rejects.empty()) return {};
  const Reject& first = decoded.rejects.front();
  return UserError("table.row", chunk.PlaceOf(first.record, first.byte) + ": " +
                                    (first.field.empty() ? "" : first.field + ": ") + first.reason +
                                    " [" + first.code + "]; every row of a table must be usable");
}

class TextRows : public TableReader {
 public:
  TextRows(std::unique_ptr<MessageDecoder> decoder, std::vector<std::string> files, TextForm form,
           Table::Stopped stopped)
      : decoder_(std::move(decoder)),
        chunks_(std::move(files), form),
        stopped_(std::move(stopped)) {}

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (ready_.empty()) {
      if (stopped_()) return RemoteError("table.stopped", "the job no longer needs the table");
      TRY(const std::shared_ptr<const TextChunk> chunk, chunks_.Next());
      if (chunk == nullptr) return std::shared_ptr<arrow::RecordBatch>();
      TRY(decoder_->Decode(chunk, [&](const DecodedBatch& batch) -> Result<void> {
        TRY(RefuseRejects(*chunk, batch.decoded));
        ready_.push_back(batch.decoded.rows);
        return {};
      }));
    }
    std::shared_ptr<arrow::RecordBatch> rows = std::move(ready_.front());
    ready_.pop_front();
    return rows;
  }

 private:
  const std::unique_ptr<MessageDecoder> decoder_;
  TextChunks chunks_;
  const Table::Stopped stopped_;
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

}  // namespace

Result<SchemaPtr> DetectTextSchema(const TextFormat& format,
                                   const std::vector<std::string>& files) {
  TRY(auto detecting,
      format.entry->make_detecting(format.options, arrow::schema({}), DecodeLimits{}));
  TRY(const auto decoder, Wrap(std::move(detecting)));
  ObservedType seen;
  TextChunks chunks(files, format.form);
  while (true) {
    TRY(const std::shared_ptr<const TextChunk> chunk, chunks.Next());
    if (chunk == nullptr) break;
    TRY(decoder->Decode(chunk, [&](const DecodedBatch& batch) -> Result<void> {
      TRY(RefuseRejects(*chunk, batch.decoded));
      if (batch.decoded.unseen != nullptr) seen.Merge(*batch.decoded.unseen);
      return {};
    }));
  }
  const KnownSchema::Change change = KnownSchema().Merge(seen, SchemaCaps());
  if (!change.refused.empty()) {
    return UserError("table.columns", change.refused.front() + "; declare `schema`");
  }
  if (change.schema.schema()->num_fields() == 0) {
    return UserError("table.columns",
                     "no row tells what columns there are: its fields are empty or null, or there "
                     "is none; declare `schema`");
  }
  return change.schema.schema();
}

Result<std::unique_ptr<TableReader>> ReadText(const TextFormat& format,
                                              std::vector<std::string> files, SchemaPtr schema,
                                              Table::Stopped stopped) {
  TRY(auto decoder, format.entry->make(format.options, std::move(schema), DecodeLimits{}));
  TRY(auto messages, Wrap(std::move(decoder)));
  return std::unique_ptr<TableReader>(std::make_unique<TextRows>(
      std::move(messages), std::move(files), format.form, std::move(stopped)));
}

}  // namespace sluice
