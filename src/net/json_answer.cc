#include "net/json_answer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

/// How deep the brackets of `text` nest, as far as it is JSON.
std::size_t Depth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Result<nlohmann::json> ParseJsonAnswer(std::string_view body, std::size_t max_depth) {
  if (Depth(body) > max_depth) {
    return RemoteError("net.answer", "the answer nests deeper than " + std::to_string(max_depth));
  }
  auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return RemoteError("net.answer", "the answer is not a JSON object");
  return json;
}

std::string TextMember(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return "";
  return member->get<std::string>();
}

}  // namespace sluice
