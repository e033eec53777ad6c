#include "sink/files/files_options.h"

#include <arrow/util/utf8.h>

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

std::vector<OptionSpec> OwnSpecs(const EncoderRegistry& encoders) {
  OptionSpec path;
  path.name = "path";
  path.help =
      "The folder the files go to, on a local disk (created if missing; staged files lie in its "
      "_staging) or on S3: s3://bucket/folder.";
  path.example = "./lake/clicks";
  path.required = true;
  OptionSpec format;
  format.name = "format";
  format.default_value = "parquet";
  format.help = "How rows are written.";
  format.example = "parquet";
  format.choices = encoders.names();
  OptionSpec keys;
  keys.name = "partitionKeys";
  keys.type = OptionType::kList;
  keys.help = "Columns whose values become Hive folders (city=Berlin/). They are not in the files.";
  keys.example = "[city]";
  OptionSpec size;
  size.name = "targetFileSize";
  size.type = OptionType::kBytes;
  size.default_value = "128 MiB";
  size.help = "A file ends at about this size, and at the end of each epoch.";
  size.example = "512 MiB";
  size.min = 1;
  size.max = std::int64_t{64} << 30;  // What parts of an upload to S3 come to, and some room.
  OptionSpec delay;
  delay.name = "maxDelay";
  delay.type = OptionType::kDuration;
  delay.default_value = "0";
  delay.help =
      "Rows of epochs too small for a file of targetFileSize wait in the checkpoint for those of "
      "the next ones, so long at most; 0: each epoch becomes files of its own.";
  delay.example = "10 minutes";
  delay.min = 0;
  OptionSpec open;
  open.name = "maxOpenPartitions";
  open.type = OptionType::kInt;
  open.default_value = "1000";
  open.help = "Files open at once; beyond it the least recently written one ends.";
  open.example = "200";
  open.min = 1;
  OptionSpec storage;
  storage.name = "storage";
  storage.type = OptionType::kMap;
  storage.secret = true;  // Some of its entries are.
  storage.help = "How to reach `path`, instead of what the job's `storage` says.";
  storage.example = "{endpoint: https://minio.example:9000}";
  return {path, format, keys, size, delay, open, storage};
}

const OptionSpec* FindSpec(const std::vector<OptionSpec>& specs, const std::string& name) {
  auto it = std::find_if(specs.begin(), specs.end(),
                         [&](const OptionSpec& spec) { return spec.name == name; });
  return it == specs.end() ? nullptr : &*it;
}

/// The place in front, where there is one.
Error AtOption(const Options& options, const std::string& name, Error error) {
  const RawValue* raw = options.Raw(name);
  if (raw == nullptr || raw->place.line == 0) return error;
  return std::move(error).At(raw->place.ToString());
}

Result<std::string> NormalPath(const Options& options, const StorageRegistry& storages) {
  const std::string path = options.String("path");
  arrow::util::InitializeUTF8();
  if (path.empty() || path.find('\0') != path.npos ||
      !arrow::util::ValidateUTF8(reinterpret_cast<const std::uint8_t*>(path.data()),
                                 static_cast<std::int64_t>(path.size()))) {
    return AtOption(options, "path",
                    UserError("files.path", "the path is empty or not valid UTF-8"));
  }
  auto normal = NormalLocation(storages, path);
  if (!normal.ok()) return AtOption(options, "path", std::move(normal).error());
  return normal;
}

}  // namespace

std::vector<OptionSpec> FilesOptionSpecs(const EncoderRegistry& encoders) {
  std::vector<OptionSpec> specs = OwnSpecs(encoders);
  const std::size_t own = specs.size();
  for (const auto& [format, entry] : encoders.entries()) {
    for (OptionSpec spec : entry.options) {
      spec.required = false;
      std::string choices;
      for (const std::string& choice : spec.choices)
        choices += (choices.empty() ? "" : ", ") + choice;
      spec.help = format + ": " + spec.help;
      if (!choices.empty()) spec.help += " One of " + choices + ".";
      if (!spec.default_value.empty()) spec.help += " Default " + spec.default_value + ".";
      auto same = std::find_if(specs.begin() + static_cast<std::ptrdiff_t>(own), specs.end(),
                               [&](const OptionSpec& other) { return other.name == spec.name; });
      if (same == specs.end()) {
        specs.push_back(std::move(spec));
        continue;
      }
      same->help += " " + spec.help;
      if (same->default_value != spec.default_value) same->default_value.clear();
      if (same->type != spec.type) same->type = OptionType::kString;
      same->min.reset();
      same->max.reset();
      for (std::string& choice : spec.choices) {
        if (std::find(same->choices.begin(), same->choices.end(), choice) == same->choices.end()) {
          same->choices.push_back(std::move(choice));
        }
      }
    }
  }
  return specs;
}

Result<FilesOptions> ParseFilesOptions(const Options& options, const EncoderRegistry& encoders,
                                       const StorageRegistry& storages, const RawOptions& storage,
                                       const std::string& owner) {
  FilesOptions parsed;
  TRY(parsed.path, NormalPath(options, storages));
  const RawValue* own = options.Raw("storage");
  parsed.storage = own == nullptr ? storage : own->entries;
  TRY(Options checked, ParseOptions(StorageOptionSpecs(storages), parsed.storage,
                                    own == nullptr ? "storage" : owner + ": storage"));
  const std::string format = options.String("format");
  TRY(parsed.encoder, encoders.Find(format));
  parsed.partition_keys = options.List("partitionKeys");
  parsed.target_file_size = *options.Int("targetFileSize");
  parsed.max_delay_micros = *options.Int("maxDelay");
  parsed.max_open_partitions = static_cast<std::size_t>(*options.Int("maxOpenPartitions"));

  RawOptions raw;
  for (const auto& [other, entry] : encoders.entries()) {
    for (const OptionSpec& spec : entry.options) {
      if (!options.Given(spec.name)) continue;
      if (FindSpec(parsed.encoder->options, spec.name) == nullptr) {
        return AtOption(
            options, spec.name,
            UserError("files.option", owner + ": option '" + spec.name + "' is for format " +
                                          other + ", not for " + format));
      }
      if (&entry == parsed.encoder) raw.push_back({spec.name, *options.Raw(spec.name)});
    }
  }
  TRY(parsed.encoder_options,
      ParseOptions(parsed.encoder->options, raw, owner + " (format " + format + ")"));
  return parsed;
}

}  // namespace sluice
