#include "decode/rescued_column.h"

#include <arrow/type.h>

#include <algorithm>
#include <cstring>

#include "core/base64.h"
#include "core/json_text.h"
#include "decode/utf8_text.h"
#include "record/arrow_error.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

constexpr std::size_t kKeptRow = 1 << 20;

constexpr std::string_view kPath = "{\"path\":";
constexpr std::string_view kValue = ",\"value\":";
constexpr std::string_view kReason = ",\"reason\":\"";

/// Behind the JSON value that begins at `at`. REQUIRES: it is valid.
std::size_t BehindValue(std::string_view text, std::size_t at) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
      if (depth == 0) return at + 1;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (c == ',' && depth == 0) {
      return at;
    }
  }
  return at;
}

}  // namespace

Result<SchemaPtr> WithRescued(const SchemaPtr& known) {
  if (known->GetFieldIndex(kRescuedColumn) >= 0) {
    return BugError(std::string("a detected column is called ") + kRescuedColumn);
  }
  TRY(SchemaPtr with,
      known->AddField(known->num_fields(), arrow::field(kRescuedColumn, arrow::utf8())));
  return with;
}

std::string WhyTooMuchRescued() {
  return "what no column holds would take more than " + std::to_string(kMaxRescued) +
         " bytes with its paths";
}

void BeginRescued(std::string_view path, std::string* row) {
  row->push_back(row->empty() ? '[' : ',');
  row->append(kPath);
  AppendJsonString(path, row);
  row->append(kValue);
}

void EndRescued(std::string_view reason, std::string* row) {
  row->append(kReason).append(reason).append("\"}");
}

std::vector<RescuedValue> SplitRescued(std::string_view row) {
  std::vector<RescuedValue> out;
  // Each begins behind the '[' or the ',' before it.
  for (std::size_t at = 1; at + kPath.size() < row.size(); ++at) {
    RescuedValue one;
    const std::size_t path = at + kPath.size();
    at = BehindValue(row, path);
    one.path = row.substr(path, at - path);
    const std::size_t value = at + kValue.size();
    at = BehindValue(row, value);
    one.value = row.substr(value, at - value);
    const std::size_t reason = at + kReason.size();
    at = row.find('"', reason);
    if (at == std::string_view::npos) break;
    one.reason = row.substr(reason, at - reason);
    out.push_back(one);
    at += 2;
  }
  return out;
}

std::string WithoutRescued(std::string_view row, const std::vector<std::size_t>& gone) {
  std::string out;
  const std::vector<RescuedValue> values = SplitRescued(row);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::binary_search(gone.begin(), gone.end(), i)) continue;
    out += out.empty() ? '[' : ',';
    out.append(kPath).append(values[i].path).append(kValue).append(values[i].value);
    out.append(kReason).append(values[i].reason).append("\"}");
  }
  if (!out.empty()) out += ']';
  return out;
}

void RescuedColumn::Add(std::string_view path, std::string_view value, std::string_view reason) {
  if (TooMuch()) return;
  BeginRescued(path, &row_);
  row_.append(value);
  EndRescued(reason, &row_);
}

void RescuedColumn::AddText(std::string_view path, std::string_view text, std::string_view reason) {
  if (TooMuch()) return;
  BeginRescued(path, &row_);
  if (IsUtf8(text)) {
    AppendJsonString(text, &row_);
  } else {
    AppendJsonString(Base64Encode(text), &row_);
  }
  EndRescued(reason, &row_);
}

bool RescuedColumn::FinishRow() {
  if (row_.empty()) return column_->AppendNull();
  row_.push_back(']');
  char* out = column_->ReserveBytes(row_.size());
  if (out == nullptr) return false;
  std::memcpy(out, row_.data(), row_.size());
  message_bytes_ += row_.size();
  const std::size_t size = row_.size();
  row_.clear();
  if (row_.capacity() > kKeptRow) std::string().swap(row_);
  return column_->CommitBytes(size);
}

}  // namespace sluice
