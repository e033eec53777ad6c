#include "sink/console/console_epoch.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/units.h"
#include "record/json_row.h"
#include "record/row_table.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The first `characters` characters.
void Cut(std::size_t characters, std::string* text) {
  for (std::size_t i = 0; i < text->size(); ++i) {
    const bool begins = (static_cast<unsigned char>((*text)[i]) & 0xc0) != 0x80;
    if (begins && characters-- == 0) {
      text->resize(i);
      return;
    }
  }
}

std::string Counted(std::int64_t rows) {
  return FormatCount(rows) + (rows == 1 ? " row" : " rows");
}

}  // namespace

void ConsoleEpoch::Add(const arrow::RecordBatch& rows) {
  rows_ += rows.num_rows();
  for (std::int64_t row = 0; row < rows.num_rows() && shown() < view_.num_rows && !full_; ++row) {
    full_ = !Keep(rows, row);
  }
}

std::int64_t ConsoleEpoch::shown() const {
  return static_cast<std::int64_t>(view_.json ? lines_.size() : table_.rows.size());
}

/// False if there is no room.
bool ConsoleEpoch::Keep(const arrow::RecordBatch& rows, std::int64_t row) {
  if (view_.json) {
    std::string line;
    AppendJsonRow(rows, row, &line);
    const std::size_t bytes = Dump(line).size() + 1;
    if (bytes_ + bytes > kConsoleBytes) return false;
    bytes_ += bytes;
    lines_.push_back(std::move(line));
    return true;
  }
  if (table_.names.empty()) table_ = TableOfColumns(*rows.schema(), /*typed=*/false);
  std::vector<std::string> cells = RowCells(rows, row);
  // One more, so that the table sees that something was cut.
  if (view_.width > 0) {
    for (std::string& cell : cells) Cut(view_.width + 1, &cell);
  }
  const std::size_t bytes = Dump(cells).size() + 1;
  if (bytes_ + bytes > kConsoleBytes) return false;
  bytes_ += bytes;
  table_.rows.push_back(std::move(cells));
  return true;
}

std::string ConsoleEpoch::ToJson() const {
  Json json = {{"format", 1}, {"rows", rows_}, {"full", full_}};
  if (view_.json) {
    json["lines"] = lines_;
  } else {
    json["width"] = view_.width;
    json["names"] = table_.names;
    json["right"] = table_.right;
    json["cells"] = table_.rows;
  }
  return Dump(json);
}

Result<ConsoleEpoch> ConsoleEpoch::FromJson(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != 1) {
      return UserError("console.token_format",
                       "the decision of this epoch was written by a newer sluice; run that one");
    }
    ConsoleView view;
    view.json = json.contains("lines");
    if (!view.json) view.width = json.at("width").get<std::size_t>();
    ConsoleEpoch epoch(view);
    epoch.rows_ = json.at("rows").get<std::int64_t>();
    epoch.full_ = json.at("full").get<bool>();
    if (view.json) {
      epoch.lines_ = json.at("lines").get<std::vector<std::string>>();
      return epoch;
    }
    epoch.table_.names = json.at("names").get<std::vector<std::string>>();
    epoch.table_.right = json.at("right").get<std::vector<bool>>();
    epoch.table_.rows = json.at("cells").get<std::vector<std::vector<std::string>>>();
    const std::size_t columns = epoch.table_.names.size();
    bool even = epoch.table_.right.size() == columns;
    for (const auto& row : epoch.table_.rows) even &= row.size() == columns;
    if (!even) return BugError("the token of a console sink has rows of several lengths");
    epoch.table_.types.assign(columns, "");
    return epoch;
  } catch (const Json::exception& e) {
    return BugError(std::string("the token of a console sink cannot be read: ") + e.what());
  }
}

std::string ConsoleEpoch::Text(std::int64_t epoch, const std::string& sink) const {
  std::string out;
  if (view_.json) {
    for (const std::string& line : lines_) out += line + "\n";
    return out;
  }
  out = "Epoch: " + std::to_string(epoch) + ", " + Counted(rows_) + " (" + sink + ")\n";
  if (!table_.rows.empty()) {
    const std::size_t any = std::numeric_limits<std::size_t>::max();
    out += PrintTable(table_, view_.width == 0 ? any : view_.width);
  }
  if (shown() < rows_) {
    out += "only showing top " + Counted(shown());
    if (full_) out += ": the next one has no room in " + FormatBytes(kConsoleBytes);
    out += "\n";
  }
  return out + "\n";
}

}  // namespace sluice
