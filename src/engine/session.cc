#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/failpoint.h"
#include "core/logging.h"
#include "core/options.h"
#include "engine/reject_notice.h"

namespace sluice {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kProgressPeriod(250);
constexpr std::size_t kLaneQueueBytes = 24u << 20;
constexpr std::size_t kScanQueueBytes = 16u << 20;

/// Whether a step sees whole epochs.
bool HasQueries(const PipelineSpec& spec, const JobGraph& graph) {
  for (std::size_t i = 0; i < spec.steps.size(); ++i) {
    if (graph.is_open(i)) return true;
  }
  return false;
}

}  // namespace

Session::Session(const PipelineSpec& spec, CheckpointLog* log, const JobGraph& graph,
                 AttemptId attempt, FindSink find_sink, EngineMetrics* metrics, EarlySeals* seals,
                 const StopRequest& stop, std::int64_t deadline_micros,
                 const std::function<void(const Progress&)>& on_progress)
    : spec_(spec),
      log_(log),
      graph_(graph),
      stop_(stop),
      deadline_micros_(deadline_micros),
      on_progress_(on_progress),
      metrics_(metrics),
      errors_([this] { WakeAll(); }),
      gate_(spec, &errors_),
      sources_(spec, log, metrics),
      watch_(spec, seals, HasQueries(spec, graph), [this] { gate_.Notify(); }),
      find_sink_(std::move(find_sink)) {
  stage_.spec = &spec_;
  stage_.graph = &graph_;
  stage_.errors = &errors_;
  stage_.attempt = attempt;
}

Session::~Session() {
  errors_.Abort();
  // A decision under way is finished if it can be; what is left of it is the next start's.
  if (committer_ != nullptr) committer_->GiveUp();
  WakeAll();
  {
    // From here on nobody can begin to wait, since all waits look at `errors_` first.
    std::lock_guard lock(wake_mutex_);
    taken_apart_ = true;
  }
  if (scout_.joinable()) scout_.join();
  readers_.clear();
  stage_.open_steps.clear();
  stage_.sinks.clear();
  stage_.dead_letters.reset();
  committer_.reset();
}

void Session::WakeAll() {
  gate_.Notify();
  std::lock_guard lock(wake_mutex_);
  if (taken_apart_) return;
  for (auto& reader : readers_) reader->Wake();
  for (auto& step : stage_.open_steps) {
    if (step != nullptr) step->Wake();
  }
  for (auto& lane : stage_.sinks) lane->Wake();
  if (stage_.dead_letters != nullptr) stage_.dead_letters->Wake();
}

Result<void> Session::Run() {
  TRY(Build());
  auto looped = Loop();
  if (auto error = errors_.error()) return *error;
  return looped;
}

Result<void> Session::Build() {
  TRY(sources_.Open());
  std::lock_guard building(wake_mutex_);
  auto contents = log_->contents();
  const DecisionRecord* last = contents.last_decision();
  epoch_ = {last == nullptr ? 1 : last->epoch + 1, spec_.clock->WallMicros()};
  metrics_->SetEpoch(epoch_.epoch);
  NoteEpoch();

  std::size_t lanes = spec_.sinks.size() + (spec_.dead_letters != nullptr ? 1 : 0);
  std::size_t queue_bytes =
      std::min(kLaneQueueBytes, spec_.max_memory / 16 / std::max<std::size_t>(lanes, 1));
  if (spec_.dead_letters != nullptr) {
    stage_.dead_letters = std::make_unique<SinkLane>(
        kDeadLettersName, spec_.dead_letters.get(), stage_.attempt, queue_bytes, &errors_,
        [](std::int64_t, const auto&, const auto&) -> Result<void> {
          return BugError("the dead letters refused a row");
        });
  }
  for (const PipelineSink& sink : spec_.sinks) {
    std::vector<std::size_t> roots;
    for (std::size_t i = 0; i < spec_.sources.size(); ++i) roots.push_back(i);
    BadRecords policy = StrictestPolicy(spec_, roots);
    std::optional<LaneCarry> carry;
    if (const CarryOver rule = sink.sink->carry_over(); rule.max_delay_micros > 0) {
      carry = LaneCarry{
          PlaceForCarried(log_->storage(), log_->checkpoint_id(), sink.name, stage_.attempt), rule,
          epoch_.epoch, spec_.window_micros, spec_.clock};
    }
    stage_.sinks.push_back(std::make_unique<SinkLane>(
        sink.name, sink.sink.get(), stage_.attempt, queue_bytes, &errors_,
        [this, name = sink.name, policy](std::int64_t epoch, const auto& rows,
                                         const auto& refusals) {
          return OnRefusals(name, epoch, rows, refusals, policy);
        },
        std::move(carry)));
  }
  QueryInputsOptions queues;
  queues.queue_bytes = std::min(kScanQueueBytes, spec_.max_memory / 32);
  queues.spool_directory = spec_.spool_directory;
  queues.max_spool = spec_.max_spool;
  queues.ask_for_seal = [this] {
    Log(LogLevel::kWarn,
        "an open query waits for one input while another fills the spool; sealing early",
        {{"maxSpool", FormatBytes(spec_.max_spool)},
         {"hint", "raise maxSpool or shorten windowSize"}});
    gate_.AskForSeal();
  };
  for (std::size_t i = 0; i < spec_.steps.size(); ++i) {
    if (!graph_.is_open(i)) {
      stage_.open_steps.push_back(nullptr);
      continue;
    }
    std::vector<const Producer*> inputs;
    for (const std::string& input : spec_.steps[i].transform->inputs()) {
      inputs.push_back(graph_.Find(input));
    }
    stage_.open_steps.push_back(std::make_unique<OpenStep>(&stage_, i, inputs, metrics_, queues));
  }
  committer_ = std::make_unique<Committer>(
      log_, find_sink_, [this](const DecisionRecord& decision) { OnCommitted(decision); },
      [this](Error error) { errors_.Report(std::move(error)); });
  gate_.Open(epoch_, {}, std::vector<bool>(spec_.sources.size(), false), false);
  TRY(StartReaders());
  std::size_t splits = 0;
  for (const auto& reader : readers_) splits += reader->Positions().size();
  Log(LogLevel::kInfo, "reading starts",
      {{"epoch", std::to_string(epoch_.epoch)},
       {"splits", std::to_string(splits)},
       {"threads", std::to_string(readers_.size())}});
  scout_ = std::thread([this] { Scout(); });
  return {};
}

Result<void> Session::StartReaders() {
  std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < spec_.sources.size(); ++i) {
    std::vector<SplitStart> starts = sources_.Starts(i);
    std::size_t wanted =
        spec_.readers_per_source > 0 ? static_cast<std::size_t>(spec_.readers_per_source) : cores;
    std::size_t count = std::clamp<std::size_t>(starts.size(), 1, wanted);
    std::map<SplitId, Position> ends;
    if (spec_.until_caught_up) {
      TRY(ends, sources_.Ends(i));
    }
    std::vector<std::vector<SplitStart>> shares(count);
    for (std::size_t k = 0; k < starts.size(); ++k) shares[k % count].push_back(starts[k]);
    for (auto& share : shares) {
      TRY(auto reader, sources_.OpenReader(i, share));
      TRY(auto decoder, spec_.sources[i].make_decoder());
      TRY(auto delivery, RowDelivery::Make(&stage_, graph_.source(i)));
      ReaderLaneOptions options{i, std::move(share), ends, &sources_.source(i), &watch_};
      readers_.push_back(std::make_unique<ReaderLane>(&stage_, &gate_, metrics_, std::move(reader),
                                                      std::move(decoder), std::move(delivery),
                                                      std::move(options)));
      source_of_reader_.push_back(i);
    }
  }
  return {};
}

Result<void> Session::Loop() {
  const auto window = microseconds(spec_.window_micros);
  TimePoint tick = steady_clock::now() + window;
  while (true) {
    TRY(Next next, Wait(tick));
    if (stop_ >= 2) return {};
    TimePoint now = steady_clock::now();
    // Ticks stay on the grid of the first one, however long an epoch took.
    TimePoint next_tick = tick;
    while (next_tick <= now) next_tick += window;
    // A source that is at its cap rests until the tick; at the tick itself there is nothing to wait
    // for.
    TimePoint resume_at = now >= tick ? now : tick;
    std::vector<bool> capped = gate_.Capped();
    bool rests = now < tick && std::find(capped.begin(), capped.end(), true) != capped.end();
    if (next == Next::kStop && !AwaitCommit()) return {};
    if (stop_ == 0 && watch_.drops()) return {};
    const bool moved = gate_.moved();
    // Carried rows do not wait longer because nothing else comes.
    const bool due = std::any_of(stage_.sinks.begin(), stage_.sinks.end(),
                                 [](const auto& lane) { return lane->CarriedAreDue(); });
    if (next == Next::kStop || moved || due) TRY(SealEpoch(resume_at, next == Next::kStop));
    if (!moved) watch_.NoteNewEpoch();  // A window in which nothing came counts for nothing.
    if (next == Next::kStop) {
      // What is reported last is what is left.
      if (AwaitCommit() && spec_.until_caught_up) UpdateLag();
      return {};
    }
    // An epoch that opens with a source at rest has the whole window that begins at the tick: the
    // tick itself must not seal it, or the source would read twice its cap there.
    tick = rests ? tick + window : next_tick;
  }
}

Result<Session::Next> Session::Wait(TimePoint tick) {
  while (true) {
    if (errors_.aborted()) return AbortedError();
    ReportProgress(false);
    if (stop_ != 0 || watch_.changed()) return Next::kStop;
    if (deadline_micros_ != 0 && spec_.clock->MonotonicMicros() >= deadline_micros_) {
      Log(LogLevel::kInfo, "the job's timeout is reached; sealing the last epoch");
      return Next::kStop;
    }
    if (spec_.until_caught_up && gate_.caught_up() == readers_.size()) return Next::kStop;
    bool due = steady_clock::now() >= tick;
    // With every source at its cap nothing more can come before the tick.
    bool capped = gate_.moved() && (gate_.AllCapped() || gate_.SealAsked());
    // An epoch is decided only after the last one's commit record; until then the open one goes on.
    if ((due || capped) && committer_->idle()) return Next::kGoOn;
    if (due && !committer_->idle()) {
      LogLimited(LogLevel::kWarn, "late commit", 30,
                 "the last epoch is still being committed; the open one goes on until it is",
                 {{"epoch", std::to_string(epoch_.epoch)}});
    }
    if (due || capped) {
      gate_.WaitForNotice(steady_clock::now() + milliseconds(5));
    } else {
      gate_.WaitForNotice(std::min(tick, steady_clock::now() + kProgressPeriod));
    }
  }
}

bool Session::AwaitCommit() {
  while (!committer_->idle()) {
    // After a second signal a commit that does not succeed is the next start's.
    if (errors_.aborted() || stop_ >= 2) return false;
    ReportProgress(false);
    gate_.WaitForNotice(steady_clock::now() + milliseconds(5));
  }
  return true;
}

Result<void> Session::SealEpoch(TimePoint resume_at, bool last) {
  trigger_time_ = steady_clock::now();
  sealing_ = gate_.moved();
  EpochInfo sealing = epoch_;
  for (auto& lane : stage_.sinks) lane->MarkTrigger(sealing.epoch);
  epoch_ = {sealing.epoch + 1, spec_.clock->WallMicros()};
  NoteEpoch();
  if (last) FAILPOINT("K18");
  gate_.Open(epoch_, resume_at, gate_.Capped(), last);
  for (auto& reader : readers_) reader->Wake();

  DecisionRecord decision;
  std::vector<SplitPosition> moved;
  TRY(EpochCounts counts, CollectCuts(&moved));
  for (std::size_t i = 0; i < stage_.open_steps.size() && !moved.empty(); ++i) {
    OpenStep* const step = stage_.open_steps[i].get();
    if (step == nullptr) continue;
    const bool skips = spec_.skip_idle_steps || !step->MayEmitWhenIdle();
    if (skips && !step->Begun(sealing)) continue;
    TRY(auto of_step, step->Seal(sealing));
    counts.Add(of_step);
  }
  decision.epoch = sealing.epoch;
  TRY(SealSinks(last, &decision, &counts));
  const bool writes = std::any_of(decision.sinks.begin(), decision.sinks.end(),
                                  [](const SinkDecision& sink) { return !sink.token.empty(); });
  if (moved.empty() && !writes) {  // An epoch that decides nothing writes nothing.
    sealing_ = false;
    return {};
  }
  TRY(counts.Verify());
  TRY(CheckBadRecordRate(counts));
  TRY(sources_.CheckIdentities());

  decision.now = FormatTimestamp(sealing.now_micros);
  decision.sealed = FormatTimestamp(spec_.clock->WallMicros());
  decision.attempt = stage_.attempt;
  decision.positions = sources_.Advance(moved);
  for (std::size_t i = 0; i < spec_.sources.size(); ++i) {
    const PipelineSource& source = spec_.sources[i];
    decision.schemas.emplace_back(source.name, FormatDdl(*source.schema));
    if (!source.known.has_value()) continue;
    const auto of = counts.sources.find(source.name);
    const bool wrote = of != counts.sources.end() && of->second.rows > 0;
    decision.learned.emplace(source.name, watch_.Known(i, wrote).ToText());
  }
  decision.counts = counts.Named();
  TRY(log_->Decide(decision));
  auto sealed = std::chrono::duration_cast<microseconds>(steady_clock::now() - trigger_time_);
  metrics_->NoteSealed(sealing.epoch, counts, sealed.count());
  WarnOfRejects(spec_, sealing.epoch, counts);
  watch_.NoteNewEpoch();
  committer_->Submit(std::move(decision));
  sealing_ = false;
  return {};
}

Result<EpochCounts> Session::CollectCuts(std::vector<SplitPosition>* moved) {
  TRY(auto cuts, gate_.Collect(readers_.size()));
  EpochCounts counts;
  for (CutReport& cut : cuts) {
    counts.Add(cut.counts);
    moved->insert(moved->end(), cut.moved.begin(), cut.moved.end());
  }
  return counts;
}

Result<void> Session::SealSinks(bool last, DecisionRecord* decision, EpochCounts* counts) {
  std::vector<std::future<Result<SealedSink>>> futures;
  for (auto& lane : stage_.sinks) {
    // With the last epoch too: what the next session's sinks write may have other columns.
    futures.push_back(lane->Seal(decision->epoch, last || lane->CarriedAreDue()));
  }
  for (std::size_t i = 0; i < futures.size(); ++i) {
    TRY(SealedSink sealed, futures[i].get());
    const PipelineSink& sink = spec_.sinks[i];
    counts->sinks[sink.name] = sealed.counts;
    for (const auto& [producer, rows] : sealed.received_from) {
      counts->edges[{producer, sink.name}].received += rows;
    }
    metrics_->NoteStaged(i, sealed.bytes_before_trigger,
                         sealed.prepared.bytes - sealed.bytes_before_trigger);
    metrics_->NoteCarried(i, sealed.counts.carried_out);
    decision->sinks.push_back({sink.name, sink.type, sink.settings, sealed.prepared.token,
                               sealed.prepared.rows, sealed.prepared.bytes,
                               sealed.prepared.artefacts, std::move(sealed.carried),
                               std::move(sealed.superseded)});
  }
  {
    std::lock_guard lock(refused_mutex_);
    auto refused = refused_.extract(decision->epoch);
    if (!refused.empty()) counts->Add(refused.mapped());
    now_of_epoch_.erase(decision->epoch);
  }
  if (stage_.dead_letters == nullptr) return {};
  // Last, since the sinks above may have refused rows.
  TRY(SealedSink sealed, stage_.dead_letters->Seal(decision->epoch).get());
  if (sealed.prepared.rows != counts->dead_letters) {
    return BugError("the counts of the epoch do not add up: dead letters handed over = written (" +
                    std::to_string(counts->dead_letters) + " against " +
                    std::to_string(sealed.prepared.rows) + "); nothing of it was committed");
  }
  decision->dead_letters = {kDeadLettersName,           "files",
                            spec_.dead_letter_settings, sealed.prepared.token,
                            sealed.prepared.rows,       sealed.prepared.bytes,
                            sealed.prepared.artefacts};
  return {};
}

Result<void> Session::CheckBadRecordRate(const EpochCounts& counts) const {
  for (const PipelineSource& source : spec_.sources) {
    auto it = counts.sources.find(source.name);
    if (it == counts.sources.end()) continue;
    const SourceCounts& of = it->second;
    const std::int64_t bad = of.rejected_whole + of.row_rejects;
    const std::int64_t all = of.rows + bad;
    if (static_cast<double>(bad) > static_cast<double>(all) * source.max_bad_record_rate) {
      return DataError(
          "data.bad_record_rate",
          "source " + source.name + ": " + std::to_string(bad) + " of " + std::to_string(all) +
              " records of the epoch are bad, more than maxBadRecordRate allows; "
              "nothing of the epoch was committed. Look at them with `sluice preview`");
    }
  }
  return {};
}

Result<void> Session::OnRefusals(const std::string& sink, std::int64_t epoch,
                                 const std::shared_ptr<arrow::RecordBatch>& rows,
                                 const std::vector<SinkRefusal>& refusals, BadRecords policy) {
  if (policy == BadRecords::kFail) return RefusalStopsJob(refusals.front());
  EpochCounts counts;
  const SinkRefusal& first = refusals.front();
  counts.sinks[sink].first_dead =
      DeadLetter{.code = first.code, .field = first.field, .reason = first.reason}.Brief();
  if (policy == BadRecords::kSkip || stage_.dead_letters == nullptr) {
    counts.skipped = static_cast<std::int64_t>(refusals.size());
  } else {
    std::int64_t now = 0;
    {
      std::lock_guard lock(refused_mutex_);
      now = now_of_epoch_.at(epoch);
    }
    DeadLetterBuilder letters(spec_.job, epoch, now);
    TRY(AddRefused(sink, *rows, refusals, spec_.row_to_text, &letters));
    counts.dead_letters = letters.rows();
    TRY(auto batch, letters.Take());
    TRY(stage_.dead_letters->Push(epoch, kDeadLettersName, std::move(batch)));
  }
  std::lock_guard lock(refused_mutex_);
  refused_[epoch].Add(counts);
  return {};
}

void Session::NoteEpoch() {
  std::lock_guard lock(refused_mutex_);
  now_of_epoch_[epoch_.epoch] = epoch_.now_micros;
}

void Session::OnCommitted(const DecisionRecord& decision) {
  auto took = std::chrono::duration_cast<microseconds>(steady_clock::now() - trigger_time_);
  std::int64_t rows = 0;
  for (const SinkDecision& sink : decision.sinks) rows += sink.rows;
  metrics_->NoteCommitted(decision.epoch, rows, took.count());
  progressed_ = true;
  sources_.Committed(decision.positions);
  if (auto compacted = log_->Compact(spec_.min_epochs_to_retain); !compacted.ok()) {
    LogLimited(LogLevel::kWarn, "compact", 60, "cannot remove old checkpoint slots",
               {{"error", ToString(compacted.error())}});
  }
}

void Session::UpdateLag() {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < spec_.sources.size(); ++i) {
    auto ends = sources_.Ends(i);
    if (!ends.ok()) continue;  // Said by the readers and the next look for splits.
    for (std::size_t r = 0; r < readers_.size(); ++r) {
      if (source_of_reader_[r] != i) continue;
      for (const SplitStart& at : readers_[r]->Positions()) {
        auto end = ends->find(at.id);
        if (end == ends->end()) continue;
        std::int64_t behind = sources_.source(i).Distance(at.position, end->second);
        metrics_->NoteLag(i, at.id, behind);
        total += behind;
      }
    }
  }
  metrics_->SetLag(total);
  metrics_->NoteMemory();
}

void Session::WatchSinks() {
  SinkWork::Look commit;
  const std::string committing = committer_->committing(&commit);
  for (std::size_t i = 0; i < stage_.sinks.size(); ++i) {
    const std::string& name = spec_.sinks[i].name;
    SinkWork::Look work = stage_.sinks[i]->work().Now();
    if (committing == name && commit.seconds >= work.seconds) work = commit;
    metrics_->NoteBusy(i, work.seconds);
    if (work.what == nullptr || work.seconds * 1e6 < static_cast<double>(spec_.slow_sink_micros)) {
      continue;
    }
    LogLimited(
        LogLevel::kWarn, "slow sink " + name, 30,
        "a sink takes long; the epoch waits for it, and reading stops when its queue is full",
        {{"sink", name},
         {"is", work.what},
         {"for", FormatDuration(static_cast<std::int64_t>(work.seconds * 1e6))},
         {"epoch", std::to_string(gate_.epoch())}});
  }
}

void Session::Scout() {
  std::int64_t next_splits = spec_.clock->MonotonicMicros() + spec_.split_refresh_micros;
  std::int64_t next_lag = spec_.clock->MonotonicMicros();
  while (!errors_.aborted()) {
    // Heard here too, since the session's own thread may be waiting for a seal.
    if (stop_ >= 2) errors_.Abort();
    WatchSinks();
    std::int64_t now = spec_.clock->MonotonicMicros();
    if (now >= next_lag) {
      next_lag = now + 2'000'000;
      UpdateLag();
    }
    if (now >= next_splits && !spec_.until_caught_up) {
      next_splits = now + spec_.split_refresh_micros;
      auto found = sources_.FindNew();
      if (!found.ok() && found.error().retry == Retry::kNo) {
        errors_.Report(std::move(found).error());
        return;
      }
      if (!found.ok()) {
        LogLimited(LogLevel::kWarn, "scout", 30, "cannot look for new splits; trying again",
                   {{"error", ToString(found.error())}});
        continue;
      }
      for (auto& [source, start] : *found) {
        std::vector<std::size_t> of_source;
        for (std::size_t r = 0; r < readers_.size(); ++r) {
          if (source_of_reader_[r] == source) of_source.push_back(r);
        }
        auto least = std::min_element(of_source.begin(), of_source.end(), [this](auto a, auto b) {
          return readers_[a]->Positions().size() < readers_[b]->Positions().size();
        });
        readers_[*least]->Add(std::move(start));
      }
    }
    gate_.Rest(gate_.epoch(), milliseconds(100));
  }
}

void Session::ReportProgress(bool now) {
  std::int64_t micros = spec_.clock->MonotonicMicros();
  if (!now && micros - last_progress_micros_ < microseconds(kProgressPeriod).count()) return;
  last_progress_micros_ = micros;
  on_progress_(metrics_->Snapshot());
}

}  // namespace sluice
