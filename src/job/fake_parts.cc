#include "job/fake_parts.h"

namespace sluice {

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
  SinkEntry folder;
  folder.name = "folder";
  folder.options = {{.name = "path", .required = true},
                    {.name = "keys", .type = OptionType::kList},
                    {.name = "token", .secret = true}};
  parts->sinks.Add(folder);
  return parts;
}

}  // namespace sluice
