#include "engine/taken_columns.h"

#include <arrow/type.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/logging.h"

namespace sluice {
namespace {

constexpr std::size_t kLongestError = 300;

std::string Joined(const std::vector<std::string>& parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size() && i < 20; ++i) out += (i == 0 ? "" : "; ") + parts[i];
  if (parts.size() > 20) out += "; and " + std::to_string(parts.size() - 20) + " more";
  return out;
}

/// The first line: DuckDB lists every function that it might have been.
std::string Shortened(const Error& error) {
  std::string text = ToString(error);
  text = text.substr(0, text.find('\n'));
  if (text.size() > kLongestError) text = text.substr(0, kLongestError) + "...";
  return text;
}

/// The columns that are new or have another type.
std::vector<std::string> Differing(const arrow::Schema& before, const arrow::Schema& after) {
  std::vector<std::string> names;
  for (const auto& field : after.fields()) {
    const auto old = before.GetFieldByName(field->name());
    if (old == nullptr || !old->Equals(field)) names.push_back(field->name());
  }
  return names;
}

/// A source whose records showed something.
struct Changing {
  std::size_t source = 0;
  KnownSchema before;
  const ObservedType* seen = nullptr;
  SchemaCaps caps;
};

class Taking {
 public:
  Taking(const PipelineSpec& spec, KnownSchemas before, std::vector<Changing> changing)
      : spec_(spec), before_(std::move(before)), changing_(std::move(changing)) {}

  Result<PipelineSpec> Run() {
    auto all = Plan();
    if (all.ok()) return all;
    Freeze(all.error());
    all = Plan();
    if (all.ok()) return all;
    // Each of them alone would do, but not together.
    for (Changing& one : changing_) {
      const auto change = one.before.Merge(*one.seen, one.caps);
      for (const std::string& name : Differing(*one.before.schema(), *change.schema.schema())) {
        Keep(&one, name, all.error());
      }
    }
    return Plan();
  }

  const std::vector<Changing>& changing() const { return changing_; }

 private:
  Result<PipelineSpec> Plan() const {
    KnownSchemas known = before_;
    for (const Changing& one : changing_) {
      known[spec_.sources[one.source].name] = one.before.Merge(*one.seen, one.caps).schema;
    }
    TRY(PipelineSpec made, spec_.with_schemas(known));
    PipelineSpec with = spec_;
    with.sources = std::move(made.sources);
    with.steps = std::move(made.steps);
    with.sinks = std::move(made.sinks);
    for (std::size_t i = 0; i < with.sources.size(); ++i) {
      with.sources[i].caps.kept = spec_.sources[i].caps.kept;
    }
    for (const Changing& one : changing_) with.sources[one.source].caps.kept = one.caps.kept;
    return with;
  }

  /// Whether the job can take these columns and no others.
  bool TakesAlone(const Changing& changing, const std::set<std::string>& others) const {
    KnownSchemas known = before_;
    SchemaCaps caps = changing.caps;
    caps.kept.insert(others.begin(), others.end());
    known[spec_.sources[changing.source].name] = changing.before.Merge(*changing.seen, caps).schema;
    return spec_.with_schemas(known).ok();
  }

  /// Finds those that the job cannot take, each tried without the others.
  void Freeze(const Error& error) {
    for (Changing& one : changing_) {
      const auto change = one.before.Merge(*one.seen, one.caps);
      const std::vector<std::string> names =
          Differing(*one.before.schema(), *change.schema.schema());
      if (TakesAlone(one, {})) continue;
      for (const std::string& name : names) {
        std::set<std::string> others(names.begin(), names.end());
        others.erase(name);
        if (!TakesAlone(one, others)) Keep(&one, name, error);
      }
    }
  }

  void Keep(Changing* one, const std::string& name, const Error& error) {
    one->caps.kept.insert(name);
    Log(LogLevel::kWarn,
        "the job cannot take a column that its records show; its values stay in _rescued. Mend "
        "the job and start it again",
        {{"source", spec_.sources[one->source].name},
         {"column", name},
         {"error", Shortened(error)}});
  }

  const PipelineSpec& spec_;
  const KnownSchemas before_;
  std::vector<Changing> changing_;
};

}  // namespace

Result<TakenColumns> TakeColumns(const PipelineSpec& spec,
                                 const std::map<std::size_t, ObservedType>& seen,
                                 const LearnedSchemas& learned) {
  KnownSchemas before;
  std::vector<Changing> changing;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    const PipelineSource& source = spec.sources[i];
    if (!source.known.has_value()) continue;
    KnownSchema known = *source.known;
    if (const auto found = learned.find(source.name); found != learned.end()) {
      TRY(known, KnownSchema::Parse(found->second));
    }
    if (const auto of = seen.find(i); of != seen.end()) {
      changing.push_back({i, known, &of->second, source.caps});
    }
    before.emplace(source.name, std::move(known));
  }
  Taking taking(spec, std::move(before), std::move(changing));
  TakenColumns out;
  TRY(out.spec, taking.Run());
  for (const Changing& one : taking.changing()) {
    const KnownSchema::Change change = one.before.Merge(*one.seen, one.caps);
    if (!change.changed()) continue;
    const std::string& name = spec.sources[one.source].name;
    Log(LogLevel::kInfo, "the records show other columns; the next epoch has them",
        {{"source", name},
         {"version", std::to_string(change.schema.version())},
         {"columns", Joined(change.what)}});
    out.changed[name] = change.schema.ToText();
  }
  return out;
}

}  // namespace sluice
