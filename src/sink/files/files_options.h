/// The options of the files sink, its formats' included (see files_sink.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "encode/encoder.h"
#include "storage/storage_entry.h"

namespace sluice {

struct FilesOptions {
  std::string path;    ///< In its storage's normal form.
  RawOptions storage;  ///< Of the sink's own map `storage`, or the job's.
  const EncoderEntry* encoder = nullptr;
  Options encoder_options;
  std::vector<std::string> partition_keys;
  std::int64_t target_file_size = 0;
  std::int64_t max_delay_micros = 0;
  std::size_t max_open_partitions = 0;
};

std::vector<OptionSpec> FilesOptionSpecs(const EncoderRegistry& encoders);

/// `options` were parsed against FilesOptionSpecs. `owner` names the sink in messages.
Result<FilesOptions> ParseFilesOptions(const Options& options, const EncoderRegistry& encoders,
                                       const StorageRegistry& storages, const RawOptions& storage,
                                       const std::string& owner);

}  // namespace sluice
