#include "decode/column_builder.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::int64_t kLeastBytes = 1024;

Result<ColumnKind> KindOf(const arrow::DataType& type, const std::string& path) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return ColumnKind::kBool;
    case arrow::Type::INT8:
      return ColumnKind::kInt8;
    case arrow::Type::INT16:
      return ColumnKind::kInt16;
    case arrow::Type::INT32:
      return ColumnKind::kInt32;
    case arrow::Type::INT64:
      return ColumnKind::kInt64;
    case arrow::Type::FLOAT:
      return ColumnKind::kFloat;
    case arrow::Type::DOUBLE:
      return ColumnKind::kDouble;
    case arrow::Type::DECIMAL128:
      return ColumnKind::kDecimal;
    case arrow::Type::DATE32:
      return ColumnKind::kDate;
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      if (timestamp.unit() != arrow::TimeUnit::MICRO) break;
      return timestamp.timezone().empty() ? ColumnKind::kTimestampNtz : ColumnKind::kTimestamp;
    }
    case arrow::Type::STRING:
      return ColumnKind::kString;
    case arrow::Type::BINARY:
      return ColumnKind::kBinary;
    case arrow::Type::LIST:
      return ColumnKind::kList;
    case arrow::Type::MAP:
      return ColumnKind::kMap;
    case arrow::Type::STRUCT:
      return ColumnKind::kStruct;
    default:
      break;
  }
  return BugError("the type " + type.ToString() + " of column '" + path + "' is not canonical");
}

std::uint8_t WidthOf(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kBool:
    case ColumnKind::kInt8:
      return 1;
    case ColumnKind::kInt16:
      return 2;
    case ColumnKind::kInt32:
    case ColumnKind::kFloat:
    case ColumnKind::kDate:
      return 4;
    case ColumnKind::kInt64:
    case ColumnKind::kDouble:
    case ColumnKind::kTimestamp:
    case ColumnKind::kTimestampNtz:
      return 8;
    case ColumnKind::kDecimal:
      return 16;
    default:
      return 0;
  }
}

bool HasOffsets(ColumnKind kind) {
  return kind == ColumnKind::kString || kind == ColumnKind::kBinary || kind == ColumnKind::kList ||
         kind == ColumnKind::kMap;
}

}  // namespace

GrowBuffer::GrowBuffer(arrow::MemoryPool* pool) : pool_(pool) {}
GrowBuffer::~GrowBuffer() = default;

bool GrowBuffer::Grow(std::int64_t more) {
  std::int64_t wanted = std::max({size_ + more, 2 * capacity_, kLeastBytes});
  // The first growth of a batch goes to what the last batch needed and an eighth.
  if (capacity_ == 0) wanted = std::max(wanted, expected_ + expected_ / 8);
  if (buffer_ == nullptr) {
    auto buffer = arrow::AllocateResizableBuffer(wanted, pool_);
    if (!buffer.ok()) return false;
    buffer_ = std::move(buffer).ValueUnsafe();
  } else if (!buffer_->Resize(wanted, /*shrink_to_fit=*/false).ok()) {
    return false;
  }
  data_ = buffer_->mutable_data();
  capacity_ = wanted;
  return true;
}

Result<std::shared_ptr<arrow::Buffer>> GrowBuffer::Finish() {
  if (buffer_ == nullptr) {
    TRY(buffer_, arrow::AllocateResizableBuffer(0, pool_));
  }
  // More than half unused: give it back, for the batch may live long.
  bool shrink = size_ < capacity_ / 2;
  TRY(buffer_->Resize(size_, shrink));
  buffer_->ZeroPadding();
  expected_ = size_;
  size_ = 0;
  capacity_ = 0;
  data_ = nullptr;
  return std::shared_ptr<arrow::Buffer>(std::move(buffer_));
}

ColumnBuilder::ColumnBuilder(std::shared_ptr<arrow::DataType> type, bool nullable, std::string path,
                             arrow::MemoryPool* pool)
    : kind_(ColumnKind::kStruct),
      nullable_(nullable),
      values_(pool),
      offsets_(pool),
      nulls_(pool),
      type_(std::move(type)),
      path_(std::move(path)),
      pool_(pool) {}

ColumnBuilder::~ColumnBuilder() = default;

Result<std::unique_ptr<ColumnBuilder>> ColumnBuilder::ForSchema(const arrow::Schema& schema,
                                                                arrow::MemoryPool* pool) {
  return Make(arrow::struct_(schema.fields()), /*nullable=*/false, "", pool);
}

Result<std::unique_ptr<ColumnBuilder>> ColumnBuilder::Make(
    const std::shared_ptr<arrow::DataType>& type, bool nullable, std::string path,
    arrow::MemoryPool* pool) {
  std::unique_ptr<ColumnBuilder> out(new ColumnBuilder(type, nullable, std::move(path), pool));
  TRY(out->kind_, KindOf(*type, out->path_));
  out->width_ = WidthOf(out->kind_);
  out->has_offsets_ = HasOffsets(out->kind_);
  // A map's only Arrow child is a struct of key and value; here they are two children.
  const auto& fields =
      out->kind_ == ColumnKind::kMap ? type->field(0)->type()->fields() : type->fields();
  for (const auto& field : fields) {
    std::string child_path = out->path_.empty() ? field->name() : out->path_ + "." + field->name();
    TRY(auto child, Make(field->type(), field->nullable(), std::move(child_path), pool));
    out->children_.push_back(std::move(child));
  }
  return out;
}

bool ColumnBuilder::AppendZero() {
  if (width_ != 0) {
    if (!values_.Reserve(width_)) return false;
    std::memset(values_.data() + values_.size(), 0, width_);
    values_.set_size(values_.size() + width_);
  } else if (kind_ == ColumnKind::kStruct) {
    for (auto& child : children_) {
      if (!child->AppendFiller()) return false;
    }
  } else {
    std::int32_t end = OffsetAt(length_);
    if (!offsets_.Append(end)) return false;
  }
  ++length_;
  return true;
}

/// A value below a null struct: null where the field allows it.
bool ColumnBuilder::AppendFiller() { return nullable_ ? AppendNull() : AppendZero(); }

bool ColumnBuilder::AppendNull() {
  if (!nulls_.Append(length_)) return false;
  if (AppendZero()) return true;
  nulls_.set_size(nulls_.size() - 4);
  return false;
}

void ColumnBuilder::Truncate(std::int32_t length) {
  length_ = length;
  while (nulls_.size() > 0) {
    std::int32_t last;
    std::memcpy(&last, nulls_.data() + nulls_.size() - 4, 4);
    if (last < length) break;
    nulls_.set_size(nulls_.size() - 4);
  }
  if (width_ != 0) {
    values_.set_size(static_cast<std::int64_t>(length) * width_);
  } else if (kind_ == ColumnKind::kStruct) {
    for (auto& child : children_) child->Truncate(length);
  } else {
    std::int32_t end = OffsetAt(length);
    offsets_.set_size((static_cast<std::int64_t>(length) + 1) * 4);
    if (kind_ == ColumnKind::kString || kind_ == ColumnKind::kBinary) {
      values_.set_size(end);
    } else {
      for (auto& child : children_) child->Truncate(end);
    }
  }
}

Result<void> ColumnBuilder::Start() {
  length_ = 0;
  values_.set_size(0);
  offsets_.set_size(0);
  nulls_.set_size(0);
  if (has_offsets_ && !offsets_.Append(std::int32_t{0})) {
    return FromArrow(arrow::Status::OutOfMemory("starting a batch"));
  }
  for (auto& child : children_) TRY(child->Start());
  return {};
}

Result<std::shared_ptr<arrow::Buffer>> ColumnBuilder::FinishValidity() {
  if (nulls_.size() == 0) return std::shared_ptr<arrow::Buffer>();
  std::int64_t bytes = (static_cast<std::int64_t>(length_) + 7) / 8;
  TRY(std::shared_ptr<arrow::Buffer> bitmap, arrow::AllocateBuffer(bytes, pool_));
  std::uint8_t* bits = bitmap->mutable_data();
  std::memset(bits, 0xff, static_cast<std::size_t>(bytes));
  if (length_ % 8 != 0) bits[bytes - 1] = static_cast<std::uint8_t>((1U << (length_ % 8)) - 1);
  for (std::int64_t i = 0; i < nulls_.size(); i += 4) {
    std::uint32_t index;
    std::memcpy(&index, nulls_.data() + i, 4);
    bits[index / 8] &= static_cast<std::uint8_t>(~(1U << (index % 8)));
  }
  bitmap->ZeroPadding();
  return bitmap;
}

Result<std::shared_ptr<arrow::Buffer>> ColumnBuilder::FinishBools() {
  TRY(std::shared_ptr<arrow::Buffer> bitmap, arrow::AllocateBuffer((length_ + 7) / 8, pool_));
  std::uint8_t* bits = bitmap->mutable_data();
  const std::uint8_t* bytes = values_.data();
  std::int32_t i = 0;
  for (; i + 8 <= length_; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, bytes + i, 8);
    // Byte k is 0 or 1; the multiplication gathers them as bit k of the top byte.
    bits[i / 8] = static_cast<std::uint8_t>(eight * 0x0102040810204080ULL >> 56);
  }
  if (i < length_) {
    unsigned last = 0;
    for (std::int32_t k = i; k < length_; ++k) last |= static_cast<unsigned>(bytes[k]) << (k - i);
    bits[i / 8] = static_cast<std::uint8_t>(last);
  }
  bitmap->ZeroPadding();
  return bitmap;
}

Result<std::shared_ptr<arrow::ArrayData>> ColumnBuilder::Finish() {
  auto out = std::make_shared<arrow::ArrayData>(type_, length_, nulls_.size() / 4);
  TRY(auto validity, FinishValidity());
  out->buffers.push_back(std::move(validity));
  if (has_offsets_) {
    TRY(auto offsets, offsets_.Finish());
    out->buffers.push_back(std::move(offsets));
  }
  if (kind_ == ColumnKind::kBool) {
    TRY(auto bools, FinishBools());
    out->buffers.push_back(std::move(bools));
  } else if (width_ != 0 || kind_ == ColumnKind::kString || kind_ == ColumnKind::kBinary) {
    TRY(auto values, values_.Finish());
    out->buffers.push_back(std::move(values));
  }
  for (auto& child : children_) {
    TRY(auto data, child->Finish());
    out->child_data.push_back(std::move(data));
  }
  if (kind_ == ColumnKind::kMap) {
    auto entries =
        std::make_shared<arrow::ArrayData>(type_->field(0)->type(), out->child_data[0]->length, 0);
    entries->buffers.push_back(nullptr);
    entries->child_data = std::move(out->child_data);
    out->child_data = {std::move(entries)};
  }
  return out;
}

}  // namespace sluice
