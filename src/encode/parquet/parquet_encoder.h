/// Parquet files, through Arrow's writer.
///
/// Rows are kept as Arrow batches until a row group is due (`blockSize` encoded bytes, or Flush),
/// then encoded column by column: faster than Arrow's buffered row groups and with less memory
/// beside the rows (bench/parquet_bench.cc). The file holds nothing but standard Parquet: no Arrow
/// schema; timestamps in UTC microseconds (isAdjustedToUTC), lists in three levels with `element`,
/// maps as `key_value`, decimals as fixed bytes. Names, types and nullability are those of the
/// schema.
///
/// A column has a dictionary as long as that stays under `dictionaryPageSize`; 32 KiB rather than
/// the usual 1 MiB halves the time spent on columns whose values hardly repeat, for files a few per
/// cent larger.
#pragma once

#include "encode/encoder.h"

namespace sluice {

EncoderEntry ParquetEncoderEntry();

}  // namespace sluice
