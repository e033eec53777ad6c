#include "source/files/files_batch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace sluice {

std::string FilesBatch::Origin(std::size_t record) const {
  const auto after = std::upper_bound(
      parts_.begin(), parts_.end(), record,
      [](std::size_t wanted, const Part& part) { return wanted < part.first_record; });
  const Part& part = *(after - 1);
  const RawRecord& at = records[record];
  nlohmann::ordered_json origin;
  origin["path"] = part.path;
  if (!part.whole) origin["line"] = at.sequence;
  origin["byte"] = part.base + (at.data - part.buffer);
  for (const Cut& cut : cuts_) {
    if (cut.record == record) origin["length"] = cut.length;
  }
  return origin.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void FilesBatch::BeginPart(std::string path, const char* buffer, std::int64_t base, bool whole) {
  if (!parts_.empty() && parts_.back().first_record == records.size()) parts_.pop_back();
  parts_.push_back({records.size(), std::move(path), buffer, base, whole});
}

void FilesBatch::Append(const char* data, std::size_t size, std::int64_t line,
                        std::int64_t timestamp) {
  RawRecord record;
  record.data = data;
  record.size = size;
  record.sequence = line;
  record.timestamp = timestamp;
  records.push_back(record);
  bytes += size;
}

void FilesBatch::MarkCut(std::int64_t length) { cuts_.push_back({records.size() - 1, length}); }

char* FilesBatch::NewBuffer(std::size_t size) {
  buffers_.push_back(std::make_unique_for_overwrite<char[]>(size));
  return buffers_.back().get();
}

}  // namespace sluice
