/// What a source delivers: messages as bytes, with their place in the stream.
#pragma once

#include <arrow/type_fwd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "record/past_letter.h"

namespace sluice {

/// Name of a split within its source: "clicks/3" for a Kafka partition, a shard id, a folder.
/// Opaque.
using SplitId = std::string;

/// The next position to read in a split. Opaque text that only its source understands; ordered
/// within a split by Source::ComparePositions. It may point inside a message.
using Position = std::string;

/// A message. `data` is nullptr for a tombstone (a Kafka null value); an empty message has size 0.
struct RawRecord {
  const char* data = nullptr;
  std::size_t size = 0;
  std::uint32_t range = 0;  ///< Index into RawBatch::ranges: the split it came from.
  std::int64_t sequence =
      0;  ///< Kafka offset, line number...: meaning is the source's, see Origin.
  std::int64_t timestamp = -1;  ///< Broker's or file's time, microseconds since 1970; -1 unknown.
  std::string_view view() const { return {data, size}; }
};

/// The part of one split that a batch covers: everything in [from, to), holes included.
struct SplitRange {
  SplitId split;
  Position from;
  Position to;
};

/// A batch of messages of one or more splits, in split order. Owns (or keeps alive) the bytes its
/// records point to. Read-only after the source returned it; safe to read from any thread.
/// A batch may have ranges without records: positions move past holes and aborted transactions.
class RawBatch {
 public:
  virtual ~RawBatch() = default;

  std::vector<RawRecord> records;
  std::vector<SplitRange> ranges;
  std::size_t bytes = 0;  ///< Sum of the sizes, for memory accounting and maxBytesPerTrigger.

  /// Where a record came from, as a JSON object for dead letters:
  /// {"topic":..,"partition":..,"offset":..}.
  virtual std::string Origin(std::size_t record) const = 0;

  /// The dead letter out of which a record is read again; null for one that came from a source.
  virtual const PastLetter* past(std::size_t record) const {
    (void)record;
    return nullptr;
  }

  /// The value of a header of the message, as Kafka's have them; the last of several. Nullopt: it
  /// has none of this name.
  virtual std::optional<std::string_view> Header(std::size_t record, const char* name) const {
    (void)record;
    (void)name;
    return std::nullopt;
  }

  /// The source's own columns (Source::extra_fields, same order) with one value for each entry of
  /// `record_of_row`. Sources without such columns return none.
  virtual Result<std::vector<std::shared_ptr<arrow::Array>>> ExtraColumns(
      const std::vector<std::uint32_t>& record_of_row) const;
};

}  // namespace sluice
