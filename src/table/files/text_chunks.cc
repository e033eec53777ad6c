#include "table/files/text_chunks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
/// As decoders have it (decode/decoder.h).
constexpr std::size_t kMaxMessage = 16 << 20;
constexpr std::string_view kBlank = " \t\r\n";

Error Cannot(const std::string& what, const std::string& file) {
  return UserError("table.file", "cannot " + what + " " + file + ": " + std::strerror(errno));
}

bool LooksCompressed(const std::string& name) {
  for (const char* end : {".gz", ".bz2", ".xz", ".zst", ".lz4", ".snappy", ".zip"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(kBlank) == text.npos; }

}  // namespace

std::string TextChunk::PlaceOf(std::uint32_t record, std::int64_t byte) const {
  const RawRecord& of = records[record];
  const auto at = of.data - text_.data() + std::clamp<std::int64_t>(byte, 0, of.size);
  const auto header = static_cast<std::int64_t>(header_);
  std::int64_t line = 1;
  if (at >= header)
    line = first_line_ + std::count(text_.begin() + header, text_.begin() + at, '\n');
  return file_ + ", line " + std::to_string(line);
}

TextChunks::TextChunks(std::vector<std::string> files, TextForm form)
    : files_(std::move(files)), form_(form) {}

TextChunks::~TextChunks() { Close(); }

void TextChunks::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<TextChunks::Stamp> TextChunks::Look() const {
  struct stat status {};
  if (fstat(fd_, &status) != 0) return Cannot("read", files_[next_ - 1]);
  return Stamp{status.st_size, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Result<void> TextChunks::Open() {
  const std::string& file = files_[next_++];
  if (LooksCompressed(file)) {
    return UserError("table.compressed",
                     file + " is compressed, which tables of text cannot be; unpack it");
  }
  fd_ = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) return Cannot("open", file);
  TRY(stamp_, Look());
  at_end_ = false;
  rest_.clear();
  header_.clear();
  begun_ = !form_.header && !form_.skip_first;
  line_ = 1;
  return {};
}

Result<void> TextChunks::ReadTo(std::size_t size, std::string* text) {
  while (!at_end_ && text->size() < size) {
    const std::size_t had = text->size();
    text->resize(size);
    const ssize_t got = read(fd_, text->data() + had, size - had);
    text->resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Cannot("read", files_[next_ - 1]);
    if (got > 0) continue;
    at_end_ = true;
    TRY(const Stamp now, Look());
    if (now != stamp_) {
      return UserError("table.changed", files_[next_ - 1] +
                                            " changed while it was being read; write a new file "
                                            "and rename it over the old one");
    }
  }
  return {};
}

Result<std::string> TextChunks::TakeLines() {
  std::string text = std::exchange(rest_, "");
  std::size_t end = text.npos;
  for (std::size_t size = kChunkBytes; end == text.npos; size = text.size() * 2) {
    if (text.size() > kMaxMessage) {
      return UserError("table.line", files_[next_ - 1] + ", line " + std::to_string(line_) +
                                         ": the line is longer than 16 MiB" +
                                         (form_.whole ? "" : ", or the file has no lines"));
    }
    TRY(ReadTo(std::max(size, kChunkBytes), &text));
    if (at_end_) return text;
    end = text.rfind('\n');
  }
  rest_ = text.substr(end + 1);
  text.resize(end + 1);
  return text;
}

std::string TextChunks::TakeFirst(std::string* lines) {
  const std::size_t first = std::min(lines->find_first_not_of(kBlank), lines->size());
  const std::size_t end = std::min(lines->find('\n', first), lines->size() - 1) + 1;
  std::string line = lines->substr(0, end);
  line_ += std::count(line.begin(), line.end(), '\n');
  lines->erase(0, end);
  line.erase(0, first);
  if (!line.ends_with('\n')) line += '\n';
  return line;
}

void TextChunks::Divide(TextChunk* chunk) const {
  const std::string_view all = chunk->text_;
  if (!form_.lines || form_.whole) {
    chunk->records.push_back({.data = all.data(), .size = all.size()});
    return;
  }
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const std::string_view line = all.substr(at, end - at);
    if (!IsBlank(line)) chunk->records.push_back({.data = line.data(), .size = line.size()});
    at = end + 1;
  }
}

Result<std::shared_ptr<const TextChunk>> TextChunks::Next() {
  while (fd_ >= 0 || next_ < files_.size()) {
    if (fd_ < 0) TRY(Open());
    std::string text;
    if (form_.whole) {
      TRY(ReadTo(kMaxMessage + 1, &text));
      if (text.size() > kMaxMessage) {
        return UserError("table.file", files_[next_ - 1] +
                                           " is larger than 16 MiB; with multiLine each file is "
                                           "read as a whole, so divide it");
      }
    } else {
      TRY(text, TakeLines());
    }
    const bool ended = text.empty();
    if (!begun_ && !IsBlank(text)) {
      if (form_.header) header_ = TakeFirst(&text);
      if (form_.skip_first && !text.empty()) TakeFirst(&text);
      begun_ = true;
    }
    auto chunk = std::make_shared<TextChunk>();
    chunk->file_ = files_[next_ - 1];
    chunk->first_line_ = line_;
    line_ += std::count(text.begin(), text.end(), '\n');
    if (ended) Close();
    if (IsBlank(text)) continue;
    chunk->header_ = header_.size();
    chunk->text_ = header_ + text;
    Divide(chunk.get());
    chunk->bytes = chunk->text_.size();
    return std::shared_ptr<const TextChunk>(std::move(chunk));
  }
  return std::shared_ptr<const TextChunk>();
}

}  // namespace sluice
