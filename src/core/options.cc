#include "core/options.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// As JSON whose scalars are strings, so that nothing is lost on the way back.
Json TextJson(const RawValue& raw) {
  switch (raw.kind) {
    case RawValue::Kind::kScalar:
      return Json(raw.text);
    case RawValue::Kind::kList: {
      Json list = Json::array();
      for (const RawValue& item : raw.items) list.push_back(TextJson(item));
      return list;
    }
    case RawValue::Kind::kMap:
      break;
  }
  Json map = Json::object();
  for (const auto& [key, value] : raw.entries) map[key] = TextJson(value);
  return map;
}

RawValue RawFromJson(const Json& json) {
  RawValue raw;
  if (json.is_object()) {
    raw.kind = RawValue::Kind::kMap;
    for (const auto& [key, value] : json.items()) raw.entries.emplace_back(key, RawFromJson(value));
  } else if (json.is_array()) {
    raw.kind = RawValue::Kind::kList;
    for (const Json& item : json) raw.items.push_back(RawFromJson(item));
  } else if (json.is_string()) {
    raw.text = json.get<std::string>();
  } else if (!json.is_null()) {
    raw.text = json.dump();
  }
  return raw;
}

/// One step of Damerau and Levenshtein's distance: insert, remove, replace, or swap two neighbours.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t change = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

[[noreturn]] void Misuse(std::string_view name, const char* what) {
  std::fprintf(stderr, "sluice: bug: option '%.*s' %s\n", static_cast<int>(name.size()),
               name.data(), what);
  std::abort();
}

}  // namespace

std::string Place::ToString() const {
  if (line <= 0) return file;
  return (file.empty() ? "line " : file + ":") + std::to_string(line) + ":" +
         std::to_string(column);
}

const Options::Value& Options::Find(std::string_view name, bool* present) const {
  auto it = values_.find(name);
  if (it == values_.end()) Misuse(name, "is not declared");
  *present = it->second.given || !it->second.spec.default_value.empty();
  return it->second;
}

bool Options::Has(std::string_view name) const {
  bool present = false;
  Find(name, &present);
  return present;
}

bool Options::Given(std::string_view name) const {
  bool present = false;
  return Find(name, &present).given;
}

std::string Options::String(std::string_view name) const {
  bool present = false;
  const Value& value = Find(name, &present);
  if (value.spec.type != OptionType::kString) Misuse(name, "is not declared as text");
  return value.text;
}

bool Options::Bool(std::string_view name) const {
  bool present = false;
  const Value& value = Find(name, &present);
  if (value.spec.type != OptionType::kBool) Misuse(name, "is not declared as true or false");
  return value.number != 0;
}

std::optional<std::int64_t> Options::Int(std::string_view name) const {
  bool present = false;
  const Value& value = Find(name, &present);
  OptionType type = value.spec.type;
  if (type != OptionType::kInt && type != OptionType::kDuration && type != OptionType::kBytes) {
    Misuse(name, "is not declared as a whole number, duration or size");
  }
  if (!present) return std::nullopt;
  return value.number;
}

std::optional<double> Options::Double(std::string_view name) const {
  bool present = false;
  const Value& value = Find(name, &present);
  if (value.spec.type != OptionType::kDouble) Misuse(name, "is not declared as a number");
  if (!present) return std::nullopt;
  return value.real;
}

std::vector<std::string> Options::List(std::string_view name) const {
  bool present = false;
  const Value& value = Find(name, &present);
  if (value.spec.type != OptionType::kList) Misuse(name, "is not declared as a list");
  return value.list;
}

std::vector<std::pair<std::string, std::string>> Options::Map(std::string_view name) const {
  bool present = false;
  const Value& value = Find(name, &present);
  if (value.spec.type != OptionType::kMap) Misuse(name, "is not declared as a map");
  return value.map;
}

const RawValue* Options::Raw(std::string_view name) const {
  bool present = false;
  const Value& value = Find(name, &present);
  return value.given ? &value.raw : nullptr;
}

std::vector<std::pair<std::string, std::string>> Options::WithPrefix(
    std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Value& value : prefixed_) {
    if (!value.spec.name.starts_with(prefix)) continue;
    out.emplace_back(value.spec.name.substr(prefix.size()), value.text);
  }
  return out;
}

std::string Options::ToJson() const {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [name, value] : values_) {
    if (value.given && !value.spec.secret) out[name] = TextJson(value.raw);
  }
  for (const Value& value : prefixed_) {
    if (!value.spec.secret) out[value.spec.name] = TextJson(value.raw);
  }
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<RawOptions> RawOptionsFromJson(std::string_view json) {
  constexpr int kDepth = 50;  // As deep as a job file may be; RawFromJson recurses.
  bool too_deep = false;
  auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    too_deep |= depth > kDepth;
    return depth <= kDepth;
  };
  Json parsed = Json::parse(json, shallow, /*allow_exceptions=*/false);
  if (too_deep || !parsed.is_object()) {
    return UserError("job.options_json", too_deep ? "the options are nested too deeply"
                                                  : "the options are not a JSON object");
  }
  return RawFromJson(parsed).entries;
}

RawOptions RawOptionsFromPairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  RawOptions out;
  for (const auto& [name, text] : pairs) {
    RawValue value;
    value.text = text;
    out.emplace_back(name, std::move(value));
  }
  return out;
}

std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& names) {
  constexpr std::size_t kLongestName = 100;
  if (name.empty() || name.size() > kLongestName) return std::nullopt;
  std::string wanted = Lower(name);
  // A third of the letters may be wrong; in short names one.
  std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  std::optional<std::string> nearest;
  std::optional<std::string> longer;
  std::size_t longer_count = 0;
  for (const std::string& candidate : names) {
    if (candidate.size() > kLongestName) continue;
    std::string known = Lower(candidate);
    std::size_t distance = EditDistance(wanted, known);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
    if (wanted.size() >= 3 && (known.starts_with(wanted) || known.ends_with("." + wanted))) {
      longer = candidate;
      ++longer_count;
    }
  }
  if (nearest.has_value() || longer_count != 1) return nearest;
  return longer;
}

}  // namespace sluice
