#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "engine/checkpoint_log.h"
#include "engine/checkpoint_log_names.h"

namespace sluice {
namespace {

/// The number in "<id>/slot-000000000012"; nullopt for other names.
std::optional<std::int64_t> SlotNumber(const std::string& folder, const std::string& name) {
  std::string prefix = folder + "/slot-";
  if (name.size() != prefix.size() + 12 || name.compare(0, prefix.size(), prefix) != 0) return {};
  std::int64_t number = 0;
  const char* first = name.data() + prefix.size();
  auto [end, code] = std::from_chars(first, name.data() + name.size(), number);
  if (code != std::errc() || end != name.data() + name.size() || number < 1) return {};
  return number;
}

Error Damaged(const std::string& what) {
  return {
      Blame::kRemote, Retry::kNo, "checkpoint.damaged",
      what +
          "; restore the checkpoint from a copy, or delete its folder to process everything anew"};
}

void SetPositions(std::map<std::pair<std::string, std::string>, SplitPosition>* positions,
                  const std::vector<SplitPosition>& splits) {
  for (auto split : splits) {
    split.from.clear();
    std::pair key{split.source, split.split};
    (*positions)[key] = std::move(split);
  }
}

using Positions = std::map<std::pair<std::string, std::string>, SplitPosition>;

/// Applies one more slot to what is known.
Result<void> Replay(const SlotBytes& slot, LogContents* contents, Positions* positions) {
  std::string name = SlotName(contents->checkpoint_id, slot.number);
  contents->entries.push_back({slot.number, slot.kind, slot.payload.size(), 0});
  if (slot.kind == "splits") {
    TRY(auto record, ParseStart(slot.payload, name));
    SetPositions(positions, record.splits);
    for (const auto& [source, schema] : record.learned) contents->learned[source] = schema;
    if (!record.learned.empty()) {
      contents->learned_entries.push_back(
          {slot.number, std::move(record.time), std::move(record.learned)});
    }
  } else if (slot.kind == "takeover") {
    TRY(auto record, ParseTakeover(slot.payload, name));
    contents->writer = slot.number;
  } else if (slot.kind == "decision") {
    TRY(auto record, ParseDecision(slot.payload, name));
    positions->clear();
    SetPositions(positions, record.positions);
    // The takeover itself may have been compacted away.
    contents->writer = std::max(contents->writer, record.attempt.writer);
    contents->entries.back().epoch = record.epoch;
    contents->Add(std::move(record));
  } else if (slot.kind == "commit") {
    TRY(auto record, ParseCommit(slot.payload, name));
    contents->committed = record.epoch;
  } else {
    return UserError("checkpoint.version", "the checkpoint file " + name + " is of kind '" +
                                               slot.kind +
                                               "', written by a newer sluice; run that one");
  }
  return {};
}

/// A folder without a start slot is a new checkpoint only if nothing else than the job's own side
/// folders lies there: slots without their start are damage, other files are somebody else's.
Result<void> CheckUnused(Storage* storage) {
  TRY(auto files, storage->List(""));
  for (const auto& file : files) {
    auto slash = file.name.find('/');
    std::string folder = slash == std::string::npos ? "" : file.name.substr(0, slash);
    if (folder.size() == 32 && SlotNumber(folder, file.name)) {
      return Damaged("the checkpoint " + storage->location() + " has slots (" + file.name +
                     ") but its file 'start' is missing");
    }
  }
  for (const auto& file : files) {
    auto slash = file.name.find('/');
    // Folders may be anything (dead letters, a spool); a checkpoint's own files lie on top.
    if (slash == std::string::npos) {
      return UserError("checkpoint.foreign",
                       "the folder " + storage->location() + " holds other files (" + file.name +
                           ") and no checkpoint of sluice; choose an empty checkpointLocation");
    }
  }
  return {};
}

}  // namespace

std::string SlotName(const std::string& folder, std::int64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "/slot-%012lld", static_cast<long long>(number));
  return folder + text;
}

std::string HeartbeatName(const std::string& folder, std::int64_t writer) {
  return folder + "/heartbeat-" + std::to_string(writer);
}

Result<SlotList> ListSlots(Storage* storage, const std::string& folder) {
  TRY(auto files, storage->List(folder));
  SlotList slots;
  for (const auto& file : files) {
    if (auto number = SlotNumber(folder, file.name)) slots.numbers.push_back(*number);
  }
  std::sort(slots.numbers.begin(), slots.numbers.end());
  slots.first_of_run = slots.numbers.size();
  while (slots.first_of_run > 0 &&
         (slots.first_of_run == slots.numbers.size() ||
          slots.numbers[slots.first_of_run - 1] + 1 == slots.numbers[slots.first_of_run])) {
    --slots.first_of_run;
  }
  return slots;
}

Result<std::optional<LogContents>> ReadLog(Storage* storage) {
  TRY(auto start_bytes, storage->Read(kStartName));
  if (!start_bytes.has_value()) {
    TRY(CheckUnused(storage));
    return std::optional<LogContents>{};
  }
  LogContents contents;
  contents.start_bytes = *start_bytes;
  TRY(SlotBytes start, ParseSlot(*start_bytes, kStartName));
  if (start.kind != "start" || start.number != 0)
    return Damaged("the file 'start' is no start slot");
  TRY(contents.start, ParseStart(start.payload, kStartName));
  contents.checkpoint_id = start.checkpoint_id;
  Positions positions;
  SetPositions(&positions, contents.start.splits);
  TRY(auto slots, ListSlots(storage, contents.checkpoint_id));
  for (std::size_t i = 0; i < slots.numbers.size(); ++i) {
    std::string name = SlotName(contents.checkpoint_id, slots.numbers[i]);
    if (i < slots.first_of_run) {
      contents.strays.push_back(name);
      continue;
    }
    TRY(auto bytes, storage->Read(name));
    // Gone between listing and reading: the writer compacts. The newest slots stay.
    if (!bytes.has_value()) continue;
    TRY(SlotBytes slot, ParseSlot(*bytes, name));
    if (slot.number != slots.numbers[i] || slot.checkpoint_id != contents.checkpoint_id) {
      return Damaged("the checkpoint file " + name + " holds slot " + std::to_string(slot.number) +
                     " of checkpoint " + slot.checkpoint_id);
    }
    TRY(Replay(slot, &contents, &positions));
  }
  if (!contents.entries.empty()) {
    // A run that does not begin at the first slot must hold a decision: all before it was
    // compacted.
    contents.last_slot = contents.entries.back().number;
  }
  for (auto& [key, split] : positions) contents.positions.push_back(std::move(split));
  if (!contents.entries.empty() && contents.entries.front().number > 1 &&
      contents.decisions.empty()) {
    return Damaged("the checkpoint's slots begin at " +
                   std::to_string(contents.entries.front().number) + " without a decision");
  }
  return std::optional<LogContents>(std::move(contents));
}

}  // namespace sluice
