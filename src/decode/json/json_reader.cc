#include "decode/json/json_reader.h"

#include <arrow/status.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "decode/row_limits.h"
#include "decode/utf8_text.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kKeptScratch = 1 << 20;

bool IsCloser(char c) { return c == '}' || c == ']'; }

/// Where a message that stage 1 refused goes wrong: strings as a plain reader sees them.
std::int64_t FindInStrings(std::string_view text, bool control) {
  std::size_t open = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (!inside) {
      inside = c == '"';
      open = i;
    } else if (c == '\\') {
      ++i;
    } else if (c == '"') {
      inside = false;
    } else if (control && static_cast<unsigned char>(c) < 0x20) {
      return static_cast<std::int64_t>(i);
    }
  }
  return static_cast<std::int64_t>(open);
}

}  // namespace

JsonReader::JsonReader(ColumnBuilder* rows, JsonReaderOptions options)
    : rows_(rows), options_(std::move(options)), root_(rows, options_.detect ? 1 : 0) {
  if (options_.detect) StartDetection();
}

void JsonReader::StartBatch() {
  record_of_row_.clear();
  row_in_message_.clear();
  rejects_.clear();
}

void JsonReader::Trim() {
  index_.Trim();
  for (std::string* scratch : {&scratch_, &padded_}) {
    if (scratch->capacity() > kKeptScratch) std::string().swap(*scratch);
  }
}

Result<void> JsonReader::ReadMessage(const Payload& payload) {
  std::string_view text(payload.data, payload.size);
  const Mark mark{rows_->length(), rejects_.size()};
  record_ = payload.record;
  row_ = 0;
  missing_ = 0;
  reread_ = 0;
  depth_ = 0;
  shift_ = text.substr(0, 3) == kByteOrderMark ? 3 : 0;
  text.remove_prefix(static_cast<std::size_t>(shift_));
  data_ = text.data();
  end_ = data_ + text.size();
  auto outcome = index_.Build(data_, text.size());
  if (outcome == StructuralIndex::Outcome::kNoMemory) {
    return FromArrow(arrow::Status::OutOfMemory("indexing a JSON message"));
  }
  if (outcome != StructuralIndex::Outcome::kOk) {
    RejectUnindexed(outcome);
    RejectMessage(mark);
    return {};
  }
  next_ = index_.begin();
  last_ = index_.end();
  if (detection_ != nullptr) detection_->StartMessage();
  has_escapes_ = std::memchr(data_, '\\', text.size()) != nullptr;
  if (!IsCloser(data_[last_[-1]])) {
    padded_.assign(text);
    padded_.append(64, ' ');
    data_ = padded_.data();
    end_ = data_ + text.size();
  }
  if (ReadDocuments()) {
    // A row reject repeats the row's bytes only where the message holds others.
    if (row_ == 1 && rejects_.size() > mark.rejects) rejects_.back().bytes.clear();
    if (detection_ != nullptr) detection_->Keep();
    return {};
  }
  if (out_of_memory_) {
    out_of_memory_ = false;
    rows_->Truncate(mark.rows);
    return FromArrow(arrow::Status::OutOfMemory("decoding a JSON message"));
  }
  RejectMessage(mark);
  return {};
}

void JsonReader::RejectUnindexed(StructuralIndex::Outcome outcome) {
  std::string_view text(data_, static_cast<std::size_t>(end_ - data_));
  failure_ = Failure();
  switch (outcome) {
    case StructuralIndex::Outcome::kEmpty:
      failure_.code = "json.empty";
      failure_.reason = "the message holds nothing but white space";
      break;
    case StructuralIndex::Outcome::kControl:
      failure_.code = "json.syntax";
      failure_.byte = FindInStrings(text, /*control=*/true);
      failure_.reason = "a control character in a string must be written as an escape";
      break;
    case StructuralIndex::Outcome::kUnclosed:
      failure_.code = "json.syntax";
      failure_.byte = FindInStrings(text, /*control=*/false);
      failure_.reason = "this string does not end";
      break;
    default:
      failure_.code = "json.utf8";
      failure_.byte = FindInvalidUtf8(text);
      failure_.reason = "the message is not valid UTF-8";
  }
  failure_.byte += shift_;
}

void JsonReader::RejectMessage(const Mark& mark) {
  rows_->Truncate(mark.rows);
  record_of_row_.resize(static_cast<std::size_t>(mark.rows));
  if (!row_in_message_.empty()) row_in_message_.resize(static_cast<std::size_t>(mark.rows));
  rejects_.resize(mark.rejects);
  Reject reject;
  reject.record = record_;
  reject.byte = failure_.byte;
  reject.code = std::move(failure_.code);
  reject.field = std::move(failure_.field);
  reject.reason = std::move(failure_.reason);
  rejects_.push_back(std::move(reject));
}

bool JsonReader::ReadDocuments() {
  for (;;) {
    if (!ReadDocument()) return false;
    if (next_ == last_) return true;
    const char* p = data_ + *next_;
    if (!IsJsonSpace(p[-1])) {
      return Syntax(p, "expected the end, or white space and another document");
    }
  }
}

bool JsonReader::ReadDocument() {
  const char* p = data_ + *next_;
  if (*p != '{' && *p != '[') {
    if (IsCloser(*p) || *p == ',' || *p == ':') return Syntax(p, "expected a value");
    if (!Skip()) return false;
    // Only a well-formed scalar is the wrong kind of document; what follows it is looked at first.
    while (next_ != last_) {
      const char* following = data_ + *next_;
      if (!IsJsonSpace(following[-1]) || IsCloser(*following)) {
        return Syntax(following, "expected the end, or white space and another document");
      }
      if (!Skip()) return false;
    }
    return Refuse(
        p, "json.root",
        std::string("expected an object or an array of objects, found ") + DescribeJson(*p));
  }
  if (options_.path.empty()) {
    if (options_.path_to_items && *p != '[') {
      return Refuse(p, "json.path", "jsonPath ends in [*] but this is not an array");
    }
    return ReadRows();
  }
  const std::uint32_t* value = nullptr;
  if (!FindPath(&value)) return false;
  const std::uint32_t* behind = next_;
  next_ = value;
  depth_ = static_cast<int>(options_.path.size());
  if (!ReadRows()) return false;
  next_ = behind;
  depth_ = 0;
  return true;
}

/// At an object or an array of objects.
bool JsonReader::ReadRows() {
  const char* p = data_ + *next_;
  if (*p == '{') return ReadRow();
  ++next_;
  if (!Open(p)) return false;
  if (data_[*next_] == ']') {
    ++next_;
    return Close();
  }
  for (std::size_t items = 1;; ++items) {
    if (items > options_.limits.items) {
      return Refuse(p, "limit.items",
                    "an array has more than " + std::to_string(options_.limits.items) + " items");
    }
    bool fine = data_[*next_] == '{' ? ReadRow() : RejectNonObject();
    if (!fine) return false;
    const char* q = data_ + *next_++;
    if (*q == ',') continue;
    if (*q == ']') return Close();
    return Syntax(q, "expected ',' or ']' in an array");
  }
}

bool JsonReader::ReadRow() {
  const char* begin = data_ + *next_++;
  failed_ = false;
  if (!Open(begin) || !ReadStruct(root_)) return false;
  return FinishRow(begin, !failed_);
}

/// An array's item that is no object: a row reject.
bool JsonReader::RejectNonObject() {
  const char* begin = data_ + *next_;
  if (!Skip()) return false;
  failure_.byte = PositionOf(begin);
  failure_.code = "convert.type";
  failure_.field.clear();
  failure_.reason = std::string("expected an object for a record, found ") + DescribeJson(*begin);
  return FinishRow(begin, false);
}

bool JsonReader::FinishRow(const char* begin, bool usable) {
  const std::int32_t row = row_++;
  if (static_cast<std::size_t>(row) >= options_.limits.items) {
    return Refuse(
        begin, "limit.items",
        "the message has more than " + std::to_string(options_.limits.items) + " records");
  }
  const auto rows = record_of_row_.size();
  if (detection_ != nullptr && !FinishRescued(begin, usable)) return false;
  if (usable) {
    record_of_row_.push_back(record_);
    if (row != 0 && row_in_message_.empty()) row_in_message_.resize(rows, 0);
    if (row != 0 || !row_in_message_.empty()) row_in_message_.push_back(row);
    return true;
  }
  rows_->Truncate(static_cast<std::int32_t>(rows));
  if (!rejects_.empty() && rejects_.size() >= kMaxRowRejects &&
      rejects_[rejects_.size() - kMaxRowRejects].record == record_) {
    return Refuse(begin, "limit.rejects",
                  "more than " + std::to_string(kMaxRowRejects) +
                      " records of this message were rejected; this one: " + failure_.reason);
  }
  // Behind a bracketed row stands its bracket; behind a scalar at the latest the next structural
  // byte.
  const char* stop = data_ + next_[-1] + 1;
  if (*begin != '{' && *begin != '[') {
    stop = data_ + *next_;
    while (IsJsonSpace(stop[-1])) --stop;
  }
  Reject reject;
  reject.record = record_;
  reject.row = row;
  reject.byte = failure_.byte;
  reject.code = std::move(failure_.code);
  reject.field = std::move(failure_.field);
  reject.reason = std::move(failure_.reason);
  reject.bytes.assign(begin, static_cast<std::size_t>(stop - begin));
  rejects_.push_back(std::move(reject));
  return true;
}

/// Walks over the whole document and leaves next_ behind it; `*value` is where the path leads.
bool JsonReader::FindPath(const std::uint32_t** value) {
  const char* begin = data_ + *next_;
  const std::uint32_t* behind = nullptr;
  for (const std::string& name : options_.path) {
    const char* p = data_ + *next_;
    if (*p != '{') {
      if (behind == nullptr && !Skip()) return false;
      return Refuse(p, "json.path",
                    "jsonPath wants an object with '" + name + "' here, found " + DescribeJson(*p));
    }
    if (!FindMember(name, value)) return false;
    if (behind == nullptr) behind = next_;
    if (*value == nullptr) {
      return Refuse(begin, "json.path", "there is no '" + name + "' where jsonPath expects it");
    }
    next_ = *value;
  }
  const char* p = data_ + **value;
  if (*p != '[' && (*p != '{' || options_.path_to_items)) {
    return Refuse(p, "json.path",
                  std::string("jsonPath leads to ") + DescribeJson(*p) + ", not to " +
                      (options_.path_to_items ? "an array of records" : "a record or an array"));
  }
  next_ = behind;
  return true;
}

/// Reads the object at next_ and notes where the value of its last member `name` begins.
bool JsonReader::FindMember(const std::string& name, const std::uint32_t** value) {
  *value = nullptr;
  if (!Open(data_ + *next_++)) return false;
  if (data_[*next_] == '}') {
    ++next_;
    return Close();
  }
  for (;;) {
    const char* open = data_ + *next_++;
    if (*open != '"') return Syntax(open, "expected a key in double quotes");
    std::string_view key;
    if (!TextOf(open, &key)) return false;
    const bool wanted = key == name;
    const char* p = data_ + *next_++;
    if (*p != ':') return Syntax(p, "expected ':' after a key");
    if (wanted) *value = next_;
    if (!Skip()) return false;
    p = data_ + *next_++;
    if (*p == '}') return Close();
    if (*p != ',') return Syntax(p, "expected ',' or '}' in an object");
  }
}

}  // namespace sluice
