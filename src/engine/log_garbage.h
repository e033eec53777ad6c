/// What the log says to whoever collects leftovers.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "engine/checkpoint_log.h"
#include "storage/storage.h"

namespace sluice {

/// Whether the process that wrote last is known to have ended, by its heartbeat.
Result<bool> WriterIsGone(Storage* storage, const LogContents& contents);

/// What sinks of this type decided and the log retains, whichever their names: none of it is a
/// leftover.
std::vector<std::string> RetainedTokens(const LogContents& contents, const std::string& type);

}  // namespace sluice
