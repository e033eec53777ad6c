/// Records of files, and where each came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "record/raw_batch.h"

namespace sluice {

/// Longer records are cut to one byte more than this, which every decoder refuses (it is the
/// default of decode/decoder.h's DecodeLimits::message_bytes); the rest is never held in memory.
inline constexpr std::size_t kMaxFileRecord = 16u << 20;

class FilesBatch final : public RawBatch {
 public:
  /// {"path":"/in/a.json","line":3,"byte":120}; whole files have no line, and a record that was cut
  /// has its full "length". Bytes of the path that are no UTF-8 become U+FFFD.
  std::string Origin(std::size_t record) const override;

  /// The records that follow lie in `path`; byte `base` of the file is at `buffer`.
  void BeginPart(std::string path, const char* buffer, std::int64_t base, bool whole);
  void Append(const char* data, std::size_t size, std::int64_t line, std::int64_t timestamp);
  /// The record just appended is `length` bytes long in its file.
  void MarkCut(std::int64_t length);
  /// Memory that lives as long as the batch.
  char* NewBuffer(std::size_t size);
  /// Frees the newest. REQUIRES: no record lies in it.
  void DropBuffer() { buffers_.pop_back(); }

 private:
  struct Part {
    std::size_t first_record = 0;
    std::string path;
    const char* buffer = nullptr;
    std::int64_t base = 0;
    bool whole = false;
  };
  struct Cut {
    std::size_t record = 0;
    std::int64_t length = 0;
  };
  std::vector<std::unique_ptr<char[]>> buffers_;
  std::vector<Part> parts_;
  std::vector<Cut> cuts_;
};

}  // namespace sluice
