#include "record/csv_dialect.h"

#include <charconv>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

struct NamedCharacter {
  std::string_view name;
  char character;
};
// The API's values of CreateJob's CSV nodes (AWS Glue, S3CsvSource), and how texts write a tab.
constexpr NamedCharacter kNames[] = {{"comma", ','},     {"ctrla", '\x01'}, {"pipe", '|'},
                                     {"semicolon", ';'}, {"tab", '\t'},     {"single_quote", '\''},
                                     {"quote", '"'},     {"\\t", '\t'},     {"\\\\", '\\'},
                                     {"\\\"", '"'},      {"\\'", '\''}};

/// `\u0001` or `\x01`.
std::optional<unsigned> NumberedCharacter(std::string_view text) {
  const bool four = text.substr(0, 2) == "\\u" && text.size() == 6;
  const bool two = text.substr(0, 2) == "\\x" && text.size() == 4;
  if (!four && !two) return std::nullopt;
  unsigned code = 0;
  const char* const end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data() + 2, end, code, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return code;
}

Error Bad(const std::string& option, const std::string& text, const std::string& why) {
  return UserError("csv.dialect", option + " '" + text + "': " + why);
}

Result<char> ParseCharacter(const std::string& option, const std::string& text) {
  for (const NamedCharacter& named : kNames) {
    if (text == named.name) return named.character;
  }
  unsigned code = 0;
  if (auto numbered = NumberedCharacter(text)) {
    code = *numbered;
  } else if (text.size() == 1) {
    code = static_cast<unsigned char>(text[0]);
  } else {
    return Bad(option, text, "it must be one ASCII character, such as ; or | or \\t or \\u0001");
  }
  if (code > 0x7f) {
    return Bad(option, text, "only ASCII characters can be used, such as ; or | or \\t or \\u0001");
  }
  if (code == 0) return Bad(option, text, "NUL cannot be used: a message that holds it is no text");
  if (code == '\n' || code == '\r') return Bad(option, text, "line ends separate rows");
  return static_cast<char>(code);
}

Result<std::optional<char>> ParseOptionalCharacter(const std::string& option,
                                                   const std::string& text) {
  if (text.empty() || text == "-1" || text == "none" || text == "disabled") {
    return std::optional<char>();
  }
  TRY(const char character, ParseCharacter(option, text));
  return std::optional<char>(character);
}

}  // namespace

Result<CsvDialect> ParseCsvDialect(const std::string& separator, const std::string& quote,
                                   const std::string& escaper) {
  CsvDialect dialect;
  TRY(dialect.separator, ParseCharacter("separator", separator));
  TRY(dialect.quote, ParseOptionalCharacter("quoteChar", quote));
  TRY(dialect.escaper, ParseOptionalCharacter("escaper", escaper));
  if (dialect.quote == dialect.separator) {
    return Bad("quoteChar", quote, "it is the separator too; choose another, or -1 for none");
  }
  if (dialect.escaper == dialect.separator) {
    return Bad("escaper", escaper, "it is the separator too; choose another, or none");
  }
  // A quote that escapes quotes is what doubling them means, which is always understood.
  if (dialect.escaper == dialect.quote) dialect.escaper.reset();
  return dialect;
}

}  // namespace sluice
