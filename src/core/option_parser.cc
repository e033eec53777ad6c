#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/options.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

bool IsPrefixSpec(const OptionSpec& spec) {
  return spec.name.size() > 2 && spec.name.ends_with(".*");
}

/// "kafka.*" -> "kafka.".
std::string_view PrefixOf(const OptionSpec& spec) {
  return std::string_view(spec.name).substr(0, spec.name.size() - 1);
}

/// As JSON with typed scalars (`7` is a number), for lists and maps inside an option's value.
Json TypedJson(const RawValue& raw) {
  switch (raw.kind) {
    case RawValue::Kind::kScalar: {
      Json scalar = Json::parse(raw.text, /*cb=*/nullptr, /*allow_exceptions=*/false);
      bool typed = scalar.is_number() || scalar.is_boolean() || scalar.is_null();
      return typed ? scalar : Json(raw.text);
    }
    case RawValue::Kind::kList: {
      Json list = Json::array();
      for (const RawValue& item : raw.items) list.push_back(TypedJson(item));
      return list;
    }
    case RawValue::Kind::kMap:
      break;
  }
  Json map = Json::object();
  for (const auto& [key, value] : raw.entries) map[key] = TypedJson(value);
  return map;
}

std::string ScalarText(const RawValue& raw) {
  return raw.kind == RawValue::Kind::kScalar
             ? raw.text
             : TypedJson(raw).dump(-1, ' ', false, Json::error_handler_t::replace);
}

const char* KindName(RawValue::Kind kind) {
  switch (kind) {
    case RawValue::Kind::kScalar:
      return "a single value";
    case RawValue::Kind::kList:
      return "a list";
    case RawValue::Kind::kMap:
      break;
  }
  return "a map";
}

/// Builds the messages about one option as it was given.
class Complaint {
 public:
  Complaint(const OptionSpec& spec, const RawValue& raw, const std::string& owner)
      : spec_(spec), raw_(raw), owner_(owner) {}

  Error Make(const std::string& what) const {
    std::string message = owner_ + ": " + spec_.name + " " + what;
    if (!spec_.example.empty() && !spec_.secret && spec_.choices.empty())
      message += "; for example: " + spec_.example;
    std::string place = raw_.place.ToString();
    if (!place.empty()) message = place + ": " + message;
    return UserError("job.option", message);
  }

  /// ", not 'abc'": shows what was given unless it must not be seen.
  std::string Not() const {
    if (raw_.kind != RawValue::Kind::kScalar) {
      return std::string(", not ") + KindName(raw_.kind);
    }
    if (spec_.secret || raw_.hidden) return ", which the given value is not (it is not shown)";
    if (Trim(raw_.text).empty()) return ", and nothing was given";
    std::string shown = ", not '";
    for (char c : std::string_view(raw_.text).substr(0, 60)) {
      shown += std::iscntrl(static_cast<unsigned char>(c)) ? '?' : c;
    }
    return shown + (raw_.text.size() > 60 ? "...'" : "'");
  }

 private:
  const OptionSpec& spec_;
  const RawValue& raw_;
  const std::string& owner_;
};

std::string Amount(OptionType type, std::int64_t number) {
  if (type == OptionType::kDuration) return FormatDuration(number);
  if (type == OptionType::kBytes) return FormatBytes(number);
  return std::to_string(number);
}

Result<std::int64_t> ParseInt(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t number = 0;
  auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || status != std::errc() || stop != text.data() + text.size()) {
    return UserError("job.option", "not a whole number");
  }
  return number;
}

Result<std::int64_t> ParseWhole(OptionType type, const std::string& text) {
  if (type == OptionType::kDuration) return ParseDuration(text);
  if (type == OptionType::kBytes) return ParseBytes(text);
  return ParseInt(text);
}

const char* TypeName(OptionType type) {
  switch (type) {
    case OptionType::kString:
      return "text";
    case OptionType::kBool:
      return "true or false";
    case OptionType::kInt:
      return "a whole number";
    case OptionType::kDouble:
      return "a number";
    case OptionType::kDuration:
      return "a duration such as '100 seconds', '5 min' or '250 ms'";
    case OptionType::kBytes:
      return "a size such as '128 MiB' or '1 GB'";
    case OptionType::kList:
      return "a list";
    case OptionType::kMap:
      break;
  }
  return "a map";
}

/// The spec that `name` means: by name, alias or prefix. nullptr if none.
const OptionSpec* FindSpec(const std::vector<OptionSpec>& specs, const std::string& name) {
  for (const OptionSpec& spec : specs) {
    if (IsPrefixSpec(spec)) continue;
    if (spec.name == name) return &spec;
    if (std::find(spec.aliases.begin(), spec.aliases.end(), name) != spec.aliases.end()) {
      return &spec;
    }
  }
  for (const OptionSpec& spec : specs) {
    if (IsPrefixSpec(spec) && name.starts_with(PrefixOf(spec)) &&
        name.size() > PrefixOf(spec).size()) {
      return &spec;
    }
  }
  return nullptr;
}

Error UnknownOption(const std::vector<OptionSpec>& specs, const std::string& name,
                    const RawValue& raw, const std::string& owner) {
  std::vector<std::string> names;
  for (const OptionSpec& spec : specs) {
    if (IsPrefixSpec(spec)) continue;
    names.push_back(spec.name);
    names.insert(names.end(), spec.aliases.begin(), spec.aliases.end());
  }
  std::string message = owner + ": there is no option '" + name.substr(0, 100) + "'";
  if (auto near = NearestName(name, names)) {
    message += "; did you mean '" + *near + "'?";
  } else {
    std::string list;
    for (const OptionSpec& spec : specs) list += (list.empty() ? "" : ", ") + spec.name;
    message += list.empty() ? "; it has none" : ". Options: " + list;
  }
  std::string place = raw.key_place.ToString();
  return UserError("job.unknown_option", place.empty() ? message : place + ": " + message);
}

}  // namespace

/// Turns raw values into the typed ones of an Options.
class OptionParser {
 public:
  explicit OptionParser(const std::string& owner) : owner_(owner) {}

  Result<Options> Parse(const std::vector<OptionSpec>& specs, const RawOptions& raw) const;

 private:
  Result<void> Fill(Options::Value* value) const {
    const OptionSpec& spec = value->spec;
    const RawValue& raw = value->raw;
    Complaint complaint(spec, raw, owner_);
    if (spec.type == OptionType::kList) return FillList(complaint, value);
    if (spec.type == OptionType::kMap) return FillMap(complaint, value);
    bool json_text = spec.type == OptionType::kString && raw.kind == RawValue::Kind::kMap &&
                     spec.choices.empty();
    if (raw.kind != RawValue::Kind::kScalar && !json_text) {
      return complaint.Make(std::string("must be ") + TypeName(spec.type) + complaint.Not());
    }
    value->text = ScalarText(raw);
    switch (spec.type) {
      case OptionType::kString:
        return FillChoice(complaint, value);
      case OptionType::kBool: {
        std::string word = Lower(Trim(value->text));
        if (word != "true" && word != "false") {
          return complaint.Make("must be true or false" + complaint.Not());
        }
        value->number = word == "true" ? 1 : 0;
        return {};
      }
      case OptionType::kDouble:
        return FillDouble(complaint, value);
      default:
        return FillWhole(complaint, value);
    }
  }

  static Result<void> FillChoice(const Complaint& complaint, Options::Value* value) {
    const OptionSpec& spec = value->spec;
    if (spec.choices.empty()) return {};
    std::string given = Lower(Trim(value->text));
    std::string list;
    for (const std::string& choice : spec.choices) {
      if (Lower(choice) == given) {
        value->text = choice;
        return {};
      }
      list += (list.empty() ? "" : ", ") + choice;
    }
    std::string what = "must be one of " + list + complaint.Not();
    bool visible = !spec.secret && !value->raw.hidden;
    if (auto near = NearestName(given, spec.choices); near && visible) {
      what += "; did you mean '" + *near + "'?";
    }
    return complaint.Make(what);
  }

  static Result<void> FillDouble(const Complaint& complaint, Options::Value* value) {
    std::string text = Trim(value->text);
    auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value->real);
    if (text.empty() || status != std::errc() || stop != text.data() + text.size() ||
        !std::isfinite(value->real)) {
      return complaint.Make("must be a number" + complaint.Not());
    }
    return {};
  }

  static Result<void> FillWhole(const Complaint& complaint, Options::Value* value) {
    const OptionSpec& spec = value->spec;
    Result<std::int64_t> number = ParseWhole(spec.type, Trim(value->text));
    if (!number.ok()) {
      return complaint.Make(std::string("must be ") + TypeName(spec.type) + complaint.Not());
    }
    value->number = *number;
    if (spec.min.has_value() && value->number < *spec.min) {
      return complaint.Make("must be at least " + Amount(spec.type, *spec.min) + complaint.Not());
    }
    if (spec.max.has_value() && value->number > *spec.max) {
      return complaint.Make("must be at most " + Amount(spec.type, *spec.max) + complaint.Not());
    }
    return {};
  }

  static Result<void> FillList(const Complaint& complaint, Options::Value* value) {
    const RawValue& raw = value->raw;
    if (raw.kind == RawValue::Kind::kMap) {
      return complaint.Make("must be a list, or text separated by commas" + complaint.Not());
    }
    for (const RawValue& item : raw.items) value->list.push_back(ScalarText(item));
    if (raw.kind == RawValue::Kind::kList) return {};
    std::string_view rest = raw.text;
    while (!rest.empty()) {
      std::size_t comma = std::min(rest.find(','), rest.size());
      std::string item = Trim(rest.substr(0, comma));
      if (!item.empty()) value->list.push_back(item);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return {};
  }

  static Result<void> FillMap(const Complaint& complaint, Options::Value* value) {
    RawValue raw = value->raw;
    if (raw.kind == RawValue::Kind::kScalar && !Trim(raw.text).empty()) {
      raw.kind = RawValue::Kind::kMap;
      Result<RawOptions> entries = RawOptionsFromJson(raw.text);
      if (!entries.ok())
        return complaint.Make("must be a map, or a JSON object as text" + complaint.Not());
      raw.entries = *std::move(entries);
    } else if (raw.kind == RawValue::Kind::kScalar) {
      raw.kind = RawValue::Kind::kMap;
    }
    if (raw.kind != RawValue::Kind::kMap) {
      return complaint.Make("must be a map, or a JSON object as text" + complaint.Not());
    }
    for (const auto& [key, entry] : raw.entries) value->map.emplace_back(key, ScalarText(entry));
    return {};
  }

  const std::string& owner_;
};

Result<Options> OptionParser::Parse(const std::vector<OptionSpec>& specs,
                                    const RawOptions& raw) const {
  Options options;
  std::map<std::string, std::string> given_as;
  for (const auto& [name, value] : raw) {
    const OptionSpec* spec = FindSpec(specs, name);
    if (spec == nullptr) return UnknownOption(specs, name, value, owner_);
    Options::Value typed{.spec = *spec, .given = true, .raw = value};
    if (IsPrefixSpec(*spec)) typed.spec.name = name;
    auto [other, fresh] = given_as.emplace(typed.spec.name, name);
    if (!fresh) {
      std::string place = value.key_place.ToString();
      std::string message =
          owner_ + ": '" + name + "' and '" + other->second + "' are the same option; give it once";
      return UserError("job.option", place.empty() ? message : place + ": " + message);
    }
    if (spec->required && ScalarText(value).find_first_not_of(" \t\n") == std::string::npos) {
      return Complaint(*spec, value, owner_).Make("has no value");
    }
    TRY(Fill(&typed));
    if (IsPrefixSpec(*spec)) {
      options.prefixed_.push_back(std::move(typed));
    } else {
      options.values_[spec->name] = std::move(typed);
    }
  }
  for (const OptionSpec& spec : specs) {
    if (IsPrefixSpec(spec) || options.values_.contains(spec.name)) continue;
    if (spec.required) {
      std::string message = owner_ + ": " + spec.name + " is missing";
      if (!spec.help.empty()) message += ": " + spec.help;
      if (!spec.example.empty()) message += " For example: " + spec.name + ": " + spec.example;
      return UserError("job.missing_option", message);
    }
    Options::Value typed{.spec = spec, .given = false};
    if (!spec.default_value.empty()) {
      typed.raw.text = spec.default_value;
      if (auto filled = Fill(&typed); !filled.ok()) {
        return BugError("the default of an option is wrong: " + filled.error().message);
      }
    }
    options.values_[spec.name] = std::move(typed);
  }
  return options;
}

Result<Options> ParseOptions(const std::vector<OptionSpec>& specs, const RawOptions& raw,
                             const std::string& owner) {
  return OptionParser(owner).Parse(specs, raw);
}

}  // namespace sluice
