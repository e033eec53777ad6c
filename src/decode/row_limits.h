/// Bounds of what one message may cause, for formats with many rows in a message; see
/// docs/limits.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

/// More values than this filled with null because they are not there, and the message is rejected:
/// a row of two bytes may stand for a thousand columns.
inline constexpr std::int64_t kMaxMissing = 16'000'000;

/// More row rejects than this, and the message is rejected as a whole: each takes far more memory
/// than the bytes that cause it.
inline constexpr std::size_t kMaxRowRejects = 10'000;

}  // namespace sluice
