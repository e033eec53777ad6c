/// A folder of files as a stream: every file that arrives is read once, by lines or as a whole.
///
/// For jobs without a broker, and for tests. Files must arrive whole, by rename or link, and stay
/// as they are; names with a part that begins with '_' or '.' are ignored. The folder is one split,
/// "."; its positions are described in files_position.h.
#pragma once

#include "source/source.h"

namespace sluice {

/// `type: files`.
SourceEntry FilesSourceEntry();

}  // namespace sluice
