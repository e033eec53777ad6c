#include "job/plan.h"

#include <arrow/type.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "decode/message_decoder.h"
#include "job/job_options.h"
#include "job/option_place.h"
#include "job/tables.h"
#include "job/yaml_loader.h"

namespace sluice {
namespace {

/// The number that follows `label` in `message`, or 0.
int NumberAfter(std::string_view message, std::string_view label) {
  std::size_t at = message.find(label);
  int number = 0;
  if (at == std::string_view::npos) return 0;
  message.remove_prefix(at + label.size());
  std::from_chars(message.data(), message.data() + message.size(), number);
  return number;
}

/// The byte offset of line and column in `text`; columns count characters.
std::size_t OffsetInText(std::string_view text, int line, int column) {
  std::size_t offset = 0;
  for (; line > 1; --line) {
    offset = text.find('\n', offset);
    if (offset == std::string_view::npos) return 0;
    ++offset;
  }
  for (; column > 1 && offset < text.size() && text[offset] != '\n'; --column) {
    ++offset;
    while (offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xc0) == 0x80) {
      ++offset;
    }
  }
  return offset;
}

/// Turns "line L, column C: ..." about a statement into a place in the job file.
Error AtSql(const Job& job, const JobStep& step, Error error) {
  Place place = step.sql_text.place;
  constexpr std::string_view kLine = "line ";
  if (error.message.starts_with(kLine)) {
    std::size_t colon = error.message.find(": ");
    std::string_view head = std::string_view(error.message).substr(0, colon);
    int line = NumberAfter(head, kLine);
    int column = std::max(NumberAfter(head, "column "), 1);
    if (line > 0 && colon != std::string::npos && !step.sql_text.hidden) {
      place = PlaceInScalar(job.text, step.sql_text, OffsetInText(step.sql, line, column));
      error.message.erase(0, colon + 2);
    }
  }
  return AtPlace(place, std::move(error).At("transform " + step.name));
}

std::string Joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

class Planner {
 public:
  Planner(const Parts& parts, PlanFor use, Plan* plan)
      : parts_(parts), use_(use), plan_(*plan), job_(plan->job) {}

  /// Columns that sources are to have in place of their own.
  void Replace(const std::map<std::string, SchemaPtr>* rows) { rows_ = rows; }

  Result<void> Run() {
    plan_.shares = ShareMemory(static_cast<std::size_t>(job_.options.Int("maxMemory").value_or(0)),
                               job_.sources.size(), job_.sinks.size());
    for (const JobSource& source : job_.sources) TRY(PlanSource(source));
    TRY(OpenTables(&job_, /*wait=*/use_ == PlanFor::kRunning));
    for (const JobTable& table : job_.tables) {
      InputSchema input{table.name, table.table->schema()};
      input.table = true;
      known_.push_back(std::move(input));
    }
    for (const JobStep& step : job_.steps) TRY(PlanStep(step));
    for (const JobSink& sink : job_.sinks) TRY(PlanSink(sink));
    WarnUnused();
    return {};
  }

 private:
  Result<void> PlanSource(const JobSource& source) {
    PlannedSource planned;
    std::string owner = "source " + source.name + " (" + source.type->name + ")";
    if (source.detects) {
      planned.declared = source.known.schema();
    } else if (const RawValue* ddl = source.options.Raw("schema")) {
      Result<SchemaPtr> schema = ParseSchemaFor(*source.format, source.options.String("schema"));
      if (!schema.ok()) {
        int column = NumberAfter(schema.error().message, "at column ");
        Place place = column > 0 && !ddl->hidden
                          ? PlaceInScalar(job_.text, *ddl, static_cast<std::size_t>(column - 1))
                          : ddl->place;
        return AtPlace(place, std::move(schema).error().At(owner));
      }
      planned.declared = *schema;
    } else if (!source.latest_schema.empty()) {
      Result<SchemaPtr> schema = ParseSchemaFor(*source.format, source.latest_schema);
      if (!schema.ok()) {
        return AtPlace(source.place, std::move(schema).error().At(owner + ": readerSchemaName"));
      }
      planned.declared = *schema;
    }
    auto fail = [&](Error error) {
      return AtOption(source.options, JoinedSpecs(source), source.place, owner, std::move(error));
    };
    Result<std::unique_ptr<Source>> made = MakeSource(job_, source, /*metrics=*/nullptr);
    if (!made.ok()) return fail(std::move(made).error());
    planned.extra = (*made)->extra_fields();
    Result<std::unique_ptr<Decoder>> decoder = MakeDecoder(source, planned.declared);
    if (!decoder.ok()) return fail(std::move(decoder).error());
    Result<std::unique_ptr<MessageDecoder>> messages =
        MessageDecoder::Make(*std::move(decoder), planned.extra, DecodeLimits{});
    if (!messages.ok()) return fail(std::move(messages).error());
    planned.schema = (*messages)->schema();
    if (rows_ != nullptr) {
      const auto other = rows_->find(source.name);
      if (other != rows_->end()) planned.schema = other->second;
    }
    known_.push_back({source.name, planned.schema, source.detects});
    plan_.sources.push_back(std::move(planned));
    return {};
  }

  std::vector<OptionSpec> JoinedSpecs(const JobSource& source) const {
    std::vector<OptionSpec> specs = source.type->options;
    specs.insert(specs.end(), source.format->options.begin(), source.format->options.end());
    if (source.envelopes != nullptr) specs = JoinSpecs(std::move(specs), parts_.registry_options);
    for (const char* name : {"schema", "classification"}) specs.push_back({.name = name});
    return specs;
  }

  Result<void> PlanStep(const JobStep& step) {
    Result<std::shared_ptr<Transform>> made = MakeStep(step);
    if (!made.ok()) {
      if (!step.sql.empty()) return AtSql(job_, step, std::move(made).error());
      // "entry 3: ..." of the mapping.
      const auto entry =
          static_cast<std::size_t>(std::max(NumberAfter(made.error().message, "entry "), 0));
      const bool known = made.error().message.starts_with("entry ") && entry > 0 &&
                         entry <= step.entry_places.size();
      return AtPlace(known ? step.entry_places[entry - 1] : step.mapping_place,
                     std::move(made).error().At("transform " + step.name + ": mapping"));
    }
    TRY(CheckReadsStream(step, (*made)->inputs()));
    bool open = false;
    for (const std::string& input : (*made)->inputs()) {
      read_.insert(input);
      open |= std::any_of(known_.begin(), known_.end(), [&](const InputSchema& known) {
        return known.name == input && known.open;
      });
    }
    for (const std::string& name : (*made)->unseen()) {
      job_.warnings.push_back(step.place.ToString() + ": transform " + step.name +
                              ": no record has " + "shown '" + name +
                              "' yet; it is null until one does");
    }
    known_.push_back({step.name, (*made)->output_schema(), open});
    plan_.steps.push_back(*std::move(made));
    return {};
  }

  /// What only reads tables has no rows of an epoch: it would give all of theirs every time.
  Result<void> CheckReadsStream(const JobStep& step, const std::vector<std::string>& inputs) const {
    if (!std::all_of(inputs.begin(), inputs.end(),
                     [&](const std::string& input) { return FindTable(job_, input) != nullptr; })) {
      return {};
    }
    return AtPlace(step.sql_text.place,
                   UserError("job.only_tables",
                             "transform " + step.name + " reads only " +
                                 (inputs.size() == 1 ? "a table (" : "tables (") + Joined(inputs) +
                                 "), so it would write all of it in every "
                                 "epoch; join it with a source"));
  }

  Result<std::shared_ptr<Transform>> MakeStep(const JobStep& step) {
    if (step.sql.empty()) {
      auto input = std::find_if(known_.begin(), known_.end(),
                                [&](const InputSchema& known) { return known.name == step.from; });
      return parts_.make_mapping(step.mapping, *input);
    }
    if (!compile_) {
      SqlLimits limits;
      limits.memory_bytes = plan_.shares.sql;
      limits.spill_directory = use_ == PlanFor::kRunning ? job_.spool_directory : "";
      limits.max_spill_bytes = *job_.options.Int("maxSpool");
      TRY(compile_, parts_.open_sql(limits));
    }
    return compile_(step.sql, known_);
  }

  Result<void> PlanSink(const JobSink& sink) {
    auto input = std::find_if(known_.begin(), known_.end(),
                              [&](const InputSchema& known) { return known.name == sink.from; });
    SinkContext context;
    context.job = job_.name;
    context.name = sink.name;
    context.memory_bytes = plan_.shares.each_sink;
    context.open_columns = input->open;
    context.storage = StorageOf(job_, sink.name);
    context.spool_directory = job_.spool_directory;
    plan_.open_sinks.push_back(input->open);
    Result<std::unique_ptr<Sink>> made = sink.type->make(sink.options, input->schema, context);
    if (!made.ok()) {
      return AtOption(sink.options, sink.type->options, sink.place,
                      "sink " + sink.name + " (" + sink.type->name + ")", std::move(made).error());
    }
    read_.insert(sink.from);
    WarnOfCase(sink, *input->schema);
    plan_.sinks.push_back(input->schema);
    return {};
  }

  void WarnOfCase(const JobSink& sink, const arrow::Schema& schema) {
    std::map<std::string, std::string> folded;
    for (const auto& field : schema.fields()) {
      std::string lower = field->name();
      for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      const auto [other, fresh] = folded.emplace(lower, field->name());
      if (fresh) continue;
      job_.warnings.push_back(sink.place.ToString() + ": sink " + sink.name + " (" +
                              sink.type->name + "): the columns '" + other->second + "' and '" +
                              field->name() +
                              "' differ only in case: most readers take them for one");
    }
  }

  void WarnUnused() {
    for (const JobSource& source : job_.sources) {
      if (read_.contains(source.name)) continue;
      job_.warnings.push_back(source.place.ToString() + ": source " + source.name +
                              ": nothing reads it; its records are fetched and dropped");
    }
    for (const JobTable& table : job_.tables) {
      if (read_.contains(table.name)) continue;
      job_.warnings.push_back(table.place.ToString() + ": table " + table.name +
                              ": nothing reads it");
    }
    for (const JobStep& step : job_.steps) {
      if (read_.contains(step.name)) continue;
      job_.warnings.push_back(step.place.ToString() + ": transform " + step.name +
                              ": nothing reads it; its rows are dropped");
    }
  }

  const Parts& parts_;
  PlanFor use_;
  Plan& plan_;
  Job& job_;
  const std::map<std::string, SchemaPtr>* rows_ = nullptr;
  std::vector<InputSchema> known_;
  std::set<std::string> read_;
  SqlCompiler compile_;
};

void AddColumns(const arrow::Schema& schema, std::string* out) {
  std::size_t width = 0;
  for (const auto& field : schema.fields()) width = std::max(width, field->name().size());
  for (const auto& field : schema.fields()) {
    *out += "    " + field->name() + std::string(width - field->name().size() + 2, ' ') +
            FormatDdlType(*field->type()) + (field->nullable() ? "" : " not null") + "\n";
  }
}

/// What was given, on one line each, in the order of the declarations.
void AddOptions(const Options& options, const std::vector<OptionSpec>& specs,
                const std::set<std::string>& left_out, std::string* out) {
  for (const OptionSpec& spec : specs) {
    if (spec.name.ends_with(".*") || left_out.contains(spec.name)) continue;
    const RawValue* raw = options.Raw(spec.name);
    if (raw == nullptr) continue;
    std::string shown;
    if (spec.secret) {
      shown = "(secret)";
    } else if (raw->hidden) {
      shown = "(by reference)";
    } else if (spec.type == OptionType::kList) {
      shown = Joined(options.List(spec.name));
    } else if (spec.type == OptionType::kMap) {
      for (const auto& [key, value] : options.Map(spec.name)) {
        shown += (shown.empty() ? "" : ", ") + key + "=" + value;
      }
    } else {
      shown = spec.type == OptionType::kString ? options.String(spec.name) : raw->text;
    }
    *out += "    " + spec.name + ": " + shown + "\n";
  }
}

}  // namespace

Result<Plan> MakePlan(Job job, const Parts& parts, PlanFor use) {
  Plan plan;
  plan.job = std::move(job);
  plan.use = use;
  TRY(Planner(parts, use, &plan).Run());
  return plan;
}

Result<std::vector<SchemaPtr>> SinkSchemasWith(const Job& job, const Parts& parts,
                                               const std::map<std::string, SchemaPtr>& rows) {
  Plan plan;
  plan.job = job;
  Planner planner(parts, PlanFor::kLooking, &plan);
  planner.Replace(&rows);
  TRY(planner.Run());
  return std::move(plan.sinks);
}

std::string PrintPlan(const Plan& plan) {
  const Job& job = plan.job;
  auto bytes = [](std::size_t size) { return FormatBytes(static_cast<std::int64_t>(size)); };
  std::string out = "job " + job.name + "\n";
  out += "  window: " + FormatDuration(*job.options.Int("windowSize")) + "\n";
  out += "  checkpoint: " + job.checkpoint_location + "\n";
  out += "  memory: " + bytes(static_cast<std::size_t>(*job.options.Int("maxMemory"))) +
         ", of which at most " + bytes(plan.shares.each_source) + " for each source, " +
         bytes(plan.shares.each_sink) + " for each sink, " + bytes(plan.shares.sql) + " for SQL\n";
  for (std::size_t i = 0; i < job.sources.size(); ++i) {
    const JobSource& source = job.sources[i];
    out +=
        "\nsource " + source.name + " (" + source.type->name + ", " + source.format->name + ")\n";
    AddOptions(source.options, source.type->options, {"type", "classification", "schema"}, &out);
    out += "    bad records: " + source.options.String("badRecords") + "\n";
    out += source.detects ? "  columns, as its records say\n" : "  columns\n";
    AddColumns(*plan.sources[i].schema, &out);
  }
  for (const JobTable& table : job.tables) {
    out += "\ntable " + table.name + " (" + table.type->name + ")\n";
    AddOptions(table.options, table.type->options, {"type", "schema"}, &out);
    out += "  columns\n";
    AddColumns(*table.table->schema(), &out);
  }
  for (std::size_t i = 0; i < job.steps.size(); ++i) {
    const Transform& step = *plan.steps[i];
    out += "\ntransform " + job.steps[i].name + "\n";
    out += "  reads: " + Joined(step.inputs()) + "\n";
    out += "  runs: " + step.plan() + "\n";
    out += "  columns\n";
    AddColumns(*step.output_schema(), &out);
  }
  for (std::size_t i = 0; i < job.sinks.size(); ++i) {
    const JobSink& sink = job.sinks[i];
    out += "\nsink " + sink.name + " (" + sink.type->name + ")\n";
    out += "  reads: " + sink.from + "\n";
    AddOptions(sink.options, sink.type->options, {"type", "from"}, &out);
    out += "  columns\n";
    AddColumns(*plan.sinks[i], &out);
  }
  out += "\ndead letters: " + job.dead_letters + " (JSON lines)\n";
  return out;
}

}  // namespace sluice
