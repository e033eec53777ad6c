/// Rows on standard output, for looking at a job while it runs. Options as Spark's console sink.
///
/// Nothing is staged: an attempt keeps the first rows of its epoch and counts the rest, and its
/// token holds what Commit prints (console_epoch.h). What has been printed cannot be taken back or
/// looked up, so that an epoch whose process dies between its print and its commit record is
/// printed once more by the next one, the same rows; never an epoch that was not decided.
///
/// REQUIRES: SIGPIPE is ignored. A reader that went away is the error "console.closed", at the
/// start or at a commit; the epoch stays decided, and the next start prints and commits it. A disk
/// behind standard output that is full is "console.write", tried again.
#pragma once

#include "sink/sink.h"

namespace sluice {

/// `output` is a descriptor that stays open.
SinkEntry ConsoleSinkEntry(int output = 1);

}  // namespace sluice
