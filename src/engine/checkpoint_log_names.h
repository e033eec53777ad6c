/// Names within a checkpoint, shared by the log's reader and writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/storage.h"

namespace sluice {

inline constexpr char kStartName[] = "start";

std::string SlotName(const std::string& folder, std::int64_t number);
/// Of the process whose slot made it the writer.
std::string HeartbeatName(const std::string& folder, std::int64_t writer);

struct SlotList {
  std::vector<std::int64_t> numbers;  ///< Ascending.
  std::size_t first_of_run = 0;       ///< Index of the first of the newest unbroken run.
};
Result<SlotList> ListSlots(Storage* storage, const std::string& folder);

}  // namespace sluice
