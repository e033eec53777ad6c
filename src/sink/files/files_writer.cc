#include "sink/files/files_writer.h"

#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/table.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/logging.h"
#include "record/arrow_error.h"
#include "sink/files/partition_splitter.h"

namespace sluice {
namespace {

constexpr std::size_t kPaceBytes = 6u << 20;
constexpr std::size_t kPaceBytesPerFile = 128u << 10;
/// Rows wait to be split until there are this many for each partition: fewer cost more each.
constexpr std::size_t kRowsPerPiece = 512;
constexpr std::size_t kMaxWaitingBytes = 16u << 20;

/// A file being written. The encoder goes first on destruction.
struct OpenFile final : public ByteSink {
  Result<void> Append(std::string_view bytes) override {
    TRY(staged->Write(bytes));
    *bytes_staged += static_cast<std::int64_t>(bytes.size());
    return {};
  }

  std::int64_t* bytes_staged = nullptr;  ///< Of all files.
  std::size_t number = 0;
  std::int32_t partition = 0;
  std::int64_t last_write = 0;
  std::size_t memory = 0;  ///< Of the encoder, as added to the sums.
  std::size_t held = 0;
  std::size_t buffered = 0;
  std::unique_ptr<StagedWriter> staged;
  std::unique_ptr<FileEncoder> encoder;
};

class FilesWriter final : public SinkWriter {
 public:
  FilesWriter(FilesWriterSettings settings, std::unique_ptr<PartitionSplitter> splitter)
      : settings_(std::move(settings)),
        splitter_(std::move(splitter)),
        token_(settings_.token),
        partitioned_(!settings_.partition_keys.empty()) {}

  ~FilesWriter() override {
    if (prepared_) return;
    open_.clear();
    std::vector<StagedFile> dropped;
    for (std::size_t n = 0; n < finished_.size(); ++n) {
      if (finished_[n]) dropped.push_back(token_.staged_file(n));
    }
    static_cast<void>(settings_.storage->DropStaged(dropped));
    settings_.storage->RemoveEmptyFolders(token_.staging);
  }

  Result<std::vector<SinkRefusal>> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override;
  Result<Prepared> Prepare() override;
  std::int64_t bytes_staged() const override { return bytes_staged_; }
  std::size_t memory() const override {
    return memory_ + held_ + waiting_bytes_ + splitter_->memory() +
           counts_.capacity() * sizeof(std::int64_t);
  }

 private:
  struct Waiting {
    std::shared_ptr<arrow::RecordBatch> rows;  ///< Without the keys.
    std::vector<std::int32_t> partitions;
  };

  Result<void> SplitWaiting();
  Result<void> WriteTo(std::int32_t partition, const std::shared_ptr<arrow::RecordBatch>& rows);
  Result<OpenFile*> FindOrOpen(std::int32_t partition);
  Result<void> KeepWithinBounds();
  Result<void> Flush(OpenFile* file);
  Result<void> CloseLeastRecent();
  Result<void> EndEncoding(OpenFile* file);
  Result<void> MakeDurable(OpenFile* file);
  Result<void> Close(std::int32_t partition);
  void Account(OpenFile* file);

  const FilesWriterSettings settings_;
  const std::unique_ptr<PartitionSplitter> splitter_;
  CommitToken token_;
  const bool partitioned_;
  std::unordered_map<std::int32_t, std::unique_ptr<OpenFile>> open_;  ///< By partition.
  std::vector<bool> finished_;                                        ///< By file number.
  std::vector<Waiting> waiting_;
  std::size_t waiting_rows_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::vector<std::int64_t>
      counts_;  ///< By partition: waiting rows; only those in touched_ are not 0.
  std::vector<std::int32_t> touched_;
  std::size_t memory_ = 0;  ///< Sums over open_.
  std::size_t held_ = 0;
  std::size_t buffered_ = 0;
  std::int64_t clock_ = 0;
  std::size_t closed_early_ = 0;
  std::int64_t rows_ = 0;  ///< As the encoders of finished files counted them.
  std::int64_t bytes_staged_ = 0;
  bool prepared_ = false;
};

Result<std::vector<SinkRefusal>> FilesWriter::Write(
    const std::shared_ptr<arrow::RecordBatch>& rows) {
  std::vector<SinkRefusal> refused;
  if (rows->num_rows() == 0) return refused;
  if (!partitioned_) {
    TRY(WriteTo(0, rows));
    TRY(KeepWithinBounds());
    return refused;
  }
  Waiting waiting;
  splitter_->Split(*rows, &waiting.partitions, &refused);
  counts_.resize(splitter_->partition_count());
  for (std::int32_t partition : waiting.partitions) {
    if (partition == PartitionSplitter::kRefused) continue;
    if (counts_[static_cast<std::size_t>(partition)]++ == 0) touched_.push_back(partition);
  }
  TRY(waiting.rows, splitter_->WithoutKeys(*rows));
  TRY(std::int64_t bytes, arrow::util::ReferencedBufferSize(*waiting.rows));
  waiting_rows_ += waiting.partitions.size();
  waiting_bytes_ += static_cast<std::size_t>(bytes) + waiting.partitions.size() * 4;
  waiting_.push_back(std::move(waiting));
  if (waiting_rows_ >= kRowsPerPiece * touched_.size() ||
      waiting_bytes_ >= std::min(kMaxWaitingBytes, settings_.memory_bytes / 8)) {
    TRY(SplitWaiting());
  }
  return refused;
}

Result<void> FilesWriter::SplitWaiting() {
  if (waiting_.empty()) return {};
  std::shared_ptr<arrow::RecordBatch> rows = waiting_[0].rows;
  if (waiting_.size() > 1) {
    arrow::RecordBatchVector batches;
    for (const Waiting& one : waiting_) batches.push_back(one.rows);
    TRY(rows, arrow::ConcatenateRecordBatches(batches));
  }
  // The rows' indices, sorted by partition; stable, so that each partition keeps its order.
  std::vector<std::int64_t> ends(touched_.size());
  std::vector<std::int64_t>& next = counts_;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    std::int64_t count = next[static_cast<std::size_t>(touched_[i])];
    next[static_cast<std::size_t>(touched_[i])] = total;
    total += count;
    ends[i] = total;
  }
  std::vector<std::int32_t> indices(static_cast<std::size_t>(total));
  std::int32_t index = 0;
  for (const Waiting& one : waiting_) {
    for (std::int32_t partition : one.partitions) {
      if (partition != PartitionSplitter::kRefused) {
        auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(partition)]++);
        indices[at] = index;
      }
      ++index;
    }
  }
  waiting_.clear();
  waiting_rows_ = 0;
  waiting_bytes_ = 0;
  std::vector<std::int32_t> touched = std::move(touched_);
  touched_.clear();
  for (std::int32_t partition : touched) counts_[static_cast<std::size_t>(partition)] = 0;

  const auto buffer = arrow::Buffer::Wrap(indices);
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < touched.size(); begin = ends[i++]) {
    std::shared_ptr<arrow::RecordBatch> piece = rows;
    if (ends[i] - begin != rows->num_rows()) {
      // A copy rather than a slice: a slice in one slow file would keep the whole batch in memory.
      arrow::Int32Array wanted(ends[i] - begin, buffer, nullptr, 0, begin);
      TRY(arrow::Datum taken, arrow::compute::Take(arrow::Datum(rows), arrow::Datum(wanted.data()),
                                                   arrow::compute::TakeOptions::NoBoundsCheck()));
      piece = taken.record_batch();
    }
    TRY(WriteTo(touched[i], piece));
    TRY(KeepWithinBounds());
  }
  return {};
}

Result<OpenFile*> FilesWriter::FindOrOpen(std::int32_t partition) {
  if (auto it = open_.find(partition); it != open_.end()) return it->second.get();
  if (open_.size() >= settings_.max_open_partitions) TRY(CloseLeastRecent());
  auto file = std::make_unique<OpenFile>();
  file->number = token_.files.size();
  file->partition = partition;
  file->bytes_staged = &bytes_staged_;
  token_.files.push_back({partitioned_ ? splitter_->path(partition) : "", 0, 0});
  finished_.push_back(false);
  const StagedFile names = token_.staged_file(file->number);
  auto staged = settings_.storage->Stage(names.staged_name, names.final_name);
  if (!staged.ok() && staged.error().code == "storage.too_many_files" && !open_.empty()) {
    TRY(CloseLeastRecent());
    staged = settings_.storage->Stage(names.staged_name, names.final_name);
  }
  TRY(file->staged, std::move(staged));
  TRY(file->encoder,
      settings_.encoder->make(settings_.encoder_options, splitter_->file_schema(), file.get()));
  return open_.emplace(partition, std::move(file)).first->second.get();
}

Result<void> FilesWriter::WriteTo(std::int32_t partition,
                                  const std::shared_ptr<arrow::RecordBatch>& rows) {
  TRY(OpenFile * file, FindOrOpen(partition));
  const std::int64_t before = file->staged->bytes_written();
  TRY(file->encoder->Write(rows));
  if (file->staged->bytes_written() != before) file->staged->Flush();
  file->last_write = ++clock_;
  Account(file);
  if (file->staged->bytes_written() + static_cast<std::int64_t>(file->buffered) >=
      settings_.target_file_size) {
    TRY(Close(partition));
  }
  return {};
}

Result<void> FilesWriter::KeepWithinBounds() {
  const std::size_t memory_bound = settings_.memory_bytes / 4 * 3;
  for (;;) {
    // Many row groups in many files: only the end of a file frees what its footer will say.
    if (held_ > memory_bound / 2) {
      auto biggest = std::max_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
        return a.second->held < b.second->held;
      });
      TRY(Close(biggest->first));
      continue;
    }
    if (memory_ + held_ <= memory_bound &&
        buffered_ <= std::max(kPaceBytes, kPaceBytesPerFile * open_.size())) {
      return {};
    }
    auto biggest = std::max_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
      return a.second->memory < b.second->memory;
    });
    if (biggest == open_.end() || biggest->second->memory == 0) return {};
    TRY(Flush(biggest->second.get()));
  }
}

Result<void> FilesWriter::Flush(OpenFile* file) {
  TRY(file->encoder->Flush());
  file->staged->Flush();
  Account(file);
  return {};
}

void FilesWriter::Account(OpenFile* file) {
  memory_ += file->encoder->memory() - file->memory;
  held_ += file->encoder->held() - file->held;
  buffered_ += file->encoder->buffered() - file->buffered;
  file->memory = file->encoder->memory();
  file->held = file->encoder->held();
  file->buffered = file->encoder->buffered();
}

Result<void> FilesWriter::CloseLeastRecent() {
  auto oldest = std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
    return a.second->last_write < b.second->last_write;
  });
  if (++closed_early_ >= settings_.max_open_partitions) {
    LogLimited(LogLevel::kWarn, "partitions " + settings_.token.root, 60,
               "more partitions are written at once than may be open: files are closed early and "
               "become many and small; use partitionKeys with fewer values, or raise "
               "maxOpenPartitions",
               {{"path", settings_.token.root},
                {"closed_early", std::to_string(closed_early_)},
                {"maxOpenPartitions", std::to_string(settings_.max_open_partitions)}});
  }
  return Close(oldest->first);
}

Result<void> FilesWriter::EndEncoding(OpenFile* file) {
  TRY(file->encoder->Finish());
  file->staged->BeginFinish();
  rows_ += file->encoder->rows();
  memory_ -= file->memory;
  held_ -= file->held;
  buffered_ -= file->buffered;
  file->memory = 0;
  file->held = 0;
  file->buffered = 0;
  return {};
}

Result<void> FilesWriter::MakeDurable(OpenFile* file) {
  TRY(StagedFile staged, file->staged->Finish());
  token_.files[file->number].size = staged.size;
  token_.files[file->number].crc32c = staged.crc32c;
  token_.files[file->number].receipt = std::move(staged.receipt);
  finished_[file->number] = true;
  return {};
}

Result<void> FilesWriter::Close(std::int32_t partition) {
  OpenFile* file = open_.at(partition).get();
  TRY(EndEncoding(file));
  TRY(MakeDurable(file));
  open_.erase(partition);
  return {};
}

Result<Prepared> FilesWriter::Prepare() {
  TRY(SplitWaiting());
  // All are on their way to the storage before the first is waited for.
  for (const auto& [partition, file] : open_) TRY(EndEncoding(file.get()));
  for (const auto& [partition, file] : open_) TRY(MakeDurable(file.get()));
  open_.clear();
  Prepared prepared;
  prepared.rows = rows_;
  prepared.artefacts = static_cast<std::int64_t>(token_.files.size());
  for (const CommitToken::File& file : token_.files) prepared.bytes += file.size;
  prepared.token = token_.ToJson();
  prepared_ = true;
  return prepared;
}

}  // namespace

Result<std::unique_ptr<SinkWriter>> OpenFilesWriter(FilesWriterSettings settings) {
  // What is left of a name for its folders.
  const std::size_t leaf = settings.token.name.size() + settings.token.extension.size() + 12;
  const std::size_t longest = settings.storage->longest_name();
  if (longest <= leaf) {
    return UserError("files.path", settings.token.root + " leaves no room for files' names");
  }
  TRY(auto splitter, PartitionSplitter::Make(settings.schema, settings.partition_keys,
                                             settings.open_columns, longest - leaf));
  return std::unique_ptr<SinkWriter>(
      std::make_unique<FilesWriter>(std::move(settings), std::move(splitter)));
}

}  // namespace sluice
