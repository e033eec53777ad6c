#include "engine/counts.h"

#include <utility>

namespace sluice {
namespace {

Error Mismatch(const std::string& what, std::int64_t left, std::int64_t right) {
  return BugError("the counts of the epoch do not add up: " + what + " (" + std::to_string(left) +
                  " against " + std::to_string(right) +
                  "); nothing of it was committed. Please report this with the log");
}

Result<void> Equal(const std::string& what, std::int64_t left, std::int64_t right) {
  if (left != right) return Mismatch(what, left, right);
  return {};
}

void KeepFirst(std::string* mine, const std::string& other) {
  if (mine->empty()) *mine = other;
}

}  // namespace

void EpochCounts::Add(const EpochCounts& other) {
  for (const auto& [name, from] : other.sources) {
    SourceCounts& to = sources[name];
    to.delivered += from.delivered;
    to.bytes += from.bytes;
    to.decoded += from.decoded;
    to.rejected_whole += from.rejected_whole;
    to.tombstones += from.tombstones;
    to.rows += from.rows;
    to.row_rejects += from.row_rejects;
    to.redelivered += from.redelivered;
    KeepFirst(&to.first_reject, from.first_reject);
  }
  for (const auto& [name, from] : other.steps) {
    StepCounts& to = steps[name];
    to.row_by_row = from.row_by_row;
    to.in += from.in;
    to.through += from.through;
    to.filtered += from.filtered;
    to.dead += from.dead;
    to.out += from.out;
    to.drained += from.drained;
    KeepFirst(&to.first_dead, from.first_dead);
  }
  for (const auto& [name, from] : other.sinks) {
    SinkCounts& to = sinks[name];
    to.received += from.received;
    to.written += from.written;
    to.dead += from.dead;
    to.carried_in += from.carried_in;
    to.carried_out += from.carried_out;
    KeepFirst(&to.first_dead, from.first_dead);
  }
  for (const auto& [key, from] : other.edges) {
    EdgeCounts& to = edges[key];
    to.pushed += from.pushed;
    to.received += from.received;
  }
  dead_letters += other.dead_letters;
  skipped += other.skipped;
}

std::int64_t EpochCounts::Rejects() const {
  std::int64_t sum = 0;
  for (const auto& [name, source] : sources) sum += source.rejected_whole + source.row_rejects;
  for (const auto& [name, step] : steps) sum += step.dead;
  for (const auto& [name, sink] : sinks) sum += sink.dead;
  return sum;
}

std::int64_t EpochCounts::Delivered() const {
  std::int64_t sum = 0;
  for (const auto& [name, source] : sources) sum += source.delivered;
  return sum;
}

Result<void> EpochCounts::Verify() const {
  for (const auto& [name, source] : sources) {
    TRY(Equal("source " + name + ": delivered = decoded + rejected + tombstones", source.delivered,
              source.decoded + source.rejected_whole + source.tombstones));
  }
  for (const auto& [name, step] : steps) {
    if (step.row_by_row) {
      TRY(Equal("step " + name + ": in = through + filtered + dead", step.in,
                step.through + step.filtered + step.dead));
    }
  }
  for (const auto& [key, edge] : edges) {
    const auto& [producer, consumer] = key;
    TRY(Equal(consumer + ": rows received from " + producer + " = rows handed over", edge.received,
              edge.pushed));
    if (auto source = sources.find(producer); source != sources.end()) {
      TRY(Equal(consumer + ": rows handed over = rows of source " + producer, edge.pushed,
                source->second.rows));
    } else if (auto step = steps.find(producer); step != steps.end()) {
      TRY(Equal(consumer + ": rows handed over = rows out of step " + producer, edge.pushed,
                step->second.out));
    }
  }
  for (const auto& [name, sink] : sinks) {
    TRY(Equal("sink " + name + ": received + carried in = in artefacts + dead + carried out",
              sink.received + sink.carried_in, sink.written + sink.dead + sink.carried_out));
  }
  return Equal("rejects = dead letters + skipped", Rejects(), dead_letters + skipped);
}

std::vector<NamedCount> EpochCounts::Named() const {
  std::vector<NamedCount> out;
  auto add = [&out](const std::string& name, std::int64_t value) {
    if (value != 0) out.push_back({name, value});
  };
  for (const auto& [name, source] : sources) {
    add("source " + name + " delivered", source.delivered);
    add("source " + name + " bytes", source.bytes);
    add("source " + name + " decoded", source.decoded);
    add("source " + name + " rejected", source.rejected_whole);
    add("source " + name + " tombstones", source.tombstones);
    add("source " + name + " rows", source.rows);
    add("source " + name + " row rejects", source.row_rejects);
    add("source " + name + " delivered again", source.redelivered);
  }
  for (const auto& [name, step] : steps) {
    add("step " + name + " in", step.in);
    add("step " + name + " filtered", step.filtered);
    add("step " + name + " dead", step.dead);
    add("step " + name + " drained", step.drained);
    add("step " + name + " out", step.out);
  }
  for (const auto& [name, sink] : sinks) {
    add("sink " + name + " received", sink.received);
    add("sink " + name + " carried in", sink.carried_in);
    add("sink " + name + " carried out", sink.carried_out);
    add("sink " + name + " dead", sink.dead);
  }
  add("dead letters", dead_letters);
  add("skipped", skipped);
  return out;
}

}  // namespace sluice
