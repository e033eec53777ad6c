/// One reading thread: some splits of one source, from the fetch to the sinks' queues.
///
/// Fetch, decode and row-by-row steps run on this thread, one batch at a time, so that a batch has
/// one owner and nothing is read that is not also handed on: the cut between epochs needs no flush.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "engine/engine_metrics.h"
#include "engine/epoch_gate.h"
#include "engine/row_delivery.h"
#include "engine/schema_watch.h"
#include "engine/stage.h"

namespace sluice {

struct ReaderLaneOptions {
  std::size_t source = 0;  ///< Index in spec->sources.
  std::vector<SplitStart> starts;
  std::map<SplitId, Position> ends;   ///< With until_caught_up: where to stop reading.
  const Source* positions = nullptr;  ///< For comparing positions; its const methods only.
  SchemaWatch* watch = nullptr;
};

class ReaderLane {
 public:
  /// Starts the thread. All but `options` must outlive the lane.
  ReaderLane(const Stage* stage, EpochGate* gate, EngineMetrics* metrics,
             std::unique_ptr<SplitReader> reader, std::unique_ptr<BatchDecoder> decoder,
             std::unique_ptr<RowDelivery> delivery, ReaderLaneOptions options);
  /// REQUIRES: errors->aborted() and Wake was called, or the thread would not end.
  ~ReaderLane();

  /// A split that appeared while running; read from the next batch on.
  void Add(SplitStart start);
  void Wake() { reader_->Wake(); }
  /// Where it has read to, for lag.
  std::vector<SplitStart> Positions() const;

 private:
  void Run();
  Result<void> Loop();
  Result<void> TakeNewSplits();
  Result<void> HandOn(std::shared_ptr<const RawBatch> raw);
  void NoteWaiting(const Error& error);
  Result<void> Accept(RawBatch* raw, std::int64_t* redelivered);
  void Cut();
  void NoteCaughtUp();

  const Stage* const stage_;
  EpochGate* const gate_;
  EngineMetrics* const metrics_;
  const std::unique_ptr<SplitReader> reader_;
  const std::unique_ptr<BatchDecoder> decoder_;
  const std::unique_ptr<RowDelivery> delivery_;
  const ReaderLaneOptions options_;

  // Of the lane's thread.
  EpochInfo epoch_;
  EpochCounts counts_;
  std::map<SplitId, Position> moved_;
  bool caught_up_ = false;
  bool holding_ = false;  ///< A batch was not handed on; nothing more is, in this session.
  /// A batch that needs a schema which cannot be had yet. Nothing is read meanwhile, and epochs go
  /// on without it.
  std::shared_ptr<const RawBatch> waiting_;
  std::int64_t waiting_since_ = 0;

  mutable std::mutex mutex_;
  std::map<SplitId, SplitStart> positions_;
  std::vector<SplitStart> added_;
  std::thread thread_;
};

}  // namespace sluice
