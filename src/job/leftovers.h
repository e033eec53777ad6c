/// What attempts of a job have staged in its targets and nobody will publish.
///
/// The rule: an attempt lower than one's own may be removed, but never what a decision that the log
/// retains names, however old its epoch. What another checkpoint staged is left alone unless it is
/// asked for by its id, since only its user knows that it is gone.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "job/job.h"
#include "job/parts.h"
#include "sink/sink.h"

namespace sluice {

enum class LeftoverState {
  kGarbage,  ///< Of an attempt that is over; or of the other checkpoint that was asked for.
  kKept,     ///< A retained decision names it.
  kOpen,     ///< Of an attempt that may be going on.
  kOther,    ///< Of another checkpoint.
};

/// Who asks, and about what.
struct LeftoverRule {
  std::string checkpoint_id;  ///< "": there is no checkpoint.
  AttemptId mine;             ///< Attempts below it are over.
  std::string other;          ///< Id of another checkpoint, or its first 8 digits; "": none.
};

LeftoverState JudgeLeftover(const LeftoverRule& rule, const Leftover& leftover);

struct FoundLeftover {
  std::string sink;  ///< Into whose target it was staged; "dead letters".
  Leftover leftover;
  LeftoverState state;
};

/// Lists what lies staged in all targets of the job, sorted by sink and place; with `remove`, what
/// is garbage is removed. `contents` is null if there is no checkpoint. REQUIRES for `remove`: this
/// process is the writer, and `rule.mine` its own.
Result<std::vector<FoundLeftover>> FindLeftovers(const Job& job, const Parts& parts,
                                                 const LogContents* contents,
                                                 const LeftoverRule& rule, bool remove);

}  // namespace sluice
