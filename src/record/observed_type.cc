#include "record/observed_type.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;

constexpr int kMostDigits = 38;

bool IsNested(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST || type.id() == arrow::Type::MAP ||
         type.id() == arrow::Type::STRUCT;
}

/// Digits that an integer type needs as a decimal; 0 for other types.
int DigitsOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::INT8:
      return 3;
    case arrow::Type::INT16:
      return 5;
    case arrow::Type::INT32:
      return 10;
    case arrow::Type::INT64:
      return 19;
    default:
      return 0;
  }
}

bool IsNumber(const arrow::DataType& type) {
  return DigitsOf(type) > 0 || type.id() == arrow::Type::FLOAT ||
         type.id() == arrow::Type::DOUBLE || type.id() == arrow::Type::DECIMAL128;
}

bool IsZoned(const arrow::DataType& type) {
  return !static_cast<const arrow::TimestampType&>(type).timezone().empty();
}

TypePtr DecimalOf(int whole, int scale) {
  if (whole + scale > kMostDigits) return arrow::float64();
  return arrow::decimal128(std::max(whole + scale, 1), scale);
}

/// REQUIRES: both are numbers, and differ.
TypePtr JoinNumbers(const arrow::DataType& a, const arrow::DataType& b) {
  const auto whole = [](const arrow::DataType& type) {
    if (type.id() != arrow::Type::DECIMAL128) return DigitsOf(type);
    const auto& decimal = static_cast<const arrow::DecimalType&>(type);
    return decimal.precision() - decimal.scale();
  };
  const auto scale = [](const arrow::DataType& type) {
    return type.id() == arrow::Type::DECIMAL128
               ? static_cast<const arrow::DecimalType&>(type).scale()
               : 0;
  };
  if (a.id() == arrow::Type::DOUBLE || b.id() == arrow::Type::DOUBLE) return arrow::float64();
  const bool a_float = a.id() == arrow::Type::FLOAT;
  if (a_float || b.id() == arrow::Type::FLOAT) {
    // 24 bits of mantissa hold every smallint.
    const int digits = DigitsOf(a_float ? b : a);
    return digits == 3 || digits == 5 ? arrow::float32() : arrow::float64();
  }
  if (a.id() == arrow::Type::DECIMAL128 || b.id() == arrow::Type::DECIMAL128) {
    return DecimalOf(std::max(whole(a), whole(b)), std::max(scale(a), scale(b)));
  }
  switch (std::max(DigitsOf(a), DigitsOf(b))) {
    case 3:
      return arrow::int8();
    case 5:
      return arrow::int16();
    case 10:
      return arrow::int32();
    default:
      return arrow::int64();
  }
}

TypePtr JoinStructs(const arrow::DataType& a, const arrow::DataType& b) {
  std::vector<std::shared_ptr<arrow::Field>> fields = a.fields();
  for (const auto& field : b.fields()) {
    const auto known = std::find_if(fields.begin(), fields.end(), [&](const auto& other) {
      return other->name() == field->name();
    });
    if (known == fields.end()) {
      fields.push_back(field);
    } else {
      *known = (*known)->WithType(JoinTypes((*known)->type(), field->type()));
    }
  }
  return arrow::struct_(std::move(fields));
}

}  // namespace

TypePtr JoinTypes(const TypePtr& a, const TypePtr& b) {
  if (a == nullptr) return b;
  if (b == nullptr || a->Equals(*b)) return a;
  if (IsNested(*a) || IsNested(*b)) {
    if (a->id() != b->id()) return arrow::utf8();
    if (a->id() == arrow::Type::STRUCT) return JoinStructs(*a, *b);
    if (a->id() == arrow::Type::LIST) {
      return arrow::list(
          a->field(0)->WithType(JoinTypes(a->field(0)->type(), b->field(0)->type())));
    }
    const auto& x = static_cast<const arrow::MapType&>(*a);
    const auto& y = static_cast<const arrow::MapType&>(*b);
    if (!x.key_type()->Equals(*y.key_type())) return arrow::utf8();
    return std::make_shared<arrow::MapType>(
        x.key_field(), x.item_field()->WithType(JoinTypes(x.item_type(), y.item_type())));
  }
  if (IsNumber(*a) && IsNumber(*b)) return JoinNumbers(*a, *b);
  if (a->id() == arrow::Type::DATE32 && b->id() == arrow::Type::TIMESTAMP) return b;
  if (b->id() == arrow::Type::DATE32 && a->id() == arrow::Type::TIMESTAMP) return a;
  return arrow::utf8();
}

ObservedType::ObservedType() = default;
ObservedType::ObservedType(ObservedType&&) noexcept = default;
ObservedType& ObservedType::operator=(ObservedType&&) noexcept = default;
ObservedType::~ObservedType() = default;

void ObservedType::SeeDecimal(int precision, int scale) {
  See(SeenKind::kDecimal);
  decimal_whole_ = std::max(decimal_whole_, precision - scale);
  decimal_scale_ = std::max(decimal_scale_, scale);
}

void ObservedType::SeeType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return See(SeenKind::kBool);
    case arrow::Type::INT8:
      return See(SeenKind::kInt8);
    case arrow::Type::INT16:
      return See(SeenKind::kInt16);
    case arrow::Type::INT32:
      return See(SeenKind::kInt32);
    case arrow::Type::INT64:
      return See(SeenKind::kInt64);
    case arrow::Type::FLOAT:
      return See(SeenKind::kFloat);
    case arrow::Type::DOUBLE:
      return See(SeenKind::kDouble);
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return SeeDecimal(decimal.precision(), decimal.scale());
    }
    case arrow::Type::DATE32:
      return See(SeenKind::kDate);
    case arrow::Type::TIMESTAMP:
      return See(IsZoned(type) ? SeenKind::kTimestamp : SeenKind::kTimestampNtz);
    case arrow::Type::BINARY:
      return See(SeenKind::kBinary);
    case arrow::Type::LIST:
      See(SeenKind::kList);
      return Element()->SeeType(*type.field(0)->type());
    case arrow::Type::MAP:
      See(SeenKind::kMap);
      return Element()->SeeType(*static_cast<const arrow::MapType&>(type).item_type());
    case arrow::Type::STRUCT:
      See(type.num_fields() == 0 ? SeenKind::kEmptyStruct : SeenKind::kStruct);
      for (int i = 0; i < type.num_fields(); ++i) {
        ObservedType* field = Field(type.field(i)->name(), static_cast<std::uint32_t>(i));
        if (field != nullptr) field->SeeType(*type.field(i)->type());
      }
      return;
    default:
      return See(SeenKind::kString);
  }
}

ObservedType* ObservedType::Field(std::string_view name, std::uint32_t rank) {
  auto found = fields_.find(name);
  if (found == fields_.end()) {
    if (fields_.size() >= kMostFields) return nullptr;
    found = fields_.emplace(std::string(name), std::make_unique<Child>()).first;
    found->second->rank = rank;
  }
  found->second->rank = std::min(found->second->rank, rank);
  return &found->second->type;
}

ObservedType* ObservedType::Element() {
  if (element_ == nullptr) element_ = std::make_unique<ObservedType>();
  return element_.get();
}

void ObservedType::Merge(const ObservedType& other) {
  for (std::size_t i = 0; i < kNumSeenKinds; ++i) counts_[i] += other.counts_[i];
  decimal_whole_ = std::max(decimal_whole_, other.decimal_whole_);
  decimal_scale_ = std::max(decimal_scale_, other.decimal_scale_);
  for (const auto& [name, child] : other.fields_) {
    if (ObservedType* field = Field(name, child->rank)) field->Merge(child->type);
  }
  if (other.element_ != nullptr) Element()->Merge(*other.element_);
}

ObservedType ObservedType::Only(const std::vector<SeenKind>& kinds) const {
  ObservedType out;
  for (const SeenKind kind : kinds) {
    out.See(kind, count(kind));
    if (count(kind) == 0) continue;
    if (kind == SeenKind::kDecimal) {
      out.decimal_whole_ = decimal_whole_;
      out.decimal_scale_ = decimal_scale_;
    } else if (kind == SeenKind::kStruct) {
      for (const auto& [name, child] : fields_) {
        if (ObservedType* field = out.Field(name, child->rank)) field->Merge(child->type);
      }
    } else if ((kind == SeenKind::kList || kind == SeenKind::kMap) && element_ != nullptr) {
      out.Element()->Merge(*element_);
    }
  }
  return out;
}

bool ObservedType::empty() const {
  return std::all_of(counts_.begin(), counts_.end(), [](std::int64_t n) { return n == 0; });
}

std::int64_t ObservedType::total() const {
  std::int64_t all = 0;
  for (const std::int64_t count : counts_) all += count;
  return all;
}

std::vector<const std::string*> ObservedType::FieldNames() const {
  std::vector<std::pair<std::uint32_t, const std::string*>> ranked;
  for (const auto& [name, child] : fields_) ranked.emplace_back(child->rank, &name);
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : *a.second < *b.second;
  });
  std::vector<const std::string*> names;
  names.reserve(ranked.size());
  for (const auto& [rank, name] : ranked) names.push_back(name);
  return names;
}

std::string FoldedName(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::vector<const std::string*> ObservedType::ColumnNames() const {
  std::vector<const std::string*> names = FieldNames();
  std::map<std::string, const std::string*> spellings;
  const auto times = [&](const std::string* name) {
    return fields_.find(*name)->second->type.total();
  };
  for (const std::string* name : names) {
    const std::string*& best = spellings[FoldedName(*name)];
    if (best == nullptr || times(name) > times(best)) best = name;
  }
  std::erase_if(names,
                [&](const std::string* name) { return spellings[FoldedName(*name)] != name; });
  return names;
}

TypePtr TypeOfKind(const ObservedType& seen, SeenKind kind) {
  if (seen.count(kind) == 0) return nullptr;
  switch (kind) {
    case SeenKind::kBool:
      return arrow::boolean();
    case SeenKind::kInt8:
      return arrow::int8();
    case SeenKind::kInt16:
      return arrow::int16();
    case SeenKind::kInt32:
      return arrow::int32();
    case SeenKind::kInt64:
      return arrow::int64();
    case SeenKind::kDecimal:
      return DecimalOf(seen.decimal_whole(), seen.decimal_scale());
    case SeenKind::kFloat:
      return arrow::float32();
    case SeenKind::kDouble:
      return arrow::float64();
    case SeenKind::kDate:
      return arrow::date32();
    case SeenKind::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case SeenKind::kTimestampNtz:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case SeenKind::kBinary:
      return arrow::binary();
    case SeenKind::kString:
    case SeenKind::kHugeNumber:
      return arrow::utf8();
    default:
      return nullptr;
  }
}

TypePtr ResolveType(const ObservedType& seen) {
  TypePtr type;
  for (std::size_t i = 0; i < kNumSeenKinds; ++i) {
    type = JoinTypes(type, TypeOfKind(seen, static_cast<SeenKind>(i)));
  }
  const auto nested = [&](SeenKind kind, const auto& make) {
    if (seen.count(kind) == 0) return;
    TypePtr made = make();
    // What is known only to be a list, say, is still none of the other types.
    if (made != nullptr) {
      type = JoinTypes(type, made);
    } else if (type != nullptr) {
      type = arrow::utf8();
    }
  };
  const TypePtr element = seen.element() == nullptr ? nullptr : ResolveType(*seen.element());
  if (seen.count(SeenKind::kList) > 0 && seen.count(SeenKind::kMap) > 0) return arrow::utf8();
  nested(SeenKind::kList, [&]() -> TypePtr {
    return element == nullptr ? nullptr : arrow::list(arrow::field("element", element));
  });
  nested(SeenKind::kMap, [&]() -> TypePtr {
    return element == nullptr ? nullptr : arrow::map(arrow::utf8(), element);
  });
  nested(SeenKind::kStruct, [&]() -> TypePtr {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (const std::string* name : seen.ColumnNames()) {
      if (TypePtr of = ResolveType(seen.fields().find(*name)->second->type)) {
        fields.push_back(arrow::field(*name, std::move(of)));
      }
    }
    return fields.empty() ? nullptr : arrow::struct_(std::move(fields));
  });
  return type;
}

}  // namespace sluice
