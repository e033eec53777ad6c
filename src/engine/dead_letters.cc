#include "engine/dead_letters.h"

#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/utf8.h>

#include <utility>

#include "core/base64.h"
#include "record/arrow_error.h"

namespace sluice {

const SchemaPtr& DeadLetterSchema() {
  static const SchemaPtr schema = arrow::schema(
      {arrow::field("version", arrow::int32()), arrow::field("job", arrow::utf8()),
       arrow::field("epoch", arrow::int64()),
       arrow::field("time", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       arrow::field("source", arrow::utf8()), arrow::field("step", arrow::utf8()),
       arrow::field("origin", arrow::utf8()), arrow::field("row", arrow::int32()),
       arrow::field("byte", arrow::int64()), arrow::field("code", arrow::utf8()),
       arrow::field("field", arrow::utf8()), arrow::field("reason", arrow::utf8()),
       arrow::field("bytes", arrow::utf8()), arrow::field("base64", arrow::utf8()),
       arrow::field("truncated", arrow::boolean()), arrow::field("holds", arrow::utf8()),
       arrow::field("input", arrow::utf8()), arrow::field("message", arrow::utf8()),
       arrow::field("columns", arrow::utf8())});
  return schema;
}

const char* LetterBytesName(LetterBytes holds) {
  switch (holds) {
    case LetterBytes::kMessage:
      return "message";
    case LetterBytes::kRow:
      return "row";
    case LetterBytes::kInput:
      return "input";
    case LetterBytes::kLetter:
      return "letter";
  }
  return "";
}

struct DeadLetterBuilder::Columns {
  arrow::Int32Builder version, row;
  arrow::Int64Builder epoch, byte;
  arrow::TimestampBuilder time{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                               arrow::default_memory_pool()};
  arrow::StringBuilder job, source, step, origin, code, field, reason, bytes, base64, holds, input,
      message, columns;
  arrow::BooleanBuilder truncated;

  std::vector<arrow::ArrayBuilder*> InOrder() {
    return {&version,   &job,   &epoch, &time,    &source, &step,  &origin,
            &row,       &byte,  &code,  &field,   &reason, &bytes, &base64,
            &truncated, &holds, &input, &message, &columns};
  }
};

DeadLetterBuilder::DeadLetterBuilder(std::string job, std::int64_t epoch, std::int64_t time_micros)
    : job_(std::move(job)),
      epoch_(epoch),
      time_micros_(time_micros),
      columns_(std::make_unique<Columns>()) {}

DeadLetterBuilder::~DeadLetterBuilder() = default;

Result<void> DeadLetterBuilder::Add(const DeadLetter& letter) {
  Columns& to = *columns_;
  auto text_or_null = [](arrow::StringBuilder* column, const std::string& text) {
    return text.empty() ? column->AppendNull() : column->Append(text);
  };
  TRY(to.version.Append(kDeadLetterVersion));
  TRY(to.job.Append(job_));
  TRY(to.epoch.Append(epoch_));
  TRY(to.time.Append(time_micros_));
  TRY(text_or_null(&to.source, letter.source));
  TRY(to.step.Append(letter.step));
  TRY(text_or_null(&to.origin, letter.origin));
  TRY(letter.row < 0 ? to.row.AppendNull() : to.row.Append(letter.row));
  TRY(letter.byte < 0 ? to.byte.AppendNull() : to.byte.Append(letter.byte));
  TRY(to.code.Append(letter.code));
  TRY(text_or_null(&to.field, letter.field));
  TRY(to.reason.Append(letter.reason));
  const bool only_input = letter.holds == LetterBytes::kInput;
  const std::string_view all = only_input ? std::string_view(letter.input) : letter.bytes;
  std::string_view bytes = all.substr(0, kDeadLetterBytes);
  bool utf8 = arrow::util::ValidateUTF8(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                        static_cast<std::int64_t>(bytes.size()));
  TRY(utf8 ? to.bytes.Append(bytes) : to.bytes.AppendNull());
  TRY(utf8 ? to.base64.AppendNull() : to.base64.Append(Base64Encode(bytes)));
  TRY(to.truncated.Append(letter.truncated || bytes.size() < all.size()));
  TRY(to.holds.Append(LetterBytesName(letter.holds)));
  // A part of these would be of no use.
  auto whole_or_null = [](const std::string& text) {
    return text.size() > kDeadLetterBytes ? std::string() : text;
  };
  TRY(text_or_null(&to.input, only_input ? "" : whole_or_null(letter.input)));
  TRY(letter.message.empty() || letter.message.size() > kDeadLetterBytes
          ? to.message.AppendNull()
          : to.message.Append(Base64Encode(letter.message)));
  TRY(text_or_null(&to.columns, whole_or_null(letter.columns)));
  ++rows_;
  bytes_ += bytes.size() + letter.reason.size() + letter.input.size() + letter.message.size() +
            letter.columns.size() + 128;
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> DeadLetterBuilder::Take() {
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (arrow::ArrayBuilder* column : columns_->InOrder()) {
    TRY(auto array, column->Finish());
    arrays.push_back(std::move(array));
  }
  std::int64_t rows = std::exchange(rows_, 0);
  bytes_ = 0;
  return arrow::RecordBatch::Make(DeadLetterSchema(), rows, std::move(arrays));
}

Result<void> AddRefused(
    const std::string& sink, const arrow::RecordBatch& rows,
    const std::vector<SinkRefusal>& refusals,
    const std::function<std::string(const arrow::RecordBatch&, std::int64_t row)>& row_to_text,
    DeadLetterBuilder* letters) {
  for (const SinkRefusal& refusal : refusals) {
    TRY(letters->Add({.step = sink,
                      .code = refusal.code,
                      .field = refusal.field,
                      .reason = refusal.reason,
                      .holds = LetterBytes::kInput,
                      .input = row_to_text(rows, refusal.row)}));
  }
  return {};
}

Error RefusalStopsJob(const SinkRefusal& refusal) {
  return DataError("data.bad_record", "a row stops the job (badRecords: fail): " + refusal.reason);
}

}  // namespace sluice
