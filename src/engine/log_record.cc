#include "engine/log_record.h"

#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

/// A fraction or 1e300 in place of a whole number is a wrong form, not something to be cut to 64
/// bits.
std::int64_t Whole(const Json& value) { return value.get_ref<const Json::number_integer_t&>(); }

Json Splits(const std::vector<SplitPosition>& splits) {
  Json list = Json::array();
  for (const auto& split : splits) {
    Json one = {{"source", split.source}, {"split", split.split}, {"position", split.position}};
    if (!split.identity.empty()) one["identity"] = split.identity;
    if (!split.from.empty() && split.from.size() <= kLongFrom) one["from"] = split.from;
    list.push_back(std::move(one));
  }
  return list;
}

std::vector<SplitPosition> Splits(const Json& list) {
  std::vector<SplitPosition> splits;
  for (const auto& one : list) {
    SplitPosition split;
    split.source = one.at("source").get<std::string>();
    split.split = one.at("split").get<std::string>();
    split.position = one.at("position").get<std::string>();
    split.identity = one.value("identity", "");
    split.from = one.value("from", "");
    splits.push_back(std::move(split));
  }
  return splits;
}

Json SinkPart(const SinkDecision& sink) {
  Json part = {{"name", sink.name},  {"type", sink.type},   {"settings", sink.settings},
               {"rows", sink.rows},  {"bytes", sink.bytes}, {"artefacts", sink.artefacts},
               {"token", sink.token}};
  for (const CarriedArtefact& one : sink.carried) {
    part["carried"].push_back({one.name, one.rows, one.bytes, one.crc32c});
  }
  return part;
}

SinkDecision SinkPart(const Json& one) {
  SinkDecision sink;
  sink.name = one.at("name").get<std::string>();
  sink.type = one.at("type").get<std::string>();
  sink.settings = one.at("settings").get<std::string>();
  sink.rows = Whole(one.at("rows"));
  sink.bytes = Whole(one.at("bytes"));
  sink.artefacts = Whole(one.at("artefacts"));
  sink.token = one.at("token").get<std::string>();
  if (!one.contains("carried")) return sink;
  for (const auto& artefact : one["carried"]) {
    sink.carried.push_back({artefact.at(0).get<std::string>(), Whole(artefact.at(1)),
                            Whole(artefact.at(2)), artefact.at(3).get<std::uint32_t>()});
  }
  return sink;
}

/// Runs `read` over the parsed payload. The one place where the JSON library's exceptions end.
template <typename Record, typename Read>
Result<Record> Parse(std::string_view payload, const std::string& name, Read read) {
  try {
    Json json = Json::parse(payload);
    Record record;
    read(json, &record);
    return record;
  } catch (const nlohmann::json::exception& e) {
    return Error{Blame::kRemote, Retry::kNo, "checkpoint.damaged",
                 "the checkpoint file " + name + " does not have the form of its kind (" +
                     e.what() +
                     "); restore it from a copy, or delete the checkpoint folder to process "
                     "everything anew"};
  }
}

}  // namespace

std::string ToJson(const StartRecord& record) {
  Json json = {{"job", record.job}, {"time", record.time}, {"splits", Splits(record.splits)}};
  if (!record.learned.empty()) json["learned"] = record.learned;
  return json.dump();
}

std::string ToJson(const TakeoverRecord& record) {
  return Json{{"host", record.host},
              {"pid", record.pid},
              {"time", record.time},
              {"writeId", record.write_id}}
      .dump();
}

std::string ToJson(const DecisionRecord& record) {
  Json json = {{"epoch", record.epoch},
               {"now", record.now},
               {"sealed", record.sealed},
               {"attempt", {record.attempt.writer, record.attempt.counter}},
               {"positions", Splits(record.positions)}};
  json["sinks"] = Json::array();
  for (const auto& sink : record.sinks) json["sinks"].push_back(SinkPart(sink));
  if (!record.dead_letters.name.empty()) json["deadLetters"] = SinkPart(record.dead_letters);
  json["schemas"] = Json::object();
  for (const auto& [name, ddl] : record.schemas) json["schemas"][name] = ddl;
  if (!record.learned.empty()) json["learned"] = record.learned;
  json["counts"] = Json::object();
  for (const auto& count : record.counts) json["counts"][count.name] = count.value;
  return json.dump();
}

std::string ToJson(const CommitRecord& record) {
  return Json{{"epoch", record.epoch}, {"time", record.time}}.dump();
}

Result<StartRecord> ParseStart(std::string_view payload, const std::string& name) {
  return Parse<StartRecord>(payload, name, [](const Json& json, StartRecord* record) {
    record->job = json.at("job").get<std::string>();
    record->time = json.at("time").get<std::string>();
    record->splits = Splits(json.at("splits"));
    if (json.contains("learned")) record->learned = json["learned"].get<LearnedSchemas>();
  });
}

Result<TakeoverRecord> ParseTakeover(std::string_view payload, const std::string& name) {
  return Parse<TakeoverRecord>(payload, name, [](const Json& json, TakeoverRecord* record) {
    record->host = json.at("host").get<std::string>();
    record->pid = Whole(json.at("pid"));
    record->time = json.at("time").get<std::string>();
    record->write_id = json.at("writeId").get<std::string>();
  });
}

Result<DecisionRecord> ParseDecision(std::string_view payload, const std::string& name) {
  return Parse<DecisionRecord>(payload, name, [](const Json& json, DecisionRecord* record) {
    record->epoch = Whole(json.at("epoch"));
    record->now = json.at("now").get<std::string>();
    record->sealed = json.at("sealed").get<std::string>();
    record->attempt.writer = Whole(json.at("attempt").at(0));
    record->attempt.counter = Whole(json.at("attempt").at(1));
    record->positions = Splits(json.at("positions"));
    for (const auto& one : json.at("sinks")) record->sinks.push_back(SinkPart(one));
    if (json.contains("deadLetters")) record->dead_letters = SinkPart(json["deadLetters"]);
    for (const auto& [key, ddl] : json.at("schemas").items()) {
      record->schemas.emplace_back(key, ddl.template get<std::string>());
    }
    if (json.contains("learned")) record->learned = json["learned"].get<LearnedSchemas>();
    for (const auto& [key, value] : json.at("counts").items()) {
      record->counts.push_back({key, Whole(value)});
    }
  });
}

Result<CommitRecord> ParseCommit(std::string_view payload, const std::string& name) {
  return Parse<CommitRecord>(payload, name, [](const Json& json, CommitRecord* record) {
    record->epoch = Whole(json.at("epoch"));
    record->time = json.at("time").get<std::string>();
  });
}

}  // namespace sluice
