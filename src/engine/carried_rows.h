/// Rows of small epochs that wait beside the checkpoint until they are worth a file.
///
/// An artefact is an Arrow IPC stream, its buffers compressed, of at most a few MiB, under
///   CHECKPOINT/<id>/carried/<sink>/<epoch>-<attempt>-<n>
/// It is durable before the decision that names it, is never changed, and is named by every
/// decision until one has its rows in the sink. After that one's commit record it is removed; what
/// a crash leaves is collected by SweepCarried.
///
/// Order of rows is kept: artefacts in the order of the decision's list, rows in that of the
/// stream. Errors: the storage's; "checkpoint.damaged" for an artefact that is missing or not what
/// the decision says.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/log_record.h"
#include "record/schema.h"
#include "sink/sink.h"
#include "storage/storage.h"

namespace sluice {

/// Where one sink's artefacts of one attempt go. `storage` outlives all that uses it.
struct CarriedPlace {
  Storage* storage = nullptr;
  std::string folder;
  AttemptId attempt;
};
CarriedPlace PlaceForCarried(Storage* storage, const std::string& checkpoint_id,
                             const std::string& sink, AttemptId attempt);

using BatchReader = std::function<Result<void>(const std::shared_ptr<arrow::RecordBatch>&)>;

/// Reads one artefact and checks it whole before the first batch is given to `read`.
Result<void> ReadCarried(Storage* storage, const CarriedArtefact& artefact,
                         const BatchReader& read);

/// Of the first artefact's rows. REQUIRES: there is one.
Result<SchemaPtr> SchemaOfCarried(Storage* storage, const std::vector<CarriedArtefact>& artefacts);

/// Rows of one epoch on their way into artefacts. One thread. Destroyed before Take, it removes
/// what it wrote.
class CarriedWriter {
 public:
  CarriedWriter(CarriedPlace place, std::int64_t epoch);
  ~CarriedWriter();

  Result<void> Add(const arrow::RecordBatch& rows);
  std::int64_t rows() const { return rows_; }
  std::int64_t bytes() const;  ///< In artefacts, and in memory as they will be written.
  std::size_t memory() const;  ///< Of the artefact that is being made.
  /// Ends the last artefact; all of them, durable.
  Result<std::vector<CarriedArtefact>> Take();
  /// Reads all rows added so far, from memory too. No Add may follow.
  Result<void> ReadBack(const BatchReader& read);

 private:
  struct Stream;
  Result<std::string> EndStream();
  Result<void> PutStream();

  const CarriedPlace place_;
  const std::int64_t epoch_;
  std::unique_ptr<Stream> stream_;  ///< The one being made; null between two.
  std::vector<CarriedArtefact> artefacts_;
  std::int64_t rows_ = 0;
  std::int64_t written_bytes_ = 0;
};

/// What a sink carries from epoch to epoch within a session. One thread.
class CarriedRows {
 public:
  CarriedRows(CarriedPlace place, CarryOver rule) : place_(std::move(place)), rule_(rule) {}

  const CarriedPlace& place() const { return place_; }
  bool empty() const { return artefacts_.empty(); }
  std::int64_t rows() const;
  std::int64_t bytes() const;
  const std::vector<CarriedArtefact>& artefacts() const { return artefacts_; }
  /// When the rule says to write them at the latest; the maximum if nothing is carried. On the
  /// clock that Append was told.
  std::int64_t due_micros() const;
  /// Whether these rows, with `more` bytes of the epoch, are worth a file.
  bool Fills(std::int64_t more) const { return bytes() + more >= rule_.bytes; }

  Result<void> ReadAll(const BatchReader& read) const;
  /// Adds an epoch's rows, which were first seen at `since_micros`. Many small artefacts become
  /// few. Returns the names that this list no longer has.
  Result<std::vector<std::string>> Append(std::int64_t epoch, CarriedWriter* rows,
                                          std::int64_t since_micros);
  /// All are in the sink. Returns their names.
  std::vector<std::string> Clear();

 private:
  const CarriedPlace place_;
  const CarryOver rule_;
  std::vector<CarriedArtefact> artefacts_;
  std::int64_t since_micros_ = 0;
};

/// Removes artefacts of attempts lower than `mine` that no name in `keep` is.
Result<void> SweepCarried(Storage* storage, const std::string& checkpoint_id, AttemptId mine,
                          const std::set<std::string>& keep);

}  // namespace sluice
