#include "record/arrow_error.h"

namespace sluice {

Error FromArrow(const arrow::Status& status) {
  if (status.IsOutOfMemory()) {
    return RemoteError("memory.exhausted", "out of memory: " + status.message() +
                                               "; raise maxMemory or lower the window");
  }
  if (status.IsIOError()) return RemoteError("storage.io", status.message());
  return BugError("Arrow: " + status.ToString());
}

}  // namespace sluice
