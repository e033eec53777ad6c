/// How the records of a sample fit the columns that were learned from it.
///
/// The sample is kept, and decoded once more with those columns: what would be rescued or refused
/// is counted, not estimated.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/memory_batch.h"
#include "decode/compression.h"
#include "job/job.h"
#include "record/reject.h"

namespace sluice {

struct SampleCounts {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  std::int64_t tombstones = 0;
  std::int64_t rows = 0;
  std::int64_t rejects = 0;
  Reject first_reject;
  std::array<std::int64_t, kNumCodecs> decompressed{};
  /// Rows that have a value at a column, or at a field of a struct: `geo.lat`. Values in `_rescued`
  /// are none.
  std::map<std::string, std::int64_t> filled;
  /// Values in `_rescued`, by path, with `[]` for every index, and reason. Later ones than the
  /// first thousand such pairs are only in the sum.
  std::map<std::pair<std::string, std::string>, std::int64_t> rescued;
  std::int64_t rescued_values = 0;
  std::int64_t rescued_rows = 0;
};

/// One thread.
class SampleFit {
 public:
  void Keep(const RawBatch& raw);
  /// REQUIRES: source.detects; its columns are source.known.
  Result<SampleCounts> Count(const JobSource& source) const;

 private:
  std::vector<std::shared_ptr<const MemoryBatch>> batches_;
};

}  // namespace sluice
