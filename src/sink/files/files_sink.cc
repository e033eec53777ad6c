#include "sink/files/files_sink.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "core/logging.h"
#include "sink/files/commit_token.h"
#include "sink/files/files_options.h"
#include "sink/files/files_writer.h"
#include "sink/files/partition_path.h"
#include "sink/files/partition_splitter.h"
#include "storage/local/local_storage.h"

namespace sluice {
namespace {

constexpr std::size_t kIdDigits = 8;
constexpr std::string_view kStaging = "_staging";

/// nullopt if it is not "writer.counter".
std::optional<AttemptId> ParseAttempt(std::string_view text) {
  AttemptId id;
  const char* end = text.data() + text.size();
  auto writer = std::from_chars(text.data(), end, id.writer);
  if (writer.ec != std::errc() || writer.ptr == end || *writer.ptr != '.') return std::nullopt;
  auto counter = std::from_chars(writer.ptr + 1, end, id.counter);
  if (counter.ec != std::errc() || counter.ptr != end) return std::nullopt;
  return id;
}

std::vector<std::string_view> SplitPath(std::string_view name) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= name.size();) {
    std::size_t end = std::min(name.find('/', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// Whose a data file is, by its name: part-<checkpoint's first digits>-<epoch>-<attempt>-<n>.
struct FileOwner {
  std::string_view checkpoint;
  std::int64_t epoch = 0;
};

/// nullopt if no reader takes the file for data, or it is none of ours.
std::optional<FileOwner> ParseFileName(const std::vector<std::string_view>& parts) {
  if (std::any_of(parts.begin(), parts.end(), [](std::string_view part) {
        return part.starts_with('_') || part.starts_with('.');
      })) {
    return std::nullopt;
  }
  constexpr std::string_view kBegin = "part-";
  std::string_view leaf = parts.back();
  if (!leaf.starts_with(kBegin) || leaf.size() <= kBegin.size() + kIdDigits) return std::nullopt;
  FileOwner owner{leaf.substr(kBegin.size(), kIdDigits)};
  if (owner.checkpoint.find_first_not_of("0123456789abcdef") != owner.checkpoint.npos) {
    return std::nullopt;
  }
  leaf.remove_prefix(kBegin.size() + kIdDigits);
  if (leaf[0] != '-') return std::nullopt;
  auto epoch = std::from_chars(leaf.data() + 1, leaf.data() + leaf.size(), owner.epoch);
  if (epoch.ec != std::errc()) return std::nullopt;
  return owner;
}

std::string ShellQuoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

class FilesSink final : public Sink {
 public:
  FilesSink(FilesOptions options, SchemaPtr schema, SinkContext context)
      : options_(std::move(options)), schema_(std::move(schema)), context_(std::move(context)) {
    AppendHiveEscaped(context_.name, &folder_);
    folder_ = std::string(kStaging) + "/" + context_.checkpoint_id + "/" + folder_;
  }

  Result<void> Probe(std::int64_t decided) override {
    TRY(auto storage, Target(options_.path, true));
    TRY(storage->Probe(true));
    return LookAtTarget(*storage, decided);
  }

  Result<std::unique_ptr<SinkWriter>> Open(std::int64_t epoch, const AttemptId& attempt) override;

  Result<void> Commit(std::int64_t, const std::string& text) override {
    TRY(CommitToken token, CommitToken::FromJson(text));
    if (token.files.empty()) return {};
    TRY(auto storage, Target(token.root, false));
    for (std::size_t n = 0; n < token.files.size(); ++n)
      TRY(storage->Publish(token.staged_file(n)));
    return {};
  }

  Result<void> Forget(std::int64_t, const std::string& text) override {
    TRY(CommitToken token, CommitToken::FromJson(text));
    if (token.files.empty()) return {};
    TRY(auto storage, Target(token.root, false));
    for (std::size_t n = 0; n < token.files.size(); ++n)
      TRY(storage->DropStaged(token.staged_file(n)));
    storage->RemoveEmptyFolders(token.staging);
    return {};
  }

  Result<void> Sweep(const AttemptId& mine, const std::vector<std::string>& keep) override;

 private:
  Result<std::shared_ptr<Storage>> Target(const std::string& path, bool create);
  Result<void> LookAtTarget(Storage& storage, std::int64_t decided);

  const FilesOptions options_;
  const SchemaPtr schema_;
  const SinkContext context_;
  std::string folder_;  ///< Of this sink's staged files.
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Storage>> storages_;  ///< By path; usually one.
};

Result<std::shared_ptr<Storage>> FilesSink::Target(const std::string& path, bool create) {
  std::lock_guard lock(mutex_);
  auto it = storages_.find(path);
  if (it == storages_.end()) {
    TRY(std::shared_ptr<Storage> storage, OpenLocalStorage(path, create));
    it = storages_.emplace(path, std::move(storage)).first;
  }
  return it->second;
}

Result<std::unique_ptr<SinkWriter>> FilesSink::Open(std::int64_t epoch, const AttemptId& attempt) {
  if (schema_ == nullptr) return BugError("a files sink without a schema was asked to write");
  FilesWriterSettings settings;
  TRY(settings.storage, Target(options_.path, true));
  settings.encoder = options_.encoder;
  settings.encoder_options = options_.encoder_options;
  settings.schema = schema_;
  settings.partition_keys = options_.partition_keys;
  settings.open_columns = context_.open_columns;
  settings.target_file_size = options_.target_file_size;
  settings.max_open_partitions = options_.max_open_partitions;
  settings.memory_bytes = context_.memory_bytes;
  char digits[24];
  std::snprintf(digits, sizeof digits, "%010lld", static_cast<long long>(epoch));
  settings.token.root = options_.path;
  settings.token.staging = folder_ + "/" + std::to_string(epoch) + "/" + attempt.ToString();
  settings.token.name = "part-" + context_.checkpoint_id.substr(0, kIdDigits) + "-" + digits + "-" +
                        attempt.ToString() + "-";
  settings.token.extension = options_.encoder->extension(options_.encoder_options);
  return OpenFilesWriter(std::move(settings));
}

Result<void> FilesSink::Sweep(const AttemptId& mine, const std::vector<std::string>& keep) {
  std::set<std::string> kept;
  for (const std::string& text : keep) {
    TRY(CommitToken token, CommitToken::FromJson(text));
    kept.insert(token.staging);
  }
  std::error_code ignored;
  if (!std::filesystem::exists(options_.path, ignored)) return {};
  TRY(auto storage, Target(options_.path, false));
  TRY(auto files, storage->List(folder_));
  for (const ListedFile& file : files) {
    // <folder_>/<epoch>/<attempt>/<n>
    std::string attempt_folder = file.name.substr(0, file.name.rfind('/'));
    auto attempt = ParseAttempt(attempt_folder.substr(attempt_folder.rfind('/') + 1));
    if (!attempt || !(*attempt < mine) || kept.contains(attempt_folder)) continue;
    TRY(storage->Remove(file.name));
  }
  storage->RemoveEmptyFolders(folder_);
  return {};
}

Result<void> FilesSink::LookAtTarget(Storage& storage, std::int64_t decided) {
  const std::string ours = context_.checkpoint_id.substr(0, kIdDigits);
  std::set<std::string> checkpoints;
  std::int64_t visible = 0, staged = 0, beyond = 0;
  std::string example;
  TRY(storage.ForEachName("", [&](const std::string& name) {
    auto parts = SplitPath(name);
    if (parts[0] == kStaging) {
      if (parts.size() > 1 && parts[1] != context_.checkpoint_id) ++staged;
      return;
    }
    auto file = ParseFileName(parts);
    if (!file) return;
    if (file->checkpoint != ours) {
      checkpoints.emplace(file->checkpoint);
      ++visible;
    } else if (file->epoch > decided) {
      ++beyond;
      example = name;
    }
  }));
  if (beyond > 0) {
    return UserError("checkpoint.older_than_target",
                     "the checkpoint's last epoch is " + std::to_string(decided) + ", and " +
                         options_.path + " holds " + std::to_string(beyond) +
                         " files of later epochs of it, such as " + example +
                         ": the checkpoint is an old copy, and going on from it would write those "
                         "records again. Put the newest checkpoint back; or move these files away; "
                         "or delete the checkpoint and the target to process everything anew");
  }
  if (visible > 0 && !context_.joins_others) {
    Log(LogLevel::kWarn, "the target holds files of other checkpoints; this job adds to them",
        {{"sink", context_.name},
         {"path", options_.path},
         {"files", std::to_string(visible)},
         {"checkpoints", std::to_string(checkpoints.size())},
         {"for_example", *checkpoints.begin()},
         {"list", "find " + ShellQuoted(options_.path) + " -name 'part-*' ! -name 'part-" + ours +
                      "-*' ! -path '*/_staging/*'"}});
  }
  if (staged > 0 && !context_.joins_others) {
    Log(LogLevel::kWarn, "staged files of other checkpoints lie in the target; no reader sees them",
        {{"sink", context_.name},
         {"files", std::to_string(staged)},
         {"list", "find " + ShellQuoted(options_.path + "/_staging") +
                      " -type f ! -path '*/_staging/" + context_.checkpoint_id + "/*'"}});
  }
  return {};
}

}  // namespace

SinkEntry FilesSinkEntry(const EncoderRegistry* encoders) {
  SinkEntry entry;
  entry.name = "files";
  entry.summary = "Files in a local folder, with Hive partitions, each epoch exactly once";
  entry.options = FilesOptionSpecs(*encoders);
  entry.make = [encoders](const Options& options, SchemaPtr schema,
                          const SinkContext& context) -> Result<std::unique_ptr<Sink>> {
    TRY(FilesOptions parsed, ParseFilesOptions(options, *encoders, "sink " + context.name));
    if (schema != nullptr) {
      TRY(auto splitter,
          PartitionSplitter::Make(schema, parsed.partition_keys, context.open_columns));
      TRY(parsed.encoder->check(parsed.encoder_options, splitter->file_schema()));
    }
    return std::unique_ptr<Sink>(
        std::make_unique<FilesSink>(std::move(parsed), std::move(schema), context));
  };
  return entry;
}

}  // namespace sluice
