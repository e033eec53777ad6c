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

void Place(std::map<std::pair<std::string, std::string>, SplitPosition>* positions,
           const std::vector<SplitPosition>& splits) {
  for (auto split : splits) {
    split.from.clear();
    std::pair key{split.source, split.split};
    (*positions)[key] = std::move(split);
  }
}

/// Applies the slots in order to what is known.
Result<void> Replay(LogContents* contents) {
  std::map<std::pair<std::string, std::string>, SplitPosition> positions;
  Place(&positions, contents->start.splits);
  for (const auto& entry : contents->entries) {
    std::string name = SlotName(contents->checkpoint_id, entry.number);
    if (entry.kind == "splits") {
      TRY(auto record, ParseStart(entry.payload, name));
      Place(&positions, record.splits);
    } else if (entry.kind == "takeover") {
      TRY(auto record, ParseTakeover(entry.payload, name));
      contents->writer = entry.number;
    } else if (entry.kind == "decision") {
      TRY(auto record, ParseDecision(entry.payload, name));
      positions.clear();
      Place(&positions, record.positions);
      // The takeover itself may have been compacted away.
      contents->writer = std::max(contents->writer, record.attempt.writer);
      contents->decisions.push_back(std::move(record));
    } else if (entry.kind == "commit") {
      TRY(auto record, ParseCommit(entry.payload, name));
      contents->committed = record.epoch;
    } else {
      return UserError("checkpoint.version", "the checkpoint file " + name + " is of kind '" +
                                                 entry.kind +
                                                 "', written by a newer sluice; run that one");
    }
  }
  contents->positions.clear();
  for (auto& [key, split] : positions) contents->positions.push_back(std::move(split));
  return {};
}

}  // namespace

std::string SlotName(const std::string& folder, std::int64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "/slot-%012lld", static_cast<long long>(number));
  return folder + text;
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
  if (!start_bytes.has_value()) return std::optional<LogContents>{};
  LogContents contents;
  contents.start_bytes = *start_bytes;
  TRY(SlotBytes start, ParseSlot(*start_bytes, kStartName));
  if (start.kind != "start" || start.number != 0)
    return Damaged("the file 'start' is no start slot");
  TRY(contents.start, ParseStart(start.payload, kStartName));
  contents.checkpoint_id = start.checkpoint_id;
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
    contents.entries.push_back({slot.number, std::move(slot.kind), std::move(slot.payload)});
  }
  if (!contents.entries.empty()) {
    // A run that does not begin at the first slot must hold a decision: all before it was
    // compacted.
    contents.last_slot = contents.entries.back().number;
  }
  TRY(Replay(&contents));
  if (!contents.entries.empty() && contents.entries.front().number > 1 &&
      contents.decisions.empty()) {
    return Damaged("the checkpoint's slots begin at " +
                   std::to_string(contents.entries.front().number) + " without a decision");
  }
  return std::optional<LogContents>(std::move(contents));
}

}  // namespace sluice
