#include "job/fake_parts.h"

#include <arrow/type.h>

namespace sluice {
namespace {

class EmptyTable : public Table {
 public:
  explicit EmptyTable(SchemaPtr schema) : schema_(std::move(schema)) {}
  const SchemaPtr& schema() const override { return schema_; }
  std::string location() const override { return "the shelf"; }
  Result<std::unique_ptr<TableReader>> Read(Stopped) const override {
    return BugError("nothing reads it in these tests");
  }

 private:
  SchemaPtr schema_;
};

}  // namespace

std::unique_ptr<Parts> FakeParts() {
  auto parts = std::make_unique<Parts>();
  SourceEntry queue;
  queue.name = "queue";
  queue.options = {{.name = "bootstrap.servers", .required = true},
                   {.name = "topicName", .required = true, .aliases = {"subscribe"}},
                   {.name = "sasl.password", .secret = true},
                   {.name = "kafka.*"}};
  parts->sources.Add(queue);
  SourceEntry folder_source;
  folder_source.name = "folder";
  folder_source.options = {{.name = "path", .required = true}};
  parts->sources.Add(folder_source);
  FormatEntry text;
  text.name = "text";
  text.options = {{.name = "separator", .default_value = ","}};
  parts->formats.Add(text);
  TableEntry shelf;
  shelf.name = "shelf";
  shelf.options = {{.name = "path", .required = true}, {.name = "password", .secret = true}};
  shelf.open = [](const Options& options, SchemaPtr declared) -> Result<std::unique_ptr<Table>> {
    if (options.String("path") == "none") return UserError("table.no_file", "path none is not");
    if (declared == nullptr) declared = arrow::schema({arrow::field("id", arrow::int64())});
    return std::unique_ptr<Table>(std::make_unique<EmptyTable>(std::move(declared)));
  };
  parts->tables.Add(shelf);
  SinkEntry folder;
  folder.name = "folder";
  folder.options = {{.name = "path", .required = true},
                    {.name = "keys", .type = OptionType::kList},
                    {.name = "token", .secret = true}};
  parts->sinks.Add(folder);

  StorageEntry disk;
  disk.name = "file";
  disk.normal = [](const std::string& path) { return Result<std::string>(path); };
  parts->storages.Add(disk);
  return parts;
}

}  // namespace sluice
