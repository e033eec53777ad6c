// Any text as a component's options in JSON: what is accepted comes back the same from its own
// JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/options.h"

namespace {

std::vector<sluice::OptionSpec> Specs() {
  using sluice::OptionType;
  return {{.name = "s"},
          {.name = "b", .type = OptionType::kBool},
          {.name = "i", .type = OptionType::kInt},
          {.name = "f", .type = OptionType::kDouble},
          {.name = "d", .type = OptionType::kDuration},
          {.name = "n", .type = OptionType::kBytes},
          {.name = "l", .type = OptionType::kList},
          {.name = "m", .type = OptionType::kMap},
          {.name = "p.*"}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto specs = Specs();
  auto raw = sluice::RawOptionsFromJson({reinterpret_cast<const char*>(data), size});
  if (!raw.ok()) return 0;
  auto options = sluice::ParseOptions(specs, *raw, "fuzz");
  if (!options.ok()) {
    if (options.error().blame != sluice::Blame::kUser) std::abort();
    return 0;
  }
  auto stored = sluice::RawOptionsFromJson(options->ToJson());
  if (!stored.ok()) std::abort();
  auto again = sluice::ParseOptions(specs, *stored, "fuzz");
  if (!again.ok() || again->ToJson() != options->ToJson()) std::abort();
  if (again->Int("d") != options->Int("d") || again->Int("n") != options->Int("n")) std::abort();
  if (again->List("l") != options->List("l") || again->Map("m") != options->Map("m")) std::abort();
  return 0;
}
