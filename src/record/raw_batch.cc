#include "record/raw_batch.h"

#include <arrow/array.h>

namespace sluice {

Result<std::vector<std::shared_ptr<arrow::Array>>> RawBatch::ExtraColumns(
    const std::vector<std::uint32_t>&) const {
  return std::vector<std::shared_ptr<arrow::Array>>{};
}

}  // namespace sluice
