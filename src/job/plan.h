/// A job whose schemas, SQL and targets have been checked against each other, without opening
/// a source or a target; tables are open.
#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "job/job.h"
#include "job/memory_shares.h"
#include "job/parts.h"
#include "record/schema.h"
#include "transform/transform.h"

namespace sluice {

struct PlannedSource {
  SchemaPtr declared;                                ///< Null if the job file declares none.
  std::vector<std::shared_ptr<arrow::Field>> extra;  ///< Columns of the source itself.
  SchemaPtr schema;  ///< Of the rows: the decoder's columns, then `extra`.
};

enum class PlanFor {
  kLooking,  ///< `check`, `preview`: makes no folder; SQL that runs in it cannot spill.
  kRunning,  ///< SQL may spill to the job's spool directory, which is made.
};

/// Parallel to the vectors of `job`.
struct Plan {
  Job job;
  std::vector<PlannedSource> sources;
  std::vector<std::shared_ptr<Transform>> steps;
  std::vector<SchemaPtr> sinks;
  std::vector<bool> open_sinks;  ///< Whether more columns may come; see SinkContext::open_columns.
  MemoryShares shares;
  PlanFor use = PlanFor::kLooking;
};

/// Opens tables that are not open yet; checks schemas, SQL, mappings and sinks; adds warnings about
/// what nobody reads. Errors blame the user and point into the job file, those of SQL into the
/// statement. `parts` must outlive the plan.
Result<Plan> MakePlan(Job job, const Parts& parts, PlanFor use);

/// What each of the job's sinks would read if these sources had these columns instead: rows as they
/// once were. Errors are those of MakePlan.
Result<std::vector<SchemaPtr>> SinkSchemasWith(const Job& job, const Parts& parts,
                                               const std::map<std::string, SchemaPtr>& rows);

/// For people: inputs, columns and types at every step, how each step runs, outputs. Holds no value
/// that is secret or came by reference. Ends with a line break.
std::string PrintPlan(const Plan& plan);

}  // namespace sluice
