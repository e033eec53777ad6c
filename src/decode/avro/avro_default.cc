#include "decode/avro/avro_default.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>

#include "decode/convert.h"

namespace sluice {
namespace {

constexpr std::size_t kMaxDefaultBytes = 1 << 20;
constexpr int kMaxDepth = 100;

Error Misfit(const AvroNode& node, const AvroJson& json) {
  return AvroSchemaError("a default of type " + DescribeAvroType(node) + " cannot be " +
                             json.Describe() +
                             (json.is(AvroJson::Kind::kNumber) ? " like this one" : ""),
                         json.place);
}

template <typename T>
void AppendRaw(T value, std::string* out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

/// Bytes are written as text whose characters U+0000 to U+00FF stand for a byte each.
bool BytesOf(std::string_view text, std::string* out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      if (c != 0xc2 && c != 0xc3) return false;
      c = static_cast<unsigned char>((c & 0x03) << 6 |
                                     (static_cast<unsigned char>(text[++i]) & 0x3f));
    }
    out->push_back(static_cast<char>(c));
  }
  return true;
}

bool ReadInteger(const AvroJson& json, std::int64_t* out) {
  if (!json.is(AvroJson::Kind::kNumber)) return false;
  const char* end = json.text.data() + json.text.size();
  const auto read = std::from_chars(json.text.data(), end, *out);
  return read.ec == std::errc() && read.ptr == end;
}

bool ReadReal(const AvroJson& json, double* out) {
  if (json.is(AvroJson::Kind::kNumber)) return ParseDouble(json.text, out) == Conversion::kOk;
  return json.is(AvroJson::Kind::kString) && ParseSpecialDouble(json.text, out) == Conversion::kOk;
}

}  // namespace

void AppendAvroLong(std::int64_t value, std::string* out) {
  auto bits = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  while (bits >= 0x80) {
    out->push_back(static_cast<char>(bits | 0x80));
    bits >>= 7;
  }
  out->push_back(static_cast<char>(bits));
}

void AppendAvroBytes(std::string_view bytes, std::string* out) {
  AppendAvroLong(static_cast<std::int64_t>(bytes.size()), out);
  out->append(bytes);
}

Result<void> AvroDefaultEncoder::Encode(const AvroNode& node, const AvroJson& json,
                                        std::string* out) {
  return EncodeValue(node, json, 0, out);
}

Result<void> AvroDefaultEncoder::Spend(std::size_t bytes, const AvroJson& json) {
  spent_ += bytes + 1;
  if (spent_ <= kMaxDefaultBytes) return {};
  return AvroSchemaError(
      "the defaults of this schema take more than " + std::to_string(kMaxDefaultBytes) + " bytes",
      json.place);
}

Result<void> AvroDefaultEncoder::EncodeValue(const AvroNode& node, const AvroJson& json, int depth,
                                             std::string* out) {
  using Kind = AvroJson::Kind;
  if (depth > kMaxDepth) {
    return AvroSchemaError("a default is nested more than 100 deep", json.place);
  }
  TRY(Spend(json.text.size(), json));
  std::int64_t integer = 0;
  double real = 0;
  switch (node.type) {
    case AvroType::kNull:
      if (!json.is(Kind::kNull)) return Misfit(node, json);
      return {};
    case AvroType::kBoolean:
      if (!json.is(Kind::kTrue) && !json.is(Kind::kFalse)) return Misfit(node, json);
      out->push_back(json.is(Kind::kTrue) ? '\1' : '\0');
      return {};
    case AvroType::kInt:
    case AvroType::kLong:
      if (!ReadInteger(json, &integer)) return Misfit(node, json);
      if (node.is(AvroType::kInt) && (integer < std::numeric_limits<std::int32_t>::min() ||
                                      integer > std::numeric_limits<std::int32_t>::max())) {
        return Misfit(node, json);
      }
      AppendAvroLong(integer, out);
      return {};
    case AvroType::kFloat:
      if (!ReadReal(json, &real)) return Misfit(node, json);
      AppendRaw(static_cast<float>(real), out);
      return {};
    case AvroType::kDouble:
      if (!ReadReal(json, &real)) return Misfit(node, json);
      AppendRaw(real, out);
      return {};
    case AvroType::kBytes:
    case AvroType::kFixed: {
      std::string bytes;
      if (!json.is(Kind::kString) || !BytesOf(json.text, &bytes)) return Misfit(node, json);
      if (node.is(AvroType::kBytes)) {
        AppendAvroBytes(bytes, out);
        return {};
      }
      if (static_cast<std::int64_t>(bytes.size()) != node.size) return Misfit(node, json);
      out->append(bytes);
      return {};
    }
    case AvroType::kString:
      if (!json.is(Kind::kString)) return Misfit(node, json);
      AppendAvroBytes(json.text, out);
      return {};
    case AvroType::kEnum: {
      const auto found = std::find(node.symbols.begin(), node.symbols.end(), json.text);
      if (!json.is(Kind::kString) || found == node.symbols.end()) return Misfit(node, json);
      AppendAvroLong(found - node.symbols.begin(), out);
      return {};
    }
    case AvroType::kArray:
      if (!json.is(Kind::kArray)) return Misfit(node, json);
      if (!json.items.empty()) AppendAvroLong(static_cast<std::int64_t>(json.items.size()), out);
      for (const AvroJson& item : json.items) {
        TRY(EncodeValue(node.item(), item, depth + 1, out));
      }
      AppendAvroLong(0, out);
      return {};
    case AvroType::kMap:
      if (!json.is(Kind::kObject)) return Misfit(node, json);
      if (!json.members.empty()) {
        AppendAvroLong(static_cast<std::int64_t>(json.members.size()), out);
      }
      for (const AvroJsonMember& member : json.members) {
        TRY(Spend(member.name.size(), member.value));
        AppendAvroBytes(member.name, out);
        TRY(EncodeValue(node.item(), member.value, depth + 1, out));
      }
      AppendAvroLong(0, out);
      return {};
    case AvroType::kRecord:
      return EncodeRecord(node, json, depth, out);
    case AvroType::kUnion:
      return EncodeUnion(node, json, depth, out);
  }
  return Misfit(node, json);
}

Result<void> AvroDefaultEncoder::EncodeRecord(const AvroNode& node, const AvroJson& json, int depth,
                                              std::string* out) {
  if (!json.is(AvroJson::Kind::kObject)) return Misfit(node, json);
  for (const AvroField& field : node.fields) {
    if (const AvroJson* given = json.Find(field.name)) {
      TRY(EncodeValue(*field.type, *given, depth + 1, out));
    } else if (field.has_default) {
      TRY(Spend(field.default_value.size(), json));
      out->append(field.default_value);
    } else {
      return AvroSchemaError(
          "this default has no '" + field.name + "', which " + DescribeAvroType(node) + " needs",
          json.place);
    }
  }
  for (const AvroJsonMember& member : json.members) {
    const bool known =
        std::any_of(node.fields.begin(), node.fields.end(),
                    [&](const AvroField& field) { return field.name == member.name; });
    if (!known) {
      return AvroSchemaError(
          "the " + DescribeAvroType(node) + " has no field '" + member.name + "'",
          member.value.place);
    }
  }
  return {};
}

Result<void> AvroDefaultEncoder::EncodeUnion(const AvroNode& node, const AvroJson& json, int depth,
                                             std::string* out) {
  const std::size_t before = out->size();
  for (std::size_t i = 0; i < node.branches.size(); ++i) {
    AppendAvroLong(static_cast<std::int64_t>(i), out);
    if (EncodeValue(*node.branches[i], json, depth + 1, out).ok()) return {};
    out->resize(before);
  }
  return AvroSchemaError(
      std::string("no type of this union can have ") + json.Describe() + " as its default",
      json.place);
}

}  // namespace sluice
