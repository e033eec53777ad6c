#include "decode/repeated_keys.h"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace sluice {
namespace {

/// Up to so many keys are compared each with each.
constexpr std::int32_t kFewKeys = 16;

}  // namespace

std::vector<bool> FindRepeatedKeys(const ColumnBuilder& keys, std::int32_t from,
                                   std::vector<std::int32_t>* scratch) {
  const auto key_at = [&](std::int32_t i) {
    const std::int32_t begin = keys.OffsetAt(from + i);
    return std::string_view(keys.bytes() + begin,
                            static_cast<std::size_t>(keys.OffsetAt(from + i + 1) - begin));
  };
  const std::int32_t count = keys.length() - from;
  if (count <= kFewKeys) {
    bool differ = true;
    for (std::int32_t i = 1; i < count && differ; ++i) {
      for (std::int32_t k = 0; k < i && differ; ++k) differ = key_at(i) != key_at(k);
    }
    if (differ) return {};
  }
  std::vector<std::int32_t>& order = *scratch;
  order.resize(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const std::string_view left = key_at(a);
    const std::string_view right = key_at(b);
    if (left.size() != right.size()) return left.size() < right.size();
    const int compared = left.compare(right);
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<bool> repeated;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    if (key_at(order[i]) != key_at(order[i + 1])) continue;
    repeated.resize(order.size(), false);
    repeated[static_cast<std::size_t>(order[i])] = true;
  }
  return repeated;
}

}  // namespace sluice
