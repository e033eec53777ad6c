/// Attempts at epochs, and what those that are over have left in a store.
#pragma once

#include <cstdint>
#include <string>

namespace sluice {

/// Numbers an attempt at an epoch: `writer` is the slot of its process's takeover or start,
/// `counter` goes up with every attempt of that process. Ordered by (writer, counter). Never used
/// twice.
struct AttemptId {
  std::int64_t writer = 0;
  std::int64_t counter = 0;
  // clang-tidy 14 sees a null pointer in it.
  auto operator<=>(const AttemptId&) const = default;  // NOLINT(modernize-use-nullptr)
  std::string ToString() const { return std::to_string(writer) + "." + std::to_string(counter); }
};

/// Something that an attempt has staged and no reader sees.
struct Leftover {
  std::string place;       ///< For people: its file, or the object that an upload is for.
  std::string checkpoint;  ///< Its id: 32 digits, or the first 8 where names have no more.
  std::int64_t epoch = 0;
  AttemptId attempt;
  std::int64_t bytes = -1;         ///< -1: not known.
  std::int64_t since_micros = -1;  ///< When it was begun or last written; -1: not known.
  bool kept = false;               ///< A decision that is retained names it.
};

}  // namespace sluice
