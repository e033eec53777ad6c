// JsonReader: columns that are detected. What no column holds is noted and rescued.

#include <arrow/type.h>

#include <utility>

#include "decode/json/json_reader.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

constexpr char kUnknown[] = "column.unknown";
constexpr char kRepeated[] = "key.repeated";
constexpr char kType[] = "convert.type";

}  // namespace

void JsonReader::StartDetection() {
  root_.LinkChildren();
  detection_ = std::make_unique<Detection>(rows_);
}

std::shared_ptr<const ObservedType> JsonReader::TakeUnseen() {
  return detection_ == nullptr ? nullptr : detection_->TakeUnseen();
}

bool JsonReader::FinishRescued(const char* begin, bool usable) {
  RescuedColumn& rescued = detection_->rescued;
  if (rescued.TooMuch()) {
    return Refuse(begin, kTooMuchRescued, WhyTooMuchRescued());
  }
  if (usable) return rescued.FinishRow() || OutOfMemory();
  rescued.DropRow();
  return true;
}

std::size_t JsonReader::MarkRescued() const { return detection_->rescued.mark(); }
void JsonReader::CutRescued(std::size_t mark) { detection_->rescued.Cut(mark); }

/// A member that is no column: at its value.
bool JsonReader::RescueMember(const JsonField& field, std::string_view key, std::uint32_t rank) {
  const std::string name(key);
  const char* p = data_ + *next_;
  ObservedType* at = ObservationOf(field)->Field(name, rank);
  if (!Observe(at == nullptr ? &detection_->beyond : at)) return false;
  const std::string_view value = ValueAt(p);
  if (value == "null") return true;
  std::string path = PathOf(field);
  AppendPathName(name, &path);
  detection_->rescued.Add(path, value, kUnknown);
  return true;
}

/// A scalar that was read, or an object or array that was skipped, which does not fit `field`.
bool JsonReader::RescueMisfit(const JsonField& field, const char* at, std::string_view code) {
  if (!ObserveScalar(at, ObservationOf(field))) return false;
  detection_->rescued.Add(PathOf(field), ValueAt(at), code);
  return true;
}

/// The same of any value that comes next.
bool JsonReader::RescueNested(const JsonField& field) {
  const char* p = data_ + *next_;
  if (!Observe(ObservationOf(field))) return false;
  detection_->rescued.Add(PathOf(field), ValueAt(p), kType);
  return true;
}

/// A known key came again, and its later value counts: the one before is looked for from the
/// object's first member on.
bool JsonReader::RescueRepeated(const JsonField& field, const JsonField& child,
                                const std::uint32_t* members) {
  const std::uint32_t* const here = next_;
  const std::string name =
      field.column->type()->field(static_cast<int>(&child - field.children.data()))->name();
  const std::uint32_t* before = nullptr;
  next_ = members;
  while (next_ < here) {
    std::string_view key;
    if (!TextOf(data_ + *next_++, &key)) return false;
    ++next_;
    if (next_ == here) break;
    if (key == name) before = next_;
    if (!Skip()) return false;
    ++next_;
  }
  reread_ += data_ + *here - (data_ + *members);
  if (reread_ > (1 << 20) + 16 * (end_ - data_)) {
    return Refuse(data_ + *here, "limit.repeated", "too many repeated keys");
  }
  if (before != nullptr) {
    next_ = before;
    if (!Skip()) return false;
    detection_->rescued.Add(PathOf(child), ValueAt(data_ + *before), kRepeated);
  }
  next_ = here;
  return true;
}

/// An entry of a map that a later one replaces: at its value.
bool JsonReader::RescueEntry(const JsonField& map, const char* key) {
  const char* p = data_ + *next_;
  std::string path = PathOf(map);
  path += "['";
  path += std::string_view(key + 1, static_cast<std::size_t>(p - key - 1));
  path.resize(path.find_last_of('"'));
  path += "']";
  if (!Skip()) return false;
  detection_->rescued.Add(path, ValueAt(p), kRepeated);
  return true;
}

/// The text of the value at `at`, behind which next_ stands.
std::string_view JsonReader::ValueAt(const char* at) const {
  const char* stop = at;
  if (*at == '{' || *at == '[') {
    stop = data_ + next_[-1] + 1;
  } else if (*at == '"') {
    stop = data_ + *next_ - 1;
    while (*stop != '"') --stop;
    ++stop;
  } else {
    while (!IsJsonTerminator(*stop)) ++stop;
  }
  return {at, static_cast<std::size_t>(stop - at)};
}

ObservedType* JsonReader::ObservationOf(const JsonField& field) {
  if (field.parent == nullptr) return detection_->OfMessage();
  ObservedType* above = ObservationOf(*field.parent);
  if (field.parent->kind == ColumnKind::kList || field.parent->kind == ColumnKind::kMap) {
    return above->Element();
  }
  const auto index = static_cast<std::size_t>(&field - field.parent->children.data());
  ObservedType* found =
      above->Field(field.parent->column->type()->field(static_cast<int>(index))->name(),
                   static_cast<std::uint32_t>(index));
  return found == nullptr ? &detection_->beyond : found;
}

std::string JsonReader::PathOf(const JsonField& field) const {
  if (field.parent == nullptr) return {};
  const JsonField& parent = *field.parent;
  std::string path = PathOf(parent);
  const auto index = static_cast<int>(&field - parent.children.data());
  if (parent.kind == ColumnKind::kList) {
    const std::int32_t first = parent.column->OffsetAt(parent.column->length());
    path += '[' + std::to_string(field.column->length() - first) + ']';
  } else if (parent.kind == ColumnKind::kMap) {
    const ColumnBuilder& keys = *parent.children[0].column;
    const std::int32_t from = keys.OffsetAt(keys.length() - 1);
    const std::int32_t to = keys.OffsetAt(keys.length());
    path += "['";
    path.append(keys.bytes() + from, static_cast<std::size_t>(to - from));
    path += "']";
  } else {
    AppendPathName(parent.column->type()->field(index)->name(), &path);
  }
  return path;
}

/// Walks over the next value and notes what it is.
bool JsonReader::Observe(ObservedType* into) {
  const char* p = data_ + *next_++;
  if (*p == '{') return Open(p) && ObserveObject(into);
  if (*p == '[') return Open(p) && ObserveArray(into);
  return CheckScalar(p) && ObserveScalar(p, into);
}

bool JsonReader::ObserveObject(ObservedType* into) {
  if (data_[*next_] == '}') {
    into->See(SeenKind::kEmptyStruct);
    ++next_;
    return Close();
  }
  into->See(SeenKind::kStruct);
  for (std::uint32_t rank = 0;; ++rank) {
    const char* open = data_ + *next_++;
    if (*open != '"') return Syntax(open, "expected a key in double quotes");
    std::string_view key;
    if (!TextOf(open, &key)) return false;
    ObservedType* field = into->Field(key, rank);
    const char* p = data_ + *next_++;
    if (*p != ':') return Syntax(p, "expected ':' after a key");
    if (!Observe(field == nullptr ? &detection_->beyond : field)) return false;
    p = data_ + *next_++;
    if (*p == '}') return Close();
    if (*p != ',') return Syntax(p, "expected ',' or '}' in an object");
  }
}

bool JsonReader::ObserveArray(ObservedType* into) {
  if (data_[*next_] == ']') {
    into->See(SeenKind::kEmptyList);
    ++next_;
    return Close();
  }
  into->See(SeenKind::kList);
  ObservedType* element = into->Element();
  for (;;) {
    if (!Observe(element)) return false;
    const char* p = data_ + *next_++;
    if (*p == ']') return Close();
    if (*p != ',') return Syntax(p, "expected ',' or ']' in an array");
  }
}

/// Only its kind: it was checked.
bool JsonReader::ObserveScalar(const char* p, ObservedType* into) {
  if (*p == '"') {
    into->See(SeenKind::kString);
  } else if (*p == 't' || *p == 'f') {
    into->See(SeenKind::kBool);
  } else if (*p == 'n') {
    into->See(SeenKind::kNull);
  } else {
    JsonNumber number;
    std::int64_t value;
    if (!ScanJsonNumber(p, &number)) return Syntax(number.end, "this number is not valid");
    if (!number.integral) {
      into->See(SeenKind::kDouble);
    } else {
      into->See(ToInt64(number, &value) ? SeenKind::kInt64 : SeenKind::kHugeNumber);
    }
  }
  return true;
}

}  // namespace sluice
