#include "transform/sql/scan_function.h"

#include <algorithm>
#include <string>
#include <utility>

#include "transform/sql/type_map.h"
#include "transform/sql/vector_fill.h"

namespace sluice {
namespace {

struct FunctionInfo {
  ScanRegistry* registry;
  std::size_t input;
};

struct ScanBinding {
  ScanSlot* slot;
  std::size_t input;
};

/// One running scan.
struct ScanState {
  ScanSlot* slot = nullptr;
  std::vector<idx_t> columns;                ///< Of the input's schema; its size is kRowColumn.
  std::shared_ptr<BatchStream> stream;       ///< Empty when row by row.
  std::shared_ptr<arrow::RecordBatch> held;  ///< Keeps `batch` when it came from the stream.
  std::shared_ptr<arrow::RecordBatch>
      held_before;  ///< An operator may still look at the last chunk.
  const arrow::RecordBatch* batch = nullptr;
  std::int64_t next = 0;
  std::int64_t end = 0;
  std::int64_t first_row = 0;  ///< Number of the batch's first row in the stream.
};

template <typename T>
void Delete(void* object) {
  delete static_cast<T*>(object);
}

void BindScan(duckdb_bind_info info) {
  const auto* function = static_cast<FunctionInfo*>(duckdb_bind_get_extra_info(info));
  DuckContext context;
  duckdb_table_function_get_client_context(info, context.Receive());
  ScanSlot* slot = function->registry->Find(context.get());
  if (slot == nullptr || function->input >= slot->inputs.size()) {
    duckdb_bind_set_error(info, "this function is for internal use");
    return;
  }
  for (const auto& field : slot->inputs[function->input]->fields()) {
    const DuckType type = ToDuckType(*field->type());
    if (!type) {
      duckdb_bind_set_error(info, ("column " + field->name() + " has the type " +
                                   field->type()->ToString() + ", which SQL cannot read")
                                      .c_str());
      return;
    }
    duckdb_bind_add_result_column(info, field->name().c_str(), type.get());
  }
  if (slot->with_row) {
    const DuckType type(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
    duckdb_bind_add_result_column(info, std::string(kRowColumn).c_str(), type.get());
  }
  // Unknown in a stream; the same guess for all keeps joins in the order they were written in. What
  // is there as a whole is the side that a join holds, while the rows of a source pass it.
  duckdb_bind_set_cardinality(info, slot->tables[function->input] ? 100'000 : 1'000'000, false);
  duckdb_bind_set_bind_data(info, new ScanBinding{slot, function->input}, Delete<ScanBinding>);
}

void InitScan(duckdb_init_info info) {
  const auto* binding = static_cast<ScanBinding*>(duckdb_init_get_bind_data(info));
  ScanSlot* slot = binding->slot;
  auto state = std::make_unique<ScanState>();
  state->slot = slot;
  const idx_t columns = duckdb_init_get_column_count(info);
  for (idx_t i = 0; i < columns; ++i) {
    state->columns.push_back(duckdb_init_get_column_index(info, i));
  }
  if (slot->batch != nullptr) {
    state->batch = slot->batch;
    state->next = slot->offset;
    state->end = slot->offset + slot->length;
  } else if (!slot->streams.empty()) {
    std::size_t& opened = slot->opened[binding->input];
    if (opened >= slot->streams[binding->input].size()) {
      slot->error = BugError("the query scans an input more often than its plan says");
      duckdb_init_set_error(info, "too many scans");
      return;
    }
    state->stream = slot->streams[binding->input][opened++];
  }
  duckdb_init_set_max_threads(info, 1);
  duckdb_init_set_init_data(info, state.release(), Delete<ScanState>);
}

/// Takes batches from the stream until one has rows. False at the end and on errors.
bool NextBatch(duckdb_function_info info, ScanState* state) {
  while (state->next == state->end) {
    if (state->stream == nullptr) return false;
    auto batch = state->stream->Next();
    if (!batch.ok()) {
      state->slot->error = std::move(batch).error();
      duckdb_function_set_error(info, "the input failed");
      return false;
    }
    if (*batch == nullptr) {
      state->stream = nullptr;
      return false;
    }
    state->first_row += state->end;
    state->held_before = std::move(state->held);
    state->held = *std::move(batch);
    state->batch = state->held.get();
    state->next = 0;
    state->end = state->batch->num_rows();
  }
  return true;
}

void ScanChunk(duckdb_function_info info, duckdb_data_chunk chunk) {
  auto* state = static_cast<ScanState*>(duckdb_function_get_init_data(info));
  if (!NextBatch(info, state)) {
    duckdb_data_chunk_set_size(chunk, 0);
    return;
  }
  const auto capacity = static_cast<std::int64_t>(duckdb_vector_size());
  const std::int64_t count = std::min(capacity, state->end - state->next);
  const auto width = static_cast<idx_t>(state->batch->num_columns());
  for (std::size_t i = 0; i < state->columns.size(); ++i) {
    duckdb_vector out = duckdb_data_chunk_get_vector(chunk, i);
    const idx_t column = state->columns[i];
    if (column < width) {
      const auto& data = *state->batch->column_data(static_cast<int>(column));
      if (!FillVector(data, state->next, count, out)) {
        state->slot->error = BugError("a decimal has more digits than its type allows");
        duckdb_function_set_error(info, "decimal out of range");
        return;
      }
    } else if (column == width && state->slot->with_row) {
      auto* rows = static_cast<std::int64_t*>(duckdb_vector_get_data(out));
      for (std::int64_t r = 0; r < count; ++r) rows[r] = state->first_row + state->next + r;
    }
  }
  duckdb_data_chunk_set_size(chunk, static_cast<idx_t>(count));
  state->next += count;
}

struct NowBinding {
  std::int64_t micros;
};

void* CopyNow(void* binding) { return new NowBinding(*static_cast<NowBinding*>(binding)); }

void BindNow(duckdb_bind_info info) {
  auto* registry = static_cast<ScanRegistry*>(duckdb_scalar_function_bind_get_extra_info(info));
  DuckContext context;
  duckdb_scalar_function_get_client_context(info, context.Receive());
  const ScanSlot* slot = registry->Find(context.get());
  duckdb_scalar_function_set_bind_data(info, new NowBinding{slot == nullptr ? 0 : slot->now_micros},
                                       Delete<NowBinding>);
  duckdb_scalar_function_set_bind_data_copy(info, CopyNow);
}

void Now(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  const auto* binding = static_cast<NowBinding*>(duckdb_scalar_function_get_bind_data(info));
  auto* out = static_cast<std::int64_t*>(duckdb_vector_get_data(output));
  const idx_t rows = std::max<idx_t>(duckdb_data_chunk_get_size(input), 1);
  for (idx_t i = 0; i < rows; ++i) out[i] = binding->micros;
}

}  // namespace

Result<void> ScanRegistry::RegisterFunctions(duckdb_connection connection) {
  for (std::size_t i = 0; i < kMaxSqlInputs; ++i) {
    duckdb_table_function function = duckdb_create_table_function();
    const std::string name = std::string(kReservedPrefix) + "_scan" + std::to_string(i);
    duckdb_table_function_set_name(function, name.c_str());
    duckdb_table_function_set_extra_info(function, new FunctionInfo{this, i}, Delete<FunctionInfo>);
    duckdb_table_function_set_bind(function, BindScan);
    duckdb_table_function_set_init(function, InitScan);
    duckdb_table_function_set_function(function, ScanChunk);
    duckdb_table_function_supports_projection_pushdown(function, true);
    const duckdb_state state = duckdb_register_table_function(connection, function);
    duckdb_destroy_table_function(&function);
    if (state != DuckDBSuccess) return BugError("DuckDB refused the table function " + name);
  }
  duckdb_scalar_function function = duckdb_create_scalar_function();
  const std::string name = std::string(kReservedPrefix) + "_now";
  duckdb_scalar_function_set_name(function, name.c_str());
  const DuckType type(duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ));
  duckdb_scalar_function_set_return_type(function, type.get());
  duckdb_scalar_function_set_extra_info(function, this, nullptr);
  duckdb_scalar_function_set_bind(function, BindNow);
  duckdb_scalar_function_set_function(function, Now);
  const duckdb_state state = duckdb_register_scalar_function(connection, function);
  duckdb_destroy_scalar_function(&function);
  if (state != DuckDBSuccess) return BugError("DuckDB refused the function " + name);
  return {};
}

idx_t ScanRegistry::Id(duckdb_connection connection) {
  DuckContext context;
  duckdb_connection_get_client_context(connection, context.Receive());
  return duckdb_client_context_get_connection_id(context.get());
}

void ScanRegistry::Add(duckdb_connection connection, ScanSlot* slot) {
  const idx_t id = Id(connection);
  const std::lock_guard lock(mutex_);
  slots_[id] = slot;
}

void ScanRegistry::Remove(duckdb_connection connection) {
  const idx_t id = Id(connection);
  const std::lock_guard lock(mutex_);
  slots_.erase(id);
}

ScanSlot* ScanRegistry::Find(duckdb_client_context context) {
  const idx_t id = duckdb_client_context_get_connection_id(context);
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : found->second;
}

}  // namespace sluice
