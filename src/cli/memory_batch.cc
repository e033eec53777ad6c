#include "cli/memory_batch.h"

#include <nlohmann/json.hpp>

namespace sluice {

std::string MemoryBatch::Origin(std::size_t record) const {
  nlohmann::ordered_json origin;
  origin["path"] = messages_[record].path;
  if (records[record].sequence > 0) origin["line"] = records[record].sequence;
  return origin.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace sluice
