// The YAML loader, on anything.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "job/yaml_loader.h"

namespace {

std::size_t Walk(std::string_view yaml, const sluice::RawValue& value) {
  std::size_t scalars = value.kind == sluice::RawValue::Kind::kScalar ? 1 : 0;
  if (value.place.line < 1 || value.place.column < 1) __builtin_trap();
  if (scalars > 0) sluice::PlaceInScalar(yaml, value, value.text.size() / 2);
  for (const auto& item : value.items) scalars += Walk(yaml, item);
  for (const auto& [key, entry] : value.entries) scalars += Walk(yaml, entry);
  return scalars;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view yaml(reinterpret_cast<const char*>(data), size);
  auto options = sluice::LoadYaml(yaml, "fuzz.yaml");
  if (!options.ok()) return 0;
  std::size_t scalars = 0;
  for (const auto& [key, value] : *options) scalars += Walk(yaml, value);
  if (scalars > size + 1) __builtin_trap();
  return 0;
}
