#include "main/built_in_parts.h"

#include "decode/avro/avro_format.h"
#include "decode/csv/csv_format.h"
#include "decode/framing.h"
#include "decode/grok/grok_format.h"
#include "decode/json/json_format.h"
#include "encode/avro/avro_encoder.h"
#include "encode/csv/csv_encoder.h"
#include "encode/json/json_encoder.h"
#include "encode/orc/orc_encoder.h"
#include "encode/parquet/parquet_encoder.h"
#include "registry/registry_options.h"
#include "sink/console/console_sink.h"
#include "sink/files/files_sink.h"
#include "source/files/files_source.h"
#include "source/kafka/kafka_source_entry.h"
#include "storage/local/local_storage.h"
#include "storage/s3/s3_storage.h"
#include "table/files/files_table.h"
#include "table/postgresql/postgresql_table.h"
#include "transform/mapping/mapping_transform.h"
#include "transform/sql/sql_engine.h"

namespace sluice {
namespace {

Result<SqlCompiler> OpenSql(const SqlLimits& limits) {
  SqlEngine::Settings settings;
  settings.memory = static_cast<std::int64_t>(limits.memory_bytes);
  settings.spool_directory = limits.spill_directory;
  settings.max_spool = limits.max_spill_bytes;
  TRY(std::shared_ptr<SqlEngine> engine, SqlEngine::Make(settings));
  return SqlCompiler([engine](const std::string& sql, const std::vector<InputSchema>& inputs) {
    return MakeSqlTransform(engine, sql, inputs);
  });
}

void Fill(Parts* parts) {
  parts->formats.Add(AvroFormat());
  parts->formats.Add(CsvFormat());
  parts->formats.Add(GrokFormat());
  parts->formats.Add(JsonFormat());

  parts->sources.Add(FilesSourceEntry());
  parts->sources.Add(KafkaSourceEntry());

  parts->tables.Add(FilesTableEntry(&parts->formats));
  parts->tables.Add(PostgresqlTableEntry());

  parts->encoders.Add(AvroEncoderEntry());
  parts->encoders.Add(CsvEncoderEntry());
  parts->encoders.Add(JsonEncoderEntry());
  parts->encoders.Add(OrcEncoderEntry());
  parts->encoders.Add(ParquetEncoderEntry());

  parts->storages.Add(LocalStorageEntry());
  parts->storages.Add(S3StorageEntry());

  parts->sinks.Add(ConsoleSinkEntry());
  parts->sinks.Add(FilesSinkEntry(&parts->encoders, &parts->storages));

  parts->registry_options = RegistryOptionSpecs();
  for (OptionSpec& spec : FramingOptionSpecs()) parts->registry_options.push_back(std::move(spec));
  parts->make_schema_finder = [](const Options& options, std::stop_token stop) {
    RegistryContext context;
    context.stop = std::move(stop);
    return MakeSchemaFinder(options, context);
  };
  parts->open_sql = OpenSql;
  parts->make_mapping = MakeMappingTransform;
}

}  // namespace

const Parts& BuiltInParts() {
  // Never destroyed: threads of libraries may outlive main.
  static const Parts* const parts = [] {
    auto* filled = new Parts;
    Fill(filled);
    return filled;
  }();
  return *parts;
}

}  // namespace sluice
