#include "decode/json/json_path.h"

namespace sluice {
namespace {

constexpr std::size_t kMaxKeys = 50;

Error Bad(std::string_view text, std::size_t at, const std::string& what) {
  return UserError("json.path_option",
                   "jsonPath '" + std::string(text) + "' is wrong at column " +
                       std::to_string(at + 1) + ": " + what +
                       ". It is $, then .name or ['name'] as often as needed, then perhaps [*], "
                       "for example $.data.events[*]");
}

}  // namespace

Result<JsonPath> ParseJsonPath(std::string_view text) {
  JsonPath path;
  if (text.empty() || text[0] != '$') return Bad(text, 0, "it must begin with $");
  std::size_t at = 1;
  while (at < text.size()) {
    if (path.to_items) return Bad(text, at, "nothing may follow [*]");
    if (path.keys.size() == kMaxKeys) return Bad(text, at, "it is too long");
    if (text.substr(at, 3) == "[*]") {
      path.to_items = true;
      at += 3;
    } else if (text[at] == '.') {
      std::size_t end = text.find_first_of(".[]()*@?'\" ", at + 1);
      if (end == std::string_view::npos) end = text.size();
      if (end == at + 1) return Bad(text, at + 1, "expected a name");
      path.keys.emplace_back(text.substr(at + 1, end - at - 1));
      at = end;
    } else if (text[at] == '[' && at + 1 < text.size() &&
               (text[at + 1] == '\'' || text[at + 1] == '"')) {
      const char quote[] = {text[at + 1], ']', '\0'};
      std::size_t end = text.find(quote, at + 2);
      if (end == std::string_view::npos) return Bad(text, at, "this name does not end");
      path.keys.emplace_back(text.substr(at + 2, end - at - 2));
      at = end + 2;
    } else {
      return Bad(text, at, "expected .name, ['name'] or [*]");
    }
  }
  return path;
}

}  // namespace sluice
