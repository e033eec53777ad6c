#include "decode/avro/avro_columns.h"

#include <arrow/type.h>

#include <algorithm>
#include <vector>

namespace sluice {
namespace {

constexpr int kMaxColumns = 1000;
constexpr int kMaxDepth = 100;
constexpr int kMaxDecimalDigits = 38;

class ColumnMaker {
 public:
  Result<std::shared_ptr<arrow::DataType>> Type(const AvroNode& node, const std::string& path) {
    if (open_.size() > kMaxDepth) {
      return UserError("avro.columns", "column '" + path + "' is nested more than " +
                                           std::to_string(kMaxDepth) + " deep");
    }
    if (node.is(AvroType::kRecord) && std::find(open_.begin(), open_.end(), &node) != open_.end()) {
      return UserError(
          "avro.recursive",
          "the record '" + node.name + "' contains itself (as '" + path +
              "'), which no column can hold; declare the columns that are wanted with a "
              "`schema` like: id bigint, name string");
    }
    open_.push_back(&node);
    auto type = TypeOf(node, path);
    open_.pop_back();
    return type;
  }

  Result<std::vector<std::shared_ptr<arrow::Field>>> Fields(const AvroNode& record,
                                                            const std::string& path) {
    std::vector<std::shared_ptr<arrow::Field>> out;
    for (const AvroField& field : record.fields) {
      TRY(auto column, Field(field.name, *field.type, path));
      out.push_back(std::move(column));
    }
    return out;
  }

  Result<std::shared_ptr<arrow::Field>> Field(const std::string& name, const AvroNode& node,
                                              const std::string& path) {
    if (++columns_ > kMaxColumns) {
      return UserError("avro.columns", "the Avro schema gives more than " +
                                           std::to_string(kMaxColumns) +
                                           " columns; declare those that are wanted with `schema`");
    }
    TRY(auto type, Type(node, path.empty() ? name : path + "." + name));
    return arrow::field(name, std::move(type), AvroHasNull(node));
  }

 private:
  Result<std::shared_ptr<arrow::DataType>> TypeOf(const AvroNode& node, const std::string& path) {
    switch (node.logical) {
      case AvroLogical::kDecimal:
        if (node.precision > kMaxDecimalDigits) return arrow::binary();
        return arrow::decimal128(node.precision, node.scale);
      case AvroLogical::kUuid:
        return arrow::utf8();
      case AvroLogical::kDate:
        return arrow::date32();
      case AvroLogical::kTimestampMillis:
      case AvroLogical::kTimestampMicros:
      case AvroLogical::kTimestampNanos:
        return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
      case AvroLogical::kLocalTimestampMillis:
      case AvroLogical::kLocalTimestampMicros:
      case AvroLogical::kLocalTimestampNanos:
        return arrow::timestamp(arrow::TimeUnit::MICRO);
      case AvroLogical::kDuration:
        return arrow::struct_({arrow::field("months", arrow::int64(), false),
                               arrow::field("days", arrow::int64(), false),
                               arrow::field("milliseconds", arrow::int64(), false)});
      case AvroLogical::kTimeMillis:
      case AvroLogical::kTimeMicros:
      case AvroLogical::kNone:
        break;
    }
    switch (node.type) {
      case AvroType::kNull:
      case AvroType::kString:
      case AvroType::kEnum:
        return arrow::utf8();
      case AvroType::kBoolean:
        return arrow::boolean();
      case AvroType::kInt:
        return arrow::int32();
      case AvroType::kLong:
        return arrow::int64();
      case AvroType::kFloat:
        return arrow::float32();
      case AvroType::kDouble:
        return arrow::float64();
      case AvroType::kBytes:
      case AvroType::kFixed:
        return arrow::binary();
      case AvroType::kRecord: {
        TRY(auto fields, Fields(node, path));
        return arrow::struct_(fields);
      }
      case AvroType::kArray: {
        TRY(auto item, Field("element", node.item(), path));
        return arrow::list(item->WithNullable(true));
      }
      case AvroType::kMap: {
        TRY(auto value, Field("value", node.item(), path));
        return arrow::map(arrow::utf8(), value->WithNullable(true));
      }
      case AvroType::kUnion:
        return UnionType(node, path);
    }
    return BugError("an Avro type without a column");
  }

  Result<std::shared_ptr<arrow::DataType>> UnionType(const AvroNode& node,
                                                     const std::string& path) {
    if (const AvroNode* only = AvroNullable(node)) return Type(*only, path);
    std::vector<std::shared_ptr<arrow::Field>> members;
    for (const AvroNode* branch : node.branches) {
      if (branch->is(AvroType::kNull)) continue;
      TRY(auto member, Field("member" + std::to_string(members.size()), *branch, path));
      members.push_back(member->WithNullable(true));
    }
    if (members.empty()) return arrow::utf8();
    return arrow::struct_(members);
  }

  std::vector<const AvroNode*> open_;
  int columns_ = 0;
};

class SchemaMaker {
 public:
  explicit SchemaMaker(AvroSchema* schema) : schema_(schema) {}

  Result<const AvroNode*> Record(const arrow::FieldVector& fields, const std::string& path) {
    AvroNode* record = schema_->Add(AvroType::kRecord);
    for (const auto& column : fields) {
      AvroField field;
      field.name = column->name();
      const std::string inner = path.empty() ? field.name : path + "." + field.name;
      TRY(field.type, Node(*column, inner));
      field.has_default = column->nullable();
      if (field.has_default) field.default_value.assign(1, '\0');
      record->fields.push_back(std::move(field));
    }
    return record;
  }

 private:
  Result<const AvroNode*> Node(const arrow::Field& column, const std::string& path) {
    TRY(const AvroNode* type, Type(*column.type(), path));
    if (!column.nullable()) return type;
    AvroNode* both = schema_->Add(AvroType::kUnion);
    both->branches = {schema_->Add(AvroType::kNull), type};
    return both;
  }

  const AvroNode* Logical(AvroType type, AvroLogical logical) {
    AvroNode* node = schema_->Add(type);
    node->logical = logical;
    return node;
  }

  Result<const AvroNode*> Type(const arrow::DataType& type, const std::string& path) {
    switch (type.id()) {
      case arrow::Type::BOOL:
        return schema_->Add(AvroType::kBoolean);
      case arrow::Type::INT8:
      case arrow::Type::INT16:
      case arrow::Type::INT32:
        return schema_->Add(AvroType::kInt);
      case arrow::Type::INT64:
        return schema_->Add(AvroType::kLong);
      case arrow::Type::FLOAT:
        return schema_->Add(AvroType::kFloat);
      case arrow::Type::DOUBLE:
        return schema_->Add(AvroType::kDouble);
      case arrow::Type::DATE32:
        return Logical(AvroType::kInt, AvroLogical::kDate);
      case arrow::Type::TIMESTAMP:
        return Logical(AvroType::kLong,
                       static_cast<const arrow::TimestampType&>(type).timezone().empty()
                           ? AvroLogical::kLocalTimestampMicros
                           : AvroLogical::kTimestampMicros);
      case arrow::Type::DECIMAL128: {
        AvroNode* node = schema_->Add(AvroType::kBytes);
        node->logical = AvroLogical::kDecimal;
        node->precision = static_cast<const arrow::DecimalType&>(type).precision();
        node->scale = static_cast<const arrow::DecimalType&>(type).scale();
        return node;
      }
      case arrow::Type::STRING:
        return schema_->Add(AvroType::kString);
      case arrow::Type::BINARY:
        return schema_->Add(AvroType::kBytes);
      case arrow::Type::LIST: {
        AvroNode* node = schema_->Add(AvroType::kArray);
        TRY(const AvroNode* item, Node(*type.field(0), path + ".element"));
        node->branches.push_back(item);
        return node;
      }
      case arrow::Type::MAP: {
        const auto& map = static_cast<const arrow::MapType&>(type);
        if (map.key_type()->id() != arrow::Type::STRING) {
          return UserError("avro.map_key", "column '" + path + "' is a map with keys of type " +
                                               FormatDdlType(*map.key_type()) +
                                               "; keys in Avro are text: write map<string, ...>");
        }
        AvroNode* node = schema_->Add(AvroType::kMap);
        TRY(const AvroNode* item, Node(*map.item_field(), path + ".value"));
        node->branches.push_back(item);
        return node;
      }
      case arrow::Type::STRUCT:
        return Record(type.fields(), path);
      default:
        return BugError("the type " + type.ToString() + " of column '" + path +
                        "' is not canonical");
    }
  }

  AvroSchema* schema_;
};

}  // namespace

AvroRoot AvroRootOf(const AvroNode& root) {
  if (root.is(AvroType::kRecord)) return AvroRoot::kRecord;
  return root.is(AvroType::kArray) && root.item().is(AvroType::kRecord) ? AvroRoot::kRecords
                                                                        : AvroRoot::kValue;
}

const AvroNode* AvroNullable(const AvroNode& node) {
  const AvroNode* found = nullptr;
  if (!node.is(AvroType::kUnion)) return nullptr;
  for (const AvroNode* branch : node.branches) {
    if (branch->is(AvroType::kNull)) continue;
    if (found != nullptr) return nullptr;
    found = branch;
  }
  return found;
}

bool AvroHasNull(const AvroNode& node) {
  if (!node.is(AvroType::kUnion)) return node.is(AvroType::kNull);
  return std::any_of(node.branches.begin(), node.branches.end(),
                     [](const AvroNode* branch) { return branch->is(AvroType::kNull); });
}

Result<SchemaPtr> AvroColumns(const AvroSchema& schema) {
  ColumnMaker maker;
  const AvroNode& root = schema.root();
  std::vector<std::shared_ptr<arrow::Field>> fields;
  switch (AvroRootOf(root)) {
    case AvroRoot::kRecord:
    case AvroRoot::kRecords: {
      // Through Type, which notices a root that contains itself.
      TRY(auto row, maker.Type(root.is(AvroType::kRecord) ? root : root.item(), ""));
      fields = row->fields();
      break;
    }
    case AvroRoot::kValue: {
      TRY(auto value, maker.Field(kAvroValueColumn, root, ""));
      fields.push_back(std::move(value));
      break;
    }
  }
  if (fields.empty()) {
    return UserError("avro.columns", "the " + DescribeAvroType(root) +
                                         " has no fields, so there "
                                         "would be no columns");
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<const AvroSchema>> AvroSchemaOfColumns(const arrow::Schema& columns) {
  auto schema = std::make_shared<AvroSchema>();
  TRY(const AvroNode* root, SchemaMaker(schema.get()).Record(columns.fields(), ""));
  schema->set_root(root);
  return std::shared_ptr<const AvroSchema>(std::move(schema));
}

}  // namespace sluice
