/// Tables that are files: Parquet, CSV, JSON lines.
#pragma once

#include "decode/decoder.h"
#include "table/table.h"

namespace sluice {

/// The table `files`. Text is read by those of `formats` called csv and json; `formats` is filled
/// already, and outlives the entry.
TableEntry FilesTableEntry(const FormatRegistry* formats);

}  // namespace sluice
