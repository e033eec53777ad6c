/// Tables of a job: opened once, before its steps are planned, and read by the pipeline.
#pragma once

#include "core/result.h"
#include "job/job.h"

namespace sluice {

/// Opens those that are not open yet. With `wait`, one that is away is asked until it answers.
/// Errors are TableEntry::open's, with the place in the job file.
Result<void> OpenTables(Job* job, bool wait);

/// The table of this name, null if there is none.
const JobTable* FindTable(const Job& job, const std::string& name);

}  // namespace sluice
