/// Takes the columns that a session's records showed into the job, between two sessions.
///
/// The job is planned anew with them. Columns that its steps or sinks cannot take (SQL that reads
/// another type, say) are found one by one and stay as they were while this process runs, so that
/// the others come nevertheless; the log names them.
#pragma once

#include <cstddef>
#include <map>

#include "core/result.h"
#include "engine/log_record.h"
#include "engine/pipeline.h"
#include "record/observed_type.h"

namespace sluice {

struct TakenColumns {
  PipelineSpec spec;       ///< The job with them.
  LearnedSchemas changed;  ///< For the log, before anything is read with them; may be empty.
};

/// `seen` is by index of the source; `learned` what the log has.
Result<TakenColumns> TakeColumns(const PipelineSpec& spec,
                                 const std::map<std::size_t, ObservedType>& seen,
                                 const LearnedSchemas& learned);

}  // namespace sluice
