#include "cli/checkpoint_command.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/checkpoint_gc.h"
#include "engine/checkpoint_log.h"
#include "job/checkpoint_storage.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

struct Args {
  std::string directory;
  bool json = false;
};

/// A token or settings: JSON of the sink's own.
Json Parsed(const std::string& text) {
  Json json = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json(text) : json;
}

std::int64_t CarriedRows(const SinkDecision& sink) {
  std::int64_t rows = 0;
  for (const CarriedArtefact& one : sink.carried) rows += one.rows;
  return rows;
}

Json SinkJson(const SinkDecision& sink) {
  return {{"name", sink.name},
          {"type", sink.type},
          {"rows", sink.rows},
          {"bytes", sink.bytes},
          {"artefacts", sink.artefacts},
          {"carriedRows", CarriedRows(sink)},
          {"carriedArtefacts", sink.carried.size()},
          {"settings", Parsed(sink.settings)},
          {"token", sink.token.empty() ? Json() : Parsed(sink.token)}};
}

Json DecisionJson(const DecisionRecord& decision) {
  Json sinks = Json::array();
  for (const SinkDecision& sink : decision.sinks) sinks.push_back(SinkJson(sink));
  Json counts = Json::object();
  for (const NamedCount& count : decision.counts) counts[count.name] = count.value;
  Json schemas = Json::object();
  for (const auto& [name, ddl] : decision.schemas) schemas[name] = ddl;
  Json out = {{"epoch", decision.epoch},   {"now", decision.now},
              {"sealed", decision.sealed}, {"attempt", decision.attempt.ToString()},
              {"schemas", schemas},        {"sinks", sinks}};
  if (!decision.dead_letters.name.empty()) out["deadLetters"] = SinkJson(decision.dead_letters);
  out["counts"] = counts;
  return out;
}

std::string ContentsJson(const std::string& location, const LogContents& contents) {
  Json positions = Json::array();
  for (const SplitPosition& position : contents.positions) {
    positions.push_back({{"source", position.source},
                         {"split", position.split},
                         {"position", position.position},
                         {"identity", position.identity}});
  }
  Json decisions = Json::array();
  for (const DecisionRecord& decision : contents.decisions) {
    decisions.push_back(DecisionJson(decision));
  }
  Json slots = Json::array();
  for (const LogContents::Entry& entry : contents.entries) {
    slots.push_back({{"slot", entry.number}, {"kind", entry.kind}});
  }
  Json out = {{"location", location},
              {"checkpointId", contents.checkpoint_id},
              {"job", contents.start.job},
              {"started", contents.start.time},
              {"writer", contents.writer},
              {"committedEpoch", contents.committed ? Json(*contents.committed) : Json()},
              {"uncommittedEpoch",
               contents.uncommitted() != nullptr ? Json(contents.uncommitted()->epoch) : Json()},
              {"positions", positions},
              {"decisions", decisions},
              {"slots", slots}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string SinkLine(const SinkDecision& sink) {
  return "  " + sink.name + " (" + sink.type + ")  " + std::to_string(sink.rows) + " rows, " +
         FormatBytes(sink.bytes) + ", " + std::to_string(sink.artefacts) + " files" +
         (sink.carried.empty() ? ""
                               : ", " + std::to_string(CarriedRows(sink)) + " rows carried over") +
         "\n";
}

std::string ContentsText(const std::string& location, const LogContents& contents) {
  std::string out = "checkpoint " + location + "\n";
  out += "  id       " + contents.checkpoint_id + "\n";
  out += "  job      " + contents.start.job + ", first started " + contents.start.time + "\n";
  out += "  writer   the process of slot " + std::to_string(contents.writer) + "\n";
  if (!contents.entries.empty()) {
    out += "  log      slots " + std::to_string(contents.entries.front().number) + " to " +
           std::to_string(contents.last_slot) + "\n";
  }
  out += "  epochs   ";
  if (contents.committed) {
    out += std::to_string(*contents.committed) + " committed";
  } else {
    out += contents.decisions.empty() ? "none decided yet" : "none committed yet";
  }
  if (const DecisionRecord* open = contents.uncommitted()) {
    out += "; " + std::to_string(open->epoch) +
           " is decided and not committed: the next run commits it first";
  }
  out += "\n\nnext positions\n";
  for (const SplitPosition& position : contents.positions) {
    out += "  " + position.source + "  " + position.split + "  " + position.position + "\n";
  }
  if (const DecisionRecord* last = contents.last_decision()) {
    out += "\nepoch " + std::to_string(last->epoch) + ", sealed " + last->sealed + "\n";
    for (const SinkDecision& sink : last->sinks) out += SinkLine(sink);
    if (!last->dead_letters.name.empty()) out += SinkLine(last->dead_letters);
    out += "\ncounts of epoch " + std::to_string(last->epoch) + "\n";
    for (const NamedCount& count : last->counts) {
      out += "  " + count.name + ": " + std::to_string(count.value) + "\n";
    }
  }
  for (const std::string& stray : contents.strays) {
    out += "\nnot part of the log, removed at a later compaction: " + stray + "\n";
  }
  return out;
}

Result<int> Show(CommandContext& context, const Args& args) {
  TRY(std::unique_ptr<Storage> storage, OpenCheckpointAt(args.directory, context.parts));
  TRY(std::optional<LogContents> contents, ReadLog(storage.get()));
  if (!contents.has_value()) {
    return UserError("checkpoint.absent",
                     "there is no checkpoint in " + args.directory +
                         "; give the folder that the job's checkpointLocation names");
  }
  context.out << (args.json ? ContentsJson(storage->location(), *contents)
                            : ContentsText(storage->location(), *contents));
  return 0;
}

void AddGarbageCommand(CLI::App* group, CommandContext& context) {
  auto args = std::make_shared<GarbageArgs>();
  CLI::App* command =
      group->add_subcommand("gc", "Remove what ended attempts of a job left staged in its targets");
  command->add_option("JOB", args->job, "The job file")->required();
  command->add_flag("--dry-run", args->dry_run, "Only list it; the job may run meanwhile");
  command->add_option("--checkpoint-id", args->checkpoint_id,
                      "Also what this other checkpoint left, which must be gone for good: an epoch "
                      "that it decided and did not commit would be lost");
  command->add_flag("--json", args->json, "As JSON, with all that lies staged");
  command->footer(
      "Each start of the job does the same for its own checkpoint. No reader sees what is staged.\n"
      "Examples:\n"
      "  sluice checkpoint gc clicks.yaml --dry-run\n"
      "  sluice checkpoint gc clicks.yaml --checkpoint-id 5b9028015aec7b74e9fe1e00b19b8471");
  command->callback([&context, args] { Finish(context, CollectGarbage(context, *args)); });
}

}  // namespace

void AddCheckpointCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* group =
      app.add_subcommand("checkpoint", "Look into a job's checkpoint, and tidy up after it");
  group->require_subcommand(1);
  group->footer(
      "Examples:\n"
      "  sluice checkpoint show ./state/clicks\n"
      "  sluice checkpoint show ./state/clicks --json\n"
      "  sluice checkpoint gc clicks.yaml --dry-run");
  CLI::App* command =
      group->add_subcommand("show", "Print the log: positions, epochs, sinks, artefacts");
  command->add_option("DIR", args->directory, "The job's checkpointLocation")->required();
  command->add_flag("--json", args->json, "As JSON, with every retained epoch");
  command->footer(
      "Examples:\n"
      "  sluice checkpoint show ./state/clicks\n"
      "  sluice checkpoint show ./state/clicks --json");
  command->callback([&context, args] { Finish(context, Show(context, *args)); });
  AddGarbageCommand(group, context);
}

}  // namespace sluice
