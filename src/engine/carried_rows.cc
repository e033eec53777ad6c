#include "engine/carried_rows.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "core/crc32c.h"
#include "core/failpoint.h"
#include "core/logging.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr char kFolder[] = "carried";
/// Held in memory once while writing and once while reading.
constexpr std::int64_t kArtefactBytes = 4 << 20;
/// A run of so many artefacts smaller than this at the end of the list is made one: a decision
/// names them all, and reading many small ones is slow.
constexpr std::size_t kSmallArtefacts = 64;
constexpr std::int64_t kSmallBytes = kArtefactBytes / 4;

Error Damaged(const CarriedArtefact& artefact, const std::string& what) {
  return Error{Blame::kRemote, Retry::kNo, "checkpoint.damaged",
               "the checkpoint's file " + artefact.name + " with " + std::to_string(artefact.rows) +
                   " carried rows " + what +
                   "; restore it from a copy, or delete the checkpoint to process everything anew"};
}

Result<std::unique_ptr<arrow::util::Codec>> MakeCodec() {
  TRY(auto codec, arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME));
  return codec;
}

/// Takes all of an artefact's bytes apart.
Result<void> ReadStream(const std::string& bytes, const BatchReader& read, std::int64_t* rows) {
  auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  TRY(auto stream, arrow::ipc::RecordBatchStreamReader::Open(input));
  while (true) {
    TRY(auto batch, stream->Next());
    if (batch == nullptr) return {};
    *rows += batch->num_rows();
    TRY(read(batch));
  }
}

Result<std::string> ReadChecked(Storage* storage, const CarriedArtefact& artefact) {
  TRY(auto bytes, storage->Read(artefact.name));
  if (!bytes.has_value()) return Damaged(artefact, "is missing");
  if (static_cast<std::int64_t>(bytes->size()) != artefact.bytes ||
      Crc32c(*bytes) != artefact.crc32c) {
    return Damaged(artefact, "does not hold what was written there");
  }
  return *std::move(bytes);
}

/// The attempt in <folder>/<epoch>-<writer>.<counter>-<n>; nullopt if it is none of ours.
std::optional<AttemptId> AttemptOf(std::string_view name) {
  const std::string_view leaf = name.substr(name.rfind('/') + 1);
  const std::size_t dash = leaf.find('-');
  if (dash == leaf.npos) return std::nullopt;
  AttemptId id;
  const char* const end = leaf.data() + leaf.size();
  const auto writer = std::from_chars(leaf.data() + dash + 1, end, id.writer);
  if (writer.ec != std::errc() || writer.ptr == end || *writer.ptr != '.') return std::nullopt;
  const auto counter = std::from_chars(writer.ptr + 1, end, id.counter);
  if (counter.ec != std::errc() || counter.ptr == end || *counter.ptr != '-') return std::nullopt;
  return id;
}

/// Best effort: what stays is collected later.
void RemoveAll(Storage* storage, const std::vector<CarriedArtefact>& artefacts) {
  for (const CarriedArtefact& artefact : artefacts) {
    if (auto removed = storage->Remove(artefact.name); !removed.ok()) {
      LogLimited(LogLevel::kWarn, "carried", 60, "cannot remove carried rows; a later start does",
                 {{"file", artefact.name}, {"error", ToString(removed.error())}});
    }
  }
}

}  // namespace

CarriedPlace PlaceForCarried(Storage* storage, const std::string& checkpoint_id,
                             const std::string& sink, AttemptId attempt) {
  return {storage, checkpoint_id + "/" + kFolder + "/" + sink, attempt};
}

Result<void> ReadCarried(Storage* storage, const CarriedArtefact& artefact,
                         const BatchReader& read) {
  TRY(std::string bytes, ReadChecked(storage, artefact));
  std::int64_t rows = 0;
  TRY(ReadStream(bytes, read, &rows));
  if (rows != artefact.rows) return Damaged(artefact, "has " + std::to_string(rows) + " rows");
  return {};
}

Result<SchemaPtr> SchemaOfCarried(Storage* storage, const std::vector<CarriedArtefact>& artefacts) {
  TRY(std::string bytes, ReadChecked(storage, artefacts.front()));
  auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  TRY(auto stream, arrow::ipc::RecordBatchStreamReader::Open(input));
  return SchemaPtr(stream->schema());
}

struct CarriedWriter::Stream {
  std::shared_ptr<arrow::io::BufferOutputStream> out;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer;
  std::int64_t rows = 0;
};

CarriedWriter::CarriedWriter(CarriedPlace place, std::int64_t epoch)
    : place_(std::move(place)), epoch_(epoch) {}

CarriedWriter::~CarriedWriter() { RemoveAll(place_.storage, artefacts_); }

Result<void> CarriedWriter::Add(const arrow::RecordBatch& rows) {
  if (stream_ == nullptr) {
    auto stream = std::make_unique<Stream>();
    TRY(stream->out, arrow::io::BufferOutputStream::Create());
    auto options = arrow::ipc::IpcWriteOptions::Defaults();
    TRY(std::shared_ptr<arrow::util::Codec> codec, MakeCodec());
    options.codec = std::move(codec);
    options.use_threads = false;
    TRY(stream->writer, arrow::ipc::MakeStreamWriter(stream->out, rows.schema(), options));
    stream_ = std::move(stream);
  }
  TRY(stream_->writer->WriteRecordBatch(rows));
  stream_->rows += rows.num_rows();
  rows_ += rows.num_rows();
  TRY(std::int64_t bytes, stream_->out->Tell());
  return bytes < kArtefactBytes ? Result<void>() : PutStream();
}

std::int64_t CarriedWriter::bytes() const {
  return written_bytes_ + static_cast<std::int64_t>(memory());
}

std::size_t CarriedWriter::memory() const {
  return stream_ == nullptr ? 0 : static_cast<std::size_t>(stream_->out->Tell().ValueOr(0));
}

Result<std::string> CarriedWriter::EndStream() {
  const std::unique_ptr<Stream> ending = std::move(stream_);
  TRY(ending->writer->Close());
  TRY(auto buffer, ending->out->Finish());
  return buffer->ToString();
}

Result<void> CarriedWriter::PutStream() {
  CarriedArtefact artefact;
  artefact.rows = stream_->rows;
  TRY(std::string bytes, EndStream());
  artefact.name = place_.folder + "/" + std::to_string(epoch_) + "-" + place_.attempt.ToString() +
                  "-" + std::to_string(artefacts_.size());
  artefact.bytes = static_cast<std::int64_t>(bytes.size());
  artefact.crc32c = Crc32c(bytes);
  FAILPOINT("C1");
  TRY(Created created, place_.storage->PutNew(artefact.name, bytes));
  if (created == Created::kExists) {
    return BugError("the checkpoint holds " + artefact.name + " already, of the same attempt");
  }
  written_bytes_ += artefact.bytes;
  artefacts_.push_back(std::move(artefact));
  return {};
}

Result<std::vector<CarriedArtefact>> CarriedWriter::Take() {
  if (stream_ != nullptr) TRY(PutStream());
  return std::exchange(artefacts_, {});
}

Result<void> CarriedWriter::ReadBack(const BatchReader& read) {
  for (const CarriedArtefact& artefact : artefacts_) {
    TRY(ReadCarried(place_.storage, artefact, read));
  }
  if (stream_ == nullptr) return {};
  TRY(std::string bytes, EndStream());
  std::int64_t rows = 0;
  return ReadStream(bytes, read, &rows);
}

std::int64_t CarriedRows::rows() const {
  std::int64_t sum = 0;
  for (const CarriedArtefact& artefact : artefacts_) sum += artefact.rows;
  return sum;
}

std::int64_t CarriedRows::bytes() const {
  std::int64_t sum = 0;
  for (const CarriedArtefact& artefact : artefacts_) sum += artefact.bytes;
  return sum;
}

std::int64_t CarriedRows::due_micros() const {
  if (empty()) return std::numeric_limits<std::int64_t>::max();
  return since_micros_ + rule_.max_delay_micros;
}

Result<void> CarriedRows::ReadAll(const BatchReader& read) const {
  for (const CarriedArtefact& artefact : artefacts_) {
    TRY(ReadCarried(place_.storage, artefact, read));
  }
  return {};
}

Result<std::vector<std::string>> CarriedRows::Append(std::int64_t epoch, CarriedWriter* rows,
                                                     std::int64_t since_micros) {
  std::vector<std::string> replaced;
  if (empty()) since_micros_ = since_micros;
  TRY(std::vector<CarriedArtefact> added, rows->Take());
  auto first = artefacts_.end();
  while (first != artefacts_.begin() && std::prev(first)->bytes < kSmallBytes) --first;
  std::vector<CarriedArtefact> merged;
  if (static_cast<std::size_t>(artefacts_.end() - first) >= kSmallArtefacts) {
    CarriedPlace place = place_;
    place.folder += "/merged";
    CarriedWriter merge(place, epoch);
    for (auto it = first; it != artefacts_.end(); ++it) {
      TRY(ReadCarried(place_.storage, *it,
                      [&merge](const auto& batch) { return merge.Add(*batch); }));
      replaced.push_back(it->name);
    }
    TRY(merged, merge.Take());
    artefacts_.erase(first, artefacts_.end());
  }
  artefacts_.insert(artefacts_.end(), merged.begin(), merged.end());
  artefacts_.insert(artefacts_.end(), added.begin(), added.end());
  return replaced;
}

std::vector<std::string> CarriedRows::Clear() {
  std::vector<std::string> names;
  for (const CarriedArtefact& artefact : artefacts_) names.push_back(artefact.name);
  artefacts_.clear();
  return names;
}

Result<void> SweepCarried(Storage* storage, const std::string& checkpoint_id, AttemptId mine,
                          const std::set<std::string>& keep) {
  TRY(auto files, storage->List(checkpoint_id + "/" + kFolder));
  for (const ListedFile& file : files) {
    const auto attempt = AttemptOf(file.name);
    if (!attempt || !(*attempt < mine) || keep.contains(file.name)) continue;
    TRY(storage->Remove(file.name));
  }
  return {};
}

}  // namespace sluice
