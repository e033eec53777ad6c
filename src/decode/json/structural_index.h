/// Stage 1 of reading JSON: where the structure is. The only user of simdjson.
///
/// simdjson's run-time dispatched stage 1 finds, at several bytes per cycle, every `{ } [ ] : ,`,
/// every opening quote and the first byte of everything else that is not white space, and checks
/// the UTF-8 and that no string holds a raw control character or fails to end. The walk over the
/// result is ours (json_reader.h). simdjson copies the last partial block, so the input needs no
/// padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice {

class StructuralIndex {
 public:
  enum class Outcome {
    kOk,
    kEmpty,     ///< Nothing but white space.
    kUtf8,      ///< Invalid UTF-8 somewhere.
    kControl,   ///< A byte below 0x20 in a string.
    kUnclosed,  ///< A string that does not end.
    kNoMemory,
  };

  StructuralIndex();
  ~StructuralIndex();

  /// Indexes `size` bytes, less than 2^31. The result stays until the next Build.
  Outcome Build(const char* data, std::size_t size);

  /// Offsets into the data, ascending; behind the last stands the data's size.
  const std::uint32_t* begin() const;
  const std::uint32_t* end() const;

  /// Gives memory back that only an unusually large message needed.
  void Trim();

  /// The chosen implementation, such as "haswell".
  static const char* Implementation();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
