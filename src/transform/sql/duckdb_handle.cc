#include "transform/sql/duckdb_handle.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace sluice {
namespace {

std::string_view FirstParagraph(std::string_view message) {
  // The advice after a lack of memory is for those who can SET things.
  return message.substr(0,
                        std::min(message.find("\n\nLINE "), message.find("\nPossible solutions")));
}

std::string Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  return std::string(text);
}

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

/// The n-th line (from 1) of `text`.
std::string_view Line(std::string_view text, int n) {
  for (; n > 1; --n) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

int CountCharacters(std::string_view text) {
  int n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

}  // namespace

DuckMessage ReadDuckMessage(std::string_view message, std::string_view sql) {
  DuckMessage result;
  result.text = OneLine(Trim(FirstParagraph(message)));
  const std::size_t at = message.find("\n\nLINE ");
  if (at == std::string_view::npos) return result;
  // "LINE 2: ...an excerpt of the line...\n        ^", the caret below the place in the excerpt.
  const std::string_view quoted = message.substr(at + 2);
  const std::size_t colon = quoted.find(": ");
  const std::size_t end = quoted.find('\n');
  if (colon == std::string_view::npos || end == std::string_view::npos || end < colon)
    return result;
  result.line = std::atoi(std::string(quoted.substr(5, colon - 5)).c_str());
  const std::string_view pointer = quoted.substr(end + 1);
  const std::size_t caret = pointer.find('^');
  if (caret == std::string_view::npos) return result;
  std::string_view excerpt = quoted.substr(colon + 2, end - colon - 2);
  // Width counts characters; the excerpt up to the caret is as many characters wide.
  int width = static_cast<int>(caret) - static_cast<int>(colon) - 2;
  if (width < 0) return result;
  const std::string_view line = Line(sql, result.line);
  if (excerpt.starts_with("...")) {
    excerpt.remove_prefix(3);
    width -= 3;
  }
  if (excerpt.ends_with("...")) excerpt.remove_suffix(3);
  const std::size_t start = line.find(excerpt);
  if (start == std::string_view::npos) return result;
  result.column = CountCharacters(line.substr(0, start)) + width + 1;
  return result;
}

std::pair<int, int> LineAndColumn(std::string_view sql, std::size_t offset) {
  offset = std::min(offset, sql.size());
  int line = 1;
  std::size_t start = 0;
  for (std::size_t i = 0; i < offset; ++i) {
    if (sql[i] == '\n') {
      ++line;
      start = i + 1;
    }
  }
  return {line, CountCharacters(sql.substr(start, offset - start)) + 1};
}

Error PrepareError(std::string_view message, std::string_view sql) {
  const DuckMessage read = ReadDuckMessage(message, sql);
  const bool syntax = read.text.starts_with("Parser Error");
  std::string text;
  if (read.line > 0) {
    text = "line " + std::to_string(read.line);
    if (read.column > 0) text += ", column " + std::to_string(read.column);
    text += ": ";
  }
  return UserError(syntax ? "sql.syntax" : "sql.bind", text + read.text);
}

bool IsRowError(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_DECIMAL:
    case DUCKDB_ERROR_MISMATCH_TYPE:
    case DUCKDB_ERROR_DIVIDE_BY_ZERO:
    case DUCKDB_ERROR_INVALID_TYPE:
    case DUCKDB_ERROR_INVALID_INPUT:
    case DUCKDB_ERROR_NOT_IMPLEMENTED:
    case DUCKDB_ERROR_EXPRESSION:
    case DUCKDB_ERROR_CONSTRAINT:
    case DUCKDB_ERROR_PARSER:
    case DUCKDB_ERROR_SYNTAX:
      return true;
    default:
      return false;
  }
}

Error RunError(duckdb_error_type type, std::string_view message) {
  const std::string text = ReadDuckMessage(message, {}).text;
  switch (type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return RemoteError(
          "sql.memory",
          text + ". Raise maxMemory, or see that spoolDirectory has room and maxSpool allows it",
          Retry::kNo);
    case DUCKDB_ERROR_IO:
      return RemoteError("sql.spool", text);
    case DUCKDB_ERROR_INTERRUPT:
      return RemoteError("aborted", "the query was cancelled", Retry::kNo);
    case DUCKDB_ERROR_FATAL:
    case DUCKDB_ERROR_INTERNAL:
      return BugError("DuckDB failed: " + text);
    default:
      return RemoteError("sql.run", text, Retry::kNo);
  }
}

std::string RowMessage(std::string_view message, std::size_t longest) {
  std::string text = ReadDuckMessage(message, {}).text;
  if (text.size() <= longest) return text;
  while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xC0) == 0x80) --longest;
  return text.substr(0, longest) + "...";
}

std::string RowReason(std::string_view message) {
  std::string text = ReadDuckMessage(message, {}).text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'' || c == '"') {
      // The last quote of the text closes it: a value may hold quotes of its own.
      const std::size_t end = text.rfind(c);
      if (end > i) {
        out += "'...'";
        i = end;
        continue;
      }
    }
    const bool starts =
        i == 0 || text[i - 1] == ' ' || (text[i - 1] == '(' && i > 1 && text[i - 2] == ' ');
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    const bool sign =
        c == '-' && i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1]));
    if (starts && (digit || sign)) {
      while (i + 1 < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[i + 1])) || text[i + 1] == '.' ||
              ((text[i + 1] == '-' || text[i + 1] == '+' || text[i + 1] == ':')))) {
        ++i;
      }
      out += "...";
      continue;
    }
    out += c;
  }
  return out;
}

Result<void> RunStatement(duckdb_connection connection, const std::string& sql) {
  DuckResult result;
  if (duckdb_query(connection, sql.c_str(), result.Receive()) == DuckDBSuccess) return {};
  return BugError("DuckDB refused \"" + sql + "\": " + duckdb_result_error(result.get()));
}

Result<std::string> QueryText(duckdb_connection connection, const std::string& sql,
                              const std::string& argument) {
  DuckStatement statement;
  if (duckdb_prepare(connection, sql.c_str(), statement.Receive()) != DuckDBSuccess) {
    return BugError(std::string("DuckDB refused \"") + sql +
                    "\": " + duckdb_prepare_error(statement.get()));
  }
  if (duckdb_nparams(statement.get()) > 0 &&
      duckdb_bind_varchar_length(statement.get(), 1, argument.data(), argument.size()) !=
          DuckDBSuccess) {
    return BugError("DuckDB took no parameter for \"" + sql + "\"");
  }
  DuckResult result;
  if (duckdb_execute_prepared(statement.get(), result.Receive()) != DuckDBSuccess) {
    return RunError(duckdb_result_error_type(result.get()), duckdb_result_error(result.get()));
  }
  DuckChunk chunk(duckdb_fetch_chunk(*result.get()));
  const idx_t columns = duckdb_column_count(result.get());
  if (!chunk || duckdb_data_chunk_get_size(chunk.get()) == 0 || columns == 0) {
    return BugError("DuckDB gave no row for \"" + sql + "\"");
  }
  duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), columns - 1);
  auto* text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  return std::string(duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

std::string QuoteIdentifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace sluice
