#include "job/replay_routes.h"

#include <arrow/type.h>

#include <algorithm>
#include <optional>

#include "decode/compression.h"
#include "job/pipeline_builder.h"

namespace sluice {
namespace {

constexpr char kRowFormat[] = "json";

NoWay Truncated() {
  return {"replay.truncated",
          "the letter has only the beginning of its bytes, so that they cannot be decoded again; "
          "read the record from its origin"};
}

/// Whether the letter has what a decoder of its source can read again.
std::optional<ReplayWay> MessageOf(const PastLetter& about) {
  ReplayWay way;
  way.only_row = about.row;
  switch (about.holds) {
    case LetterBytes::kMessage:
      if (about.truncated) return std::nullopt;
      return way;
    case LetterBytes::kRow:
      if (!about.message.empty()) {
        way.payload = ReplayWay::Payload::kMessage;
        return way;
      }
      if (about.truncated) return std::nullopt;
      way.only_row = 0;  // By itself it is a message of one row, in most formats.
      return way;
    case LetterBytes::kInput:
    case LetterBytes::kLetter:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

ReplayRoutes::ReplayRoutes(std::shared_ptr<const Plan> plan, const Parts& parts)
    : plan_(std::move(plan)), parts_(parts) {}

Result<std::shared_ptr<const ReplayRoutes>> ReplayRoutes::Make(std::shared_ptr<const Plan> plan,
                                                               const Parts& parts) {
  std::shared_ptr<ReplayRoutes> routes(new ReplayRoutes(std::move(plan), parts));
  TRY(routes->AddEntries());
  return std::shared_ptr<const ReplayRoutes>(std::move(routes));
}

std::size_t ReplayRoutes::Add(PipelineEntry entry, DecoderMaker make) {
  entries_.push_back(std::move(entry));
  makers_.push_back(std::move(make));
  return entries_.size() - 1;
}

/// Names of the job are identifiers, so that the others, with blanks, are free.
Result<void> ReplayRoutes::AddEntries() {
  Add({"letters without a way", "", arrow::schema({})}, nullptr);
  std::map<std::string, SchemaPtr> schemas;
  for (std::size_t i = 0; i < plan_->job.sources.size(); ++i) {
    const std::string& name = plan_->job.sources[i].name;
    sources_[name] = i;
    schemas[name] = plan_->sources[i].schema;
    by_source_[name] = Add({name, "", plan_->sources[i].schema},
                           [this, i] { return MakePlannedDecoder(*plan_, i); });
  }
  for (std::size_t i = 0; i < plan_->job.steps.size(); ++i) {
    const std::string& name = plan_->job.steps[i].name;
    const Transform& step = *plan_->steps[i];
    schemas[name] = step.output_schema();
    if (!step.row_by_row()) {
      no_rows_[name] = "the transform '" + name +
                       "' no longer works row by row, and one row by itself is not what it reads";
      continue;
    }
    const std::string& input = step.inputs().front();
    if (const auto source = sources_.find(input); source != sources_.end()) {
      by_reader_[{input, name}] =
          Add({input + " for " + name, name, schemas[input]},
              [this, of = source->second] { return MakePlannedDecoder(*plan_, of); });
    }
    TRY(AddRows(name, schemas[input]));
  }
  for (const JobSink& sink : plan_->job.sinks) TRY(AddRows(sink.name, schemas[sink.from]));
  return {};
}

Result<void> ReplayRoutes::AddRows(const std::string& to, const SchemaPtr& schema) {
  // A map with keys that are no text, say, cannot come back from JSON.
  if (auto made = RowDecoder(schema); !made.ok()) {
    no_rows_[to] =
        "rows that '" + to + "' reads cannot be read back from JSON: " + made.error().message;
    return {};
  }
  by_row_[to] = Add({"rows for " + to, to, schema}, [this, schema] { return RowDecoder(schema); });
  return {};
}

Result<std::unique_ptr<MessageDecoder>> ReplayRoutes::RowDecoder(const SchemaPtr& schema) const {
  TRY(const FormatEntry* json, parts_.formats.Find(kRowFormat));
  TRY(Options options, ParseOptions(json->options, {}, "dead letters"));
  TRY(std::unique_ptr<Decoder> decoder, json->make(options, schema, DecodeLimits{}));
  return MessageDecoder::Make(std::move(decoder), {}, DecodeLimits{}, MakeCompression("none"));
}

Result<std::unique_ptr<MessageDecoder>> ReplayRoutes::MakeDecoder(std::size_t entry) const {
  if (makers_[entry] == nullptr) return std::unique_ptr<MessageDecoder>();
  return makers_[entry]();
}

Result<std::variant<ReplayWay, NoWay>> ReplayRoutes::Find(const Letter& letter) const {
  using Found = std::variant<ReplayWay, NoWay>;
  const PastLetter& about = letter.about;
  const auto source = sources_.find(about.source);
  if (letter.of_decoder()) {
    if (source != sources_.end()) {
      return ByMessage(letter, source->second, by_source_.at(about.source));
    }
    return Found(NoWay{"replay.source", "the job has no source '" + about.source +
                                            "'; put it back under its old name, and replay this "
                                            "letter's own folder"});
  }
  if (const auto reader = by_reader_.find({about.source, about.step});
      reader != by_reader_.end() && MessageOf(about)) {
    return ByMessage(letter, source->second, reader->second);
  }
  if (const auto why = no_rows_.find(about.step); why != no_rows_.end()) {
    return Found(NoWay{"replay.rows", why->second});
  }
  const auto row = by_row_.find(about.step);
  if (row == by_row_.end()) {
    return Found(NoWay{"replay.step", "the job has no transform or sink '" + about.step +
                                          "'; put it back under its old name, and replay this "
                                          "letter's own folder"});
  }
  const bool cut = about.holds == LetterBytes::kInput && about.truncated;
  if (cut || about.input.empty()) {
    if (cut || about.truncated) return Found(Truncated());
    return Found(NoWay{"replay.no_row",
                       "the letter does not have the row that '" + about.step +
                           "' read: it was larger than 1 MiB, or the letter is of version 1"});
  }
  return Found(ReplayWay{row->second, ReplayWay::Payload::kInput, 0, nullptr});
}

/// The message or its row, decoded by the source's own format.
Result<std::variant<ReplayWay, NoWay>> ReplayRoutes::ByMessage(const Letter& letter,
                                                               std::size_t source,
                                                               std::size_t entry) const {
  using Found = std::variant<ReplayWay, NoWay>;
  std::optional<ReplayWay> way = MessageOf(letter.about);
  if (!way) return Found(Truncated());
  way->entry = entry;
  const auto& extra = plan_->sources[source].extra;
  if (extra.empty()) return Found(*way);
  if (!letter.about.columns.empty()) {
    TRY(const FormatEntry* json, parts_.formats.Find(kRowFormat));
    TRY(Options options, ParseOptions(json->options, {}, "dead letters"));
    TRY(std::unique_ptr<Decoder> decoder, json->make(options, arrow::schema(extra), {}));
    TRY(DecodedRows decoded,
        decoder->Decode({{letter.about.columns.data(), letter.about.columns.size(), 0}}));
    if (decoded.rows->num_rows() == 1) way->columns = std::move(decoded.rows);
  }
  if (way->columns != nullptr) return Found(*way);
  return Found(NoWay{"replay.columns",
                     "the source adds columns of its own to each row, beginning with '" +
                         extra.front()->name() +
                         "', and the letter does not have them; turn the option off that adds "
                         "them, and replay this letter's own folder"});
}

}  // namespace sluice
