#include "cli/pipe_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/case_source.h"
#include "cli/decode_case_runner.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

Error Cannot(const std::string& what, const fs::path& path) {
  return RemoteError("test.folder", "cannot " + what + " " + path.string(), Retry::kNo);
}

Result<void> WriteFile(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  if (!file) return Cannot("write", path);
  return {};
}

/// "000001-000003" is message 3 of epoch 1.
std::string MessageName(std::size_t epoch, std::size_t message) {
  char text[48];
  std::snprintf(text, sizeof text, "%06zu-%06zu", epoch, message);
  return text;
}

std::int64_t MessageOf(const std::string& path) {
  const std::string name = fs::path(path).stem().string();
  std::int64_t message = 0;
  const std::size_t dash = name.find('-');
  if (dash == std::string::npos) return 0;
  std::from_chars(name.data() + dash + 1, name.data() + name.size(), message);
  return message;
}

bool IsData(const fs::path& relative) {
  return std::none_of(relative.begin(), relative.end(), [](const fs::path& part) {
    const std::string name = part.string();
    return name.starts_with('_') || name.starts_with('.');
  });
}

/// The files below `folder` that are data to every reader, by name. No folder, no files.
Result<std::map<std::string, std::string>> ReadAll(const fs::path& folder) {
  std::map<std::string, std::string> files;
  std::error_code failure;
  if (!fs::exists(folder, failure)) return files;
  for (fs::recursive_directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    if (!entry->is_regular_file() || !IsData(entry->path().lexically_relative(folder))) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) return Cannot("read", entry->path());
    files.emplace(entry->path().string(), std::move(text));
  }
  if (failure) return Cannot("list", folder);
  return files;
}

}  // namespace

PipeFolder::PipeFolder(const PipeCase& test, bool tombstones, fs::path root)
    : test_(test), tombstones_(tombstones), root_(std::move(root)) {}

PipeFolder::~PipeFolder() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

Result<std::unique_ptr<PipeFolder>> PipeFolder::Make(const PipeCase& test, bool tombstones) {
  std::error_code failure;
  const fs::path parent = fs::temp_directory_path(failure);
  std::string pattern = (parent / "sluice-test-XXXXXX").string();
  if (failure || mkdtemp(pattern.data()) == nullptr) return Cannot("make the folder", pattern);
  std::unique_ptr<PipeFolder> folder(new PipeFolder(test, tombstones, pattern));
  for (std::size_t i = 0; i < test.sources.size(); ++i) {
    fs::create_directories(folder->SourcePath(i), failure);
    if (failure) return Cannot("make the folder", folder->SourcePath(i));
  }
  fs::create_directories(folder->root_ / "tables", failure);
  if (failure) return Cannot("make the folder", folder->root_ / "tables");
  folder->table_texts_.resize(test.tables.size());
  for (std::size_t i = 0; i < test.tables.size(); ++i) {
    for (const std::string& row : test.tables[i].rows) folder->table_texts_[i] += row + "\n";
    TRY(folder->WriteTable(i));
  }
  TRY(folder->WriteJob());
  return folder;
}

Result<void> PipeFolder::WriteTable(std::size_t index) const {
  const fs::path hidden = root_ / "tables" / ".new";
  TRY(WriteFile(hidden, table_texts_[index]));
  std::error_code failure;
  fs::rename(hidden, TablePath(index), failure);
  if (failure) return Cannot("rename", hidden);
  return {};
}

fs::path PipeFolder::SourcePath(std::size_t index) const {
  return root_ / "sources" / std::to_string(index);
}

fs::path PipeFolder::TablePath(std::size_t index) const {
  return root_ / "tables" / std::to_string(index);
}

fs::path PipeFolder::SinkPath(std::size_t index) const {
  return root_ / "sinks" / std::to_string(index);
}

/// JSON is YAML, too.
Result<void> PipeFolder::WriteJob() const {
  ordered_json job = {
      {"name", "case"},
      {"checkpointLocation", (root_ / "checkpoint").string()},
      {"deadLetters", (root_ / "dead-letters").string()},
      // Epochs end because all is read; processes of this host need no lease to be gone.
      {"windowSize", "1 hour"},
      {"leaseTimeout", "1 second"}};
  for (std::size_t i = 0; i < test_.sources.size(); ++i) {
    const PipeSource& source = test_.sources[i];
    ordered_json& out = job["sources"][source.name];
    out = {{"type", "files"},
           {"path", SourcePath(i).string()},
           {"wholetext", "true"},
           {"classification", source.classification}};
    if (source.schema.has_value()) out["schema"] = *source.schema;
    for (const auto& [key, value] : source.options) out[key] = value;
  }
  for (std::size_t i = 0; i < test_.tables.size(); ++i) {
    const PipeTable& table = test_.tables[i];
    ordered_json& out = job["tables"][table.name];
    out = {{"type", "files"}, {"path", TablePath(i).string()}, {"format", table.format}};
    if (table.schema.has_value()) out["schema"] = *table.schema;
    for (const auto& [key, value] : table.options) out[key] = value;
  }
  for (const PipeStep& step : test_.steps) {
    ordered_json out = {{"name", step.name}};
    if (!step.sql.empty()) {
      out["sql"] = step.sql;
    } else {
      out["from"] = step.from;
      out["mapping"] = step.mapping;
    }
    job["transforms"].push_back(std::move(out));
  }
  for (std::size_t i = 0; i < test_.sinks.size(); ++i) {
    const PipeSinkCase& sink = test_.sinks[i];
    ordered_json& out = job["sinks"][sink.name];
    out = {{"type", "files"}, {"path", SinkPath(i).string()}, {"format", "json"}};
    if (!sink.from.empty()) out["from"] = sink.from;
    for (const auto& [key, value] : sink.options) out[key] = value;
  }
  return WriteFile(root_ / "job.yaml",
                   job.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

Result<void> PipeFolder::AddEpoch(std::size_t index) {
  for (std::size_t i = 0; i < test_.tables.size(); ++i) {
    const auto rows = test_.epochs[index].table_rows.find(test_.tables[i].name);
    if (rows == test_.epochs[index].table_rows.end()) continue;
    for (const std::string& row : rows->second) table_texts_[i] += row + "\n";
    TRY(WriteTable(i));
  }
  std::map<std::string, std::size_t> messages;
  for (const auto& [name, message] : test_.epochs[index].messages) {
    const std::size_t number = ++messages[name];
    if (message.tombstone && !tombstones_) continue;
    const std::string& wanted = name;  // A lambda cannot take the binding.
    const auto source =
        std::find_if(test_.sources.begin(), test_.sources.end(),
                     [&wanted](const PipeSource& known) { return known.name == wanted; });
    const fs::path folder = SourcePath(static_cast<std::size_t>(source - test_.sources.begin()));
    // Files that are found together are read by age, then by name.
    const fs::path hidden = folder / ".new";
    TRY(WriteFile(hidden, message.bytes));
    const timespec times[2] = {{0, UTIME_OMIT}, {static_cast<time_t>(1'700'000'000 + index), 0}};
    if (utimensat(AT_FDCWD, hidden.c_str(), times, 0) != 0) return Cannot("stamp", hidden);
    std::error_code failure;
    fs::rename(hidden,
               folder / (MessageName(index + 1, number) + (message.tombstone ? kTombstoneEnd : "")),
               failure);
    if (failure) return Cannot("rename", hidden);
  }
  return {};
}

Result<ObservedPipe::Epoch> PipeFolder::TakeEpoch() {
  ObservedPipe::Epoch epoch;
  for (std::size_t i = 0; i < test_.sinks.size(); ++i) {
    TRY(epoch.rows[test_.sinks[i].name], TakeLines(SinkPath(i)));
  }
  TRY(const std::vector<std::string> letters, TakeLines(root_ / "dead-letters"));
  for (const std::string& letter : letters) TRY(TakeDeadLetter(letter, &epoch));
  return epoch;
}

Result<std::vector<std::string>> PipeFolder::TakeLines(const fs::path& folder) {
  TRY(auto files, ReadAll(folder));
  for (const auto& [path, text] : seen_) {
    if (!path.starts_with(folder.string() + "/")) continue;
    const auto now = files.find(path);
    if (now == files.end() || now->second != text) {
      return BugError(path + (now == files.end() ? " is gone" : " has changed") +
                      " after readers could see it");
    }
  }
  std::vector<std::string> lines;
  for (auto& [path, text] : files) {
    if (!seen_.emplace(path, text).second) continue;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return lines;
}

Result<void> PipeFolder::TakeDeadLetter(const std::string& line, ObservedPipe::Epoch* epoch) const {
  const auto letter = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto text = [&letter](const char* key) {
    const auto it = letter.find(key);
    return it != letter.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const auto number = [&letter](const char* key) {
    const auto it = letter.find(key);
    return it != letter.end() && it->is_number_integer() ? it->get<std::int64_t>() : -1;
  };
  if (!letter.is_object()) return BugError("a dead letter is no JSON object: " + line);
  const auto origin = ordered_json::parse(text("origin"), nullptr, false);
  const auto path = origin.is_object() ? origin.find("path") : origin.end();
  if (text("source").empty() || path == origin.end()) {
    return UserError("test.dead_letter",
                     "a dead letter does not say which message it is of, so that no "
                     "'reject' line can expect it: " +
                         line);
  }
  Reject reject;
  reject.code = text("code");
  reject.field = text("field");
  reject.reason = text("reason");
  reject.byte = number("byte");
  const std::int64_t row = number("row");
  epoch->rejects[text("source")].push_back(
      {MessageOf(path->get<std::string>()), row < 0 ? -1 : row + 1, RejectText(reject)});
  return {};
}

}  // namespace sluice
