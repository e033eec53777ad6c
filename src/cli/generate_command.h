/// `sluice generate`: the deterministic click events, to standard output, a file or a Kafka topic.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "cli/click_events.h"
#include "cli/command.h"
#include "cli/kafka_producer.h"
#include "core/result.h"

namespace sluice {

struct GenerateOptions {
  std::int64_t records = 0;
  std::int64_t first = 0;  ///< Index of the first event: later runs can go on where one ended.
  std::uint64_t seed = 1;
  std::optional<std::int64_t> start_millis;  ///< Time of event 0; default ClickEvents'.
  double rate = 0;                           ///< Records per second; 0 = as fast as it goes.
  std::string out;  ///< A file; empty = standard output, unless there is a topic.
  std::optional<ProducerOptions> kafka;  ///< Messages, keyed by user_id as text.
};

/// JSON lines to `out` or the file; a file is written under a hidden name and renamed once it is
/// whole, so that a files source can watch its folder. `progress`, if set, is called about four
/// times a second with the number of events made so far. The rate changes when events are written,
/// not what they say.
Result<void> Generate(const GenerateOptions& options, std::ostream& out,
                      const std::function<void(std::int64_t)>& progress);

void AddGenerateCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
