#include "job/option_place.h"

#include <cctype>
#include <utility>

namespace sluice {

Error AtPlace(const Place& place, Error error) {
  const std::string where = place.ToString();
  return where.empty() ? error : std::move(error).At(where);
}

Error AtOption(const Options& options, const std::vector<OptionSpec>& specs, const Place& component,
               const std::string& owner, Error error) {
  if (error.message.starts_with(component.file + ":")) return error;  // It has its place already.
  auto in_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  Place place = component;
  std::size_t first = std::string::npos;
  std::size_t longest = 0;
  for (const OptionSpec& spec : specs) {
    if (spec.name.ends_with(".*") || options.Raw(spec.name) == nullptr) continue;
    const std::string& message = error.message;
    std::size_t at = message.find(spec.name);
    if (at == std::string::npos) continue;
    std::size_t end = at + spec.name.size();
    if ((at > 0 && in_word(message[at - 1])) || (end < message.size() && in_word(message[end]))) {
      continue;
    }
    if (at > first || (at == first && spec.name.size() < longest)) continue;
    first = at;
    longest = spec.name.size();
    const RawValue& raw = *options.Raw(spec.name);
    place = raw.place;
    for (const RawValue& item : raw.items) {
      if (message.find("'" + item.text + "'", end) == std::string::npos) continue;
      place = item.place;
      break;
    }
  }
  return AtPlace(place, std::move(error).At(owner));
}

}  // namespace sluice
