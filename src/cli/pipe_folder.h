/// The folder in which a pipeline case runs: a job file, folders of messages, and what the job
/// wrote.
///
///   Make -> { AddEpoch -> (one life of the job) -> TakeEpoch }*
/// Messages are files of a files source that reads whole files; sinks write JSON lines. One thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/pipe_case.h"
#include "core/result.h"

namespace sluice {

class PipeFolder {
 public:
  /// A new folder beneath the system's one for temporary files, with the job file in it.
  /// `tombstones`: whether the job's sources know them; otherwise they are left out, since nothing
  /// comes of them.
  static Result<std::unique_ptr<PipeFolder>> Make(const PipeCase& test, bool tombstones);
  /// Removes all of it.
  ~PipeFolder();
  PipeFolder(const PipeFolder&) = delete;
  PipeFolder& operator=(const PipeFolder&) = delete;

  std::string job_file() const { return (root_ / "job.yaml").string(); }
  /// Of a file beside the job, for logs.
  std::string PathOf(const std::string& name) const { return (root_ / name).string(); }

  /// Makes the messages and the tables' rows of `test.epochs[index]` appear.
  Result<void> AddEpoch(std::size_t index);
  /// What a plain listing of the sinks' folders shows that it did not show before. An error if
  /// something that it did show is gone or has changed.
  Result<ObservedPipe::Epoch> TakeEpoch();

 private:
  PipeFolder(const PipeCase& test, bool tombstones, std::filesystem::path root);
  Result<void> WriteJob() const;
  /// Lines of the new files beneath `folder`, in the order of the files' names.
  Result<std::vector<std::string>> TakeLines(const std::filesystem::path& folder);
  Result<void> TakeDeadLetter(const std::string& line, ObservedPipe::Epoch* epoch) const;
  /// Puts a file of all these rows in the place of the table's.
  Result<void> WriteTable(std::size_t index) const;
  std::filesystem::path SourcePath(std::size_t index) const;
  std::filesystem::path TablePath(std::size_t index) const;
  std::filesystem::path SinkPath(std::size_t index) const;

  const PipeCase& test_;
  const bool tombstones_;
  const std::filesystem::path root_;
  std::vector<std::string> table_texts_;     ///< What the tables' files hold, by index.
  std::map<std::string, std::string> seen_;  ///< Visible files and what is in them.
};

}  // namespace sluice
