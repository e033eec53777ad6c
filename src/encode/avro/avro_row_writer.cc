#include "encode/avro/avro_row_writer.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include "record/value_text.h"

namespace sluice {
namespace {

template <typename Value>
Value Load(const std::uint8_t* values, std::int64_t index) {
  Value value;
  std::memcpy(&value, values + index * static_cast<std::int64_t>(sizeof value), sizeof value);
  return value;
}

/// Two's complement, the most significant byte first, in as few bytes as it takes.
void AppendDecimalBytes(const std::uint8_t* little_endian, AvroBytes* out) {
  char bytes[16];
  for (int i = 0; i < 16; ++i) bytes[i] = static_cast<char>(little_endian[15 - i]);
  int begin = 0;
  // A leading byte says nothing that the sign bit behind it does not.
  while (begin < 15 && ((bytes[begin] == 0 && bytes[begin + 1] >= 0) ||
                        (bytes[begin] == -1 && bytes[begin + 1] < 0))) {
    ++begin;
  }
  out->Text({bytes + begin, static_cast<std::size_t>(16 - begin)});
}

}  // namespace

AvroRowWriter::AvroRowWriter(const arrow::Schema& schema, bool logical_types) {
  for (const auto& field : schema.fields()) Add(*field->type(), field->nullable(), logical_types);
}

void AvroRowWriter::Add(const arrow::DataType& type, bool nullable, bool logical_types) {
  using arrow::Type;
  const std::size_t at = steps_.size();
  steps_.emplace_back();
  Step step;
  step.nullable = nullable;
  switch (type.id()) {
    case Type::BOOL:
      step.op = Op::kBoolean;
      break;
    case Type::INT8:
      step.op = Op::kInt8;
      break;
    case Type::INT16:
      step.op = Op::kInt16;
      break;
    case Type::INT32:
      step.op = Op::kInt32;
      break;
    case Type::INT64:
      step.op = Op::kInt64;
      break;
    case Type::FLOAT:
      step.op = Op::kFloat;
      break;
    case Type::DOUBLE:
      step.op = Op::kDouble;
      break;
    case Type::DATE32:
      step.op = logical_types ? Op::kInt32 : Op::kDateText;
      break;
    case Type::TIMESTAMP:
      step.op = logical_types ? Op::kInt64 : Op::kTimestampText;
      step.utc = !static_cast<const arrow::TimestampType&>(type).timezone().empty();
      break;
    case Type::DECIMAL128:
      step.op = logical_types ? Op::kDecimal : Op::kDecimalText;
      step.scale = static_cast<const arrow::Decimal128Type&>(type).scale();
      break;
    case Type::STRUCT:
      step.op = Op::kStruct;
      for (const auto& field : type.fields()) Add(*field->type(), field->nullable(), logical_types);
      break;
    case Type::LIST: {
      step.op = Op::kList;
      const auto& item = *static_cast<const arrow::ListType&>(type).value_field();
      Add(*item.type(), item.nullable(), logical_types);
      break;
    }
    case Type::MAP: {
      step.op = Op::kMap;
      const auto& map = static_cast<const arrow::MapType&>(type);
      Add(*map.key_type(), false, logical_types);
      Add(*map.item_type(), map.item_field()->nullable(), logical_types);
      break;
    }
    default:  // Texts and binary.
      step.op = Op::kBytes;
  }
  step.after = static_cast<std::uint32_t>(steps_.size());
  steps_[at] = step;
}

Result<void> AvroRowWriter::Bind(const arrow::RecordBatch& rows) {
  std::uint32_t at = 0;
  for (int i = 0; i < rows.num_columns(); ++i) {
    const arrow::ArrayData& data = *rows.column_data(i);
    if (!steps_[at].nullable && data.GetNullCount() > 0) {
      return BugError("column " + rows.schema()->field(i)->name() + " is NOT NULL and holds null");
    }
    at = BindStep(data, at);
  }
  return {};
}

std::uint32_t AvroRowWriter::BindStep(const arrow::ArrayData& data, std::uint32_t at) {
  Step& step = steps_[at];
  const auto buffer = [&data](std::size_t i) -> const std::uint8_t* {
    return i < data.buffers.size() && data.buffers[i] != nullptr ? data.buffers[i]->data()
                                                                 : nullptr;
  };
  step.offset = data.offset;
  step.validity = data.GetNullCount() == 0 ? nullptr : buffer(0);
  switch (step.op) {
    case Op::kBytes:
      step.offsets = reinterpret_cast<const std::int32_t*>(buffer(1));
      step.values = buffer(2);
      return step.after;
    case Op::kStruct:
      for (std::uint32_t child = at + 1, i = 0; child < step.after; ++i) {
        child = BindStep(*data.child_data[i], child);
      }
      return step.after;
    case Op::kList:
      step.offsets = reinterpret_cast<const std::int32_t*>(buffer(1));
      return BindStep(*data.child_data[0], at + 1);
    case Op::kMap: {
      step.offsets = reinterpret_cast<const std::int32_t*>(buffer(1));
      const arrow::ArrayData& entries = *data.child_data[0];
      step.shift = entries.offset;
      return BindStep(*entries.child_data[1], BindStep(*entries.child_data[0], at + 1));
    }
    default:
      step.values = buffer(1);
      return step.after;
  }
}

void AvroRowWriter::Append(std::int64_t row, AvroBytes* out) {
  for (std::uint32_t at = 0; at < steps_.size();) at = AppendStep(at, row, out);
}

/// Returns the step behind this one and its own.
std::uint32_t AvroRowWriter::AppendStep(std::uint32_t at, std::int64_t row, AvroBytes* out) {
  const Step& step = steps_[at];
  const std::int64_t index = step.offset + row;
  if (step.nullable) {
    const bool valid = step.validity == nullptr || arrow::bit_util::GetBit(step.validity, index);
    out->Byte(valid ? 2 : 0);
    if (!valid) return step.after;
  }
  switch (step.op) {
    case Op::kBoolean:
      out->Byte(arrow::bit_util::GetBit(step.values, index) ? 1 : 0);
      break;
    case Op::kInt8:
      out->Long(Load<std::int8_t>(step.values, index));
      break;
    case Op::kInt16:
      out->Long(Load<std::int16_t>(step.values, index));
      break;
    case Op::kInt32:
      out->Long(Load<std::int32_t>(step.values, index));
      break;
    case Op::kInt64:
      out->Long(Load<std::int64_t>(step.values, index));
      break;
    case Op::kFloat:
      out->Real(Load<float>(step.values, index));
      break;
    case Op::kDouble:
      out->Real(Load<double>(step.values, index));
      break;
    case Op::kBytes: {
      const std::int32_t begin = step.offsets[index];
      out->Text({reinterpret_cast<const char*>(step.values) + begin,
                 static_cast<std::size_t>(step.offsets[index + 1] - begin)});
      break;
    }
    case Op::kDecimal:
      AppendDecimalBytes(step.values + index * 16, out);
      break;
    case Op::kDecimalText:
    case Op::kDateText:
    case Op::kTimestampText:
      AppendText(step, index, out);
      break;
    case Op::kStruct:
      for (std::uint32_t child = at + 1; child < step.after;) child = AppendStep(child, index, out);
      break;
    case Op::kList:
    case Op::kMap: {
      const std::int64_t begin = step.offsets[index];
      const std::int64_t end = step.offsets[index + 1];
      if (end > begin) out->Long(end - begin);
      for (std::int64_t i = begin; i < end; ++i) {
        std::uint32_t child = at + 1;
        while (child < step.after) child = AppendStep(child, i + step.shift, out);
      }
      out->Long(0);
      break;
    }
  }
  return step.after;
}

void AvroRowWriter::AppendText(const Step& step, std::int64_t index, AvroBytes* out) {
  text_.clear();
  if (step.op == Op::kDecimalText) {
    AppendDecimalText(step.values + index * 16, step.scale, &text_);
  } else if (step.op == Op::kDateText) {
    AppendDateText(Load<std::int32_t>(step.values, index), &text_);
  } else {
    AppendTimestampText(Load<std::int64_t>(step.values, index), step.utc, &text_);
  }
  out->Text(text_);
}

}  // namespace sluice
