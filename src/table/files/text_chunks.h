/// Text files as messages for decoders.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "record/raw_batch.h"

namespace sluice {

/// How a file is cut into messages.
struct TextForm {
  bool whole = false;       ///< Each file is one; otherwise they end where lines do.
  bool lines = false;       ///< Each line is one, empty ones are none; otherwise many lines are.
  bool header = false;      ///< The first line of a file stands in front of each of its messages.
  bool skip_first = false;  ///< The first line, or the first behind the header, is dropped.
};

/// Some of one file.
class TextChunk final : public RawBatch {
 public:
  std::string Origin(std::size_t) const override { return "{}"; }
  /// "/ref/users.csv, line 7": where byte `byte` of message `record` is.
  std::string PlaceOf(std::uint32_t record, std::int64_t byte) const;

 private:
  friend class TextChunks;
  std::string file_;
  std::string text_;
  std::size_t header_ = 0;       ///< Bytes of `text_` that are the header.
  std::int64_t first_line_ = 1;  ///< Of what is behind it.
};

/// Reads files one after the other, about 1 MiB at a time. One caller at a time. User errors: a
/// file is not there, compressed, changed while it was read, or has lines that no decoder takes.
class TextChunks {
 public:
  TextChunks(std::vector<std::string> files, TextForm form);
  ~TextChunks();
  TextChunks(const TextChunks&) = delete;
  TextChunks& operator=(const TextChunks&) = delete;

  /// Null at the end.
  Result<std::shared_ptr<const TextChunk>> Next();

 private:
  struct Stamp {
    std::int64_t size = 0;
    std::int64_t changed = 0;
    bool operator==(const Stamp&) const = default;
  };
  Result<void> Open();
  void Close();
  Result<Stamp> Look() const;
  /// Appends to `text` until it is at least `size` long, or the file ends.
  Result<void> ReadTo(std::size_t size, std::string* text);
  /// The next lines, as they are; empty at the end of the file.
  Result<std::string> TakeLines();
  /// Takes the first line that is not blank off `lines`.
  std::string TakeFirst(std::string* lines);
  void Divide(TextChunk* chunk) const;

  const std::vector<std::string> files_;
  const TextForm form_;
  std::size_t next_ = 0;
  int fd_ = -1;
  Stamp stamp_;
  bool at_end_ = false;
  std::string rest_;  ///< Read, and behind the last whole line.
  std::string header_;
  bool begun_ = false;     ///< Header and first line are done with.
  std::int64_t line_ = 1;  ///< Of the next one.
};

}  // namespace sluice
