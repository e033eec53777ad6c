#include "cli/checkpoint_gc.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "cli/job_run.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/text_table.h"
#include "core/units.h"
#include "engine/log_garbage.h"
#include "job/checkpoint_storage.h"
#include "job/leftovers.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kFewestDigits = 8;
constexpr std::size_t kCellWidth = 1'000;

/// The log as it was found, or as this process holds it.
struct HeldLog {
  std::unique_ptr<Storage> storage;
  std::unique_ptr<OpenLog> log;  ///< Of a writer.
  std::optional<LogContents> contents;
  AttemptId mine;
};

Result<void> CheckArgs(const GarbageArgs& args) {
  std::error_code ignored;
  if (IsRemote(args.job) || std::filesystem::is_directory(args.job, ignored)) {
    return UserError("checkpoint.job",
                     args.job + " is no job file; give that, since it says where the sinks write");
  }
  const std::string& id = args.checkpoint_id;
  if (id.empty()) return {};
  if (id.find_first_not_of("0123456789abcdef") != std::string::npos || id.size() > kIdDigits ||
      id.size() < kFewestDigits) {
    return UserError("checkpoint.id", "--checkpoint-id '" + id.substr(0, 60) +
                                          "' is no checkpoint's id, which has 32 hex digits, or "
                                          "its first 8 or more; `--dry-run` lists them");
  }
  return {};
}

/// For looking: attempts of the last writer count as over only if its process is known to be.
Result<void> Look(HeldLog* held) {
  TRY(held->contents, ReadLog(held->storage.get()));
  if (!held->contents.has_value()) return {};
  TRY(const bool gone, WriterIsGone(held->storage.get(), *held->contents));
  held->mine = {gone ? held->contents->last_slot + 1 : held->contents->writer, 0};
  return {};
}

Result<void> TakeOver(const Job& job, HeldLog* held) {
  held->log = std::make_unique<OpenLog>(held->storage.get());
  TRY(held->log->Open(job));
  const CheckpointLog& log = *held->log->get();
  if (log.fresh()) return {};
  held->contents = log.contents();
  held->mine = {log.writer(), 0};
  return {};
}

Result<HeldLog> Hold(CommandContext& context, const Job& job, bool take_over) {
  HeldLog held;
  auto storage = OpenCheckpoint(job, context.parts, /*create=*/false);
  if (!storage.ok()) {
    const std::string& location = job.checkpoint_location;
    if (IsRemote(location) || std::filesystem::exists(location)) return std::move(storage).error();
    return held;
  }
  held.storage = *std::move(storage);
  TRY(std::optional<LogContents> there, ReadLog(held.storage.get()));
  if (!there.has_value()) return held;
  // Before anything is written to it.
  if (!there->start.job.empty() && there->start.job != job.name) {
    return UserError("checkpoint.foreign", "the checkpoint " + job.checkpoint_location +
                                               " belongs to the job '" + there->start.job +
                                               "', and this is '" + job.name + "'")
        .At(job.file);
  }
  if (take_over) {
    TRY(TakeOver(job, &held));
  } else {
    TRY(Look(&held));
  }
  return held;
}

const char* StateName(LeftoverState state) {
  switch (state) {
    case LeftoverState::kGarbage:
      return "garbage";
    case LeftoverState::kKept:
      return "kept";
    case LeftoverState::kOpen:
      return "open";
    case LeftoverState::kOther:
      return "other";
  }
  return "";
}

std::string ListJson(const HeldLog& held, const std::vector<FoundLeftover>& found, bool dry_run) {
  Json leftovers = Json::array();
  for (const FoundLeftover& one : found) {
    const Leftover& of = one.leftover;
    leftovers.push_back(
        {{"sink", one.sink},
         {"state", StateName(one.state)},
         {"removed", !dry_run && one.state == LeftoverState::kGarbage},
         {"checkpointId", of.checkpoint},
         {"epoch", of.epoch},
         {"attempt", of.attempt.ToString()},
         {"bytes", of.bytes < 0 ? Json() : Json(of.bytes)},
         {"since", of.since_micros < 0 ? Json() : Json(FormatTimestamp(of.since_micros))},
         {"place", of.place}});
  }
  const Json out = {{"checkpointId", held.contents ? Json(held.contents->checkpoint_id) : Json()},
                    {"dryRun", dry_run},
                    {"leftovers", leftovers}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Age(std::int64_t since_micros, std::int64_t now_micros) {
  if (since_micros < 0) return "";
  const std::int64_t seconds = std::max<std::int64_t>(now_micros - since_micros, 0) / 1'000'000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800) return std::to_string(seconds / 3'600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

std::string Counted(std::size_t count) {
  return FormatCount(static_cast<std::int64_t>(count)) + (count == 1 ? " leftover" : " leftovers");
}

std::vector<const FoundLeftover*> Of(const std::vector<FoundLeftover>& found, LeftoverState state) {
  std::vector<const FoundLeftover*> of;
  for (const FoundLeftover& one : found) {
    if (one.state == state) of.push_back(&one);
  }
  return of;
}

std::string ListTable(const std::vector<const FoundLeftover*>& found) {
  TextTable table;
  table.names = {"sink", "checkpoint", "epoch", "attempt", "size", "age", "place"};
  table.types.assign(table.names.size(), "");
  table.right = {false, false, true, true, true, true, false};
  const std::int64_t now = Clock::System().WallMicros();
  for (const FoundLeftover* one : found) {
    const Leftover& of = one->leftover;
    table.rows.push_back({one->sink, of.checkpoint, std::to_string(of.epoch), of.attempt.ToString(),
                          of.bytes < 0 ? "" : FormatBytes(of.bytes), Age(of.since_micros, now),
                          of.place});
  }
  return PrintTable(table, kCellWidth);
}

std::string ListText(const std::vector<FoundLeftover>& found, bool dry_run) {
  std::string out;
  const auto garbage = Of(found, LeftoverState::kGarbage);
  if (garbage.empty()) {
    out += dry_run ? "nothing to remove\n" : "nothing was to be removed\n";
  } else {
    out += Counted(garbage.size()) + (dry_run ? " to remove\n" : " removed\n") + ListTable(garbage);
  }
  if (const auto open = Of(found, LeftoverState::kOpen); !open.empty()) {
    out += "\n" + Counted(open.size()) + " of an attempt that may be going on\n" + ListTable(open);
  }
  if (const auto other = Of(found, LeftoverState::kOther); !other.empty()) {
    out +=
        "\n" + Counted(other.size()) +
        " of other checkpoints: stays, unless --checkpoint-id names one that is gone for good\n" +
        ListTable(other);
  }
  if (const auto kept = Of(found, LeftoverState::kKept); !kept.empty()) {
    out += "\n" + FormatCount(static_cast<std::int64_t>(kept.size())) +
           " staged of decided epochs: no leftover, the next run needs it\n";
  }
  return out;
}

}  // namespace

Result<int> CollectGarbage(CommandContext& context, const GarbageArgs& args) {
  // Taking over may mean waiting, which is said.
  ConfigureLogging(args.dry_run ? LogLevel::kWarn : LogLevel::kInfo, LogFormat::kText);
  TRY(CheckArgs(args));
  TRY(const Job job, LoadJob(args.job, context.parts));
  TRY(HeldLog held, Hold(context, job, !args.dry_run));
  LeftoverRule rule;
  if (held.contents) rule.checkpoint_id = held.contents->checkpoint_id;
  rule.mine = held.mine;
  rule.other = args.checkpoint_id;
  if (!rule.other.empty() && rule.checkpoint_id.starts_with(rule.other)) {
    return UserError("checkpoint.id", "--checkpoint-id " + rule.other +
                                          " is this job's own checkpoint, whose leftovers are "
                                          "collected anyway; leave the option off");
  }
  auto found = FindLeftovers(job, context.parts, held.contents ? &*held.contents : nullptr, rule,
                             !args.dry_run);
  if (!found.ok()) return std::move(found).error();
  context.out << (args.json ? ListJson(held, *found, args.dry_run)
                            : ListText(*found, args.dry_run));
  return 0;
}

}  // namespace sluice
