/// Everything a job can be built from: the registries and the makers that src/main/ fills.
///
/// The job loader knows interfaces only; this is how the built-in sources, formats, tables, sinks
/// and the SQL engine reach it. Filled once at start, read-only afterwards, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/result.h"
#include "decode/decoder.h"
#include "decode/framing.h"
#include "encode/encoder.h"
#include "sink/sink.h"
#include "source/source.h"
#include "storage/storage_entry.h"
#include "table/table.h"
#include "transform/transform.h"

namespace sluice {

/// Turns one statement into a step. Errors about the statement are user errors whose message begins
/// with "line L, column C: " (both from 1, within the statement) where DuckDB tells.
using SqlCompiler = std::function<Result<std::shared_ptr<Transform>>(
    const std::string& sql, const std::vector<InputSchema>& inputs)>;

/// What the SQL engine of one job may use.
struct SqlLimits {
  std::size_t memory_bytes = 128u << 20;
  std::string spill_directory;  ///< Made when it is needed.
  std::int64_t max_spill_bytes = 10ll << 30;
};

/// One tuple of ApplyMapping: (source, source type, target, target type), (source, target, target
/// type) or (source, target). Dotted paths, back-ticks.
using MappingTuple = std::vector<std::string>;

struct Parts {
  SourceRegistry sources{"source"};
  FormatRegistry formats{"format"};
  TableRegistry tables{"table"};
  SinkRegistry sinks{"sink"};
  EncoderRegistry encoders{"file format"};
  StorageRegistry storages{"storage"};
  /// Of sources whose format a registry has schemas for: FramingOptionSpecs and the registry's own.
  std::vector<OptionSpec> registry_options;
  MakeFinder make_schema_finder;
  /// The engine lives as long as the compiler or a step made by it.
  std::function<Result<SqlCompiler>(const SqlLimits&)> open_sql;
  std::function<Result<std::shared_ptr<Transform>>(const std::vector<MappingTuple>&,
                                                   const InputSchema&)>
      make_mapping;
};

}  // namespace sluice
