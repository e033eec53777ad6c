#include "decode/conform.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "decode/rescued_column.h"
#include "record/arrow_error.h"
#include "record/json_row.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;
using TypePtr = std::shared_ptr<arrow::DataType>;

constexpr char kUnknown[] = "column.unknown";
constexpr char kType[] = "convert.type";
constexpr char kOverflow[] = "convert.overflow";

/// Where the values of an array are in the rows: worked out only for those that are rescued.
struct At {
  std::int64_t row = 0;
  std::string path;
  bool present = true;  ///< False: below something that is null.
};
using Locate = std::function<At(std::int64_t)>;

bool IsSmallInteger(const arrow::DataType& type) {
  return type.id() == arrow::Type::INT8 || type.id() == arrow::Type::INT16 ||
         type.id() == arrow::Type::INT32;
}

bool IsInteger(const arrow::DataType& type) {
  return IsSmallInteger(type) || type.id() == arrow::Type::INT64;
}

/// Whether every value of `from` is one of `to`.
bool Widens(const arrow::DataType& from, const arrow::DataType& to) {
  if (IsInteger(to)) {
    return IsInteger(from) && static_cast<const arrow::FixedWidthType&>(from).bit_width() <
                                  static_cast<const arrow::FixedWidthType&>(to).bit_width();
  }
  if (to.id() == arrow::Type::DOUBLE) {
    return IsSmallInteger(from) || from.id() == arrow::Type::FLOAT;
  }
  return from.id() == arrow::Type::DATE32 && to.id() == arrow::Type::TIMESTAMP;
}

TypePtr ElementOf(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST ? type.field(0)->type()
                                        : static_cast<const arrow::MapType&>(type).item_type();
}

bool FieldsConform(const std::vector<std::shared_ptr<arrow::Field>>& from,
                   const std::vector<std::shared_ptr<arrow::Field>>& to);

bool TypeConforms(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.Equals(to) || Widens(from, to)) return true;
  if (from.id() != to.id()) return to.id() == arrow::Type::STRING;
  if (from.id() == arrow::Type::STRUCT) return FieldsConform(from.fields(), to.fields());
  if (from.id() == arrow::Type::LIST || from.id() == arrow::Type::MAP) {
    return TypeConforms(*ElementOf(from), *ElementOf(to));
  }
  return false;
}

bool FieldsConform(const std::vector<std::shared_ptr<arrow::Field>>& from,
                   const std::vector<std::shared_ptr<arrow::Field>>& to) {
  return std::all_of(from.begin(), from.end(), [&](const auto& field) {
    return std::any_of(to.begin(), to.end(), [&](const auto& other) {
      return other->name() == field->name() && TypeConforms(*field->type(), *other->type());
    });
  });
}

int IndexOf(const arrow::DataType& type, const std::string& name) {
  return static_cast<const arrow::StructType&>(type).GetFieldIndex(name);
}

std::int64_t IntegerAt(const arrow::Array& values, std::int64_t i) {
  switch (values.type_id()) {
    case arrow::Type::INT8:
      return static_cast<const arrow::Int8Array&>(values).Value(i);
    case arrow::Type::INT16:
      return static_cast<const arrow::Int16Array&>(values).Value(i);
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Array&>(values).Value(i);
    default:
      return static_cast<const arrow::Int64Array&>(values).Value(i);
  }
}

/// One batch on its way.
class Conforming {
 public:
  explicit Conforming(const std::vector<std::uint32_t>& record_of_row)
      : record_of_row_(record_of_row), rescued_(record_of_row.size()) {}

  Result<ArrayPtr> Conform(const ArrayPtr& values, const TypePtr& to, const Locate& locate) {
    const arrow::DataType& from = *values->type();
    if (from.Equals(*to)) return values;
    if (from.id() == to->id()) {
      if (from.id() == arrow::Type::STRUCT) return Struct(values, to, locate);
      if (from.id() == arrow::Type::LIST) return List(values, to, locate);
      if (from.id() == arrow::Type::MAP) return Map(values, to, locate);
    }
    TRY(std::unique_ptr<arrow::ArrayBuilder> builder, arrow::MakeBuilder(to));
    TRY(builder->Reserve(values->length()));
    for (std::int64_t i = 0; i < values->length(); ++i) {
      if (values->IsNull(i)) {
        TRY(builder->AppendNull());
        continue;
      }
      TRY(const bool kept, Append(*values, i, to, builder.get()));
      if (kept) continue;
      TRY(builder->AppendNull());
      Rescue(*values, i, locate, Overflows(from, *to) ? kOverflow : kType);
    }
    TRY(ArrayPtr out, builder->Finish());
    return out;
  }

  /// Everything of a column that is not known.
  void RescueAll(const arrow::Array& values, const Locate& locate) {
    for (std::int64_t i = 0; i < values.length(); ++i) {
      if (values.IsValid(i)) Rescue(values, i, locate, kUnknown);
    }
  }

  bool AnyTooMuch() const { return too_much_; }
  bool TooMuch(std::uint32_t record) const {
    if (!too_much_) return false;
    const auto found = of_message_.find(record);
    return found != of_message_.end() && found->second > kMaxRescued;
  }

  Result<ArrayPtr> Rescued() const {
    arrow::StringBuilder builder;
    for (const std::string& row : rescued_) {
      const auto of = static_cast<std::size_t>(&row - rescued_.data());
      const bool none = row.empty() || TooMuch(record_of_row_[of]);
      TRY(none ? builder.AppendNull() : builder.Append(row + "]"));
    }
    TRY(ArrayPtr out, builder.Finish());
    return out;
  }

 private:
  static bool Overflows(const arrow::DataType& from, const arrow::DataType& to) {
    return from.id() == arrow::Type::INT64 && to.id() == arrow::Type::DOUBLE;
  }

  void Rescue(const arrow::Array& values, std::int64_t i, const Locate& locate,
              const char* reason) {
    const At place = locate(i);
    if (!place.present) return;
    const auto index = static_cast<std::size_t>(place.row);
    std::size_t& of_message = of_message_[record_of_row_[index]];
    if (of_message > kMaxRescued) return;
    std::string& row = rescued_[index];
    const std::size_t before = row.size();
    BeginRescued(place.path, &row);
    AppendJsonValue(values, i, &row);
    EndRescued(reason, &row);
    of_message += row.size() - before;
    too_much_ |= of_message > kMaxRescued;
  }

  /// False: the value does not fit.
  static Result<bool> Append(const arrow::Array& values, std::int64_t i, const TypePtr& to,
                             arrow::ArrayBuilder* builder) {
    const arrow::DataType& from = *values.type();
    switch (to->id()) {
      case arrow::Type::INT16:
        if (!Widens(from, *to)) return false;
        TRY(static_cast<arrow::Int16Builder*>(builder)->Append(
            static_cast<std::int16_t>(IntegerAt(values, i))));
        return true;
      case arrow::Type::INT32:
        if (!Widens(from, *to)) return false;
        TRY(static_cast<arrow::Int32Builder*>(builder)->Append(
            static_cast<std::int32_t>(IntegerAt(values, i))));
        return true;
      case arrow::Type::INT64:
        if (!Widens(from, *to)) return false;
        TRY(static_cast<arrow::Int64Builder*>(builder)->Append(IntegerAt(values, i)));
        return true;
      case arrow::Type::DOUBLE: {
        double value = 0;
        if (IsInteger(from)) {
          const std::int64_t integer = IntegerAt(values, i);
          value = static_cast<double>(integer);
          if (value >= 0x1p63 || static_cast<std::int64_t>(value) != integer) return false;
        } else if (from.id() == arrow::Type::FLOAT) {
          value = static_cast<const arrow::FloatArray&>(values).Value(i);
        } else {
          return false;
        }
        TRY(static_cast<arrow::DoubleBuilder*>(builder)->Append(value));
        return true;
      }
      case arrow::Type::TIMESTAMP:
        if (from.id() != arrow::Type::DATE32) return false;
        TRY(static_cast<arrow::TimestampBuilder*>(builder)->Append(
            static_cast<std::int64_t>(static_cast<const arrow::Date32Array&>(values).Value(i)) *
            86'400'000'000));
        return true;
      case arrow::Type::STRING: {
        std::string text;
        AppendJsonValue(values, i, &text);
        // Dates and the like are texts in JSON, and need no quotes here.
        if (text.size() > 1 && text.front() == '"' && text.find('\\') == std::string::npos) {
          text = text.substr(1, text.size() - 2);
        }
        TRY(static_cast<arrow::StringBuilder*>(builder)->Append(text));
        return true;
      }
      default:
        return false;
    }
  }

  Result<ArrayPtr> Struct(const ArrayPtr& values, const TypePtr& to, const Locate& locate) {
    const auto& from = static_cast<const arrow::StructArray&>(*values);
    std::vector<ArrayPtr> columns;
    const auto below = [&](const std::string& name) -> Locate {
      return [&locate, &from, name](std::int64_t i) {
        At place = locate(i);
        place.present = place.present && from.IsValid(i);
        AppendPathName(name, &place.path);
        return place;
      };
    };
    for (const auto& field : to->fields()) {
      const int index = IndexOf(*from.type(), field->name());
      if (index < 0) {
        TRY(ArrayPtr nulls, arrow::MakeArrayOfNull(field->type(), from.length()));
        columns.push_back(std::move(nulls));
        continue;
      }
      TRY(ArrayPtr column, Conform(from.field(index), field->type(), below(field->name())));
      columns.push_back(std::move(column));
    }
    for (int i = 0; i < from.num_fields(); ++i) {
      const std::string& name = from.type()->field(i)->name();
      if (IndexOf(*to, name) < 0) RescueAll(*from.field(i), below(name));
    }
    return std::make_shared<arrow::StructArray>(to, from.length(), std::move(columns),
                                                from.null_bitmap(), from.null_count());
  }

  template <typename ListArray>
  static std::int64_t ParentOf(const ListArray& list, std::int64_t child) {
    const auto* offsets = list.raw_value_offsets();
    return std::upper_bound(offsets, offsets + list.length() + 1, child) - offsets - 1;
  }

  Result<ArrayPtr> List(const ArrayPtr& values, const TypePtr& to, const Locate& locate) {
    const auto& from = static_cast<const arrow::ListArray&>(*values);
    const auto below = [&](std::int64_t child) {
      const std::int64_t parent = ParentOf(from, child);
      At place = locate(parent);
      place.present = place.present && from.IsValid(parent);
      place.path += '[' + std::to_string(child - from.value_offset(parent)) + ']';
      return place;
    };
    TRY(ArrayPtr elements, Conform(from.values(), ElementOf(*to), below));
    return std::make_shared<arrow::ListArray>(to, from.length(), from.value_offsets(),
                                              std::move(elements), from.null_bitmap(),
                                              from.null_count());
  }

  Result<ArrayPtr> Map(const ArrayPtr& values, const TypePtr& to, const Locate& locate) {
    const auto& from = static_cast<const arrow::MapArray&>(*values);
    const auto below = [&](std::int64_t child) {
      const std::int64_t parent = ParentOf(from, child);
      At place = locate(parent);
      place.present = place.present && from.IsValid(parent);
      place.path += "['";
      place.path += static_cast<const arrow::StringArray&>(*from.keys()).GetView(child);
      place.path += "']";
      return place;
    };
    TRY(ArrayPtr items, Conform(from.items(), ElementOf(*to), below));
    return std::make_shared<arrow::MapArray>(to, from.length(), from.value_offsets(), from.keys(),
                                             std::move(items), from.null_bitmap(),
                                             from.null_count());
  }

  const std::vector<std::uint32_t>& record_of_row_;
  std::vector<std::string> rescued_;  ///< By row: the array without its end.
  std::unordered_map<std::uint32_t, std::size_t> of_message_;  ///< Bytes that are rescued.
  bool too_much_ = false;
};

/// Messages of which too much is rescued are taken out, with all of their rows.
Result<void> RefuseTooMuch(const Conforming& conforming, DecodedRows* decoded) {
  std::vector<std::uint32_t> records;
  std::vector<std::int32_t> in_message;
  arrow::BooleanBuilder keeps;
  for (std::size_t i = 0; i < decoded->record_of_row.size(); ++i) {
    const std::uint32_t record = decoded->record_of_row[i];
    const bool keep = !conforming.TooMuch(record);
    TRY(keeps.Append(keep));
    if (keep) {
      records.push_back(record);
      if (!decoded->row_in_message.empty()) in_message.push_back(decoded->row_in_message[i]);
    } else if (decoded->rejects.empty() || decoded->rejects.back().record != record ||
               decoded->rejects.back().code != kTooMuchRescued) {
      Reject reject;
      reject.record = record;
      reject.code = kTooMuchRescued;
      reject.reason = WhyTooMuchRescued();
      decoded->rejects.push_back(std::move(reject));
    }
  }
  if (records.size() == decoded->record_of_row.size()) return {};
  std::erase_if(decoded->rejects, [&](const Reject& reject) {
    return reject.code != kTooMuchRescued && conforming.TooMuch(reject.record);
  });
  std::stable_sort(decoded->rejects.begin(), decoded->rejects.end(),
                   [](const Reject& a, const Reject& b) { return a.record < b.record; });
  TRY(const auto mask, keeps.Finish());
  TRY(const arrow::Datum kept, arrow::compute::Filter(decoded->rows, mask));
  decoded->rows = kept.record_batch();
  decoded->record_of_row = std::move(records);
  decoded->row_in_message = std::move(in_message);
  return {};
}

}  // namespace

bool Conforms(const arrow::Schema& from, const arrow::Schema& known) {
  return FieldsConform(from.fields(), known.fields());
}

Result<void> ConformRows(DecodedRows* decoded, const SchemaPtr& known) {
  const arrow::RecordBatch& rows = *decoded->rows;
  Conforming conforming(decoded->record_of_row);
  std::vector<ArrayPtr> columns;
  const auto at = [](const std::string& name) -> Locate {
    return [name](std::int64_t i) {
      At place{i, "", true};
      AppendPathName(name, &place.path);
      return place;
    };
  };
  for (const auto& field : known->fields()) {
    const ArrayPtr column = rows.GetColumnByName(field->name());
    if (column == nullptr) {
      TRY(ArrayPtr nulls, arrow::MakeArrayOfNull(field->type(), rows.num_rows()));
      columns.push_back(std::move(nulls));
      continue;
    }
    TRY(ArrayPtr conformed, conforming.Conform(column, field->type(), at(field->name())));
    columns.push_back(std::move(conformed));
  }
  for (int i = 0; i < rows.num_columns(); ++i) {
    const std::string& name = rows.schema()->field(i)->name();
    if (known->GetFieldIndex(name) < 0) conforming.RescueAll(*rows.column(i), at(name));
  }
  TRY(ArrayPtr rescued, conforming.Rescued());
  columns.push_back(std::move(rescued));
  TRY(SchemaPtr schema, WithRescued(known));
  decoded->rows = arrow::RecordBatch::Make(schema, rows.num_rows(), std::move(columns));
  return conforming.AnyTooMuch() ? RefuseTooMuch(conforming, decoded) : Result<void>();
}

}  // namespace sluice
