/// The files that a path names.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace sluice {

struct FilePattern {
  std::string path;        ///< A file, a folder, or a pattern as in the shell.
  bool recursive = false;  ///< Files in folders below count too.
};

/// By name. Of folders and patterns, what begins with '_' or '.' is left out, so that what is still
/// being written can wait under such a name. User errors: there is none ("table.no_file"), or it
/// cannot be looked for.
Result<std::vector<std::string>> ListFiles(const FilePattern& pattern);

}  // namespace sluice
