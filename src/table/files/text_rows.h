/// Rows of text files, by the decoders that read sources.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "decode/decoder.h"
#include "table/files/text_chunks.h"
#include "table/table.h"

namespace sluice {

/// What text files are read with; shared by a table's readers.
struct TextFormat {
  const FormatEntry* entry = nullptr;
  Options options;  ///< Of the format.
  TextForm form;
};

/// The columns that all rows of `files` fill, as a source would detect them. User errors: a row
/// cannot be read, or none tells.
Result<SchemaPtr> DetectTextSchema(const TextFormat& format, const std::vector<std::string>& files);

Result<std::unique_ptr<TableReader>> ReadText(const TextFormat& format,
                                              std::vector<std::string> files, SchemaPtr schema,
                                              Table::Stopped stopped);

}  // namespace sluice
