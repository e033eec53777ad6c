/// Where a job's checkpoint lies: a local folder of its owner's, or on a remote storage.
#pragma once

#include <memory>
#include <string>

#include "core/options.h"
#include "core/result.h"
#include "job/job.h"
#include "job/parts.h"
#include "storage/storage.h"

namespace sluice {

/// That of `job`; with `create`, the folder is made.
Result<std::unique_ptr<Storage>> OpenCheckpoint(const Job& job, const Parts& parts, bool create);

/// The one at `location`, for looking; a remote storage is found by the environment alone.
Result<std::unique_ptr<Storage>> OpenCheckpointAt(const std::string& location, const Parts& parts);

}  // namespace sluice
