#include "engine/row_delivery.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

namespace sluice {

/// Which decoded row (and so which message) each row of a batch came from.
struct RowDelivery::RowOrigin {
  const PipelineSource* source = nullptr;  ///< Null for rows of open steps, as `batch`.
  const DecodedBatch* batch = nullptr;
  const std::vector<std::int64_t>* rows = nullptr;  ///< Null: row i is decoded row i.
  BadRecords policy = BadRecords::kQuarantine;

  std::size_t DecodedRow(std::int64_t row) const {
    return static_cast<std::size_t>(rows == nullptr ? row : (*rows)[static_cast<std::size_t>(row)]);
  }
};

namespace {

/// What a letter says of where its record came from, as the one it is read again from says it.
DeadLetter Repeated(const PastLetter& past) {
  return {.source = past.source,
          .step = past.step,
          .origin = past.origin,
          .row = past.row,
          .bytes = past.bytes,
          .holds = past.holds,
          .truncated = past.truncated,
          .message = past.message,
          .input = past.input,
          .columns = past.columns};
}

}  // namespace

BadRecords StrictestPolicy(const PipelineSpec& spec, const std::vector<std::size_t>& sources) {
  bool all_skip = !sources.empty();
  for (std::size_t source : sources) {
    if (spec.sources[source].bad_records == BadRecords::kFail) return BadRecords::kFail;
    if (spec.sources[source].bad_records != BadRecords::kSkip) all_skip = false;
  }
  return all_skip ? BadRecords::kSkip : BadRecords::kQuarantine;
}

RowDelivery::RowDelivery(const Stage* stage, std::vector<Producer> entries)
    : stage_(stage), entries_(std::move(entries)), row_steps_(stage->spec->steps.size()) {}

Result<std::unique_ptr<RowDelivery>> RowDelivery::Make(const Stage* stage,
                                                       std::vector<Producer> entries) {
  std::unique_ptr<RowDelivery> delivery(new RowDelivery(stage, std::move(entries)));
  for (const Producer& entry : delivery->entries_) TRY(delivery->OpenRowSteps(entry));
  return delivery;
}

Result<void> RowDelivery::OpenRowSteps(const Producer& producer) {
  for (const Consumer& consumer : producer.consumers) {
    if (consumer.kind != Consumer::Kind::kRowStep || row_steps_[consumer.index] != nullptr)
      continue;
    TRY(row_steps_[consumer.index], stage_->spec->steps[consumer.index].transform->OpenRow());
    TRY(OpenRowSteps(stage_->graph->step(consumer.index)));
  }
  return {};
}

Result<void> RowDelivery::DeliverBatch(const EpochInfo& epoch, const DecodedBatch& batch,
                                       EpochCounts* counts) {
  const Producer& entry = entries_[batch.entry];
  const PipelineSource& source = stage_->spec->sources[entry.index];
  SourceCounts& count = counts->sources[entry.name];
  count.delivered += batch.delivered;
  count.bytes += batch.bytes;
  count.decoded += batch.decoded_messages;
  count.rejected_whole += batch.rejected_whole;
  count.tombstones += batch.tombstones;
  count.rows += batch.decoded.rows->num_rows();
  copied_bytes_ = 0;
  for (const Reject& reject : batch.decoded.rejects) {
    if (reject.row != Reject::kWholeMessage) ++count.row_rejects;
    TRY(DeadLetter letter, LetterOfReject(source, batch, reject));
    if (count.first_reject.empty()) count.first_reject = letter.Brief();
    TRY(Refuse(epoch, source.bad_records, letter, counts));
  }
  RowOrigin origin{&source, &batch, nullptr, source.bad_records};
  TRY(Deliver(epoch, entry, batch.decoded.rows, origin, counts));
  return FlushDeadLetters(epoch, counts);
}

Result<void> RowDelivery::DeliverRows(const EpochInfo& epoch,
                                      const std::shared_ptr<arrow::RecordBatch>& rows,
                                      EpochCounts* counts) {
  const Producer& step = entries_.front();
  const auto& sources = stage_->graph->sources_of_step(step.index);
  RowOrigin origin{nullptr, nullptr, nullptr, StrictestPolicy(*stage_->spec, sources)};
  TRY(Deliver(epoch, step, rows, origin, counts));
  return FlushDeadLetters(epoch, counts);
}

/// The columns that the source itself adds to rows of this record, as JSON; "" if there are none.
Result<std::string> RowDelivery::SourceColumns(const PipelineSource& source, const RawBatch& raw,
                                               std::uint32_t record) const {
  TRY(auto columns, raw.ExtraColumns({record}));
  if (columns.empty()) return std::string();
  const int first = source.schema->num_fields() - static_cast<int>(columns.size());
  const arrow::FieldVector& fields = source.schema->fields();
  auto row = arrow::RecordBatch::Make(arrow::schema({fields.begin() + first, fields.end()}), 1,
                                      std::move(columns));
  return stage_->spec->row_to_text(*row, 0);
}

Result<DeadLetter> RowDelivery::LetterOfReject(const PipelineSource& source,
                                               const DecodedBatch& batch, const Reject& reject) {
  const RawBatch& raw = *batch.raw;
  const std::string_view message = raw.records[reject.record].view();
  const PastLetter* past = raw.past(reject.record);
  DeadLetter letter;
  if (past != nullptr && !past->whole) {
    letter = Repeated(*past);
  } else {
    letter.source = past == nullptr ? source.name : past->source;
    letter.step = "decode";
    letter.origin = raw.Origin(reject.record);
    letter.row = reject.row;
    letter.bytes = reject.bytes.empty() ? message : std::string_view(reject.bytes);
    if (letter.bytes != message) {
      letter.holds = LetterBytes::kRow;
      if (reject.record != copied_record_) copied_bytes_ = 0;
      copied_record_ = reject.record;
      copied_bytes_ += message.size();
      if (copied_bytes_ <= kMessageCopies) letter.message = message;
    }
    if (past == nullptr) {
      TRY(letter.columns, SourceColumns(source, raw, reject.record));
    } else {
      letter.columns = past->columns;
    }
  }
  letter.byte = reject.byte;
  letter.code = reject.code;
  letter.field = reject.field;
  letter.reason = reject.reason;
  return letter;
}

Result<DeadLetter> RowDelivery::LetterOfRow(const Consumer& step, const arrow::RecordBatch& rows,
                                            const RowFailure& failure,
                                            const RowOrigin& origin) const {
  DeadLetter letter;
  if (origin.batch != nullptr) {
    const DecodedRows& decoded = origin.batch->decoded;
    const std::size_t row = origin.DecodedRow(failure.row);
    const std::uint32_t record = decoded.record_of_row[row];
    const RawBatch& raw = *origin.batch->raw;
    const PastLetter* past = raw.past(record);
    if (past != nullptr && !past->whole) {
      letter = Repeated(*past);
    } else {
      letter.source = past == nullptr ? origin.source->name : past->source;
      letter.origin = raw.Origin(record);
      letter.row = decoded.row_in_message.empty() ? 0 : decoded.row_in_message[row];
      letter.bytes = raw.records[record].view();
      if (past == nullptr) {
        TRY(letter.columns, SourceColumns(*origin.source, raw, record));
      } else {
        letter.columns = past->columns;
      }
    }
  }
  letter.step = step.name;
  letter.input = stage_->spec->row_to_text(rows, failure.row);
  if (letter.source.empty()) letter.holds = LetterBytes::kInput;
  letter.code = failure.code;
  letter.field = failure.field;
  letter.reason = failure.reason;
  letter.shown = failure.shown;
  return letter;
}

Result<void> RowDelivery::Deliver(const EpochInfo& epoch, const Producer& producer,
                                  const std::shared_ptr<arrow::RecordBatch>& rows,
                                  const RowOrigin& origin, EpochCounts* counts) {
  if (rows->num_rows() == 0) return {};
  for (const Consumer& consumer : producer.consumers) {
    counts->edges[{producer.name, consumer.name}].pushed += rows->num_rows();
    switch (consumer.kind) {
      case Consumer::Kind::kSink:
        TRY(stage_->sinks[consumer.index]->Push(epoch.epoch, producer.name, rows));
        break;
      case Consumer::Kind::kOpenStep:
        TRY(stage_->open_steps[consumer.index]->Push(epoch, consumer.input, rows));
        break;
      case Consumer::Kind::kRowStep:
        counts->edges[{producer.name, consumer.name}].received += rows->num_rows();
        TRY(ThroughStep(epoch, consumer, rows, origin, counts));
        break;
    }
  }
  return {};
}

Result<void> RowDelivery::ThroughStep(const EpochInfo& epoch, const Consumer& step,
                                      const std::shared_ptr<arrow::RecordBatch>& rows,
                                      const RowOrigin& origin, EpochCounts* counts) {
  auto applied = row_steps_[step.index]->Apply(rows, epoch.now_micros);
  if (!applied.ok()) return std::move(applied).error().At("step " + step.name);
  RowOutput output = *std::move(applied);

  StepCounts& count = counts->steps[step.name];
  std::int64_t in = rows->num_rows();
  count.row_by_row = true;
  count.in += in;
  count.out += output.rows->num_rows();
  // Both lists are in row order: one walk proves that no row is made up, doubled or both out and
  // dead.
  const Error broken = BugError("step " + step.name + " lost track of its rows");
  if (static_cast<std::int64_t>(output.row_of_output.size()) != output.rows->num_rows())
    return broken;
  bool may_multiply = stage_->spec->steps[step.index].transform->may_multiply();
  std::size_t dead = 0;
  std::int64_t last = -1;
  std::int64_t through = 0;
  for (std::int64_t row : output.row_of_output) {
    while (dead < output.failures.size() && output.failures[dead].row < row) ++dead;
    bool is_dead = dead < output.failures.size() && output.failures[dead].row == row;
    if (row < last || row >= in || is_dead || (row == last && !may_multiply)) return broken;
    if (row != last) ++through;
    last = row;
  }
  count.through += through;
  count.dead += static_cast<std::int64_t>(output.failures.size());
  count.filtered += in - through - static_cast<std::int64_t>(output.failures.size());

  for (const RowFailure& failure : output.failures) {
    if (failure.row < 0 || failure.row >= in) return broken;
    TRY(DeadLetter letter, LetterOfRow(step, *rows, failure, origin));
    if (count.first_dead.empty()) count.first_dead = letter.Brief();
    TRY(Refuse(epoch, origin.policy, letter, counts));
  }

  RowOrigin next = origin;
  std::vector<std::int64_t> composed;
  if (origin.rows != nullptr) {
    composed.reserve(output.row_of_output.size());
    for (std::int64_t row : output.row_of_output) {
      composed.push_back((*origin.rows)[static_cast<std::size_t>(row)]);
    }
    next.rows = &composed;
  } else {
    next.rows = &output.row_of_output;
  }
  return Deliver(epoch, stage_->graph->step(step.index), output.rows, next, counts);
}

Result<void> RowDelivery::Refuse(const EpochInfo& epoch, BadRecords policy,
                                 const DeadLetter& letter, EpochCounts* counts) {
  if (policy == BadRecords::kFail) {
    return DataError(
        "data.bad_record",
        "a bad record stops the job (badRecords: fail): " +
            (letter.field.empty() ? "" : letter.field + ": ") +
            // Where nothing else leads to the row, the value that it quotes does.
            (letter.origin.empty() ? letter.reason
                                   : letter.reason_shown() + "; record " + letter.origin));
  }
  if (policy == BadRecords::kSkip || stage_->dead_letters == nullptr) {
    ++counts->skipped;
    return {};
  }
  if (letters_ == nullptr || letters_epoch_ != epoch.epoch) {
    letters_ =
        std::make_unique<DeadLetterBuilder>(stage_->spec->job, epoch.epoch, epoch.now_micros);
    letters_epoch_ = epoch.epoch;
  }
  TRY(letters_->Add(letter));
  if (letters_->bytes() > (4u << 20)) return FlushDeadLetters(epoch, counts);
  return {};
}

Result<void> RowDelivery::FlushDeadLetters(const EpochInfo& epoch, EpochCounts* counts) {
  if (letters_ == nullptr || letters_->rows() == 0) return {};
  TRY(auto rows, letters_->Take());
  counts->dead_letters += rows->num_rows();
  return stage_->dead_letters->Push(epoch.epoch, kDeadLettersName, std::move(rows));
}

}  // namespace sluice
