/// A compiled grok pattern: matches lines within fixed bounds of work. The only user of PCRE2.
///
/// Matching is PCRE2's machine code. What a hostile line can cost is bounded in three steps, none
/// of which looks at a clock, so that the same line always has the same result:
///   1. A search over the whole line with a limit of steps for each place where a match may begin,
///      chosen so that all places together stay within the bounds below.
///   2. If that limit was met, or in a long line from the start: a try at the line's beginning
///   alone,
///      where nearly all lines match, with all of the limit.
///   3. If that was not it: the same expression compiled with a call-back before each of its items,
///      which counts every step and every byte passed over; exact, and some twenty times slower.
/// docs/limits.md has the figures.
///
/// One thread at a time; nothing is allocated after a pattern's first unusual line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "decode/grok/grok_expander.h"

namespace sluice {

struct GrokWorkLimits {
  std::uint64_t search_steps = 2'000'000;      ///< Of steps 1 and 2, over all beginnings.
  std::uint64_t search_bytes = 1'000'000'000;  ///< Steps, each thought to pass the whole line.
  std::uint64_t exact_steps = 1'000'000;       ///< Of step 3; 16 bytes passed over count as one.
  std::uint64_t reach_steps = 100'000;         ///< Of Reach, counted likewise.
  bool machine_code = true;  ///< False: as where the system forbids code made at run time.
  std::size_t stack_bytes = 4u << 20;  ///< What PCRE2 may keep to come back to.
};

/// How far a line that does not match got.
struct GrokReach {
  std::size_t byte = 0;  ///< Of the line: the furthest that the part was tried.
  std::size_t part = 0;  ///< The furthest part of the expression, see ExpandedGrok::PartOf.
  bool seen = false;     ///< Something was seen.
};

class GrokRegex {
 public:
  enum class Outcome {
    kMatch,
    kNoMatch,
    kTooMuch,  ///< A bound was met before it was clear.
  };
  static constexpr std::size_t kUnset = ~std::size_t{0};

  /// `grok` must outlive this. User errors name the place in the pattern.
  static Result<std::unique_ptr<GrokRegex>> Compile(const ExpandedGrok& grok,
                                                    const GrokWorkLimits& limits);
  ~GrokRegex();

  /// REQUIRES: `line` is UTF-8 and has no line feed.
  Outcome Match(std::string_view line);

  /// After kMatch: begin and end of group g<n> at [2 * slot] and [2 * slot + 1], kUnset if it took
  /// no part. Valid until the next call.
  const std::size_t* offsets() const { return offsets_; }
  int slot_of_group(int n) const { return slots_[static_cast<std::size_t>(n)]; }

  /// After kNoMatch of the same line: how far it got. False where that cannot be told: the
  /// expression is too large for it, or the bound of work was met; then `out` is what was seen.
  bool Reach(std::string_view line, GrokReach* out);

 private:
  struct Library;  ///< PCRE2's own types stay in the .cc file.
  struct Watch;

  GrokRegex(const ExpandedGrok& grok, const GrokWorkLimits& limits);
  Result<void> Init();
  void* CompileWith(std::uint32_t options, int* error, std::size_t* where) const;
  int Run(void* code, std::string_view line, std::size_t from, std::uint64_t limit);
  int RunWatched(std::string_view line, std::uint64_t steps, GrokReach* reach);
  Outcome MatchWatched(std::string_view line);
  Outcome MatchLong(std::string_view line);
  bool Prepare(void** code, bool* tried, std::uint32_t options);

  const ExpandedGrok& grok_;
  GrokWorkLimits limits_;
  std::unique_ptr<Library> library_;
  std::vector<int> slots_;
  const std::size_t* offsets_ = nullptr;
  bool jit_ = false;
  bool anchored_ = false;
  std::vector<std::uint32_t> limit_of_size_;  ///< Of a search, by the line's length.
  std::vector<std::uint32_t> part_of_;        ///< For each byte of the expression; made by Reach.
};

}  // namespace sluice
