#include "job/replay.h"

#include <arrow/type.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/stage.h"
#include "job/replay_decoder.h"
#include "job/replay_routes.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr char kSourceType[] = "files";
constexpr char kFolder[] = "_replay-";

/// Dead letters as a source of lines, in folders below too, of any age.
Result<Options> LetterOptions(const SourceEntry& files, const std::string& letters) {
  RawOptions raw = RawOptionsFromPairs(
      {{"path", letters}, {"recursiveFileLookup", "true"}, {"maxFileAge", "36500 days"}});
  return ParseOptions(files.options, raw, kDeadLettersName);
}

}  // namespace

std::string ReplayCheckpoint(const std::string& letters, const Job& job) {
  // Jobs may share a folder of dead letters; each reads all of it and takes its own.
  return (fs::path(letters) / (kFolder + job.name)).string();
}

Result<void> PrepareReplay(const std::string& letters, Job* job) {
  if (IsRemote(letters)) {
    return UserError("replay.remote", "dead letters are replayed from a local folder; copy " +
                                          letters + " to one first");
  }
  std::error_code failure;
  if (!fs::is_directory(letters, failure)) {
    return UserError("replay.no_folder",
                     "there is no folder " + letters +
                         "; give the folder of the job's dead letters, which is 'dead-letters' in "
                         "its checkpoint unless deadLetters says otherwise. A job without bad "
                         "records has none");
  }
  job->checkpoint_location = ReplayCheckpoint(letters, *job);
  const fs::path checkpoint(job->checkpoint_location);
  job->spool_directory = (checkpoint / "spool").string();
  job->dead_letters = (checkpoint / "dead-letters").string();
  return {};
}

std::vector<std::string> LostSinks(const LogContents& contents, const Job& job) {
  std::vector<std::string> lost;
  const DecisionRecord* last = contents.last_decision();
  if (last == nullptr) return lost;
  for (const SinkDecision& part : last->sinks) {
    const bool known = std::any_of(job.sinks.begin(), job.sinks.end(),
                                   [&](const JobSink& sink) { return sink.name == part.name; });
    if (!known) lost.push_back(part.name);
  }
  return lost;
}

Result<PipelineSpec> BuildReplay(const std::string& letters,
                                 const std::shared_ptr<const Plan>& plan, const Parts& parts,
                                 const PipelineSettings& settings) {
  TRY(const SourceEntry* files, parts.sources.Find(kSourceType));
  TRY(Options options, LetterOptions(*files, letters));
  TRY(std::shared_ptr<const ReplayRoutes> routes, ReplayRoutes::Make(plan, parts));
  TRY(PipelineSpec spec, BuildPipeline(plan, parts, settings));

  PipelineSource source;
  source.name = kDeadLettersName;
  source.open = [files, options, plan, metrics = settings.metrics] {
    SourceContext context;
    context.job = plan->job.name;
    context.name = kDeadLettersName;
    context.buffer_bytes = plan->shares.each_source;
    context.metrics = metrics;
    return files->make(options, context);
  };
  source.make_decoder = [routes]() -> Result<std::unique_ptr<BatchDecoder>> {
    TRY(std::unique_ptr<BatchDecoder> decoder, ReplayDecoder::Make(routes));
    return decoder;
  };
  source.schema = arrow::schema({});
  source.entries = routes->entries();
  spec.sources = {std::move(source)};
  spec.timeout_micros = 0;
  spec.skip_idle_steps = true;
  return spec;
}

}  // namespace sluice
