#include "engine/open_step.h"

#include <thread>
#include <utility>

#include "engine/row_delivery.h"
#include "engine/stage.h"
#include "engine/table_stream.h"

namespace sluice {

struct OpenStep::Run {
  EpochInfo epoch;
  std::unique_ptr<QueryInputs> inputs;
  EpochCounts counts;  ///< Of the run's thread until it is joined.
  std::thread thread;
};

OpenStep::OpenStep(const Stage* stage, std::size_t step, const std::vector<const Producer*>& inputs,
                   EngineMetrics* metrics, QueryInputsOptions options)
    : stage_(stage), step_(step), metrics_(metrics), options_(std::move(options)) {
  for (const Producer* input : inputs) {
    schemas_.push_back(input->schema);
    tables_.push_back(input->kind == Producer::Kind::kTable ? std::optional(input->index)
                                                            : std::nullopt);
  }
}

OpenStep::~OpenStep() {
  for (auto& [epoch, run] : runs_) {
    run->inputs->Close();
    if (run->thread.joinable()) run->thread.join();
  }
}

Result<OpenStep::Run*> OpenStep::Find(const EpochInfo& epoch) {
  std::lock_guard lock(mutex_);
  if (const auto known = runs_.find(epoch.epoch); known != runs_.end()) return known->second.get();
  if (stage_->errors->aborted()) return AbortedError();
  Transform& transform = *stage_->spec->steps[step_].transform;
  auto run = std::make_unique<Run>();
  run->epoch = epoch;
  run->inputs =
      std::make_unique<QueryInputs>(transform.scans(), schemas_, stage_->errors, options_);
  run->thread = std::thread([this, raw = run.get()] {
    if (auto driven = Drive(raw); !driven.ok()) {
      stage_->errors->Report(
          std::move(driven).error().At("step " + stage_->spec->steps[step_].name + ", epoch " +
                                       std::to_string(raw->epoch.epoch)));
    }
    // Whatever happened, nobody may be left waiting to push.
    raw->inputs->Drain();
  });
  return runs_.emplace(epoch.epoch, std::move(run)).first->second.get();
}

std::vector<std::shared_ptr<BatchStream>> OpenStep::Streams(Run* run) const {
  auto streams = run->inputs->Streams();
  const auto& scans = stage_->spec->steps[step_].transform->scans();
  for (std::size_t i = 0; i < scans.size(); ++i) {
    const std::optional<std::size_t> table = tables_[scans[i].input];
    if (!table.has_value()) continue;
    streams[i] = std::make_shared<TableStream>(
        stage_->spec->tables[*table], [errors = stage_->errors] { return errors->aborted(); },
        [metrics = metrics_, table = *table](std::int64_t rows) {
          metrics->NoteTableRows(table, rows);
        });
  }
  return streams;
}

bool OpenStep::MayEmitWhenIdle() const {
  return stage_->spec->steps[step_].transform->may_emit_when_idle();
}

Result<void> OpenStep::Drive(Run* run) {
  const PipelineStep& step = stage_->spec->steps[step_];
  TRY(auto delivery, RowDelivery::Make(stage_, {stage_->graph->step(step_)}));
  TRY(auto query, step.transform->OpenEpoch(Streams(run), run->epoch.now_micros));
  StepCounts& counts = run->counts.steps[step.name];
  counts.row_by_row = false;
  while (true) {
    TRY(auto rows, query->Next());
    if (rows == nullptr) return {};
    counts.out += rows->num_rows();
    TRY(delivery->DeliverRows(run->epoch, rows, &run->counts));
  }
}

Result<void> OpenStep::Push(const EpochInfo& epoch, std::size_t input,
                            const std::shared_ptr<arrow::RecordBatch>& rows) {
  TRY(Run * run, Find(epoch));
  return run->inputs->Push(input, rows);
}

bool OpenStep::Begun(const EpochInfo& epoch) const {
  std::lock_guard lock(mutex_);
  return runs_.contains(epoch.epoch);
}

Result<EpochCounts> OpenStep::Seal(const EpochInfo& epoch) {
  TRY(Run * run, Find(epoch));
  run->inputs->Close();
  run->thread.join();
  if (stage_->errors->aborted()) return AbortedError();
  const PipelineStep& step = stage_->spec->steps[step_];
  EpochCounts counts = std::move(run->counts);
  StepCounts& of_step = counts.steps[step.name];
  of_step.row_by_row = false;
  const auto& inputs = step.transform->inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::int64_t rows = run->inputs->received(i);
    of_step.in += rows;
    if (rows > 0) counts.edges[{inputs[i], step.name}].received += rows;
  }
  of_step.drained = run->inputs->drained();
  std::lock_guard lock(mutex_);
  runs_.erase(epoch.epoch);
  return counts;
}

void OpenStep::Wake() {
  std::lock_guard lock(mutex_);
  for (auto& [epoch, run] : runs_) run->inputs->Wake();
}

std::size_t OpenStep::memory() const {
  std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& [epoch, run] : runs_) bytes += run->inputs->memory();
  return bytes;
}

}  // namespace sluice
