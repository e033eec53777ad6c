/// A file being staged in a local storage, and the calls that read and write files whole.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/local/folder_tree.h"
#include "storage/storage.h"

namespace sluice {

/// Creates the file, which must be new. `tree` outlives the writer.
Result<std::unique_ptr<StagedWriter>> OpenStagedFile(FolderTree* tree,
                                                     const std::string& staged_name,
                                                     const std::string& final_name);

/// `path` is for messages.
Result<void> WriteAll(int fd, std::string_view bytes, const std::string& path);
/// Reads up to `size` bytes from the beginning, in parts; an error if there are fewer.
Result<void> ReadAll(int fd, std::size_t size, const std::string& path,
                     const std::function<void(std::string_view)>& use);
/// Fsync. On failure the file must be discarded.
Result<void> SyncFile(int fd, const std::string& path);

}  // namespace sluice
