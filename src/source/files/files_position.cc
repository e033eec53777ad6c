#include "source/files/files_position.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/base64.h"

namespace sluice {
namespace {

using nlohmann::json;

/// Spans are so wide that a horizon is made of about so many.
constexpr std::int64_t kSpans = 32;
constexpr std::size_t kMarkText = 16;
constexpr std::size_t kMarkBytes = 12;

Error Unreadable() {
  return UserError(
      "files.position",
      "the remembered position is not one of a files source; if the source's type was "
      "changed, give it a new name, or remove the checkpoint to read everything again");
}

void AppendNumber(std::string* out, std::string_view key, std::int64_t value) {
  out->append(key);
  out->append(std::to_string(value));
}

}  // namespace

void FilesPosition::Finish(const FileStamp& file, std::int64_t max_age, std::int64_t limit) {
  const std::int64_t width = std::max<std::int64_t>(max_age / kSpans, 1'000'000'000);
  const std::int64_t span = (file.mtime / width + 1) * width;
  seen[span] += EncodeMark(MarkOf(file));
  horizon = std::max(horizon, std::min(file.mtime - max_age, limit));
  while (!seen.empty() && seen.begin()->first <= horizon) seen.erase(seen.begin());
  ++files;
  bytes += file.size;
  byte = 0;
  line = 0;
  current = {};
}

std::string FilesPosition::ToText() const {
  std::size_t size = 256;
  for (const auto& [span, marks] : seen) size += marks.size() + 32;
  std::string out;
  out.reserve(size);
  AppendNumber(&out, "{\"files\":", files);
  AppendNumber(&out, ",\"byte\":", byte);
  AppendNumber(&out, ",\"bytes\":", bytes);
  AppendNumber(&out, ",\"records\":", records);
  AppendNumber(&out, ",\"horizon\":", horizon);
  AppendNumber(&out, ",\"scanned\":", scanned);
  if (byte > 0) {
    // A file name is bytes, JSON is text: base64 keeps every name.
    out += ",\"name\":\"" + Base64Encode(current.name) + "\"";
    AppendNumber(&out, ",\"size\":", current.size);
    AppendNumber(&out, ",\"mtime\":", current.mtime);
    AppendNumber(&out, ",\"line\":", line);
  }
  out += ",\"seen\":{";
  const char* comma = "";
  for (const auto& [span, marks] : seen) {
    out += comma;
    out += '"' + std::to_string(span) + "\":\"";
    out += marks;
    out += '"';
    comma = ",";
  }
  out += "}}";
  return out;
}

Result<FilesPosition> FilesPosition::Parse(std::string_view text) {
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Unreadable();
  const auto number = [&root](const char* key, std::int64_t* value) {
    const auto it = root.find(key);
    if (it == root.end() || !it->is_number_integer()) return false;
    *value = it->get<std::int64_t>();
    return true;
  };
  FilesPosition position;
  const auto seen = root.find("seen");
  if (!number("files", &position.files) || !number("byte", &position.byte) ||
      !number("bytes", &position.bytes) || !number("records", &position.records) ||
      !number("horizon", &position.horizon) || !number("scanned", &position.scanned) ||
      position.files < 0 || position.byte < 0 || seen == root.end() || !seen->is_object()) {
    return Unreadable();
  }
  for (const auto& [span, marks] : seen->items()) {
    std::int64_t end = 0;
    const char* const last = span.data() + span.size();
    const auto parsed = std::from_chars(span.data(), last, end);
    if (parsed.ec != std::errc() || parsed.ptr != last || !marks.is_string()) return Unreadable();
    position.seen[end] = marks.get<std::string>();
  }
  if (position.byte > 0) {
    const auto name = root.find("name");
    if (name == root.end() || !name->is_string() || !number("size", &position.current.size) ||
        !number("mtime", &position.current.mtime) || !number("line", &position.line)) {
      return Unreadable();
    }
    auto decoded = Base64Decode(name->get<std::string>());
    if (!decoded.ok()) return Unreadable();
    position.current.name = *std::move(decoded);
  }
  return position;
}

FilesPosition FilesPosition::ParseNumbers(std::string_view text) {
  FilesPosition position;
  std::int64_t* const fields[] = {&position.files, &position.byte, &position.bytes,
                                  &position.records};
  for (std::int64_t* field : fields) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    std::from_chars(text.data(), text.data() + text.size(), *field);
  }
  return position;
}

Result<FileMarks> FilesPosition::Marks() const {
  FileMarks result;
  for (const auto& [span, marks] : seen) {
    if (marks.size() % kMarkText != 0) return Unreadable();
    auto bytes = Base64Decode(marks);
    if (!bytes.ok()) return Unreadable();
    for (std::size_t i = 0; i + kMarkBytes <= bytes->size(); i += kMarkBytes) {
      const FileMark mark = DecodeMark(bytes->data() + i);
      result[mark.name] = mark.content;
    }
  }
  return result;
}

int Compare(const FilesPosition& a, const FilesPosition& b) {
  const auto x = std::tie(a.files, a.byte);
  const auto y = std::tie(b.files, b.byte);
  return x < y ? -1 : y < x ? 1 : 0;
}

}  // namespace sluice
