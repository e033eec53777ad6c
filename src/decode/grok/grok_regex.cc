#include "decode/grok/grok_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <string>
#include <utility>

namespace sluice {
namespace {

/// Without UCP \w, \d, \s, \b and the POSIX classes are ASCII, as in Java, and so in Glue. Groups
/// without a name do not capture, as in Ruby when others have one: half the time of a match.
constexpr std::uint32_t kOptions =
    PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
/// Every item is called out for, and no line is refused by a look at its characters alone.
constexpr std::uint32_t kWatched = PCRE2_AUTO_CALLOUT | PCRE2_NO_START_OPTIMIZE;

/// Longer lines are tried at their beginning first, without a search.
constexpr std::size_t kLongLine = 1000;
/// Below this a search is not worth its call.
constexpr std::uint64_t kLeastLimit = 32;
constexpr std::size_t kFirstStack = 32u << 10;
/// For machines where PCRE2 makes no machine code.
constexpr std::uint32_t kHeapKiB = 20u << 10;

PCRE2_SPTR Bytes(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

bool IsLimit(int code) {
  return code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
         code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_JIT_STACKLIMIT ||
         code == PCRE2_ERROR_CALLOUT || code == PCRE2_ERROR_NOMEMORY;
}

}  // namespace

/// What a watched run counts and sees.
struct GrokRegex::Watch {
  std::uint64_t steps = 0;                              ///< Left.
  std::size_t last = 0;                                 ///< Where the step before was.
  const std::vector<std::uint32_t>* part_of = nullptr;  ///< nullptr: count only.
  GrokReach reach;
  std::size_t start = 0;  ///< Where the try that reached it began.

  static int Step(pcre2_callout_block* block, void* data) {
    Watch& watch = *static_cast<Watch*>(data);
    const std::size_t at = block->current_position;
    const std::size_t passed = at > watch.last ? at - watch.last : watch.last - at;
    watch.last = at;
    const std::uint64_t cost = 1 + passed / 16;
    if (cost >= watch.steps) {
      watch.steps = 0;
      return PCRE2_ERROR_CALLOUT;
    }
    watch.steps -= cost;
    if (watch.part_of != nullptr) watch.See(*block);
    return 0;
  }

  /// The furthest part counts; of several tries that reach it the first, and its furthest byte.
  void See(const pcre2_callout_block& block) {
    const std::size_t part =
        (*part_of)[std::min<std::size_t>(block.pattern_position, part_of->size() - 1)];
    const bool better = !reach.seen || part > reach.part;
    if (!better && (part < reach.part || block.start_match != start)) return;
    if (better) start = block.start_match;
    reach.byte = better ? block.current_position : std::max(reach.byte, block.current_position);
    reach.part = part;
    reach.seen = true;
  }
};

struct GrokRegex::Library {
  pcre2_compile_context* compile = nullptr;
  pcre2_match_context* match = nullptr;
  pcre2_jit_stack* stack = nullptr;
  pcre2_match_data* data = nullptr;
  void* code = nullptr;
  void* anchored = nullptr;  ///< The same, at the beginning only. Made when needed, like the next.
  void* watched = nullptr;
  bool anchored_tried = false;
  bool watched_tried = false;

  ~Library() {
    pcre2_match_data_free(data);
    for (void* each : {code, anchored, watched}) pcre2_code_free(static_cast<pcre2_code*>(each));
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(match);
    pcre2_compile_context_free(compile);
  }
};

GrokRegex::GrokRegex(const ExpandedGrok& grok, const GrokWorkLimits& limits)
    : grok_(grok), limits_(limits), library_(std::make_unique<Library>()) {}

GrokRegex::~GrokRegex() = default;

Result<std::unique_ptr<GrokRegex>> GrokRegex::Compile(const ExpandedGrok& grok,
                                                      const GrokWorkLimits& limits) {
  std::unique_ptr<GrokRegex> regex(new GrokRegex(grok, limits));
  TRY(regex->Init());
  return regex;
}

void* GrokRegex::CompileWith(std::uint32_t options, int* error, std::size_t* where) const {
  return pcre2_compile(Bytes(grok_.regex()), grok_.regex().size(), kOptions | options, error, where,
                       library_->compile);
}

Result<void> GrokRegex::Init() {
  Library& library = *library_;
  library.compile = pcre2_compile_context_create(nullptr);
  library.match = pcre2_match_context_create(nullptr);
  library.stack = pcre2_jit_stack_create(kFirstStack, limits_.stack_bytes, nullptr);
  if (library.compile == nullptr || library.match == nullptr || library.stack == nullptr) {
    return RemoteError("grok.memory", "there is no memory to match with", Retry::kNo);
  }
  pcre2_set_newline(library.compile, PCRE2_NEWLINE_LF);
  pcre2_jit_stack_assign(library.match, nullptr, library.stack);
  pcre2_set_heap_limit(library.match, kHeapKiB);
  int error = 0;
  std::size_t where = 0;
  library.code = CompileWith(0, &error, &where);
  if (library.code == nullptr) {
    char text[200];
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
    // PCRE2's error 120.
    if (error == 120) {
      return UserError("grok.pattern",
                       "grokPattern is too large for PCRE2, whose limit is 64 KiB when compiled; "
                       "%{IP} and %{IPORHOST} take 5 KiB each: where the fields are not in doubt, "
                       "%{NOTSPACE:field} does instead");
    }
    return UserError("grok.pattern", grok_.PlaceOf(where) + ": " + text);
  }
  auto* code = static_cast<pcre2_code*>(library.code);
  jit_ = limits_.machine_code && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  std::uint32_t all = 0;
  pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &all);
  anchored_ = (all & PCRE2_ANCHORED) != 0;
  library.data = pcre2_match_data_create_from_pattern(code, nullptr);
  if (library.data == nullptr) {
    return RemoteError("grok.memory", "there is no memory to match with", Retry::kNo);
  }
  offsets_ = pcre2_get_ovector_pointer(library.data);
  limit_of_size_.reserve(kLongLine + 1);
  for (std::uint64_t size = 0; size <= kLongLine; ++size) {
    const std::uint64_t places = anchored_ ? 1 : size + 1;
    const std::uint64_t limit =
        std::min(limits_.search_steps / places, limits_.search_bytes / places / (size + 1));
    limit_of_size_.push_back(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, 0xffffffff)));
  }
  slots_.reserve(static_cast<std::size_t>(grok_.num_groups()));
  for (int n = 0; n < grok_.num_groups(); ++n) {
    const std::string name = "g" + std::to_string(n);
    const int slot = pcre2_substring_number_from_name(code, Bytes(name));
    if (slot < 0) return BugError("group " + name + " of a grok pattern is lost");
    slots_.push_back(slot);
  }
  return {};
}

bool GrokRegex::Prepare(void** code, bool* tried, std::uint32_t options) {
  if (*tried) return *code != nullptr;
  *tried = true;
  int error = 0;
  std::size_t where = 0;
  *code = CompileWith(options, &error, &where);
  if (*code == nullptr) return false;
  if (jit_ && pcre2_jit_compile(static_cast<pcre2_code*>(*code), PCRE2_JIT_COMPLETE) != 0) {
    pcre2_code_free(static_cast<pcre2_code*>(*code));
    *code = nullptr;
  }
  return *code != nullptr;
}

int GrokRegex::Run(void* code, std::string_view line, std::size_t from, std::uint64_t limit) {
  pcre2_set_match_limit(library_->match,
                        static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, 0xffffffff)));
  auto* expression = static_cast<pcre2_code*>(code);
  if (jit_) {
    return pcre2_jit_match(expression, Bytes(line), line.size(), from, 0, library_->data,
                           library_->match);
  }
  return pcre2_match(expression, Bytes(line), line.size(), from, PCRE2_NO_UTF_CHECK, library_->data,
                     library_->match);
}

GrokRegex::Outcome GrokRegex::Match(std::string_view line) {
  // An empty view may have no address, which PCRE2 would refuse.
  if (line.data() == nullptr) line = "";
  if (line.size() > kLongLine) return MatchLong(line);
  const int found = Run(library_->code, line, 0, limit_of_size_[line.size()]);
  if (__builtin_expect(found > 0, 1)) return Outcome::kMatch;
  return found == PCRE2_ERROR_NOMATCH ? Outcome::kNoMatch : MatchWatched(line);
}

GrokRegex::Outcome GrokRegex::MatchLong(std::string_view line) {
  const std::uint64_t whole =
      std::min(limits_.search_steps, limits_.search_bytes / (line.size() + 1));
  void* code = library_->code;
  if (!anchored_) {
    if (!Prepare(&library_->anchored, &library_->anchored_tried, PCRE2_ANCHORED)) {
      return MatchWatched(line);
    }
    code = library_->anchored;
  }
  const int first = Run(code, line, 0, std::max(whole, kLeastLimit));
  if (first > 0) return Outcome::kMatch;
  if (first != PCRE2_ERROR_NOMATCH) return MatchWatched(line);
  if (anchored_) return Outcome::kNoMatch;
  const std::uint64_t limit = whole / (line.size() + 1);
  if (limit < kLeastLimit) return MatchWatched(line);
  const int found = Run(library_->code, line, 0, limit);
  if (found > 0) return Outcome::kMatch;
  return found == PCRE2_ERROR_NOMATCH ? Outcome::kNoMatch : MatchWatched(line);
}

int GrokRegex::RunWatched(std::string_view line, std::uint64_t steps, GrokReach* reach) {
  Watch watch;
  watch.steps = steps;
  if (reach != nullptr) watch.part_of = &part_of_;
  pcre2_set_callout(library_->match, Watch::Step, &watch);
  const int found = Run(library_->watched, line, 0, steps);
  pcre2_set_callout(library_->match, nullptr, nullptr);
  if (reach != nullptr) *reach = watch.reach;
  return found;
}

GrokRegex::Outcome GrokRegex::MatchWatched(std::string_view line) {
  if (!Prepare(&library_->watched, &library_->watched_tried, kWatched)) return Outcome::kTooMuch;
  const int found = RunWatched(line, limits_.exact_steps, nullptr);
  if (found > 0) return Outcome::kMatch;
  return found == PCRE2_ERROR_NOMATCH ? Outcome::kNoMatch : Outcome::kTooMuch;
}

bool GrokRegex::Reach(std::string_view line, GrokReach* out) {
  *out = GrokReach();
  if (line.data() == nullptr) line = "";
  if (!Prepare(&library_->watched, &library_->watched_tried, kWatched)) return false;
  if (part_of_.empty()) {
    part_of_.resize(grok_.regex().size() + 1);
    for (std::size_t i = 0; i < part_of_.size(); ++i) {
      part_of_[i] = static_cast<std::uint32_t>(grok_.PartOf(i));
    }
  }
  return !IsLimit(RunWatched(line, limits_.reach_steps, out));
}

}  // namespace sluice
