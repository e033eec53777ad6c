// Any text as a grok pattern and definitions, parted by NUL, with a line to match: it is refused by
// a user error with a place, or it compiles, and matching ends.
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "decode/grok/grok_format.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

/// The text up to the next NUL, which is cut off the front.
std::string Take(std::string* text) {
  const std::size_t end = text->find('\0');
  std::string part = text->substr(0, end);
  text->erase(0, end == std::string::npos ? text->size() : end + 1);
  return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  sluice::GrokDecoderOptions options;
  options.pattern = Take(&text);
  options.custom_patterns = Take(&text);
  options.ecs = size % 2 == 0;
  // The bounds as they are, but tighter: a run shall try many inputs.
  options.limits.pattern_bytes = 4096;
  options.limits.expanded_bytes = 64u << 10;
  options.work.search_steps = 20'000;
  options.work.search_bytes = 10'000'000;
  options.work.exact_steps = 10'000;
  options.work.reach_steps = 10'000;
  auto decoder = sluice::MakeGrokDecoder(options, nullptr, arrow::default_memory_pool());
  if (!decoder.ok()) {
    Require(decoder.error().blame == sluice::Blame::kUser && !decoder.error().message.empty());
    return 0;
  }
  const std::string line = Take(&text);
  if (line.empty()) return 0;
  auto decoded = (*decoder)->Decode({{line.data(), line.size(), 0}});
  Require(decoded.ok() && decoded->rows->ValidateFull().ok());
  for (const auto& reject : decoded->rejects) {
    Require(reject.byte >= 0 && reject.byte <= static_cast<std::int64_t>(line.size()));
  }
  return 0;
}
