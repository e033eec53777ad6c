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

#include "core/failpoint.h"
#include "core/logging.h"
#include "sink/files/commit_token.h"
#include "sink/files/files_options.h"
#include "sink/files/files_writer.h"
#include "sink/files/partition_path.h"
#include "sink/files/partition_splitter.h"
#include "storage/storage_entry.h"

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
  std::optional<AttemptId> attempt = {};  ///< nullopt if there is none that can be read.
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
  leaf.remove_prefix(static_cast<std::size_t>(epoch.ptr - leaf.data()));
  if (leaf.starts_with('-')) {
    leaf.remove_prefix(1);
    owner.attempt = ParseAttempt(leaf.substr(0, leaf.find('-')));
  }
  return owner;
}

/// Of all files that the tokens name, by either name, whichever the storage has.
Result<std::set<std::string>> NamesIn(const std::vector<std::string>& tokens) {
  std::set<std::string> names;
  for (const std::string& text : tokens) {
    TRY(CommitToken token, CommitToken::FromJson(text));
    for (const StagedFile& file : token.staged_files()) {
      names.insert(file.staged_name);
      names.insert(file.final_name);
    }
  }
  return names;
}

/// Whose it is and which attempt's, by its name; nullopt if the name is none of ours.
std::optional<Leftover> Described(const StagedLeftover& staged) {
  Leftover leftover;
  leftover.bytes = staged.size;
  leftover.since_micros = staged.since_micros;
  std::optional<AttemptId> attempt;
  if (staged.staged_name.empty()) {
    const auto parts = SplitPath(staged.final_name);
    const auto owner = ParseFileName(parts);
    if (!owner) return std::nullopt;
    leftover.checkpoint = owner->checkpoint;
    leftover.epoch = owner->epoch;
    attempt = owner->attempt;
  } else {
    const auto parts = SplitPath(staged.staged_name);  // _staging/<id>/<sink>/<epoch>/<attempt>/<n>
    if (parts.size() != 6) return std::nullopt;
    leftover.checkpoint = parts[1];
    const std::string_view epoch = parts[3];
    const auto read = std::from_chars(epoch.data(), epoch.data() + epoch.size(), leftover.epoch);
    if (read.ec != std::errc() || read.ptr != epoch.data() + epoch.size()) return std::nullopt;
    attempt = ParseAttempt(parts[4]);
  }
  if (!attempt) return std::nullopt;
  leftover.attempt = *attempt;
  return leftover;
}

std::string ShellQuoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

class FilesSink final : public Sink {
 public:
  FilesSink(FilesOptions options, const StorageRegistry* storages, SchemaPtr schema,
            SinkContext context)
      : options_(std::move(options)),
        kinds_(*storages),
        schema_(std::move(schema)),
        context_(std::move(context)) {
    AppendHiveEscaped(context_.name, &folder_);
    folder_ = std::string(kStaging) + "/" + context_.checkpoint_id + "/" + folder_;
  }

  Result<void> Probe(std::int64_t decided) override {
    TRY(auto storage, Target(options_.path, true));
    TRY(storage->Probe(true));
    return LookAtTarget(*storage, decided);
  }

  CarryOver carry_over() const override {
    return {options_.max_delay_micros, options_.target_file_size};
  }

  Result<std::unique_ptr<SinkWriter>> Open(std::int64_t epoch, const AttemptId& attempt) override;

  Result<void> Commit(std::int64_t, const std::string& text) override {
    TRY(CommitToken token, CommitToken::FromJson(text));
    if (token.files.empty()) return {};
    TRY(auto storage, Target(token.root, false));
    return storage->Publish(token.staged_files());
  }

  Result<void> Forget(std::int64_t, const std::string& text) override {
    TRY(CommitToken token, CommitToken::FromJson(text));
    if (token.files.empty()) return {};
    TRY(auto storage, Target(token.root, false));
    TRY(storage->ForgetStaged(token.staged_files()));
    storage->RemoveEmptyFolders(token.staging);
    return {};
  }

  Result<void> Sweep(const AttemptId& mine, const std::vector<std::string>& keep) override;

  Result<void> ForEachLeftover(const std::vector<std::string>& keep,
                               const std::function<bool(const Leftover&)>& visit) override;

 private:
  Result<std::shared_ptr<Storage>> Target(const std::string& path, bool create);
  Result<void> LookAtTarget(Storage& storage, std::int64_t decided);

  std::optional<AttemptId> AttemptOf(const StagedLeftover& leftover) const;

  const FilesOptions options_;
  const StorageRegistry& kinds_;
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
    StorageUse use;
    use.create = create;
    use.spool_directory = context_.spool_directory;
    TRY(std::shared_ptr<Storage> storage,
        OpenStorage(kinds_, options_.storage, "storage", path, use));
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
  TRY(const std::set<std::string> kept, NamesIn(keep));
  std::error_code ignored;
  if (!IsRemote(options_.path) && !std::filesystem::exists(options_.path, ignored)) return {};
  TRY(auto storage, Target(options_.path, false));
  TRY(auto leftovers, storage->ListStaged(folder_));
  for (const StagedLeftover& leftover : leftovers) {
    auto attempt = AttemptOf(leftover);
    if (!attempt || !(*attempt < mine)) continue;
    if (kept.contains(leftover.staged_name) || kept.contains(leftover.final_name)) continue;
    FAILPOINT("K14");
    TRY(storage->RemoveLeftover(leftover));
  }
  storage->RemoveEmptyFolders(folder_);
  return {};
}

Result<void> FilesSink::ForEachLeftover(const std::vector<std::string>& keep,
                                        const std::function<bool(const Leftover&)>& visit) {
  TRY(const std::set<std::string> kept, NamesIn(keep));
  std::error_code ignored;
  if (!IsRemote(options_.path) && !std::filesystem::exists(options_.path, ignored)) return {};
  TRY(auto storage, Target(options_.path, false));
  TRY(auto all, storage->ListStaged(std::string(kStaging)));
  std::set<std::string> emptied;
  for (const StagedLeftover& staged : all) {
    auto leftover = Described(staged);
    if (!leftover) continue;
    const bool uploaded = staged.staged_name.empty();
    leftover->place =
        storage->location() + "/" + (uploaded ? staged.final_name : staged.staged_name);
    leftover->kept = kept.contains(staged.staged_name) || kept.contains(staged.final_name);
    if (!visit(*leftover)) continue;
    TRY(storage->RemoveLeftover(staged));
    if (!uploaded) emptied.insert(staged.staged_name.substr(0, staged.staged_name.rfind('/')));
  }
  for (const std::string& folder : emptied) storage->RemoveEmptyFolders(folder);
  return {};
}

/// nullopt if it is not this sink's. Staged names are <folder_>/<epoch>/<attempt>/<n>.
std::optional<AttemptId> FilesSink::AttemptOf(const StagedLeftover& leftover) const {
  if (!leftover.staged_name.empty()) {
    const std::string folder = leftover.staged_name.substr(0, leftover.staged_name.rfind('/'));
    return ParseAttempt(folder.substr(folder.rfind('/') + 1));
  }
  // No two sinks of a job have targets that overlap, so the checkpoint's digits say whose it is.
  auto owner = ParseFileName(SplitPath(leftover.final_name));
  if (!owner || owner->checkpoint != context_.checkpoint_id.substr(0, kIdDigits)) {
    return std::nullopt;
  }
  return owner->attempt;
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
         {"list", IsRemote(options_.path)
                      ? "aws s3 ls --recursive " + ShellQuoted(options_.path + "/") +
                            " | grep -v part-" + ours
                      : "find " + ShellQuoted(options_.path) + " -name 'part-*' ! -name 'part-" +
                            ours + "-*' ! -path '*/_staging/*'"}});
  }
  if (staged > 0 && !context_.joins_others) {
    Log(LogLevel::kWarn, "staged files of other checkpoints lie in the target; no reader sees them",
        {{"sink", context_.name},
         {"files", std::to_string(staged)},
         {"list", "sluice checkpoint gc JOB --dry-run"}});
  }
  return {};
}

}  // namespace

SinkEntry FilesSinkEntry(const EncoderRegistry* encoders, const StorageRegistry* storages) {
  SinkEntry entry;
  entry.name = "files";
  entry.summary = "Files in a local folder or on S3, with Hive partitions, each epoch exactly once";
  entry.options = FilesOptionSpecs(*encoders);
  entry.make = [encoders, storages](const Options& options, SchemaPtr schema,
                                    const SinkContext& context) -> Result<std::unique_ptr<Sink>> {
    TRY(FilesOptions parsed,
        ParseFilesOptions(options, *encoders, *storages, context.storage, "sink " + context.name));
    if (schema != nullptr) {
      TRY(auto splitter,
          PartitionSplitter::Make(schema, parsed.partition_keys, context.open_columns));
      TRY(parsed.encoder->check(parsed.encoder_options, splitter->file_schema()));
    }
    return std::unique_ptr<Sink>(
        std::make_unique<FilesSink>(std::move(parsed), storages, std::move(schema), context));
  };
  return entry;
}

}  // namespace sluice
