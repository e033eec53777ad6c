/// What the slots of the log say (design: docs/exactly-once.md). JSON both ways.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "record/raw_batch.h"
#include "sink/sink.h"

namespace sluice {

inline constexpr std::size_t kLongFrom = 1024;

/// The next position of one split. `identity` tells one life of the split from another.
struct SplitPosition {
  std::string source;
  SplitId split;
  Position position;
  std::string identity;
  /// In decisions: where the epoch began; empty elsewhere. One longer than kLongFrom is not
  /// written: the decision before has it, as long as that is retained.
  Position from;
};

/// Of sources whose schema came from their records: source -> what `schema` would say.
using LearnedSchemas = std::map<std::string, std::string>;

/// Kinds "start" (slot 0) and "splits": places resolved before their first fetch, and schemas
/// before their first epoch.
struct StartRecord {
  std::string job;
  std::string time;
  std::vector<SplitPosition> splits;
  LearnedSchemas learned;
};

/// Kind "takeover": a process becomes the writer.
struct TakeoverRecord {
  std::string host;
  std::int64_t pid = 0;
  std::string time;
  std::string write_id;
};

/// Rows that a sink is to be given with a later epoch (engine/carried_rows.h).
struct CarriedArtefact {
  std::string name;  ///< In the checkpoint's storage.
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::uint32_t crc32c = 0;  ///< Of all bytes.
};

/// One sink's part of a decision.
struct SinkDecision {
  std::string name;
  std::string type;
  std::string settings;  ///< Options::ToJson, without secrets.
  std::string token;     ///< "" if the epoch has no rows for it.
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  std::int64_t artefacts = 0;
  std::vector<CarriedArtefact> carried = {};  ///< Of all epochs whose rows still wait, in order.
  /// Carried by the decision before and not by this one: removed once this one is committed. Not
  /// in the log.
  std::vector<std::string> superseded = {};
};

/// A count of something in an epoch, kept where it happened: "source clicks delivered" -> 100.
struct NamedCount {
  std::string name;
  std::int64_t value = 0;
};

/// Kind "decision".
struct DecisionRecord {
  std::int64_t epoch = 0;
  std::string now;  ///< The epoch's now().
  std::string sealed;
  AttemptId attempt;
  std::vector<SplitPosition> positions;  ///< Of every split, moved or not.
  std::vector<SinkDecision> sinks;
  SinkDecision dead_letters;                                 ///< name "" if the job has none.
  std::vector<std::pair<std::string, std::string>> schemas;  ///< Source or step -> DDL.
  LearnedSchemas learned;
  std::vector<NamedCount> counts;
};

/// Kind "commit".
struct CommitRecord {
  std::int64_t epoch = 0;
  std::string time;
};

std::string ToJson(const StartRecord& record);
std::string ToJson(const TakeoverRecord& record);
std::string ToJson(const DecisionRecord& record);
std::string ToJson(const CommitRecord& record);

/// `name` of the slot is for messages; a payload that does not have the form is checkpoint.damaged.
Result<StartRecord> ParseStart(std::string_view payload, const std::string& name);
Result<TakeoverRecord> ParseTakeover(std::string_view payload, const std::string& name);
Result<DecisionRecord> ParseDecision(std::string_view payload, const std::string& name);
Result<CommitRecord> ParseCommit(std::string_view payload, const std::string& name);

}  // namespace sluice
