// AvroReader: values that no column wants. Lengths, counts and indexes are checked, for what
// follows depends on them; what the values are is not.
#include "decode/avro/avro_reader.h"
#include "decode/avro/avro_varint.h"

namespace sluice {
namespace {

/// Of recursive data: each level takes a frame or two of the stack.
constexpr int kMaxSkipDepth = 1000;

}  // namespace

AvroReader::Bytes AvroReader::SkipLong(Bytes p) {
  std::int64_t value;
  const Bytes next = ReadAvroLong(p, end_, &value);
  return next != nullptr ? next : MalformedInteger(p, true);
}

AvroReader::Bytes AvroReader::SkipFixed(Bytes p, std::int64_t size) {
  return end_ - p >= size ? p + size : Malformed(p, "the data ends within a value");
}

AvroReader::Bytes AvroReader::Skip(const AvroNode& node, Bytes p, int depth) {
  if (depth > kMaxSkipDepth) {
    return OverLimit(p, "limit.depth",
                     "data is nested more than " + std::to_string(kMaxSkipDepth) + " deep");
  }
  std::int64_t number = 0;
  const Bytes at = p;
  switch (node.type) {
    case AvroType::kNull:
      // Nothing to read, but a schema can ask for it very often.
      return Spend(1) ? p : Overspent(p);
    case AvroType::kBoolean:
      return SkipFixed(p, 1);
    case AvroType::kFloat:
      return SkipFixed(p, 4);
    case AvroType::kDouble:
      return SkipFixed(p, 8);
    case AvroType::kFixed:
      if (!Spend(1)) return Overspent(p);
      return SkipFixed(p, node.size);
    case AvroType::kInt:
    case AvroType::kLong:
    case AvroType::kEnum:
      return SkipLong(p);
    case AvroType::kBytes:
    case AvroType::kString:
      p = ReadLength(p, &number);
      return p == nullptr ? nullptr : p + number;
    case AvroType::kRecord:
      if (!Spend(1)) return Overspent(p);
      for (const AvroField& field : node.fields) {
        if ((p = Skip(*field.type, p, depth + 1)) == nullptr) return nullptr;
      }
      return p;
    case AvroType::kArray:
    case AvroType::kMap:
      return SkipItems(node, p, depth);
    case AvroType::kUnion:
      if ((p = ReadAvroLong(p, end_, &number)) == nullptr) return MalformedInteger(at, true);
      if (static_cast<std::uint64_t>(number) >= node.branches.size()) {
        return Malformed(at, "a union of " + std::to_string(node.branches.size()) +
                                 " types has no type with this index");
      }
      return Skip(*node.branches[static_cast<std::size_t>(number)], p, depth + 1);
  }
  return p;
}

AvroReader::Bytes AvroReader::SkipItems(const AvroNode& node, Bytes p, int depth) {
  std::int64_t items = 0;
  for (;;) {
    std::int64_t count;
    Bytes behind;
    // Of an item's least size nothing is known here.
    if ((p = ReadBlockHead(p, kSkipped, items, &count, &behind)) == nullptr) return nullptr;
    if (count == 0) return p;
    if (!Spend(count)) return Overspent(p);
    items += count;
    if (behind != nullptr) {
      p = behind;
      continue;
    }
    for (; count > 0; --count) {
      if (node.is(AvroType::kMap)) {
        std::int64_t size;
        if ((p = ReadLength(p, &size)) == nullptr) return nullptr;
        p += size;
      }
      if ((p = Skip(node.item(), p, depth + 1)) == nullptr) return nullptr;
    }
  }
}

}  // namespace sluice
