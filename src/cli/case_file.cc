#include "cli/case_file.h"

#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sluice {
namespace {

bool Space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && Space(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && Space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> FromHex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (Space(c) || c == '\n') continue;
    const int digit = HexDigit(c);
    if (digit < 0) return std::nullopt;
    if (high < 0) {
      high = digit;
    } else {
      bytes += static_cast<char>(high * 16 + digit);
      high = -1;
    }
  }
  if (high >= 0) return std::nullopt;
  return bytes;
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    switch (text[i]) {
      case 'n':
        bytes += '\n';
        break;
      case 'r':
        bytes += '\r';
        break;
      case 't':
        bytes += '\t';
        break;
      case '0':
        bytes += '\0';
        break;
      case '\\':
        bytes += '\\';
        break;
      case 'x': {
        const auto byte = FromHex(text.substr(i + 1, 2));
        if (!byte.has_value() || byte->size() != 1) return std::nullopt;
        bytes += *byte;
        i += 2;
        break;
      }
      default:
        return std::nullopt;
    }
  }
  return bytes;
}

/// Calls `token` for every character outside strings that is no white space, and `verbatim` within.
template <typename Token, typename Verbatim>
void WalkJson(std::string_view json, Token token, Verbatim verbatim) {
  bool inside = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inside) {
      verbatim(c);
      if (c == '\\' && i + 1 < json.size()) verbatim(json[++i]);
      if (c == '"') inside = false;
    } else if (c == '"') {
      verbatim(c);
      inside = true;
    } else if (!Space(c) && c != '\n') {
      token(c);
    }
  }
}

}  // namespace

Error CaseError(const std::string& path, int line, const std::string& message) {
  return UserError("test.case", path + ":" + std::to_string(line) + ": " + message);
}

std::pair<std::string, std::string> SplitWord(const std::string& text) {
  std::size_t end = 0;
  while (end < text.size() && !Space(text[end]) && text[end] != '\n') ++end;
  std::string_view rest = std::string_view(text).substr(end);
  while (!rest.empty() && (Space(rest.front()) || rest.front() == '\n')) rest.remove_prefix(1);
  return {text.substr(0, end), std::string(rest)};
}

Result<std::vector<CaseLine>> SplitCase(const std::string& path, std::string_view text) {
  std::vector<CaseLine> result;
  bool open = false;  // whether a continuation may follow
  int number = 0;
  for (const std::string_view line : Lines(text)) {
    ++number;
    const std::string_view content = TrimRight(line);
    if (content.empty()) {
      open = false;
    } else if (content[0] == '#') {
      continue;
    } else if (Space(content[0])) {
      if (!open) return CaseError(path, number, "there is no line above that this one continues");
      result.back().value += '\n';
      result.back().value += TrimLeft(content);
      result.back().last = number;
    } else {
      auto [key, value] = SplitWord(std::string(content));
      result.push_back({number, number, std::move(key), std::move(value)});
      open = true;
    }
  }
  return result;
}

Result<CaseMessage> ParseCaseMessage(const std::string& path, int line, const std::string& key,
                                     const std::string& value) {
  CaseMessage message;
  message.line = line;
  if (key == "in") {
    message.bytes = value;
  } else if (key == "in.null") {
    if (!value.empty()) return CaseError(path, line, "in.null takes no value");
    message.tombstone = true;
  } else if (key == "in.hex") {
    auto bytes = FromHex(value);
    if (!bytes.has_value()) return CaseError(path, line, "in.hex wants pairs of hex digits");
    message.bytes = *std::move(bytes);
  } else if (key == "in.text") {
    auto bytes = Unescape(value);
    if (!bytes.has_value()) {
      return CaseError(path, line, R"(in.text knows the escapes \n \r \t \0 \xHH \\)");
    }
    message.bytes = *std::move(bytes);
  } else if (key == "in.file") {
    const auto file = std::filesystem::path(path).parent_path() / value;
    std::ifstream in(file, std::ios::binary);
    if (!in) return CaseError(path, line, "cannot read " + file.string());
    message.bytes.assign(std::istreambuf_iterator<char>(in), {});
  } else {
    return CaseError(path, line,
                     "'" + key +
                         "' is no form of 'in'; there are in, in.text, in.hex, "
                         "in.file, in.null");
  }
  return message;
}

Result<CaseReject> ParseCaseReject(const std::string& path, int line, const std::string& value) {
  CaseReject reject;
  reject.line = line;
  const char* const end = value.data() + value.size();
  auto number = std::from_chars(value.data(), end, reject.message);
  bool good = number.ec == std::errc() && reject.message >= 1;
  if (good && number.ptr != end && *number.ptr == '.') {
    number = std::from_chars(number.ptr + 1, end, reject.row);
    good = number.ec == std::errc() && reject.row >= 1;
  }
  if (!good || number.ptr == end || *number.ptr != ':') {
    return CaseError(path, line,
                     "write 'reject N: TEXT', with N the number of the message from 1, or "
                     "'reject N.R: TEXT' with the number of its row");
  }
  reject.text =
      TrimLeft(std::string_view(number.ptr + 1, static_cast<std::size_t>(end - number.ptr - 1)));
  return reject;
}

Result<std::pair<std::string, std::string>> ParseCaseOption(const std::string& path, int line,
                                                            const std::string& value) {
  const std::size_t equals = value.find('=');
  if (equals == std::string::npos || equals == 0) {
    return CaseError(path, line, "write 'set key=value'");
  }
  return std::pair{std::string(TrimRight(std::string_view(value).substr(0, equals))),
                   std::string(TrimLeft(std::string_view(value).substr(equals + 1)))};
}

Result<DecodeCase> ParseDecodeCase(const std::string& path, std::string_view text) {
  DecodeCase result;
  result.path = path;
  TRY(result.lines, SplitCase(path, text));
  for (const CaseLine& line : result.lines) {
    if (line.key == "classification") {
      result.classification = line.value;
    } else if (line.key == "schema") {
      result.schema = line.value;
    } else if (line.key == "set") {
      TRY(auto option, ParseCaseOption(path, line.line, line.value));
      result.options.push_back(std::move(option));
    } else if (line.key == "in" || line.key.starts_with("in.")) {
      TRY(auto message, ParseCaseMessage(path, line.line, line.key, line.value));
      result.messages.push_back(std::move(message));
    } else if (line.key == "out") {
      result.rows.push_back({line.line, line.value});
    } else if (line.key == "reject") {
      TRY(auto reject, ParseCaseReject(path, line.line, line.value));
      result.rejects.push_back(std::move(reject));
    } else if (line.key == "error") {
      result.error = CaseText{line.line, line.value};
    } else {
      return CaseError(path, line.line,
                       "'" + line.key +
                           "' means nothing here; lines of a case begin with "
                           "classification, schema, set, in, out, reject or error");
    }
  }
  if (result.classification.empty()) {
    return CaseError(path, 1, "the case has no 'classification' line that names the format");
  }
  const auto messages = static_cast<std::int64_t>(result.messages.size());
  for (const CaseReject& reject : result.rejects) {
    if (reject.message > messages) {
      return CaseError(path, reject.line,
                       "there are only " + std::to_string(messages) + " messages");
    }
  }
  return result;
}

std::string CompactJson(std::string_view json) {
  std::string out;
  const auto append = [&out](char c) { out += c; };
  WalkJson(json, append, append);
  return out;
}

std::string SpacedJson(std::string_view json) {
  std::string out;
  WalkJson(
      json,
      [&out](char c) {
        out += c;
        if (c == ',' || c == ':') out += ' ';
      },
      [&out](char c) { out += c; });
  return out;
}

std::string RewriteCase(std::string_view text, const std::vector<CaseLine>& dropped,
                        const std::vector<std::pair<int, std::string>>& inserted) {
  std::string out;
  const std::vector<std::string_view> lines = Lines(text);
  auto drop = dropped.begin();
  auto insert = inserted.begin();
  for (int number = 1; number <= static_cast<int>(lines.size()); ++number) {
    while (drop != dropped.end() && drop->last < number) ++drop;
    const bool gone = drop != dropped.end() && drop->line <= number &&
                      lines[static_cast<std::size_t>(number - 1)].substr(0, 1) != "#";
    if (!gone) {
      out += lines[static_cast<std::size_t>(number - 1)];
      out += '\n';
    }
    for (; insert != inserted.end() && insert->first <= number; ++insert) out += insert->second;
  }
  for (; insert != inserted.end(); ++insert) out += insert->second;
  return out;
}

}  // namespace sluice
