#include "job/pipeline_builder.h"

#include <arrow/record_batch.h>

#include <utility>

#include "engine/dead_letters.h"
#include "job/job_options.h"
#include "job/learned_columns.h"

namespace sluice {
namespace {

constexpr char kDeadLetterType[] = "files";
constexpr char kDeadLetterFormat[] = "json";

/// Collects an encoder's bytes.
class TextSink : public ByteSink {
 public:
  Result<void> Append(std::string_view bytes) override {
    text_ += bytes;
    return {};
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

/// One row as a JSON object; "" if it cannot be written as one.
Result<std::string> RowToText(const EncoderEntry& json, const Options& options,
                              const arrow::RecordBatch& rows, std::int64_t row) {
  TextSink sink;
  TRY(std::unique_ptr<FileEncoder> encoder, json.make(options, rows.schema(), &sink));
  TRY(encoder->Write(rows.Slice(row, 1)));
  TRY(encoder->Finish());
  std::string text = sink.Take();
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<Options> DeadLetterOptions(const Job& job, const SinkEntry& files) {
  RawOptions raw = RawOptionsFromPairs(
      {{"type", kDeadLetterType}, {"path", job.dead_letters}, {"format", kDeadLetterFormat}});
  return ParseOptions(JoinSpecs(SinkOptionSpecs(), files.options), raw, "deadLetters");
}

class Builder {
 public:
  Builder(std::shared_ptr<const Plan> plan, const Parts& parts, const PipelineSettings& settings)
      : plan_(std::move(plan)), parts_(parts), settings_(settings) {}

  Result<PipelineSpec> Build() {
    const Job& job = plan_->job;
    spec_.job = job.name;
    spec_.window_micros = *job.options.Int("windowSize");
    spec_.timeout_micros = job.options.Int("timeout").value_or(0) * 60 * 1'000'000;
    spec_.max_memory = static_cast<std::size_t>(*job.options.Int("maxMemory"));
    spec_.spool_directory = job.spool_directory;
    spec_.max_spool = *job.options.Int("maxSpool");
    spec_.lease_timeout_micros = *job.options.Int("leaseTimeout");
    spec_.min_epochs_to_retain = *job.options.Int("minEpochsToRetain");
    spec_.until_caught_up = settings_.until_caught_up;
    spec_.drop = settings_.drop;
    spec_.metrics = settings_.metrics;
    for (std::size_t i = 0; i < job.sources.size(); ++i) AddSource(i);
    for (const JobTable& table : job.tables) spec_.tables.push_back({table.name, table.table});
    for (std::size_t i = 0; i < job.steps.size(); ++i) {
      spec_.steps.push_back({job.steps[i].name, plan_->steps[i]});
    }
    for (std::size_t i = 0; i < job.sinks.size(); ++i) TRY(AddSink(i));
    TRY(AddDeadLetters());
    TRY(AddRowToText());
    AddWithSchemas();
    spec_.make_recorded_sink = [plan = plan_, parts = &parts_, context = Context("")](
                                   const std::string& type, const std::string& name,
                                   const std::string& text,
                                   SchemaPtr schema) -> Result<std::shared_ptr<Sink>> {
      TRY(const SinkEntry* entry, parts->sinks.Find(type));
      TRY(Options options, ParseRecordedSink(*entry, name, text));
      SinkContext named = context;
      named.name = name;
      // Recorded without secrets, so that it is reached as the job says now.
      named.storage = StorageOf(plan->job, name);
      named.open_columns = schema != nullptr;
      TRY(std::unique_ptr<Sink> sink, entry->make(options, std::move(schema), named));
      return std::shared_ptr<Sink>(std::move(sink));
    };
    return std::move(spec_);
  }

 private:
  SinkContext Context(const std::string& name) const {
    SinkContext context;
    context.job = plan_->job.name;
    context.name = name;
    context.checkpoint_id = settings_.checkpoint_id;
    context.memory_bytes = plan_->shares.each_sink;
    context.metrics = settings_.metrics;
    context.joins_others = settings_.joins_others;
    context.storage = StorageOf(plan_->job, name);
    context.spool_directory = plan_->job.spool_directory;
    return context;
  }

  void AddSource(std::size_t index) {
    const JobSource& source = plan_->job.sources[index];
    PipelineSource out;
    out.name = source.name;
    out.open = [plan = plan_, index, metrics = settings_.metrics] {
      return OpenPlannedSource(*plan, index, metrics);
    };
    out.make_decoder = [plan = plan_, index]() -> Result<std::unique_ptr<BatchDecoder>> {
      TRY(std::unique_ptr<BatchDecoder> decoder, MakePlannedDecoder(*plan, index));
      return decoder;
    };
    out.schema = plan_->sources[index].schema;
    out.formats = source.formats;
    if (source.detects) out.known = source.known;
    out.caps = CapsFor(plan_->sources[index].extra, source.make_cols);
    out.bad_records = source.bad_records;
    out.max_bad_record_rate = *source.options.Double("maxBadRecordRate");
    out.max_offsets_per_trigger = source.options.Int("maxOffsetsPerTrigger");
    out.max_bytes_per_trigger = source.options.Int("maxBytesPerTrigger");
    spec_.sources.push_back(std::move(out));
  }

  Result<void> AddSink(std::size_t index) {
    const JobSink& sink = plan_->job.sinks[index];
    SinkContext context = Context(sink.name);
    context.open_columns = plan_->open_sinks[index];
    TRY(std::unique_ptr<Sink> made, sink.type->make(sink.options, plan_->sinks[index], context));
    spec_.sinks.push_back(
        {sink.name, sink.type->name, sink.from, sink.options.ToJson(), std::move(made)});
    return {};
  }

  Result<void> AddDeadLetters() {
    TRY(const SinkEntry* files, parts_.sinks.Find(kDeadLetterType));
    TRY(Options options, DeadLetterOptions(plan_->job, *files));
    SinkContext context = Context("dead letters");
    context.memory_bytes = plan_->shares.dead_letters;
    TRY(std::unique_ptr<Sink> made, files->make(options, DeadLetterSchema(), context));
    spec_.dead_letters = std::move(made);
    spec_.dead_letter_settings = options.ToJson();
    spec_.dead_letter_location = plan_->job.dead_letters;
    return {};
  }

  /// Plans the job anew: what its steps and sinks get follows from the columns of its sources.
  void AddWithSchemas() {
    if (!NeedsRecords(plan_->job)) return;
    spec_.with_schemas = [plan = plan_, parts = &parts_,
                          settings = settings_](const KnownSchemas& known) -> Result<PipelineSpec> {
      Job job = plan->job;
      job.warnings.clear();
      for (JobSource& source : job.sources) {
        if (const auto of = known.find(source.name); of != known.end()) source.known = of->second;
      }
      TRY(Plan made, MakePlan(std::move(job), *parts, PlanFor::kRunning));
      return BuildPipeline(std::make_shared<const Plan>(std::move(made)), *parts, settings);
    };
  }

  Result<void> AddRowToText() {
    TRY(const EncoderEntry* json, parts_.encoders.Find(kDeadLetterFormat));
    RawOptions raw;
    if (Declares(json->options, "compression")) {
      raw = RawOptionsFromPairs({{"compression", "none"}});
    }
    TRY(Options options, ParseOptions(json->options, raw, "dead letters"));
    spec_.row_to_text = [json, options](const arrow::RecordBatch& rows, std::int64_t row) {
      Result<std::string> text = RowToText(*json, options, rows, row);
      return text.ok() ? *std::move(text) : std::string();
    };
    return {};
  }

  std::shared_ptr<const Plan> plan_;
  const Parts& parts_;
  const PipelineSettings& settings_;
  PipelineSpec spec_;
};

}  // namespace

Result<std::unique_ptr<Source>> OpenPlannedSource(const Plan& plan, std::size_t index,
                                                  Metrics* metrics) {
  return MakeSource(plan.job, plan.job.sources[index], metrics);
}

Result<std::unique_ptr<MessageDecoder>> MakePlannedDecoder(const Plan& plan, std::size_t index) {
  const JobSource& source = plan.job.sources[index];
  const std::int64_t patience = plan.use == PlanFor::kRunning ? kRunningPatience : kLookingPatience;
  TRY(std::unique_ptr<Decoder> decoder,
      MakeDecoder(source, plan.sources[index].declared, patience));
  return MessageDecoder::Make(std::move(decoder), plan.sources[index].extra, DecodeLimits{},
                              MakeCompression(source.options.String("compression")));
}

Result<std::vector<BareSink>> MakeBareSinks(const Job& job, const Parts& parts,
                                            const std::string& checkpoint_id) {
  std::vector<BareSink> sinks;
  auto add = [&](const std::string& name, const SinkEntry& type,
                 const Options& options) -> Result<void> {
    SinkContext context;
    context.job = job.name;
    context.name = name;
    context.checkpoint_id = checkpoint_id;
    context.storage = StorageOf(job, name);
    context.spool_directory = job.spool_directory;
    TRY(std::unique_ptr<Sink> sink, type.make(options, nullptr, context));
    sinks.push_back({name, type.name, std::move(sink)});
    return {};
  };
  for (const JobSink& sink : job.sinks) TRY(add(sink.name, *sink.type, sink.options));
  TRY(const SinkEntry* files, parts.sinks.Find(kDeadLetterType));
  TRY(const Options letters, DeadLetterOptions(job, *files));
  TRY(add("dead letters", *files, letters));
  return sinks;
}

Result<PipelineSpec> BuildPipeline(std::shared_ptr<const Plan> plan, const Parts& parts,
                                   const PipelineSettings& settings) {
  return Builder(std::move(plan), parts, settings).Build();
}

}  // namespace sluice
