/// The bytes of one slot of the checkpoint log.
///
///   sluice-slot 1 <checkpoint id> <slot number> <kind> <payload bytes> <crc32c, 8 hex digits>\n
///   <payload: a JSON object>\n
/// The checksum covers the header line up to itself and the payload, so that a slot which was
/// swapped with another one, renamed or taken from another checkpoint does not pass. Text, so that
/// `cat` can read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

struct SlotBytes {
  std::string checkpoint_id;
  std::int64_t number = 0;
  std::string kind;
  std::string payload;
};

std::string FormatSlot(const SlotBytes& slot);

/// `name` is for messages. Errors: checkpoint.damaged (checksum, length, form), checkpoint.version
/// (written by a newer sluice).
Result<SlotBytes> ParseSlot(std::string_view bytes, const std::string& name);

}  // namespace sluice
