/// Messages that are in memory already: files given to `sluice decode`, the messages of a test
/// case.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "record/raw_batch.h"

namespace sluice {

class MemoryBatch final : public RawBatch {
 public:
  MemoryBatch() { ranges.push_back({".", "", ""}); }

  /// `line` is where the message stands in `path`, 0 if it is all of it. No bytes: a tombstone.
  void Add(std::string path, std::int64_t line, const std::optional<std::string>& message) {
    messages_.push_back({std::move(path), message.value_or("")});
    RawRecord record;
    record.data = message.has_value() ? messages_.back().bytes.data() : nullptr;
    record.size = messages_.back().bytes.size();
    record.sequence = line;
    bytes += record.size;
    records.push_back(record);
  }

  /// {"path":"a.json","line":3}
  std::string Origin(std::size_t record) const override;
  const std::string& path(std::size_t record) const { return messages_[record].path; }

 private:
  struct Message {
    std::string path;
    std::string bytes;
  };
  std::deque<Message> messages_;  ///< A deque: records point into short strings too.
};

}  // namespace sluice
