/// Schemas as a step gives them: every column nullable, no metadata, canonical names of list and
/// map parts. SQL knows neither NOT NULL nor comments, and a step without SQL must give the same
/// schema.
#pragma once

#include <arrow/array.h>
#include <arrow/type_fwd.h>

#include <memory>

#include "record/schema.h"

namespace sluice {

std::shared_ptr<arrow::DataType> RelaxType(const std::shared_ptr<arrow::DataType>& type);
std::shared_ptr<arrow::Field> RelaxField(const std::string& name, const arrow::Field& field);

/// The same values under `type`, which is RelaxType of the array's own. Copies no values.
std::shared_ptr<arrow::Array> WithRelaxedType(const std::shared_ptr<arrow::Array>& array,
                                              const std::shared_ptr<arrow::DataType>& type);

}  // namespace sluice
