#include "decode/avro/avro_schema.h"

#include <array>
#include <unordered_set>

namespace sluice {
namespace {

constexpr const char* kTypeNames[] = {"null",   "boolean", "int",    "long",   "float",
                                      "double", "bytes",   "string", "record", "enum",
                                      "array",  "map",     "union",  "fixed"};

/// CRC-64-AVRO: the polynomial is also the value that an empty text has.
constexpr std::uint64_t kEmpty = 0xc15d213aa4d7a795;

constexpr std::array<std::uint64_t, 256> MakeTable() {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) {
    std::uint64_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = value >> 1 ^ (kEmpty & (0 - (value & 1)));
    }
    table[i] = value;
  }
  return table;
}

constexpr std::array<std::uint64_t, 256> kTable = MakeTable();

/// Names and symbols are of letters, digits, '_' and '.': nothing in them needs an escape.
void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  *out += text;
  *out += '"';
}

void AppendCanonical(const AvroNode& node, std::unordered_set<const AvroNode*>* defined,
                     std::string* out) {
  const char* type = kTypeNames[static_cast<int>(node.type)];
  if (node.has_name()) {
    if (!defined->insert(&node).second) {
      AppendQuoted(node.name, out);
      return;
    }
    *out += "{\"name\":";
    AppendQuoted(node.name, out);
    *out += ",\"type\":";
    AppendQuoted(type, out);
  }
  switch (node.type) {
    case AvroType::kRecord:
      *out += ",\"fields\":[";
      for (const AvroField& field : node.fields) {
        if (&field != node.fields.data()) *out += ',';
        *out += "{\"name\":";
        AppendQuoted(field.name, out);
        *out += ",\"type\":";
        AppendCanonical(*field.type, defined, out);
        *out += '}';
      }
      *out += "]}";
      break;
    case AvroType::kEnum:
      *out += ",\"symbols\":[";
      for (const std::string& symbol : node.symbols) {
        if (&symbol != node.symbols.data()) *out += ',';
        AppendQuoted(symbol, out);
      }
      *out += "]}";
      break;
    case AvroType::kFixed:
      *out += ",\"size\":" + std::to_string(node.size) + "}";
      break;
    case AvroType::kArray:
    case AvroType::kMap:
      *out += "{\"type\":";
      AppendQuoted(type, out);
      *out += node.is(AvroType::kArray) ? ",\"items\":" : ",\"values\":";
      AppendCanonical(node.item(), defined, out);
      *out += '}';
      break;
    case AvroType::kUnion:
      *out += '[';
      for (std::size_t i = 0; i < node.branches.size(); ++i) {
        if (i > 0) *out += ',';
        AppendCanonical(*node.branches[i], defined, out);
      }
      *out += ']';
      break;
    default:
      AppendQuoted(type, out);
  }
}

}  // namespace

std::string AvroSchema::CanonicalForm() const {
  std::string out;
  std::unordered_set<const AvroNode*> defined;
  AppendCanonical(*root_, &defined, &out);
  return out;
}

std::uint64_t AvroSchema::Fingerprint() const {
  std::uint64_t value = kEmpty;
  for (const char c : CanonicalForm()) {
    value = value >> 8 ^ kTable[(value ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return value;
}

AvroNode* AvroSchema::Add(AvroType type) {
  nodes_.emplace_back();
  nodes_.back().type = type;
  return &nodes_.back();
}

std::string_view AvroShortName(std::string_view full_name) {
  return full_name.substr(full_name.rfind('.') + 1);
}

std::string DescribeAvroType(const AvroNode& node) {
  std::string out = kTypeNames[static_cast<int>(node.type)];
  if (node.has_name() && !node.name.empty()) out += " " + node.name;
  return out;
}

}  // namespace sluice
