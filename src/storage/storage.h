/// A tree of named byte strings: a local folder, or what a bucket has under a prefix.
///
/// Names are relative, '/'-separated, without empty, "." or ".." parts. No name is ever given other
/// bytes (Overwrite excepted). A lost reply or an unclear failure is an error with Retry::kLater
/// and code "storage.unknown": repeat the same call with the same bytes, or look. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sluice {

enum class Created { kYes, kExists };

struct ListedFile {
  std::string name;  ///< Relative to the storage's root.
  std::int64_t size = 0;
};

/// What was staged, and all that Publish needs, in another process too.
struct StagedFile {
  std::string staged_name;
  std::string final_name;
  std::int64_t size = 0;
  std::uint32_t crc32c = 0;  ///< Of all bytes.
  std::string receipt = {};  ///< What else this kind of storage needs to find it; text, no secret.
};

/// Something staged that was neither published nor dropped. Which of the names it has depends on
/// the storage; the file sink's names say by either whose it is.
struct StagedLeftover {
  std::string staged_name;  ///< "" if it waits under its final name.
  std::string final_name;   ///< "" if only Publish is told it.
  std::int64_t size = -1;   ///< -1: not known.
  std::string receipt = {};
  std::int64_t since_micros = -1;  ///< When it was begun or last written; -1: not known.
};

/// A file being staged: invisible until published. One thread. Destroying it unfinished removes
/// what it can.
class StagedWriter {
 public:
  virtual ~StagedWriter() = default;
  virtual Result<void> Write(std::string_view bytes) = 0;
  virtual std::int64_t bytes_written() const = 0;
  /// Starts moving what was written to stable storage, without waiting for it.
  virtual void Flush() = 0;
  /// Starts all that Finish waits for. No Write may follow.
  virtual void BeginFinish() = 0;
  /// Makes it durable (fsync of the file and its folder). No Write may follow.
  virtual Result<StagedFile> Finish() = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;

  /// For messages and records: the path or URL, without secrets.
  virtual const std::string& location() const = 0;

  /// Bytes that a name may have.
  virtual std::size_t longest_name() const = 0;

  /// Creates `name` whole, durable and only if absent.
  virtual Result<Created> PutNew(const std::string& name, std::string_view bytes) = 0;
  /// Replaces `name` in place; readers may see a torn mix. Only for the heartbeat.
  virtual Result<void> Overwrite(const std::string& name, std::string_view bytes) = 0;
  /// nullopt if absent.
  virtual Result<std::optional<std::string>> Read(const std::string& name) = 0;
  /// All files whose names begin with `prefix` + '/', recursively, sorted by name. `prefix` ""
  /// lists all.
  virtual Result<std::vector<ListedFile>> List(const std::string& prefix) = 0;
  /// The names that List(prefix) would give, one by one, in no order and without a look at the
  /// files: for a target that holds very many.
  virtual Result<void> ForEachName(const std::string& prefix,
                                   const std::function<void(const std::string& name)>& visit) = 0;
  /// Absent is not an error.
  virtual Result<void> Remove(const std::string& name) = 0;
  /// Removes what is left of an emptied folder and of its parents up to the root. Best effort.
  virtual void RemoveEmptyFolders(const std::string& prefix) = 0;

  /// Opens a file at `staged_name` that Publish will make visible as `final_name`.
  virtual Result<std::unique_ptr<StagedWriter>> Stage(const std::string& staged_name,
                                                      const std::string& final_name) = 0;
  /// Makes them visible, each whole and durable. Repeating it is harmless. If a final name exists
  /// with other bytes, an error with code "storage.conflict"; if neither name exists,
  /// "storage.staged_missing".
  virtual Result<void> Publish(const std::vector<StagedFile>& files) = 0;
  /// Called after the commit record: drops what Publish has left of the staging.
  virtual Result<void> ForgetStaged(const std::vector<StagedFile>& files) = 0;
  /// Drops files that were finished and will never be published. REQUIRES: no decision names them.
  virtual Result<void> DropStaged(const std::vector<StagedFile>& files) = 0;
  /// What Stage left: under staged names that begin with `staged_prefix` + '/' where staging has
  /// names of its own, else all there is, anybody's.
  virtual Result<std::vector<StagedLeftover>> ListStaged(const std::string& staged_prefix) = 0;
  /// Absent is not an error.
  virtual Result<void> RemoveLeftover(const StagedLeftover& leftover) = 0;

  /// Proves at start what exactly-once needs here (create-only honoured, new names listed at once;
  /// with `staging`, that a staged file can be published). Leaves nothing behind. Errors say what
  /// is missing.
  virtual Result<void> Probe(bool staging) = 0;
};

}  // namespace sluice
