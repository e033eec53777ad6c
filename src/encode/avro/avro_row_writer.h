/// Rows of Arrow columns as Avro datums: a flat list of instructions, one for each column and what
/// it is made of, made once for a schema and bound to the buffers of each batch.
#pragma once

#include <arrow/record_batch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "encode/avro/avro_bytes.h"
#include "record/schema.h"

namespace sluice {

/// One thread. Allocates nothing for a row but what `out` needs to grow.
class AvroRowWriter {
 public:
  /// REQUIRES: the schema was checked (avro_written_schema.h).
  AvroRowWriter(const arrow::Schema& schema, bool logical_types);

  /// `rows` must live until the next call.
  Result<void> Bind(const arrow::RecordBatch& rows);
  void Append(std::int64_t row, AvroBytes* out);

 private:
  enum class Op : std::uint8_t {
    kBoolean,
    kInt8,
    kInt16,
    kInt32,
    kInt64,
    kFloat,
    kDouble,
    kBytes,
    kDecimal,
    kDecimalText,
    kDateText,
    kTimestampText,
    kStruct,  ///< The fields follow.
    kList,    ///< The element follows.
    kMap,     ///< Key and value follow.
  };
  struct Step {
    Op op = Op::kBoolean;
    bool nullable = false;
    bool utc = false;         ///< kTimestampText
    std::int32_t scale = 0;   ///< kDecimalText
    std::uint32_t after = 0;  ///< Behind all that it is made of.
    // Of the batch:
    std::int64_t offset = 0;
    std::int64_t shift = 0;  ///< kMap: where its entries begin.
    const std::uint8_t* validity = nullptr;
    const std::uint8_t* values = nullptr;
    const std::int32_t* offsets = nullptr;
  };

  void Add(const arrow::DataType& type, bool nullable, bool logical_types);
  std::uint32_t BindStep(const arrow::ArrayData& data, std::uint32_t at);
  std::uint32_t AppendStep(std::uint32_t at, std::int64_t row, AvroBytes* out);
  void AppendText(const Step& step, std::int64_t index, AvroBytes* out);

  std::vector<Step> steps_;
  std::string text_;  ///< Scratch.
};

}  // namespace sluice
