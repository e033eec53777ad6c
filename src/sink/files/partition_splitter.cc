#include "sink/files/partition_splitter.h"

#include <arrow/array.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "record/arrow_error.h"
#include "record/json_row.h"
#include "sink/files/partition_path.h"

namespace sluice {
namespace {

bool MayBePartition(const arrow::DataType& type) {
  using arrow::Type;
  switch (type.id()) {
    case Type::BOOL:
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::DECIMAL128:
    case Type::STRING:
    case Type::DATE32:
    case Type::TIMESTAMP:
      return true;
    default:
      return false;
  }
}

/// The value as Spark writes it into a path, not yet escaped.
std::string PartitionText(const arrow::Array& column, std::int64_t row) {
  if (column.type_id() == arrow::Type::STRING) {
    return std::string(static_cast<const arrow::StringArray&>(column).GetView(row));
  }
  std::string text;
  AppendJsonValue(column, row, &text);
  if (text.front() == '"') text = text.substr(1, text.size() - 2);
  if (column.type_id() == arrow::Type::TIMESTAMP) {
    if (text.back() == 'Z') text.pop_back();
    text[text.rfind('T')] = ' ';
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<PartitionSplitter>> PartitionSplitter::Make(
    const SchemaPtr& schema, const std::vector<std::string>& keys, bool open,
    std::size_t max_path) {
  std::vector<Key> found;
  for (const std::string& name : keys) {
    const std::vector<int> columns = schema->GetAllFieldIndices(name);
    if (columns.empty() && open && !name.empty() && name[0] != '_' && name[0] != '.') {
      found.push_back({name, -1});
      continue;
    }
    if (columns.size() != 1) {
      std::string message =
          "partitionKeys: '" + name + "' is " +
          (columns.empty() ? "not a column of what the sink reads" : "the name of several columns");
      if (auto near = NearestName(name, schema->field_names()); near && columns.empty()) {
        message += "; did you mean '" + *near + "'?";
      }
      return UserError("files.partition_key", message);
    }
    for (const Key& other : found) {
      if (other.name == name) {
        return UserError("files.partition_key", "partitionKeys: '" + name + "' is given twice");
      }
    }
    const auto& type = *schema->field(columns[0])->type();
    if (!MayBePartition(type)) {
      return UserError("files.partition_key",
                       "partitionKeys: column '" + name + "' of type " + FormatDdlType(type) +
                           " cannot be a partition key; take a string, number, boolean, date or "
                           "timestamp");
    }
    if (name.empty() || name[0] == '_' || name[0] == '.') {
      return UserError("files.partition_key",
                       "partitionKeys: column '" + name +
                           "' cannot be a partition key: readers skip folders whose name "
                           "begins with _ or . ; rename it in the SQL (AS)");
    }
    found.push_back({name, columns[0]});
  }
  std::vector<int> file_columns;
  arrow::FieldVector file_fields;
  for (int i = 0; i < schema->num_fields(); ++i) {
    if (std::none_of(found.begin(), found.end(), [i](const Key& key) { return key.column == i; })) {
      file_columns.push_back(i);
      file_fields.push_back(schema->field(i));
    }
  }
  if (file_columns.empty()) {
    return UserError("files.partition_key",
                     "partitionKeys: all columns are partition keys, so none is left for the "
                     "files; leave one out");
  }
  std::unique_ptr<PartitionSplitter> splitter(
      new PartitionSplitter(arrow::schema(file_fields), max_path));
  splitter->file_columns_ = std::move(file_columns);
  splitter->keys_ = std::move(found);
  for (Key& key : splitter->keys_) {
    std::string null_folder;
    AppendHiveEscaped(key.name, &null_folder);
    key.folders.push_back(null_folder + "=" + std::string(kHiveDefaultPartition));
  }
  return splitter;
}

Result<std::shared_ptr<arrow::RecordBatch>> PartitionSplitter::WithoutKeys(
    const arrow::RecordBatch& rows) const {
  if (keys_.empty()) return rows.Slice(0);
  TRY(auto selected, rows.SelectColumns(file_columns_));
  return selected;
}

std::int32_t PartitionSplitter::NewCode(Key* key, std::string_view bytes,
                                        const arrow::Array& column, std::int64_t row) {
  auto code = static_cast<std::int32_t>(key->folders.size());
  std::string text = PartitionText(column, row);
  std::string folder;
  if (text.empty()) {
    folder = key->folders[0];
  } else {
    AppendHiveEscaped(key->name, &folder);
    folder.push_back('=');
    AppendHiveEscaped(text, &folder);
  }
  memory_ += bytes.size() + folder.size() + 128;
  key->codes.emplace(bytes, code);
  key->folders.push_back(std::move(folder));
  return code;
}

void PartitionSplitter::Encode(Key* key, const arrow::Array& column,
                               std::vector<std::int32_t>* codes) {
  const std::int64_t rows = column.length();
  codes->resize(static_cast<std::size_t>(rows));
  std::string_view last;
  std::int32_t last_code = 0;  // Of no value yet.
  auto encode = [&](auto bytes_of_row) {
    for (std::int64_t row = 0; row < rows; ++row) {
      std::int32_t code = 0;
      if (!column.IsNull(row)) {
        std::string_view bytes = bytes_of_row(row);
        if (last_code == 0 || bytes != last) {
          auto it = key->codes.find(bytes);
          last_code = it != key->codes.end() ? it->second : NewCode(key, bytes, column, row);
          last = bytes;
        }
        code = last_code;
      }
      (*codes)[static_cast<std::size_t>(row)] = code;
    }
  };
  if (column.type_id() == arrow::Type::STRING) {
    const auto& strings = static_cast<const arrow::StringArray&>(column);
    encode([&](std::int64_t row) { return strings.GetView(row); });
  } else if (column.type_id() == arrow::Type::BOOL) {
    const auto& flags = static_cast<const arrow::BooleanArray&>(column);
    encode([&](std::int64_t row) { return std::string_view(flags.Value(row) ? "1" : "0"); });
  } else {
    const int width = static_cast<const arrow::FixedWidthType&>(*column.type()).bit_width() / 8;
    const char* values =
        reinterpret_cast<const char*>(column.data()->GetValues<std::uint8_t>(1, 0)) +
        column.offset() * width;
    encode([&](std::int64_t row) {
      return std::string_view(values + row * width, static_cast<std::size_t>(width));
    });
  }
}

void PartitionSplitter::AddPath(std::int32_t combined) {
  std::vector<std::string_view> folders;
  for (auto key = keys_.rbegin(); key != keys_.rend(); ++key) {
    auto [before, code] = key->parts[static_cast<std::size_t>(combined)];
    folders.push_back(key->folders[static_cast<std::size_t>(code)]);
    combined = before;
  }
  Path path;
  for (std::size_t i = folders.size(); i-- > 0;) {
    if (!path.path.empty()) path.path.push_back('/');
    path.path.append(folders[i]);
    if (path.refused_key < 0 &&
        (folders[i].size() > kMaxPartitionBytes || path.path.size() > max_path_)) {
      path.refused_key = static_cast<int>(folders.size() - 1 - i);
    }
  }
  memory_ += path.path.size() + 64;
  paths_.push_back(std::move(path));
}

void PartitionSplitter::Split(const arrow::RecordBatch& rows, std::vector<std::int32_t>* partitions,
                              std::vector<SinkRefusal>* refused) {
  partitions->assign(static_cast<std::size_t>(rows.num_rows()), 0);
  for (Key& key : keys_) {
    if (key.column < 0) {
      codes_.assign(static_cast<std::size_t>(rows.num_rows()), 0);
    } else {
      Encode(&key, *rows.column(key.column), &codes_);
    }
    for (std::size_t row = 0; row < codes_.size(); ++row) {
      std::int32_t& partition = (*partitions)[row];
      auto [it, added] = key.pairs.try_emplace(
          static_cast<std::uint64_t>(partition) << 32 | static_cast<std::uint32_t>(codes_[row]),
          static_cast<std::int32_t>(key.parts.size()));
      if (added) {
        key.parts.emplace_back(partition, codes_[row]);
        memory_ += 64;
        if (&key == &keys_.back()) AddPath(it->second);
      }
      partition = it->second;
    }
  }
  for (std::size_t row = 0; row < partitions->size(); ++row) {
    const Path& path = paths_[static_cast<std::size_t>((*partitions)[row])];
    if (path.refused_key < 0) continue;
    (*partitions)[row] = kRefused;
    SinkRefusal refusal;
    refusal.row = static_cast<std::int64_t>(row);
    refusal.code = "files.partition_value";
    refusal.field = keys_[static_cast<std::size_t>(path.refused_key)].name;
    refusal.reason = "the value is too long for a folder name: a partition folder has at most " +
                     std::to_string(kMaxPartitionBytes) +
                     " bytes once encoded, all of them together " + std::to_string(max_path_);
    refused->push_back(std::move(refusal));
  }
}

}  // namespace sluice
