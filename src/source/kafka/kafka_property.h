/// Which `kafka.*` names of a job reach librdkafka.
///
/// An allowlist: a property that runs a command, loads code, reads a file or fetches a URL
/// (sasl.kerberos.kinit.cmd, plugin.library.paths, ssl.engine.*, *.location, ...) cannot be set,
/// nor one that would break exactly once (isolation.level) or the job's memory bound (queued.*).
/// Both Java's names (Apache Kafka consumer configuration) and librdkafka's (CONFIGURATION.md) are
/// known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace sluice {

/// The property of librdkafka for `name` (without "kafka.") and `value`; nothing if the name is
/// accepted and has no effect here. A user error names the refused property, the reason and what to
/// use instead; it never repeats the value.
Result<std::optional<std::pair<std::string, std::string>>> TranslateKafkaProperty(
    std::string_view name, const std::string& value);

}  // namespace sluice
