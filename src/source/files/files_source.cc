#include "source/files/files_source.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/logging.h"
#include "source/files/files_reader.h"

namespace sluice {
namespace {

/// Bytes of a line, before any has been read; only the lag shown depends on it.
constexpr std::int64_t kGuessedLine = 256;

/// What was read of one folder says nothing about the files of another: it would hide some of them,
/// and take others for changed ones.
Error OtherFolder(const std::string& was, const std::string& is) {
  const std::string old_path = Folder::PathIn(was);
  const std::string path = Folder::PathIn(is);
  return UserError(
      "files.other_folder",
      "what was read so far was read in " + old_path + ", and 'path' is now another folder, " +
          path + ". Put the old path back; or, to read " + path +
          " from its beginning, give the source a new name and run with --drop and the old one. "
          "If the same files were moved there, keep the old path and make it a link to " +
          path);
}

class FilesSource final : public Source {
 public:
  FilesSource(std::shared_ptr<FilesStream> stream, bool fail_on_loss)
      : stream_(std::move(stream)), fail_on_loss_(fail_on_loss) {}

  const std::vector<std::shared_ptr<arrow::Field>>& extra_fields() const override {
    return no_fields_;
  }

  Result<std::vector<Split>> ListSplits() override {
    struct stat status {};
    const std::string& path = stream_->folder.path();
    if (stat(path.c_str(), &status) != 0) {
      const std::string message = "cannot read the folder " + path + ": " + std::strerror(errno);
      // At first it is a mistake in the job, later a mount that may come back.
      if (listed_) return RemoteError("files.list", message);
      return UserError("files.no_folder", message + "; create it, or correct the option 'path'");
    }
    if (!S_ISDIR(status.st_mode)) {
      return UserError("files.no_folder", path +
                                              " is not a folder; 'path' names the folder in "
                                              "which files arrive");
    }
    listed_ = true;
    TRY(std::string identity, stream_->folder.Identity());
    return std::vector<Split>{{kFilesSplit, std::move(identity)}};
  }

  Result<std::vector<SplitStart>> ResolveStart(const std::vector<Split>& splits,
                                               bool /*first*/) override {
    std::vector<SplitStart> starts;
    for (const Split& split : splits)
      starts.push_back({split.id, FilesPosition().ToText(), split.identity});
    return starts;
  }

  Result<Verified> Verify(const std::vector<SplitStart>& starts) override {
    Verified verified;
    for (const SplitStart& start : starts) {
      TRY(FilesPosition position, FilesPosition::Parse(start.position));
      TRY(const std::string identity, stream_->folder.Identity());
      // Positions of earlier versions have no identity: the folder is remembered from now on.
      if (!start.identity.empty() && !Folder::SameFolder(start.identity, identity)) {
        return OtherFolder(start.identity, identity);
      }
      SplitStart verified_start = start;
      verified_start.identity = identity;
      TRY(const bool intact, CheckCurrent(position));
      if (!intact) {
        const FilesPosition from = position;
        position.Finish(position.current, stream_->max_age, position.horizon);
        verified_start.position = position.ToText();
        verified.losses.push_back(
            {start.id, start.position, verified_start.position, Estimate(from, position)});
      }
      // Also finds files that changed while nobody watched.
      TRY(stream_->queue.GoTo(position));
      verified.starts.push_back(std::move(verified_start));
    }
    return verified;
  }

  Result<std::map<SplitId, Position>> Ends(const std::vector<SplitId>& splits) override {
    TRY(stream_->queue.Discover());
    std::map<SplitId, Position> ends;
    for (const SplitId& split : splits) ends[split] = stream_->queue.End().ToText();
    return ends;
  }

  Result<std::unique_ptr<SplitReader>> OpenReader(const std::vector<SplitStart>& starts) override {
    auto reader = std::make_unique<FilesReader>(stream_);
    for (const SplitStart& start : starts) TRY(reader->Add(start));
    return std::unique_ptr<SplitReader>(std::move(reader));
  }

  int ComparePositions(const Position& a, const Position& b) const override {
    return Compare(FilesPosition::ParseNumbers(a), FilesPosition::ParseNumbers(b));
  }

  std::int64_t Distance(const Position& from, const Position& to) const override {
    return Estimate(FilesPosition::ParseNumbers(from), FilesPosition::ParseNumbers(to));
  }

  void Committed(const std::vector<SplitStart>& positions) override {
    for (const SplitStart& committed : positions) {
      auto position = FilesPosition::Parse(committed.position);
      if (!position.ok()) continue;
      if (auto settled = stream_->queue.Settle(*position); !settled.ok()) {
        Log(LogLevel::kWarn, "cannot forget files that were committed",
            {{"error", ToString(settled.error())}});
      }
    }
  }

 private:
  /// Whether the file in which `position` lies can be read on. A file that changed is an error
  /// under any option: what was lost of it, or was added, cannot be told.
  Result<bool> CheckCurrent(const FilesPosition& position) const {
    if (position.byte == 0) return true;
    const std::string path = stream_->folder.PathOf(position.current.name);
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      const std::string where = path + ", of which " + std::to_string(position.byte) + " of " +
                                std::to_string(position.current.size) + " bytes were read,";
      if (errno != ENOENT) {
        return RemoteError("files.read", where + " cannot be read: " + std::strerror(errno));
      }
      if (!fail_on_loss_) return false;
      return UserError("files.missing", where +
                                            " is gone: put it back, or set failOnDataLoss: false "
                                            "to go on without the rest");
    }
    if (!MakeStamp({}, status).SameContent(position.current)) {
      return RemoteError(
          "files.changed",
          path + " changed after " + std::to_string(position.byte) + " of its " +
              std::to_string(position.current.size) +
              " bytes were read: files must arrive whole, by rename, and stay as they are. "
              "Put the old file back with its old modification time (cp -p), or remove the "
              "checkpoint "
              "to read everything again",
          Retry::kNo);
    }
    return true;
  }

  std::int64_t Estimate(const FilesPosition& from, const FilesPosition& to) const {
    if (Compare(from, to) >= 0) return 0;
    if (from.records >= 0 && to.records > from.records) return to.records - from.records;
    if (stream_->whole_files) return to.files - from.files;
    const std::int64_t done = from.bytes + from.byte;
    const std::int64_t line = from.records > 0 ? done / from.records + 1 : kGuessedLine;
    return std::max<std::int64_t>((to.bytes + to.byte - done + line - 1) / line, 1);
  }

  std::shared_ptr<FilesStream> stream_;
  bool fail_on_loss_;
  bool listed_ = false;
  std::vector<std::shared_ptr<arrow::Field>> no_fields_;
};

std::vector<OptionSpec> FilesOptions() {
  return {
      {.name = "path",
       .help =
           "The folder in which files arrive. They must arrive whole, by rename from the same file "
           "system, and must not change afterwards; names that begin with _ or . are ignored. "
           "A job on an old checkpoint stays with the folder it has read.",
       .example = "./incoming",
       .required = true},
      {.name = "wholetext",
       .type = OptionType::kBool,
       .default_value = "false",
       .help = "Whether each file is one record. Otherwise each line is one; empty lines are none.",
       .example = "true"},
      {.name = "maxFileAge",
       .type = OptionType::kDuration,
       .default_value = "7 days",
       .help =
           "Files this much older than the newest one that was read are reported, not read. Files "
           "within it are remembered, with 16 bytes each in every checkpoint entry.",
       .example = "1 day",
       .min = 1'000'000},
      {.name = "recursiveFileLookup",
       .type = OptionType::kBool,
       .default_value = "false",
       .help = "Whether files in folders below count too. Links to folders are not followed.",
       .example = "true"},
      {.name = "pathGlobFilter",
       .help = "Reads only files whose name, without its folder, matches this pattern.",
       .example = "*.json"},
      {.name = "pollInterval",
       .type = OptionType::kDuration,
       .default_value = "10 seconds",
       .help = "How often the folder is listed where the system does not tell what arrives, as on "
               "network file systems. Elsewhere new files are seen at once.",
       .example = "1 minute",
       .min = 1000},
      {.name = "failOnDataLoss",
       .type = OptionType::kBool,
       .default_value = "true",
       .help = "Whether the job stops if a file is gone of which a part was read. Otherwise the "
               "rest is "
               "counted as lost.",
       .example = "false"},
  };
}

/// Where the set that `pattern` opens at `open` ends, npos if it does not; as fnmatch reads it.
std::size_t EndOfSet(const std::string& pattern, std::size_t open) {
  std::size_t at = open + 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  const std::size_t first = at;  // A bracket here stands for itself.
  for (; at < pattern.size(); ++at) {
    if (pattern[at] == ']' && at != first) return at;
    const char next = at + 1 < pattern.size() ? pattern[at + 1] : 0;
    if (pattern[at] == '\\') {
      ++at;
    } else if (pattern[at] == '[' && (next == ':' || next == '.' || next == '=')) {
      const std::size_t end = pattern.find(std::string(1, next) + "]", at + 2);
      if (end == std::string::npos) return end;
      at = end + 1;
    }
  }
  return std::string::npos;
}

/// fnmatch takes a pattern that is not whole for one that matches nothing, or itself.
Result<void> CheckGlob(const std::string& pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '\\') {
      if (++at < pattern.size()) continue;  // The next one stands for itself.
      return UserError("files.glob",
                       "pathGlobFilter ends with a backslash; write \\\\ for one in a name");
    }
    if (pattern[at] != '[') continue;
    const std::size_t end = EndOfSet(pattern, at);
    if (end == std::string::npos) {
      return UserError("files.glob", "pathGlobFilter: the [ at character " +
                                         std::to_string(at + 1) +
                                         " is not closed; write \\[ for one in a name");
    }
    at = end;
  }
  return {};
}

Result<std::unique_ptr<Source>> MakeFilesSource(const Options& options,
                                                const SourceContext& context) {
  TRY(CheckGlob(options.String("pathGlobFilter")));
  FolderOptions folder;
  folder.path = options.String("path");
  folder.glob = options.String("pathGlobFilter");
  folder.recursive = options.Bool("recursiveFileLookup");
  folder.poll_interval =
      std::chrono::microseconds(options.Int("pollInterval").value_or(10'000'000));
  Counter* too_old = nullptr;
  if (context.metrics != nullptr) {
    too_old =
        &context.metrics->AddCounter("sluice_source_files_too_old_total",
                                     "Files that arrived older than maxFileAge and were not read.",
                                     {{"job", context.job}, {"source", context.name}});
  }
  auto stream = std::make_shared<FilesStream>(std::move(folder), context, too_old);
  stream->whole_files = options.Bool("wholetext");
  stream->max_age = options.Int("maxFileAge").value_or(0) * 1000;
  return std::unique_ptr<Source>(
      std::make_unique<FilesSource>(std::move(stream), options.Bool("failOnDataLoss")));
}

}  // namespace

SourceEntry FilesSourceEntry() {
  return {"files", "Files that arrive in a folder, by lines or whole", FilesOptions(),
          MakeFilesSource};
}

}  // namespace sluice
