/// From lines of dead letters to rows, each on its way into the job.
///
/// What cannot enter, and what is refused once more, is a reject like any other: it becomes a new
/// dead letter that leads to the first one's record.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "decode/message_decoder.h"
#include "job/letter.h"
#include "job/replay_routes.h"
#include "record/raw_batch.h"

namespace sluice {

/// Messages out of dead letters, all on one way. Owns the letters.
class LetterBatch final : public RawBatch {
 public:
  void Add(Letter letter, const ReplayWay& way);

  std::string Origin(std::size_t record) const override { return letters_[record].about.origin; }
  const PastLetter* past(std::size_t record) const override { return &letters_[record].about; }
  Result<std::vector<std::shared_ptr<arrow::Array>>> ExtraColumns(
      const std::vector<std::uint32_t>& record_of_row) const override;

  const ReplayWay& way(std::size_t record) const { return ways_[record]; }

 private:
  std::deque<Letter> letters_;  ///< A deque: records point into it.
  std::vector<ReplayWay> ways_;
};

/// One thread at a time.
class ReplayDecoder final : public BatchDecoder {
 public:
  static Result<std::unique_ptr<ReplayDecoder>> Make(std::shared_ptr<const ReplayRoutes> routes);

  /// `raw` has lines of dead-letter files. Those of other jobs are left out.
  Result<void> Decode(const std::shared_ptr<const RawBatch>& raw, const Take& take) override;

 private:
  /// The letters of a batch of lines.
  struct Sorted {
    std::vector<std::shared_ptr<LetterBatch>> by_entry;
    std::vector<Reject> rejects;  ///< Of those at kNowhere.
  };
  explicit ReplayDecoder(std::shared_ptr<const ReplayRoutes> routes);
  Result<void> Sort(const RawBatch& raw, std::size_t record, Sorted* sorted) const;

  std::shared_ptr<const ReplayRoutes> routes_;
  std::vector<std::unique_ptr<MessageDecoder>> decoders_;  ///< By entry.
};

}  // namespace sluice
