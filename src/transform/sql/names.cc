#include "transform/sql/names.h"

#include <arrow/type.h>

namespace sluice {

std::string LowerName(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

int FindColumn(const arrow::Schema& schema, std::string_view name) {
  const std::string lower = LowerName(name);
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (LowerName(schema.field(i)->name()) == lower) return i;
  }
  return -1;
}

}  // namespace sluice
