/// Named places where tests kill, stop or fail the process (reference: docs/exactly-once.md).
///
/// `FAILPOINT("K8")` does nothing in release builds: it is compiled out. Elsewhere the environment
/// variable SLUICE_FAILPOINTS arms points: "K8=kill" (SIGKILL at the first arrival), "K8:3=kill"
/// (at the third), "F7=error" (FAILPOINT_ERROR sites return an I/O error), "K9=stop" (SIGSTOP),
/// separated by commas. Every arrival of an armed point is counted; any thread may arrive. A point
/// that acts first says "failpoint NAME" on stderr. "*=count" counts all points and lists them at a
/// normal exit: "failpoint K7: 3 arrivals, can fail" (a FAILPOINT_ERROR site).
#pragma once

#include "core/result.h"

namespace sluice {

/// Where the points are and what each proves: docs/exactly-once.md.
#ifdef SLUICE_FAILPOINTS
void HitFailpoint(const char* name);
Result<void> HitFailpointOrError(const char* name);
#define FAILPOINT(name) ::sluice::HitFailpoint(name)
#define FAILPOINT_ERROR(name) ::sluice::HitFailpointOrError(name)
#else
#define FAILPOINT(name) static_cast<void>(0)
#define FAILPOINT_ERROR(name) ::sluice::Result<void>()
#endif

}  // namespace sluice
