/// A source, a format, a table and a sink with a few options and no behaviour, for tests of the job
/// loader.
#pragma once

#include <memory>

#include "job/parts.h"

namespace sluice {

/// source "queue" (topicName, servers, password, kafka.*), format "text" (separator), table
/// "shelf" (path, password), which is empty, sink "folder" (path, keys), all of which check their
/// options only.
std::unique_ptr<Parts> FakeParts();

}  // namespace sluice
