/// Reads the files of a FileQueue as batches of lines or of whole files.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "source/files/file_queue.h"
#include "source/files/files_batch.h"
#include "source/files/files_position.h"
#include "source/source.h"

namespace sluice {

/// What readers and their source share. Destroyed after both.
struct FilesStream {
  FilesStream(FolderOptions options, const SourceContext& context, Counter* too_old)
      : folder(std::move(options)), queue(&folder, context.clock, too_old) {}
  Folder folder;
  FileQueue queue;
  bool whole_files = false;
  std::int64_t max_age = 0;  ///< Nanoseconds.
};

/// The one split of a files source.
inline constexpr const char* kFilesSplit = ".";

class FilesReader final : public SplitReader {
 public:
  explicit FilesReader(std::shared_ptr<FilesStream> stream);
  ~FilesReader() override;

  Result<std::unique_ptr<RawBatch>> Read(const ReadLimits& limits) override;
  Result<void> Seek(const SplitId& split, const Position& position) override;
  Result<void> Add(const SplitStart& start) override { return Seek(start.id, start.position); }
  void Wake() override;

 private:
  /// What one Read has filled so far.
  struct Filling {
    const ReadLimits& limits;
    std::unique_ptr<FilesBatch> batch;
    bool full() const {
      return batch->records.size() >= limits.records || batch->bytes >= limits.bytes;
    }
  };
  Result<std::unique_ptr<RawBatch>> Fill(const ReadLimits& limits);
  Result<bool> Open();  ///< False if there is no further file.
  Result<void> CheckUnchanged() const;
  Result<void> ReadLines(Filling* filling);
  Result<void> ReadWhole(Filling* filling);
  Result<void> ReadLongLine(Filling* filling, char* begun, std::size_t size);
  Result<void> ReadBytes(std::int64_t from, char* to, std::size_t size) const;
  void Finish();
  void Close();
  std::size_t Room(const Filling& filling) const;

  std::shared_ptr<FilesStream> stream_;
  FilesPosition position_;
  std::string text_;  ///< Of position_.
  int fd_ = -1;
  FileStamp open_;
  std::size_t average_ = 256;  ///< Bytes of a line, to read about as much as a batch takes.
  std::atomic<bool> woken_{false};
};

}  // namespace sluice
