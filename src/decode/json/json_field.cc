#include "decode/json/json_field.h"

#include <arrow/type.h>

#include <algorithm>
#include <bit>

namespace sluice {
namespace {

/// What a name looks like in JSON only if nothing in it must be escaped.
bool IsRawComparable(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  });
}

std::vector<std::string> ChildNames(const ColumnBuilder& column, std::size_t hidden) {
  std::vector<std::string> names;
  if (column.kind() == ColumnKind::kStruct) {
    for (const auto& field : column.type()->fields()) names.push_back(field->name());
    names.resize(names.size() - hidden);
  }
  return names;
}

}  // namespace

JsonKeys::JsonKeys(const std::vector<std::string>& names) {
  const std::size_t count = names.size();
  raw_.resize(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    quoted_.push_back(names[i] + '"');
    longest_ = std::max(longest_, names[i].size());
    Raw& raw = raw_[i];
    if (!IsRawComparable(names[i])) {
      MatchNothing(&raw);
      continue;
    }
    raw.size = quoted_[i].size();
    char bytes[16] = {};
    char mask[16] = {};
    std::memcpy(bytes, quoted_[i].data(), std::min<std::size_t>(16, raw.size));
    std::memset(mask, 0xff, std::min<std::size_t>(16, raw.size));
    std::memcpy(&raw.low, bytes, 8);
    std::memcpy(&raw.high, bytes + 8, 8);
    std::memcpy(&raw.low_mask, mask, 8);
    std::memcpy(&raw.high_mask, mask + 8, 8);
  }
  MatchNothing(&raw_[count]);
  for (std::size_t i = 0; i <= count; ++i) after_.push_back(static_cast<std::uint32_t>(i));
  if (count == 0) return;
  table_.assign(std::bit_ceil(4 * count), kNone);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t slot = Hash(names[i]) & (table_.size() - 1);
    while (table_[slot] != kNone) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = static_cast<std::uint32_t>(i);
  }
}

/// No key begins with a control character: stage 1 refuses them.
void JsonKeys::MatchNothing(Raw* raw) {
  const char bytes[8] = {1};
  std::memcpy(&raw->low, bytes, 8);
  std::memset(&raw->low_mask, 0xff, 8);
}

/// The length and up to sixteen bytes at the ends are enough to spread a schema's names.
std::size_t JsonKeys::Hash(std::string_view name) {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  std::size_t part = std::min<std::size_t>(8, name.size());
  std::memcpy(&head, name.data(), part);
  std::memcpy(&tail, name.data() + name.size() - part, part);
  std::uint64_t mixed = (head ^ std::rotl(tail, 29) ^ name.size()) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(mixed ^ mixed >> 32);
}

std::uint32_t JsonKeys::MatchNearEnd(std::uint32_t expected, const char* p, const char* end) const {
  const std::size_t size = raw_[expected].size;
  if (size == 0 || static_cast<std::size_t>(end - p) < size) return kNone;
  return std::memcmp(p, quoted_[expected].data(), size) == 0 ? expected : kNone;
}

std::uint32_t JsonKeys::Find(std::uint32_t previous, std::string_view name) {
  if (name.size() > longest_ || table_.empty()) return kNone;
  for (std::size_t slot = Hash(name) & (table_.size() - 1); table_[slot] != kNone;
       slot = (slot + 1) & (table_.size() - 1)) {
    const std::string& known = quoted_[table_[slot]];
    if (known.size() == name.size() + 1 &&
        std::memcmp(known.data(), name.data(), name.size()) == 0) {
      after_[previous + 1] = table_[slot];
      return table_[slot];
    }
  }
  return kNone;
}

JsonField::JsonField(ColumnBuilder* column, std::size_t hidden)
    : column(column),
      kind(column->kind()),
      nullable(column->nullable()),
      keys(ChildNames(*column, hidden)) {
  if (kind == ColumnKind::kDecimal) {
    const auto& decimal = static_cast<const arrow::DecimalType&>(*column->type());
    precision = decimal.precision();
    scale = decimal.scale();
  }
  const std::size_t count = column->num_children() - hidden;
  children.reserve(count);
  for (std::size_t i = 0; i < count; ++i) children.emplace_back(column->child(i));
}

void JsonField::LinkChildren() {
  for (JsonField& child : children) {
    child.parent = this;
    child.LinkChildren();
  }
}

}  // namespace sluice
