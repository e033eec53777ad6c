#include "source/files/files_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/logging.h"

namespace sluice {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kLeastRead = 64u << 10;

Error Unlike(const std::string& path) {
  return RemoteError(
      "files.changed",
      path +
          " changed while it was being read: files must arrive whole, by rename, and stay "
          "as they are. Put the old file back with its old modification time (cp -p), or remove "
          "the checkpoint to read everything again",
      Retry::kNo);
}

Error CannotRead(const std::string& path) {
  return RemoteError("files.read", "cannot read " + path + ": " + std::strerror(errno) +
                                       "; make it readable, or move it out of the folder");
}

/// Lines mode splits at line feeds, and a compressed file has none where one would look for them.
bool LooksCompressed(const std::string& name) {
  for (const char* end : {".gz", ".bz2", ".xz", ".zst", ".lz4", ".snappy", ".zip"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

}  // namespace

FilesReader::FilesReader(std::shared_ptr<FilesStream> stream) : stream_(std::move(stream)) {}

FilesReader::~FilesReader() { Close(); }

void FilesReader::Wake() {
  woken_ = true;
  stream_->folder.Wake();
}

Result<void> FilesReader::Seek(const SplitId& split, const Position& position) {
  if (split != kFilesSplit) return BugError("a files source has no split " + split);
  TRY(FilesPosition parsed, FilesPosition::Parse(position));
  if (parsed.records < 0) return BugError("the end of a files source is no place to read from");
  Close();
  TRY(stream_->queue.GoTo(parsed));
  position_ = std::move(parsed);
  text_ = position;
  return {};
}

Result<std::unique_ptr<RawBatch>> FilesReader::Read(const ReadLimits& limits) {
  const auto deadline = steady_clock::now() + limits.wait;
  for (;;) {
    TRY(stream_->queue.Discover());
    TRY(std::unique_ptr<RawBatch> batch, Fill(limits));
    if (batch != nullptr || woken_.exchange(false)) return batch;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return batch;
    stream_->folder.Wait(left);
  }
}

Result<std::unique_ptr<RawBatch>> FilesReader::Fill(const ReadLimits& limits) {
  Filling filling{limits, std::make_unique<FilesBatch>()};
  while (!filling.full()) {
    TRY(const bool open, Open());
    if (!open) break;
    TRY(stream_->whole_files ? ReadWhole(&filling) : ReadLines(&filling));
    TRY(CheckUnchanged());
    if (position_.byte == open_.size) Finish();
  }
  if (Compare(FilesPosition::ParseNumbers(text_), position_) == 0) {
    return std::unique_ptr<RawBatch>();
  }
  position_.scanned = stream_->queue.scanned();
  std::string to = position_.ToText();
  filling.batch->ranges.push_back({kFilesSplit, std::move(text_), to});
  text_ = std::move(to);
  return std::unique_ptr<RawBatch>(std::move(filling.batch));
}

Result<bool> FilesReader::Open() {
  while (fd_ < 0) {
    std::optional<FileStamp> file = stream_->queue.Begin(position_.files);
    if (!file.has_value()) return false;
    const std::string path = stream_->folder.PathOf(file->name);
    if (!stream_->whole_files && LooksCompressed(file->name)) {
      return UserError("files.compressed",
                       path +
                           " is compressed and cannot be read by lines; set wholetext: true, "
                           "unpack it, or leave it out with pathGlobFilter");
    }
    fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool inside = position_.byte > 0;
    if (fd_ < 0 && errno == ENOENT && !inside) {
      Log(LogLevel::kWarn, "a file was gone before it could be read", {{"path", path}});
      stream_->queue.Forget(position_.files);
      ++position_.files;
      continue;
    }
    if (fd_ < 0) return CannotRead(path);
    struct stat status {};
    if (fstat(fd_, &status) != 0) return CannotRead(path);
    open_ = MakeStamp(file->name, status);
    if (inside && !open_.SameContent(position_.current)) return Unlike(path);
    if (!inside && !open_.SameContent(*file)) stream_->queue.Update(position_.files, open_);
    posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  return true;
}

void FilesReader::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void FilesReader::Finish() {
  const std::int64_t limit = stream_->queue.HorizonLimit(position_.files, stream_->max_age);
  position_.Finish(open_, stream_->max_age, limit);
  stream_->queue.SetHorizon(position_.horizon);
  Close();
}

Result<void> FilesReader::CheckUnchanged() const {
  struct stat status {};
  if (fstat(fd_, &status) != 0 || !open_.SameContent(MakeStamp({}, status))) {
    return Unlike(stream_->folder.PathOf(open_.name));
  }
  return {};
}

Result<void> FilesReader::ReadBytes(std::int64_t from, char* to, std::size_t size) const {
  while (size > 0) {
    const ssize_t got = pread(fd_, to, size, from);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(stream_->folder.PathOf(open_.name));
    if (got == 0) return Unlike(stream_->folder.PathOf(open_.name));
    from += got;
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

std::size_t FilesReader::Room(const Filling& filling) const {
  const std::size_t records = filling.limits.records - filling.batch->records.size();
  const std::size_t bytes = filling.limits.bytes - filling.batch->bytes;
  return std::max(kLeastRead, std::min(bytes, records * (average_ + average_ / 4)));
}

Result<void> FilesReader::ReadWhole(Filling* filling) {
  const std::size_t size = std::min(static_cast<std::size_t>(open_.size), kMaxFileRecord + 1);
  FilesBatch& batch = *filling->batch;
  char* const buffer = batch.NewBuffer(std::max<std::size_t>(size, 1));
  TRY(ReadBytes(0, buffer, size));
  batch.BeginPart(stream_->folder.PathOf(open_.name), buffer, 0, /*whole=*/true);
  batch.Append(buffer, size, 0, open_.mtime / 1000);
  if (size < static_cast<std::size_t>(open_.size)) batch.MarkCut(open_.size);
  ++position_.records;
  position_.byte = open_.size;
  return {};
}

Result<void> FilesReader::ReadLines(Filling* filling) {
  FilesBatch& batch = *filling->batch;
  std::size_t room = Room(*filling);
  while (position_.byte < open_.size && !filling->full()) {
    const std::int64_t base = position_.byte;
    const bool to_end = open_.size - base <= static_cast<std::int64_t>(room);
    const std::size_t size = to_end ? static_cast<std::size_t>(open_.size - base) : room;
    char* const buffer = batch.NewBuffer(size);
    TRY(ReadBytes(base, buffer, size));
    batch.BeginPart(stream_->folder.PathOf(open_.name), buffer, base, /*whole=*/false);
    const char* at = buffer;
    const char* const end = buffer + size;
    while (at < end && !filling->full()) {
      const auto left = static_cast<std::size_t>(end - at);
      const auto* stop = static_cast<const char*>(std::memchr(at, '\n', left));
      if (stop == nullptr && !to_end) break;
      const char* const next = stop == nullptr ? end : stop + 1;
      if (stop == nullptr) stop = end;
      if (stop > at && stop[-1] == '\r') --stop;
      ++position_.line;
      if (stop > at) {
        const auto length = static_cast<std::size_t>(stop - at);
        batch.Append(at, std::min(length, kMaxFileRecord + 1), position_.line, open_.mtime / 1000);
        if (length > kMaxFileRecord + 1) batch.MarkCut(stop - at);
        ++position_.records;
      }
      at = next;
    }
    position_.byte = base + (at - buffer);
    if (position_.line > 0)
      average_ = static_cast<std::size_t>(position_.byte / position_.line) + 1;
    position_.current = open_;
    if (at != buffer) {
      room = Room(*filling);
    } else if (size > kMaxFileRecord) {
      TRY(ReadLongLine(filling, buffer, size));
    } else {
      batch.DropBuffer();
      room = std::min(size * 4, kMaxFileRecord + 1);
    }
  }
  return {};
}

/// A line that begins with the `size` bytes at `begun` and is longer than a record may be: delivers
/// its beginning and looks for its end.
Result<void> FilesReader::ReadLongLine(Filling* filling, char* begun, std::size_t size) {
  std::int64_t at = position_.byte + static_cast<std::int64_t>(size);
  std::int64_t length = -1;
  const auto window = std::make_unique_for_overwrite<char[]>(kLeastRead);
  while (length < 0 && at < open_.size) {
    const auto count =
        static_cast<std::size_t>(std::min<std::int64_t>(kLeastRead, open_.size - at));
    TRY(ReadBytes(at, window.get(), count));
    const auto* stop = static_cast<const char*>(std::memchr(window.get(), '\n', count));
    if (stop != nullptr) {
      length = at + (stop - window.get()) - position_.byte;
      at += stop - window.get() + 1;
    } else {
      at += static_cast<std::int64_t>(count);
    }
  }
  if (length < 0) length = open_.size - position_.byte;
  ++position_.line;
  ++position_.records;
  filling->batch->Append(begun, kMaxFileRecord + 1, position_.line, open_.mtime / 1000);
  filling->batch->MarkCut(length);
  position_.byte = at;
  return {};
}

}  // namespace sluice
