#include "job/tables.h"

#include <arrow/type.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/logging.h"
#include "job/job_options.h"
#include "job/option_place.h"

namespace sluice {
namespace {

constexpr std::chrono::seconds kAgain(1);

Result<SchemaPtr> Declared(const JobTable& table) {
  const RawValue* ddl = table.options.Raw("schema");
  if (ddl == nullptr) return SchemaPtr();
  Result<SchemaPtr> schema = ParseDdl(table.options.String("schema"));
  if (!schema.ok()) {
    return AtPlace(ddl->place, std::move(schema).error().At("table " + table.name));
  }
  if ((*schema)->num_fields() == 0) {
    return AtPlace(ddl->place,
                   UserError("job.schema", "table " + table.name + ": schema names no column"));
  }
  return schema;
}

/// What came by reference is not shown.
std::string LocationOf(const JobTable& table) {
  for (const OptionSpec& spec : table.type->options) {
    const RawValue* raw = table.options.Raw(spec.name);
    if (raw != nullptr && raw->hidden && !spec.secret) return "(by reference)";
  }
  return table.table->location();
}

Result<void> Open(bool wait, JobTable* table) {
  TRY(const SchemaPtr declared, Declared(*table));
  while (true) {
    Result<std::unique_ptr<Table>> opened = table->type->open(table->options, declared);
    if (opened.ok()) {
      table->table = *std::move(opened);
      return {};
    }
    if (!wait || opened.error().retry == Retry::kNo) {
      std::vector<OptionSpec> specs = JoinSpecs(TableOptionSpecs(), table->type->options);
      return AtOption(table->options, specs, table->place,
                      "table " + table->name + " (" + table->type->name + ")",
                      std::move(opened).error());
    }
    LogLimited(LogLevel::kWarn, "table " + table->name, 30,
               "a table cannot be read yet; trying again",
               {{"table", table->name}, {"error", ToString(opened.error())}});
    std::this_thread::sleep_for(kAgain);
  }
}

}  // namespace

Result<void> OpenTables(Job* job, bool wait) {
  for (JobTable& table : job->tables) {
    if (table.table != nullptr) continue;
    TRY(Open(wait, &table));
    Log(LogLevel::kInfo, "a table is read for each epoch",
        {{"table", table.name},
         {"type", table.type->name},
         {"at", LocationOf(table)},
         {"columns", std::to_string(table.table->schema()->num_fields())}});
  }
  return {};
}

const JobTable* FindTable(const Job& job, const std::string& name) {
  auto found = std::find_if(job.tables.begin(), job.tables.end(),
                            [&](const JobTable& table) { return table.name == name; });
  return found == job.tables.end() ? nullptr : &*found;
}

}  // namespace sluice
