#include "cli/test_command.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include "cli/case_check.h"
#include "cli/decode_case_runner.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> FindCases(const std::vector<std::string>& paths) {
  std::vector<fs::path> cases;
  for (const std::string& path : paths) {
    std::error_code failure;
    if (fs::is_regular_file(path, failure)) {
      cases.emplace_back(path);
      continue;
    }
    if (!fs::is_directory(path, failure)) {
      return UserError("test.path", path + " is neither a file nor a folder");
    }
    std::vector<fs::path> found;
    auto entry = fs::recursive_directory_iterator(path, failure);
    for (; !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
      const std::string extension = entry->path().extension();
      if (extension == ".case" || extension == ".pipe") found.push_back(entry->path());
    }
    if (failure) return UserError("test.path", "cannot list " + path + ": " + failure.message());
    if (found.empty()) {
      return UserError("test.path", "there is no *.case and no *.pipe under " + path);
    }
    std::sort(found.begin(), found.end());
    cases.insert(cases.end(), found.begin(), found.end());
  }
  return cases;
}

/// One run of the command.
class Runner {
 public:
  Runner(const TestOptions& options, const TestParts& parts, std::ostream& out)
      : options_(options), parts_(parts), out_(out) {}

  void Run(const fs::path& path) {
    path_ = path.string();
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) {
      return Fail(UserError("test.path", path_ + ": cannot be read"));
    }
    if (path.extension() == ".pipe") return RunPipe(text);
    RunDecode(text);
  }

  int Report() {
    if (changed_ > 0) out_ << changed_ << (changed_ == 1 ? " case" : " cases") << " rewritten\n";
    if (not_run_ > 0) {
      out_ << not_run_ << " pipeline cases were not run: there is no engine to run them with\n";
    } else if (parts_.pipes != nullptr && ran_pipes_ && !parts_.pipes->Remarks().empty()) {
      out_ << parts_.pipes->Remarks() << "\n";
    }
    out_ << passed_ << " passed, " << failed_ << " failed\n";
    return failed_ > 0 ? 1 : 0;
  }

 private:
  void RunDecode(const std::string& text) {
    auto test = ParseDecodeCase(path_, text);
    if (!test.ok()) return Fail(test.error());
    std::vector<CaseFailure> failures;
    for (const bool one_per_batch : {false, true}) {
      auto decoded = RunDecodeCase(*test, *parts_.formats, *parts_.encoders, one_per_batch);
      if (!decoded.ok()) return Fail(std::move(decoded).error().At(path_));
      auto found = CheckDecodeCase(*test, *decoded);
      if (options_.rebaseline && !one_per_batch && !found.empty()) {
        const std::string rewritten = RebaselineDecodeCase(text, *test, *decoded);
        if (!Rewrite(rewritten)) return;
        test = ParseDecodeCase(path_, rewritten);
        if (!test.ok()) return Fail(test.error());
        found.clear();
      }
      Append(std::move(found), one_per_batch ? "one message per batch" : "straight", &failures);
      if (!failures.empty()) break;
    }
    Count(failures);
  }

  void RunPipe(const std::string& text) {
    auto test = ParsePipeCase(path_, text);
    if (!test.ok()) return Fail(test.error());
    if (parts_.pipes == nullptr) {
      ++not_run_;
      return;
    }
    ran_pipes_ = true;
    std::vector<CaseFailure> failures;
    for (const std::string& mode : parts_.pipes->Modes(*test)) {
      auto observed = parts_.pipes->Run(*test, mode);
      if (!observed.ok()) return Fail(std::move(observed).error().At(path_ + " (" + mode + ")"));
      auto found = CheckPipeCase(*test, *observed);
      if (options_.rebaseline && mode == "straight" && !found.empty()) {
        const std::string rewritten = RebaselinePipeCase(text, *test, *observed);
        if (!Rewrite(rewritten)) return;
        test = ParsePipeCase(path_, rewritten);
        if (!test.ok()) return Fail(test.error());
        found.clear();
      }
      Append(std::move(found), mode, &failures);
      if (!failures.empty()) break;
    }
    Count(failures);
  }

  bool Rewrite(const std::string& text) {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) {
      Fail(UserError("test.path", path_ + ": cannot be written"));
      return false;
    }
    ++changed_;
    return true;
  }

  static void Append(std::vector<CaseFailure> found, const std::string& mode,
                     std::vector<CaseFailure>* failures) {
    for (CaseFailure& failure : found) {
      failure.mode = mode;
      failures->push_back(std::move(failure));
    }
  }

  void Count(const std::vector<CaseFailure>& failures) {
    if (failures.empty()) {
      ++passed_;
      return;
    }
    ++failed_;
    for (const CaseFailure& failure : failures) {
      out_ << path_ << ":" << failure.line << ": " << failure.what << " (" << failure.mode << ")\n";
      if (!failure.expected.empty()) out_ << "  expected  " << failure.expected << "\n";
      if (!failure.actual.empty()) out_ << "  actual    " << failure.actual << "\n";
    }
  }

  void Fail(const Error& error) {
    ++failed_;
    out_ << error.message << "\n";
  }

  const TestOptions& options_;
  const TestParts& parts_;
  std::ostream& out_;
  std::string path_;
  int passed_ = 0;
  int failed_ = 0;
  int not_run_ = 0;
  int changed_ = 0;
  bool ran_pipes_ = false;
};

}  // namespace

Result<int> RunTests(const TestOptions& options, const TestParts& parts, std::ostream& out) {
  TRY(const std::vector<fs::path> cases, FindCases(options.paths));
  Runner runner(options, parts, out);
  for (const fs::path& path : cases) runner.Run(path);
  return runner.Report();
}

void AddTestCommand(CLI::App& app, CommandContext& context, PipeRunner* pipes) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* command = app.add_subcommand("test", "Run text cases: *.case and *.pipe");
  command->add_option("PATH", options->paths, "Cases, or folders that are searched for them")
      ->required();
  command->add_flag("--rebaseline", options->rebaseline,
                    "Rewrite expected rows, rejects and errors that do not hold");
  command->footer(
      "Example:\n"
      "  sluice test tests/\n"
      "A case:\n"
      "  # A missing field becomes null.\n"
      "  classification json\n"
      "  schema id bigint, name string\n"
      "  in     {\"id\": 7}\n"
      "  out    {\"id\": 7, \"name\": null}\n"
      "  in     {\"id\": \"x\"}\n"
      "  reject 2: id");
  command->callback([&context, options, pipes] {
    const TestParts parts{&context.parts.formats, &context.parts.encoders, pipes};
    Finish(context, RunTests(*options, parts, context.out));
  });
}

}  // namespace sluice
