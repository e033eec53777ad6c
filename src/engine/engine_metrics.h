/// What the job tells about itself: Prometheus series and the live line's numbers.
///
/// Updated once per batch or per epoch, from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/metrics.h"
#include "decode/message_decoder.h"
#include "engine/counts.h"
#include "engine/pipeline.h"

namespace sluice {

class EngineMetrics {
 public:
  explicit EngineMetrics(const PipelineSpec& spec);

  /// A session begins: what is read but in no sealed epoch is read again.
  void NoteSession();
  /// After a batch of a source was handed on. `newest` is the broker's time of its last record, -1
  /// unknown.
  void NoteBatch(std::size_t source, const DecodedBatch& batch, std::int64_t newest_micros);
  void NoteTableRows(std::size_t table, std::int64_t rows);
  void NoteLag(std::size_t source, const std::string& split, std::int64_t records);
  void NoteMemory();
  /// A source has these columns now.
  void NoteColumns(std::size_t source, std::int64_t version);
  void NoteEarlySeal() { early_seals_->Add(1); }
  void NoteLoss(std::size_t source, std::int64_t records);
  void NoteSealed(std::int64_t epoch, const EpochCounts& counts, std::int64_t seal_micros);
  void NoteStaged(std::size_t sink, std::int64_t before_trigger, std::int64_t after_trigger);
  void NoteCarried(std::size_t sink, std::int64_t rows);
  /// How long it has been about one batch, one sealing or one commit.
  void NoteBusy(std::size_t sink, double seconds) { sinks_[sink].busy->Set(seconds); }
  /// From the epoch's trigger to its commit record.
  void NoteCommitted(std::int64_t epoch, std::int64_t rows, std::int64_t micros);

  Progress Snapshot() const;
  void SetEpoch(std::int64_t epoch) { epoch_ = epoch; }
  void SetLag(std::int64_t records) { lag_ = records; }
  void SetRecovering(bool recovering) { recovering_ = recovering; }

 private:
  struct OfSource {
    Counter* records;
    Counter* bytes;
    std::vector<Counter*> by_format;
    Counter* rejects;
    Counter* tombstones;
    Counter* lost;
    Counter* rescued = nullptr;  ///< Of a source that learns its columns; and so is the next.
    Gauge* columns_version = nullptr;
    std::atomic<std::int64_t> newest{-1};
    std::array<std::atomic<Counter*>, kNumCodecs> decompressed{};
  };
  struct OfSink {
    Counter* before;
    Counter* after;
    Gauge* carried;
    Gauge* busy;
  };
  Counter& Decompressed(std::size_t source, std::size_t codec);

  const PipelineSpec& spec_;
  std::vector<OfSource> sources_;
  std::vector<Counter*> tables_;  ///< Rows.
  std::vector<OfSink> sinks_;
  Counter* epochs_;
  Counter* rows_out_counter_;
  Counter* dead_letters_;
  Counter* early_seals_;
  Gauge* epoch_gauge_;
  Gauge* seal_seconds_;
  Gauge* epoch_seconds_;
  Gauge* memory_;
  Gauge* glue_records_;
  Gauge* glue_batch_time_;
  Gauge* glue_lag_;

  std::atomic<std::int64_t> epoch_{0};
  std::atomic<std::int64_t> lag_{0};
  /// Of sealed epochs, and of what is read since.
  std::atomic<std::int64_t> records_{0};
  std::atomic<std::int64_t> open_records_{0};
  std::atomic<std::int64_t> rejects_{0};
  std::atomic<std::int64_t> open_rejects_{0};
  std::atomic<std::int64_t> rows_out_{0};
  std::atomic<std::int64_t> committed_epochs_{0};
  std::atomic<bool> recovering_{false};
};

/// Resident memory of this process in bytes (proc(5), statm).
std::int64_t ResidentBytes();

}  // namespace sluice
