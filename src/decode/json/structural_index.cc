#include "decode/json/structural_index.h"

#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kLeastCapacity = 16 << 10;
constexpr std::size_t kKeptCapacity = 1 << 20;  // 4 bytes of index for each byte of message

}  // namespace

struct StructuralIndex::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

StructuralIndex::StructuralIndex() : impl_(std::make_unique<Impl>()) {}
StructuralIndex::~StructuralIndex() = default;

StructuralIndex::Outcome StructuralIndex::Build(const char* data, std::size_t size) {
  auto& parser = impl_->parser;
  if (size == 0) return Outcome::kEmpty;
  if (parser == nullptr || parser->capacity() < size) {
    std::size_t capacity = std::max(size, kLeastCapacity);
    if (parser != nullptr && capacity <= kKeptCapacity) {
      capacity = std::max(capacity, 2 * parser->capacity());
    }
    parser.reset();
    // The depth is stage 2's, which is not used; 1 is the least.
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(
            capacity, 1, parser) != simdjson::SUCCESS) {
      parser.reset();
      return Outcome::kNoMemory;
    }
  }
  switch (parser->stage1(reinterpret_cast<const std::uint8_t*>(data), size,
                         simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS:
      break;
    case simdjson::EMPTY:
      return Outcome::kEmpty;
    case simdjson::UNESCAPED_CHARS:
      return Outcome::kControl;
    case simdjson::UNCLOSED_STRING:
      return Outcome::kUnclosed;
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
      return Outcome::kNoMemory;
    default:
      return Outcome::kUtf8;
  }
  // Stage 1 leaves room for three entries more than there are bytes.
  parser->structural_indexes[parser->n_structural_indexes] = static_cast<std::uint32_t>(size);
  return Outcome::kOk;
}

const std::uint32_t* StructuralIndex::begin() const {
  return impl_->parser->structural_indexes.get();
}
const std::uint32_t* StructuralIndex::end() const {
  return begin() + impl_->parser->n_structural_indexes;
}

void StructuralIndex::Trim() {
  if (impl_->parser != nullptr && impl_->parser->capacity() > kKeptCapacity) impl_->parser.reset();
}

const char* StructuralIndex::Implementation() {
  static const std::string name = simdjson::get_active_implementation()->name();
  return name.c_str();
}

}  // namespace sluice
