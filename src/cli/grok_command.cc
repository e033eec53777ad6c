#include "cli/grok_command.h"

#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <istream>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <string_view>
#include <utility>

#include "cli/json_rows.h"
#include "decode/grok_listing.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBatchLines = 1024;
constexpr std::size_t kBatchBytes = 4u << 20;
constexpr std::size_t kShownLine = 160;
constexpr std::size_t kMaxCustom = 1u << 20;

/// A line for a terminal: one place for each character, no control characters.
struct ShownLine {
  std::string text;
  std::size_t mark = 0;  ///< Characters in front of the byte that is to be marked.
};

ShownLine Show(std::string_view line, std::size_t byte) {
  ShownLine shown;
  // Far into a long line the part around the byte is shown.
  std::size_t begin = byte > kShownLine * 3 / 4 ? byte - kShownLine * 3 / 4 : 0;
  std::size_t end = std::min(line.size(), begin + kShownLine);
  const auto inside = [&](std::size_t i) {
    return i > 0 && i < line.size() && (static_cast<unsigned char>(line[i]) & 0xc0) == 0x80;
  };
  while (inside(begin)) --begin;
  while (inside(end)) ++end;
  if (begin > 0) shown.text = "...";
  shown.mark = shown.text.size();
  for (std::size_t i = begin; i < end; ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    shown.text += c < 0x20 || c == 0x7f ? '?' : line[i];
    if (i < byte && (c & 0xc0) != 0x80) ++shown.mark;
  }
  if (end < line.size()) shown.text += "...";
  return shown;
}

/// `source.ip` for what lies in structs.
void Flatten(const std::string& name, const Json& value,
             std::vector<std::pair<std::string, std::string>>* out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, inner] : value.items()) {
      Flatten(name.empty() ? key : name + "." + key, inner, out);
    }
    return;
  }
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  out->emplace_back(name, std::move(text));
}

class GrokTrial {
 public:
  GrokTrial(std::unique_ptr<Decoder> decoder, const EncoderRegistry& encoders, bool json,
            std::ostream& out)
      : decoder_(std::move(decoder)), encoders_(encoders), json_(json), out_(out) {}

  Result<void> Add(std::int64_t number, std::string line) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) return {};
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    numbers_.push_back(number);
    if (lines_.size() < kBatchLines && bytes_ < kBatchBytes) return {};
    return Flush();
  }

  Result<void> Flush() {
    std::vector<Payload> payloads;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      payloads.push_back({lines_[i].data(), lines_[i].size(), static_cast<std::uint32_t>(i)});
    }
    while (!payloads.empty()) TRY(PrintSome(&payloads));
    lines_.clear();
    numbers_.clear();
    bytes_ = 0;
    if (!out_) return RemoteError("grok.output", "cannot write the result", Retry::kNo);
    return {};
  }

  std::int64_t unmatched() const { return unmatched_; }

 private:
  /// As many as the decoder takes at a time; they are erased.
  Result<void> PrintSome(std::vector<Payload>* payloads) {
    TRY(const DecodedRows decoded, decoder_->Decode(*payloads));
    TRY(const std::vector<std::string> rows, RowsToJson(encoders_, decoded.rows));
    std::size_t row = 0;
    for (const Reject& reject : decoded.rejects) {
      for (; row < rows.size() && decoded.record_of_row[row] < reject.record; ++row) {
        PrintRow(decoded.record_of_row[row], rows[row]);
      }
      PrintReject(reject);
      ++unmatched_;
    }
    for (; row < rows.size(); ++row) PrintRow(decoded.record_of_row[row], rows[row]);
    std::erase_if(*payloads, [&](const Payload& payload) {
      return payload.record < decoded.stopped_at.value_or(UINT32_MAX);
    });
    return {};
  }

  void PrintRow(std::uint32_t record, const std::string& row) {
    if (json_) {
      out_ << "{\"line\":" << numbers_[record] << ",\"fields\":" << row << "}\n";
      return;
    }
    std::vector<std::pair<std::string, std::string>> fields;
    Flatten("", Json::parse(row, nullptr, false), &fields);
    std::size_t width = 0;
    for (const auto& [name, value] : fields) width = std::max(width, name.size());
    out_ << "line " << numbers_[record] << " matches\n";
    for (const auto& [name, value] : fields) {
      out_ << "  " << name << std::string(width - name.size(), ' ') << " = " << value << "\n";
    }
  }

  void PrintReject(const Reject& reject) {
    const std::int64_t number = numbers_[reject.record];
    if (json_) {
      Json line;
      line["line"] = number;
      line["byte"] = reject.byte;
      line["code"] = reject.code;
      line["field"] = reject.field;
      line["reason"] = reject.reason;
      out_ << line.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
      return;
    }
    const ShownLine shown = Show(lines_[reject.record], static_cast<std::size_t>(reject.byte));
    out_ << "line " << number << ": " << (reject.field.empty() ? "" : reject.field + ": ")
         << reject.reason << " [" << reject.code << "]\n  " << shown.text << "\n  "
         << std::string(shown.mark, ' ') << "^\n";
  }

  std::unique_ptr<Decoder> decoder_;
  const EncoderRegistry& encoders_;
  bool json_;
  std::ostream& out_;
  std::vector<std::string> lines_;
  std::vector<std::int64_t> numbers_;
  std::size_t bytes_ = 0;
  std::int64_t unmatched_ = 0;
};

/// A file of that name, else the text itself, which has at least a name and an expression.
Result<std::string> CustomPatterns(const std::string& given) {
  std::ifstream file(given, std::ios::binary);
  if (!file.is_open()) {
    if (given.find_first_of(" \t\n") != std::string::npos || given.empty()) return given;
    return UserError("grok.custom", "--custom: cannot read " + given + ": " + std::strerror(errno) +
                                        "; it takes a file, or definitions such as 'DIGIT \\d'");
  }
  std::string text(kMaxCustom + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return UserError("grok.custom", "--custom: cannot read " + given);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxCustom) {
    return UserError("grok.custom", "--custom: " + given + " is larger than 1 MiB");
  }
  return text;
}

}  // namespace

Result<int> TryGrok(const GrokTrialOptions& options, const FormatRegistry& formats,
                    const EncoderRegistry& encoders, std::istream& in, std::ostream& out) {
  TRY(const FormatEntry* format, formats.Find("grok"));
  std::vector<std::pair<std::string, std::string>> set = {{"grokPattern", options.pattern},
                                                          {"grokLibrary", options.library}};
  if (options.custom.has_value()) {
    TRY(std::string custom, CustomPatterns(*options.custom));
    set.emplace_back("grokCustomPatterns", std::move(custom));
  }
  TRY(const Options parsed, ParseOptions(format->options, RawOptionsFromPairs(set), "grok"));
  SchemaPtr declared;
  if (options.schema.has_value()) {
    auto schema = ParseDdl(*options.schema);
    if (!schema.ok()) return std::move(schema).error().At("--schema");
    declared = *std::move(schema);
  }
  const DecodeLimits limits;
  TRY(auto decoder, format->make(parsed, std::move(declared), limits));
  GrokTrial trial(std::move(decoder), encoders, options.json, out);
  std::string line;
  for (std::int64_t number = 1; std::getline(in, line); ++number) {
    if (line.size() > limits.message_bytes) {
      return UserError("grok.line", "line " + std::to_string(number) + " is longer than " +
                                        std::to_string(limits.message_bytes) + " bytes");
    }
    TRY(trial.Add(number, std::move(line)));
    // A person who types lines wants each answer at once.
    if (in.rdbuf()->in_avail() <= 0) {
      TRY(trial.Flush());
      out.flush();
    }
  }
  TRY(trial.Flush());
  out.flush();
  return trial.unmatched() > 0 ? 3 : 0;
}

Result<int> ListGrok(const std::string& library, const std::string& glob, std::ostream& out) {
  const std::vector<ListedGrokPattern> all = ListGrokPatterns(library == "ecs");
  std::vector<const ListedGrokPattern*> found;
  std::size_t width = 0;
  for (const ListedGrokPattern& pattern : all) {
    if (fnmatch(glob.c_str(), pattern.name.c_str(), FNM_CASEFOLD) != 0) continue;
    found.push_back(&pattern);
    width = std::max(width, pattern.name.size());
  }
  if (found.empty()) {
    std::vector<std::string> names;
    for (const ListedGrokPattern& pattern : all) names.push_back(pattern.name);
    const auto near = NearestName(glob, names);
    return UserError("grok.list", "no pattern of the library " + library + " is called '" +
                                      glob.substr(0, 60) + "'" +
                                      (near ? "; did you mean '" + *near + "'?" : ""));
  }
  for (const ListedGrokPattern* pattern : found) {
    out << pattern->name << std::string(width - pattern->name.size() + 2, ' ') << pattern->regex
        << "\n";
  }
  return 0;
}

void AddGrokCommand(CLI::App& app, CommandContext& context) {
  struct Args {
    GrokTrialOptions options;
    std::string file = "-";
    std::string list;
  };
  auto args = std::make_shared<Args>();
  CLI::App* command =
      app.add_subcommand("grok", "Try a grok pattern on lines, or list the built-in patterns");
  CLI::Option* list =
      command->add_option("--list", args->list, "List the built-in patterns, or those like GLOB");
  list->expected(0, 1)->default_str("*")->type_name("[GLOB]");
  CLI::Option* pattern =
      command->add_option("PATTERN", args->options.pattern, "The pattern, as grokPattern has it");
  command->add_option("FILE", args->file, "Lines to try it on; - is standard input, the default");
  command->add_option("--custom", args->options.custom,
                      "Definitions, NAME and expression, or a file of them");
  command->add_option("--library", args->options.library, "The built-in patterns: legacy or ecs")
      ->check(CLI::IsMember({"legacy", "ecs"}));
  command->add_option("--schema", args->options.schema,
                      "The columns, as DDL; without it they are the pattern's");
  command->add_flag("--json", args->options.json, "JSON lines");
  command->footer(
      "The exit code is 0, 3 if any line did not match, 2 for a wrong pattern.\n"
      "Examples:\n"
      "  sluice grok '%{COMBINEDAPACHELOG}' access.log\n"
      "  echo 'joe 5' | sluice grok '%{USERNAME:name} %{DIGIT:n:int}' --custom 'DIGIT \\d'\n"
      "  sluice grok --list 'HTTPD*'");
  command->callback([&context, args, list, pattern] {
    if (list->count() > 0) {
      const std::string glob = args->list.empty() ? "*" : args->list;
      return Finish(context, ListGrok(args->options.library, glob, context.out));
    }
    if (pattern->count() == 0) {
      return Finish(context, UserError("grok.usage",
                                       "PATTERN is missing: sluice grok PATTERN [FILE], or sluice "
                                       "grok --list"));
    }
    std::ifstream file;
    if (args->file != "-") {
      file.open(args->file, std::ios::binary);
      if (!file.is_open()) {
        return Finish(context, UserError("grok.file", "cannot read " + args->file + ": " +
                                                          std::strerror(errno)));
      }
    }
    std::istream& in = args->file == "-" ? std::cin : file;
    Finish(context,
           TryGrok(args->options, context.parts.formats, context.parts.encoders, in, context.out));
  });
}

}  // namespace sluice
