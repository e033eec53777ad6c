/// What `sluice detect` says to people about one source.
#pragma once

#include <string>

#include "cli/sample_fit.h"
#include "job/job.h"
#include "job/learned_columns.h"

namespace sluice {

/// Columns and nested fields with their types, in how many rows each has a value, the kinds of
/// values there; then what is rescued, refused and not taken. REQUIRES: `source` detects, and
/// `counts` are those of the sample.
std::string PrintSample(const JobSource& source, const ObservedSample& observed,
                        const SampleCounts& counts);

}  // namespace sluice
