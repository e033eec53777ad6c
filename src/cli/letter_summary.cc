#include "cli/letter_summary.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestReason = 300;

std::string Shown(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Value(const Letter& letter, LetterColumn column) {
  switch (column) {
    case LetterColumn::kCode:
      return letter.code;
    case LetterColumn::kField:
      return letter.field;
    case LetterColumn::kReason:
      return ReasonWithoutValues(letter.reason);
    case LetterColumn::kStep:
      return letter.about.step;
    case LetterColumn::kSource:
      return letter.about.source;
    case LetterColumn::kOrigin:
      return OriginWithoutPlace(letter.about.origin);
  }
  return "";
}

}  // namespace

const char* LetterColumnName(LetterColumn column) {
  constexpr std::array<const char*, kNumLetterColumns> kNames = {"code", "field",  "reason",
                                                                 "step", "source", "origin"};
  return kNames[static_cast<std::size_t>(column)];
}

std::string ReasonWithoutValues(const std::string& reason) {
  auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  std::string out;
  for (std::size_t at = 0; at < reason.size() && out.size() < kLongestReason;) {
    const char c = reason[at];
    const bool begins = at == 0 || !alphanumeric(reason[at - 1]);
    if ((c == '\'' || c == '"') && begins) {
      // The last quote closes it: a value may hold quotes of its own.
      const std::size_t end = reason.rfind(c);
      if (end > at) {
        out += "'...'";
        at = end + 1;
        continue;
      }
    }
    if (digit(c) && begins) {
      out += 'N';
      while (at < reason.size() && digit(reason[at])) ++at;
      continue;
    }
    out += c;
    ++at;
  }
  return out;
}

std::string OriginWithoutPlace(const std::string& origin) {
  const Json json = Json::parse(origin, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return "";
  if (json.contains("topic")) {
    return Shown(json["topic"]) +
           (json.contains("partition") ? "/" + Shown(json["partition"]) : "");
  }
  if (json.contains("path")) return Shown(json["path"]);
  std::string out;
  for (const auto& [name, value] : json.items()) {
    if (name == "offset" || name == "sequence" || name == "line" || name == "byte") continue;
    out += (out.empty() ? "" : "/") + Shown(value);
  }
  return out;
}

void LetterSummary::Add(const Letter& letter) {
  ++letters_;
  std::vector<std::string> key;
  for (const LetterColumn column : columns_) key.push_back(Value(letter, column));
  auto it = groups_.find(key);
  if (it == groups_.end()) {
    if (groups_.size() >= kMostGroups) {
      ++others_;
      return;
    }
    LetterGroup fresh{
        key, 0, letter.time, letter.time, letter.epoch, letter.epoch, letter.about.origin};
    it = groups_.emplace(std::move(key), std::move(fresh)).first;
  }
  LetterGroup& group = it->second;
  ++group.letters;
  // Times are written alike, so that they sort as text.
  group.first = std::min(group.first, letter.time);
  group.last = std::max(group.last, letter.time);
  group.first_epoch = std::min(group.first_epoch, letter.epoch);
  group.last_epoch = std::max(group.last_epoch, letter.epoch);
}

std::vector<LetterGroup> LetterSummary::Groups(std::size_t limit, std::int64_t* others) const {
  std::vector<LetterGroup> groups;
  for (const auto& [key, group] : groups_) groups.push_back(group);
  std::stable_sort(groups.begin(), groups.end(), [](const LetterGroup& a, const LetterGroup& b) {
    return a.letters > b.letters;
  });
  *others = others_;
  for (std::size_t i = limit; i < groups.size(); ++i) *others += groups[i].letters;
  if (groups.size() > limit) groups.resize(limit);
  return groups;
}

}  // namespace sluice
