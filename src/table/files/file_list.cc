#include "table/files/file_list.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace sluice {
namespace {

namespace fs = std::filesystem;

bool IsHidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('_') || name.starts_with('.');
}

Error CannotList(const std::string& path, const std::error_code& failure) {
  return UserError("table.path", "path " + path + " cannot be read: " + failure.message());
}

/// What lies in a folder, folders of hidden names left out.
Result<void> AddFolder(const fs::path& folder, bool recursive, std::vector<std::string>* files) {
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    if (IsHidden(entry->path())) continue;
    std::error_code gone;
    if (entry->is_regular_file(gone)) files->push_back(entry->path().string());
    if (recursive && entry->is_directory(gone) && !entry->is_symlink(gone)) {
      TRY(AddFolder(entry->path(), recursive, files));
    }
  }
  if (failure) return CannotList(folder.string(), failure);
  return {};
}

bool IsPattern(const std::string& path) { return path.find_first_of("*?[") != std::string::npos; }

/// What the pattern matches, and what lies in the folders that it matches.
Result<void> AddMatches(const FilePattern& pattern, std::vector<std::string>* files) {
  glob_t found{};
  const int failed = glob(pattern.path.c_str(), GLOB_ERR | GLOB_NOSORT, nullptr, &found);
  std::vector<fs::path> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (failed != 0 && failed != GLOB_NOMATCH) {
    return UserError("table.path", "path " + pattern.path + " cannot be looked through");
  }
  for (const fs::path& path : paths) {
    if (IsHidden(path)) continue;
    std::error_code gone;
    if (fs::is_directory(path, gone)) {
      TRY(AddFolder(path, pattern.recursive, files));
    } else if (fs::is_regular_file(path, gone)) {
      files->push_back(path.string());
    }
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> ListFiles(const FilePattern& pattern) {
  std::vector<std::string> files;
  std::error_code failure;
  const fs::file_status status = fs::status(pattern.path, failure);
  if (fs::is_regular_file(status)) return std::vector{pattern.path};
  if (fs::is_directory(status)) {
    TRY(AddFolder(pattern.path, pattern.recursive, &files));
  } else if (IsPattern(pattern.path)) {
    TRY(AddMatches(pattern, &files));
  } else if (failure && failure != std::errc::no_such_file_or_directory) {
    return CannotList(pattern.path, failure);
  } else {
    return UserError("table.no_file", "path " + pattern.path + " does not exist");
  }
  if (files.empty()) {
    return UserError("table.no_file",
                     "path " + pattern.path +
                         " leads to no file; names that begin with _ or . are "
                         "left out" +
                         (pattern.recursive ? ""
                                            : ", and files in folders below count only with "
                                              "recursiveFileLookup: true"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace sluice
