#include "cli/pipe_case.h"

#include <algorithm>
#include <functional>

namespace sluice {
namespace {

/// Builds a PipeCase line by line. Line handlers return what is wrong, or nothing.
class PipeParser {
 public:
  explicit PipeParser(const std::string& path) { test_.path = path; }

  Result<void> Take(const CaseLine& line) {
    const std::string form = line.key.substr(0, line.key.find('.'));
    if (form == "in") return TakeMessage(line);
    if (line.key == "source") return TakeSource(line);
    if (line.key == "schema" || line.key == "set") return TakeOfSource(line);
    if (line.key == "table") return TakeTable(line);
    if (line.key == "row") return TakeTableRow(line);
    if (line.key == "sql" || line.key == "mapping") return TakeStep(line);
    if (line.key == "map") return TakeTuple(line);
    if (line.key == "sink" || line.key == "ordered") return TakeSink(line);
    if (line.key == "epoch") {
      test_.epochs.push_back({});
      test_.epochs.back().line = line.line;
    } else if (line.key == "expect") {
      TRY(PipeEpoch * epoch, Epoch(line));
      auto [sink, row] = SplitWord(line.value);
      TRY(Known(line, "sink", test_.sinks, sink));
      epoch->rows[sink].push_back({line.line, row});
    } else if (line.key == "reject") {
      TRY(PipeEpoch * epoch, Epoch(line));
      auto [source, rest] = SplitWord(line.value);
      TRY(Known(line, "source", test_.sources, source));
      TRY(auto reject, ParseCaseReject(test_.path, line.line, rest));
      epoch->rejects[source].push_back(std::move(reject));
    } else if (line.key == "error") {
      (test_.epochs.empty() ? test_.error : test_.epochs.back().error) =
          CaseText{line.line, line.value};
    } else {
      return Wrong(line, "'" + line.key +
                             "' means nothing here; lines begin with source, table, schema, "
                             "set, row, sql, mapping, map, sink, ordered, epoch, in, expect, "
                             "reject or error");
    }
    if (!test_.epochs.empty()) test_.epochs.back().last = line.last;
    return {};
  }

  Result<PipeCase> Done() {
    if (test_.sources.empty()) return CaseError(test_.path, 1, "the case has no 'source' line");
    if (test_.sinks.empty()) return CaseError(test_.path, 1, "the case has no 'sink' line");
    if (test_.epochs.empty() && !test_.error.has_value()) {
      return CaseError(test_.path, 1, "the case has no 'epoch' line");
    }
    return std::move(test_);
  }

 private:
  Error Wrong(const CaseLine& line, const std::string& message) const {
    return CaseError(test_.path, line.line, message);
  }

  template <typename Named>
  Result<void> Known(const CaseLine& line, const char* kind, const std::vector<Named>& all,
                     const std::string& name) const {
    for (const Named& known : all) {
      if (known.name == name) return {};
    }
    return Wrong(line, std::string("there is no ") + kind + " '" + name + "' above");
  }

  Result<PipeEpoch*> Epoch(const CaseLine& line) {
    if (test_.epochs.empty())
      return Wrong(line, "'" + line.key + "' belongs behind an 'epoch' line");
    return &test_.epochs.back();
  }

  Result<void> TakeSource(const CaseLine& line) {
    auto [name, classification] = SplitWord(line.value);
    if (name.empty()) return Wrong(line, "write 'source NAME [CLASSIFICATION]'");
    PipeSource source;
    source.line = line.line;
    source.name = std::move(name);
    if (!classification.empty()) source.classification = std::move(classification);
    test_.sources.push_back(std::move(source));
    owner_ = Owner::kSource;
    return {};
  }

  Result<void> TakeTable(const CaseLine& line) {
    auto [name, format] = SplitWord(line.value);
    if (format.empty()) return Wrong(line, "write 'table NAME FORMAT'");
    test_.tables.push_back({line.line, std::move(name), std::move(format), {}, {}, {}});
    owner_ = Owner::kTable;
    return {};
  }

  Result<void> TakeTableRow(const CaseLine& line) {
    auto [name, row] = SplitWord(line.value);
    TRY(Known(line, "table", test_.tables, name));
    if (!test_.epochs.empty()) {
      test_.epochs.back().table_rows[name].push_back(row);
      test_.epochs.back().last = line.last;
      return {};
    }
    for (PipeTable& table : test_.tables) {
      if (table.name == name) table.rows.push_back(row);
    }
    return {};
  }

  /// Of the source, table or sink above.
  Result<void> TakeOfSource(const CaseLine& line) {
    if (owner_ == Owner::kSink && line.key == "set") {
      TRY(auto option, ParseCaseOption(test_.path, line.line, line.value));
      test_.sinks.back().options.push_back(std::move(option));
      return {};
    }
    if (test_.sources.empty() && test_.tables.empty())
      return Wrong(line, "'" + line.key + "' belongs behind a 'source' or 'table' line");
    if (line.key == "schema") {
      (owner_ == Owner::kTable ? test_.tables.back().schema : test_.sources.back().schema) =
          line.value;
      return {};
    }
    TRY(auto option, ParseCaseOption(test_.path, line.line, line.value));
    (owner_ == Owner::kTable ? test_.tables.back().options : test_.sources.back().options)
        .push_back(std::move(option));
    return {};
  }

  Result<void> TakeStep(const CaseLine& line) {
    auto [name, rest] = SplitWord(line.value);
    if (rest.empty()) {
      return Wrong(line, line.key == "sql" ? "write 'sql NAME SELECT ...'"
                                           : "write 'mapping NAME INPUT', then 'map' lines");
    }
    PipeStep step;
    step.line = line.line;
    step.name = std::move(name);
    (line.key == "sql" ? step.sql : step.from) = std::move(rest);
    test_.steps.push_back(std::move(step));
    return {};
  }

  Result<void> TakeTuple(const CaseLine& line) {
    if (test_.steps.empty() || test_.steps.back().from.empty()) {
      return Wrong(line, "'map' belongs behind a 'mapping' line");
    }
    std::vector<std::string> tuple(1);
    int depth = 0;  // of brackets: types such as decimal(10,2) and struct<a:int,b:int> have commas
    for (const char c : line.value) {
      if (c == '(' || c == '<') ++depth;
      if (c == ')' || c == '>') --depth;
      if (c == ',' && depth == 0) {
        tuple.emplace_back();
      } else if (c != ' ' || !tuple.back().empty()) {
        tuple.back() += c;
      }
    }
    for (std::string& part : tuple) part.erase(part.find_last_not_of(' ') + 1);
    if (tuple.size() != 4)
      return Wrong(line, "write 'map SOURCE, SOURCE TYPE, TARGET, TARGET TYPE'");
    test_.steps.back().mapping.push_back(std::move(tuple));
    return {};
  }

  Result<void> TakeSink(const CaseLine& line) {
    auto [name, from] = SplitWord(line.value);
    if (line.key == "ordered") {
      for (PipeSinkCase& sink : test_.sinks) {
        if (sink.name == name) sink.ordered = true;
      }
      return Known(line, "sink", test_.sinks, name);
    }
    if (name.empty()) return Wrong(line, "write 'sink NAME [STEP]'");
    test_.sinks.push_back({line.line, std::move(name), std::move(from), false});
    owner_ = Owner::kSink;
    return {};
  }

  Result<void> TakeMessage(const CaseLine& line) {
    TRY(PipeEpoch * epoch, Epoch(line));
    auto [source, rest] = SplitWord(line.value);
    TRY(Known(line, "source", test_.sources, source));
    TRY(auto message, ParseCaseMessage(test_.path, line.line, line.key, rest));
    epoch->messages.emplace_back(std::move(source), std::move(message));
    epoch->last = line.last;
    return {};
  }

  PipeCase test_;
  enum class Owner { kSource, kTable, kSink };
  Owner owner_ = Owner::kSource;  ///< What schema and set are of.
};

template <typename Value>
const Value& Of(const std::map<std::string, Value>& map, const std::string& name) {
  static const Value kNone;
  const auto it = map.find(name);
  return it == map.end() ? kNone : it->second;
}

void CheckError(const std::optional<CaseText>& expected, const Error* actual, int line,
                std::vector<CaseFailure>* failures) {
  const std::string text = actual == nullptr ? "" : ToString(*actual);
  if (expected.has_value() && actual == nullptr) {
    failures->push_back({expected->line, "", "the error is missing", expected->text, ""});
  } else if (!expected.has_value() && actual != nullptr) {
    failures->push_back({line, "", "the job failed", "", text});
  } else if (expected.has_value() && text.find(expected->text) == std::string::npos) {
    failures->push_back({expected->line, "", "the error differs", expected->text, text});
  }
}

}  // namespace

Result<PipeCase> ParsePipeCase(const std::string& path, std::string_view text) {
  TRY(std::vector<CaseLine> lines, SplitCase(path, text));
  PipeParser parser(path);
  for (const CaseLine& line : lines) TRY(parser.Take(line));
  TRY(PipeCase test, parser.Done());
  test.lines = std::move(lines);
  return test;
}

std::vector<CaseFailure> CheckPipeCase(const PipeCase& test, const ObservedPipe& observed) {
  std::vector<CaseFailure> failures;
  const Error* const error = observed.error.has_value() ? &*observed.error : nullptr;
  if (test.error.has_value() || (error != nullptr && test.epochs.empty())) {
    CheckError(test.error, error, 1, &failures);
    return failures;
  }
  for (std::size_t i = 0; i < test.epochs.size(); ++i) {
    const PipeEpoch& epoch = test.epochs[i];
    const bool done = i < observed.epochs.size();
    // The job stops at its first error: later epochs have not been run.
    CheckError(epoch.error, done ? nullptr : error, epoch.line, &failures);
    if (!done) {
      if (error == nullptr && !epoch.error.has_value()) {
        failures.push_back({epoch.line, "", "the epoch was not committed", "", ""});
      }
      return failures;
    }
    for (const PipeSinkCase& sink : test.sinks) {
      CheckRows(Of(epoch.rows, sink.name), Of(observed.epochs[i].rows, sink.name), sink.ordered,
                epoch.last, "row of " + sink.name, &failures);
    }
    for (const PipeSource& source : test.sources) {
      CheckRejects(Of(epoch.rejects, source.name), Of(observed.epochs[i].rejects, source.name),
                   epoch.last, &failures);
    }
  }
  return failures;
}

std::string RebaselinePipeCase(std::string_view text, const PipeCase& test,
                               const ObservedPipe& observed) {
  std::vector<CaseLine> dropped;
  for (const CaseLine& line : test.lines) {
    if (line.key == "expect" || line.key == "reject" || line.key == "error")
      dropped.push_back(line);
  }
  std::vector<std::pair<int, std::string>> inserted;
  if (observed.error.has_value() && test.epochs.empty()) {
    inserted.emplace_back(test.lines.back().last, "error " + ToString(*observed.error) + "\n");
  }
  for (std::size_t i = 0; i < test.epochs.size(); ++i) {
    const PipeEpoch& epoch = test.epochs[i];
    if (i >= observed.epochs.size()) {
      if (observed.error.has_value()) {
        inserted.emplace_back(epoch.last, "error " + ToString(*observed.error) + "\n");
      }
      break;
    }
    for (const PipeSinkCase& sink : test.sinks) {
      std::vector<std::string> rows = Of(observed.epochs[i].rows, sink.name);
      if (!sink.ordered) std::sort(rows.begin(), rows.end());
      for (const std::string& row : rows) {
        inserted.emplace_back(epoch.last, "expect " + sink.name + " " + SpacedJson(row) + "\n");
      }
    }
    for (const PipeSource& source : test.sources) {
      for (const ObservedReject& reject : Of(observed.epochs[i].rejects, source.name)) {
        inserted.emplace_back(epoch.last,
                              "reject " + source.name + " " + RejectLine(reject) + "\n");
      }
    }
  }
  return RewriteCase(text, dropped, inserted);
}

}  // namespace sluice
