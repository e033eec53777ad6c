#include "transform/mapping/relax.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include <string>
#include <utility>

namespace sluice {
namespace {

std::shared_ptr<arrow::ArrayData> Retype(const arrow::ArrayData& data,
                                         const std::shared_ptr<arrow::DataType>& type) {
  auto copy = data.Copy();
  copy->type = type;
  for (int i = 0; i < type->num_fields(); ++i) {
    auto& child = copy->child_data[static_cast<std::size_t>(i)];
    child = Retype(*child, type->field(i)->type());
  }
  return copy;
}

}  // namespace

std::shared_ptr<arrow::DataType> RelaxType(const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::LIST:
      return arrow::list(arrow::field(
          "element", RelaxType(static_cast<const arrow::ListType&>(*type).value_type())));
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      return arrow::map(RelaxType(map.key_type()), RelaxType(map.item_type()));
    }
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& field : type->fields()) fields.push_back(RelaxField(field->name(), *field));
      return arrow::struct_(fields);
    }
    default:
      return type;
  }
}

std::shared_ptr<arrow::Field> RelaxField(const std::string& name, const arrow::Field& field) {
  return arrow::field(name, RelaxType(field.type()));
}

std::shared_ptr<arrow::Array> WithRelaxedType(const std::shared_ptr<arrow::Array>& array,
                                              const std::shared_ptr<arrow::DataType>& type) {
  if (array->type().get() == type.get() || array->type()->num_fields() == 0) return array;
  if (array->type()->Equals(*type, /*check_metadata=*/true)) return array;
  return arrow::MakeArray(Retype(*array->data(), type));
}

}  // namespace sluice
