/// Lets TRY take arrow::Status and arrow::Result. Include it in every file that does.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include "core/result.h"

namespace sluice {

/// Out of memory is Blame::kRemote and may be retried; an I/O error is Blame::kRemote with Arrow's
/// text (errno included); Invalid and TypeError are bugs here, since data are checked before Arrow
/// sees them.
Error FromArrow(const arrow::Status& status);

inline bool IsOk(const arrow::Status& status) { return status.ok(); }
inline Error TakeError(arrow::Status&& status) { return FromArrow(status); }
inline void TakeValue(arrow::Status&&) {}

template <typename T>
bool IsOk(const arrow::Result<T>& result) {
  return result.ok();
}
template <typename T>
Error TakeError(arrow::Result<T>&& result) {
  return FromArrow(result.status());
}
template <typename T>
T TakeValue(arrow::Result<T>&& result) {
  return std::move(result).ValueUnsafe();
}

}  // namespace sluice
