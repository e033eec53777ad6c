#include "engine/engine_metrics.h"

#include <arrow/array.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "record/known_schema.h"

namespace sluice {

EngineMetrics::EngineMetrics(const PipelineSpec& spec)
    : spec_(spec), sources_(spec.sources.size()) {
  Metrics& metrics = *spec.metrics;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    MetricLabels labels = {{"source", spec.sources[i].name}};
    OfSource& of = sources_[i];
    of.records =
        &metrics.AddCounter("sluice_records_total",
                            "Messages delivered; those of a dropped attempt count again.", labels);
    for (const std::string& format : spec.sources[i].formats) {
      of.by_format.push_back(
          &metrics.AddCounter("sluice_decoded_records_total", "Messages read, by format.",
                              {{"source", spec.sources[i].name}, {"format", format}}));
    }
    of.bytes = &metrics.AddCounter("sluice_bytes_total", "Bytes of messages delivered.", labels);
    of.rejects = &metrics.AddCounter("sluice_rejects_total",
                                     "Messages and rows the decoder refused.", labels);
    of.tombstones =
        &metrics.AddCounter("sluice_tombstones_total", "Null messages skipped.", labels);
    of.lost =
        &metrics.AddCounter("sluice_lost_records_total",
                            "Records gone before they were read (failOnDataLoss: false).", labels);
    if (spec.sources[i].known.has_value()) {
      of.rescued = &metrics.AddCounter("sluice_rescued_rows_total",
                                       "Rows with a value that no column holds.", labels);
      of.columns_version = &metrics.AddGauge(
          "sluice_columns_version", "Version of the columns learned from the records.", labels);
      NoteColumns(i, spec.sources[i].known->version());
    }
  }
  for (const PipelineTable& table : spec.tables) {
    tables_.push_back(&metrics.AddCounter("sluice_table_rows_total",
                                          "Rows read from tables, every reading counted.",
                                          {{"table", table.name}}));
  }
  for (const PipelineSink& sink : spec.sinks) {
    OfSink of;
    const std::string help = "Encoded bytes staged, before and after the epoch's trigger.";
    of.before = &metrics.AddCounter("sluice_staged_bytes_total", help,
                                    {{"sink", sink.name}, {"when", "before_trigger"}});
    of.after = &metrics.AddCounter("sluice_staged_bytes_total", help,
                                   {{"sink", sink.name}, {"when", "after_trigger"}});
    of.carried = &metrics.AddGauge("sluice_carried_rows",
                                   "Rows of earlier epochs that wait to be written (maxDelay).",
                                   {{"sink", sink.name}});
    of.busy = &metrics.AddGauge(
        "sluice_sink_busy_seconds",
        "For how long the sink has been about one batch, one sealing or one commit; 0: it waits.",
        {{"sink", sink.name}});
    sinks_.push_back(of);
  }
  epochs_ = &metrics.AddCounter("sluice_epochs_total", "Epochs committed.");
  rows_out_counter_ =
      &metrics.AddCounter("sluice_rows_written_total", "Rows committed, all sinks.");
  dead_letters_ =
      &metrics.AddCounter("sluice_dead_letters_total", "Rows sent to the dead letters.");
  early_seals_ = &metrics.AddCounter("sluice_early_seals_total",
                                     "Epochs that ended before their window did, for new columns.");
  epoch_gauge_ = &metrics.AddGauge("sluice_epoch", "The newest committed epoch.");
  seal_seconds_ =
      &metrics.AddGauge("sluice_seal_seconds", "From the trigger to the decision, newest epoch.");
  epoch_seconds_ = &metrics.AddGauge("sluice_commit_seconds",
                                     "From the trigger to the commit record, newest epoch.");
  memory_ = &metrics.AddGauge("sluice_memory_bytes", "Resident memory of the process.");
  // Prometheus allows no dots in names; Glue's are glue.driver.streaming.numRecords and so on.
  glue_records_ = &metrics.AddGauge("glue_driver_streaming_numRecords",
                                    "Glue's numRecords: records of the newest epoch.");
  glue_batch_time_ = &metrics.AddGauge("glue_driver_streaming_batchProcessingTimeInMs",
                                       "Glue's batchProcessingTimeInMs: trigger to commit.");
  glue_lag_ = &metrics.AddGauge("glue_driver_streaming_maxConsumerLagInMs",
                                "Glue's maxConsumerLagInMs: age of the last record read, of the "
                                "source that is furthest behind.");
}

void EngineMetrics::NoteBatch(std::size_t source, const DecodedBatch& batch,
                              std::int64_t newest_micros) {
  OfSource& of = sources_[source];
  of.records->Add(static_cast<double>(batch.delivered));
  of.bytes->Add(static_cast<double>(batch.bytes));
  open_records_.fetch_add(batch.delivered, std::memory_order_relaxed);
  if (!batch.decoded.rejects.empty()) {
    of.rejects->Add(static_cast<double>(batch.decoded.rejects.size()));
    open_rejects_.fetch_add(static_cast<std::int64_t>(batch.decoded.rejects.size()),
                            std::memory_order_relaxed);
  }
  if (of.rescued != nullptr) {
    const auto rescued = batch.decoded.rows->GetColumnByName(kRescuedColumn);
    if (rescued != nullptr && rescued->null_count() < rescued->length()) {
      of.rescued->Add(static_cast<double>(rescued->length() - rescued->null_count()));
    }
  }
  for (std::size_t i = 0; i < of.by_format.size(); ++i) {
    const auto& counts = batch.decoded.messages_of_format;
    of.by_format[i]->Add(static_cast<double>(counts.empty() ? batch.decoded_messages : counts[i]));
  }
  for (std::size_t i = 0; i < kNumCodecs; ++i) {
    if (batch.decompressed[i] > 0) {
      Decompressed(source, i).Add(static_cast<double>(batch.decompressed[i]));
    }
  }
  if (batch.tombstones > 0) of.tombstones->Add(static_cast<double>(batch.tombstones));
  if (newest_micros >= 0) of.newest.store(newest_micros, std::memory_order_relaxed);
}

/// Made when the source first has such a message: most never do.
Counter& EngineMetrics::Decompressed(std::size_t source, std::size_t codec) {
  std::atomic<Counter*>& known = sources_[source].decompressed[codec];
  Counter* counter = known.load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = &spec_.metrics->AddCounter(
        "sluice_decompressed_records_total", "Messages that were compressed, by codec.",
        {{"source", spec_.sources[source].name}, {"codec", CodecNames()[codec]}});
    known.store(counter, std::memory_order_release);
  }
  return *counter;
}

void EngineMetrics::NoteTableRows(std::size_t table, std::int64_t rows) {
  tables_[table]->Add(static_cast<double>(rows));
}

void EngineMetrics::NoteLag(std::size_t source, const std::string& split, std::int64_t records) {
  spec_.metrics
      ->AddGauge("sluice_lag_records", "Records between the position read and the end.",
                 {{"source", spec_.sources[source].name}, {"split", split}})
      .Set(static_cast<double>(records));
}

void EngineMetrics::NoteColumns(std::size_t source, std::int64_t version) {
  sources_[source].columns_version->Set(static_cast<double>(version));
}

void EngineMetrics::NoteSession() {
  open_records_ = 0;
  open_rejects_ = 0;
}

void EngineMetrics::NoteMemory() { memory_->Set(static_cast<double>(ResidentBytes())); }

void EngineMetrics::NoteLoss(std::size_t source, std::int64_t records) {
  sources_[source].lost->Add(static_cast<double>(records));
}

void EngineMetrics::NoteSealed(std::int64_t epoch, const EpochCounts& counts,
                               std::int64_t seal_micros) {
  epoch_ = epoch;
  dead_letters_->Add(static_cast<double>(counts.dead_letters));
  records_.fetch_add(counts.Delivered(), std::memory_order_relaxed);
  open_records_.fetch_sub(counts.Delivered(), std::memory_order_relaxed);
  rejects_.fetch_add(counts.Rejects(), std::memory_order_relaxed);
  // Those of the steps and sinks are counted at the seal only.
  for (const auto& [name, source] : counts.sources) {
    open_rejects_.fetch_sub(source.rejected_whole + source.row_rejects, std::memory_order_relaxed);
  }
  seal_seconds_->Set(static_cast<double>(seal_micros) / 1e6);
  glue_records_->Set(static_cast<double>(counts.Delivered()));
  std::int64_t oldest = 0;
  std::int64_t now = spec_.clock->WallMicros();
  for (const OfSource& source : sources_) {
    std::int64_t newest = source.newest.load(std::memory_order_relaxed);
    if (newest >= 0 && lag_ > 0) oldest = std::max(oldest, now - newest);
  }
  glue_lag_->Set(static_cast<double>(oldest) / 1e3);
}

void EngineMetrics::NoteStaged(std::size_t sink, std::int64_t before_trigger,
                               std::int64_t after_trigger) {
  sinks_[sink].before->Add(static_cast<double>(before_trigger));
  sinks_[sink].after->Add(static_cast<double>(after_trigger));
}

void EngineMetrics::NoteCarried(std::size_t sink, std::int64_t rows) {
  sinks_[sink].carried->Set(static_cast<double>(rows));
}

void EngineMetrics::NoteCommitted(std::int64_t epoch, std::int64_t rows, std::int64_t micros) {
  epochs_->Add(1);
  rows_out_counter_->Add(static_cast<double>(rows));
  epoch_gauge_->Set(static_cast<double>(epoch));
  epoch_seconds_->Set(static_cast<double>(micros) / 1e6);
  glue_batch_time_->Set(static_cast<double>(micros) / 1e3);
  NoteMemory();
  rows_out_.fetch_add(rows, std::memory_order_relaxed);
  committed_epochs_.fetch_add(1, std::memory_order_relaxed);
}

Progress EngineMetrics::Snapshot() const {
  Progress progress;
  progress.epoch = epoch_;
  progress.records = records_ + open_records_;
  progress.rows_out = rows_out_;
  progress.rejects = rejects_ + open_rejects_;
  progress.lag = lag_;
  progress.committed_epochs = committed_epochs_;
  progress.memory_bytes = ResidentBytes();
  progress.recovering = recovering_;
  return progress;
}

std::int64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  long long size = 0;
  long long resident = 0;
  int read = std::fscanf(file, "%lld %lld", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace sluice
