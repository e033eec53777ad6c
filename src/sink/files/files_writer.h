/// An attempt of the files sink at one epoch: rows into staged files, by partition.
///
/// Memory and pace: while files are open their rows wait in memory for a row group to be written,
/// all of them together at most `memory_bytes`; and at most about 6 MiB encoded (more with many
/// open files), so that nearly all of an epoch has been staged when its trigger fires. Past either,
/// the biggest is flushed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/options.h"
#include "encode/encoder.h"
#include "sink/files/commit_token.h"
#include "sink/sink.h"
#include "storage/storage.h"

namespace sluice {

struct FilesWriterSettings {
  std::shared_ptr<Storage> storage;
  const EncoderEntry* encoder = nullptr;
  Options encoder_options;
  SchemaPtr schema;
  std::vector<std::string> partition_keys;
  bool open_columns = false;  ///< See SinkContext.
  std::int64_t target_file_size = 0;
  std::size_t max_open_partitions = 0;
  std::size_t memory_bytes = 0;
  CommitToken token;  ///< Of this attempt: all but `files`.
};

/// Destroyed before Prepare has succeeded, it removes what it staged; afterwards it leaves it,
/// since the decision may name it (Sink::Sweep collects what none does).
Result<std::unique_ptr<SinkWriter>> OpenFilesWriter(FilesWriterSettings settings);

}  // namespace sluice
