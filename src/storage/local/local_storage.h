/// Storage in a folder of a local file system.
///
/// A name is visible only when its file is whole and durable: bytes are written under another name,
/// fsynced, then linked (never renamed), and the folder is fsynced, with every parent whose own
/// name is not known to be durable yet. An fsync that failed is never repeated on the same file: a
/// file is discarded and may be written again; a folder stops the job, and the next start goes on
/// from the log. Symbolic links beneath the root are not followed. Temporary names begin with
/// ".tmp-" and are never listed; those that a killed process left are removed by a later Probe, an
/// hour on at the earliest.
///
/// Failpoints (core/failpoint.h), at which a kill must lose nothing:
///   F1  a temporary or staged file holds part of its bytes
///   F2  before the fsync of a file (1st, 3rd, ... arrival) and after it (2nd, 4th, ...)
///   F3  a new folder was made, its parent not fsynced
///   F4  a staged file was linked under its final name, its folder not fsynced
///   F5  the final name exists already
///   F6  (error) staging lies on another device than the target: Probe refuses
///   F7  (error) each call that can meet a full or broken disk
///   F8  (error) the fsync of a file
///
/// Errors name the path. "storage.full" (no space, quota; Retry::kLater), "storage.io" (kLater),
/// "storage.fsync" (a file: kLater; a folder: kNo), "storage.unknown" (kLater, see storage.h),
/// "storage.denied" (permissions; user), "storage.path" (a link or file where a folder must be;
/// user), "storage.root_gone" (the folder was removed while in use; user), "storage.name" (a bug of
/// the caller), "storage.too_many_files" (kLater), "storage.conflict", "storage.staged_missing",
/// "storage.staged_damaged" and "storage.unfit" (what Probe found missing; user).
#pragma once

#include <memory>
#include <string>

#include "storage/storage.h"
#include "storage/storage_entry.h"

namespace sluice {

enum class LocalAccess {
  kByUmask,    ///< Data: 0666 and 0777 less the umask.
  kOwnerOnly,  ///< Checkpoints: 0600 and 0700. A folder or file that others own or may write is
               ///< refused.
};

/// Opens `path`; with `create`, makes it and its missing parents. A user error if it is no folder.
/// The folder is held open: if it is removed or replaced, calls fail instead of writing to another
/// one.
Result<std::unique_ptr<Storage>> OpenLocalStorage(const std::string& path, bool create,
                                                  LocalAccess access = LocalAccess::kByUmask);

/// For the list in src/main/: it has no options.
StorageEntry LocalStorageEntry();

}  // namespace sluice
