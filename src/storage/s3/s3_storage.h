/// Storage on an S3 server: the objects of a bucket whose keys begin with a prefix.
///
/// Slots of a log are objects put under the condition that there is none yet (If-None-Match: *),
/// each with a write id of its own, so that a put whose answer was lost is recognised as one's own.
/// Staged files are multipart uploads to their final keys (s3_upload.h); publishing completes them.
/// Probe removes what probes of killed processes have left, an hour on.
/// An upload that is gone counts as published only if the object is there with its write id and
/// size; else it has expired or was given up, which stops the job. Nothing is decided by listing
/// but which slots of a log there are.
///
/// Failpoints, beside those of s3_upload.h: M3 some uploads of an epoch are completed and others
/// are not; M4 (error) the answer to a completion is lost; M7 (error) the answer to a slot's put.
///
/// Errors: those of s3_client.h, "storage.unfit" (what Probe found missing; user),
/// "storage.conflict", "storage.staged_missing", "storage.name", "storage.too_large",
/// "storage.full" (spool folder), "storage.too_many_files".
#pragma once

#include "storage/storage_entry.h"

namespace sluice {

StorageEntry S3StorageEntry();

}  // namespace sluice
