/// Files in a local folder or on S3, exactly once under a plain listing.
///
/// A file becomes
///   [city=Berlin/]part-<8 of the checkpoint id>-<epoch, 10 digits>-<attempt>-<n><extension>
/// In a local folder it is staged as `_staging/<checkpoint id>/<sink>/<epoch>/<attempt>/<n>`
/// beneath the target and published by a hard link; on S3 it is staged as an upload to its final
/// name. Names that begin with `_` or `.` are not data, as every reader has it. Partition columns
/// are in the path only, as Hive writes them (partition_path.h); a row whose value is too long for
/// it is refused.
///
/// Options: the entry declares its own and those of all formats. A format's option is typed and
/// checked against that format's own declaration once `format` is known; one that belongs to other
/// formats only is a user error. Options of several formats with one name are listed once, with
/// each format's help and choices.
///
/// `Make` does no I/O; Probe creates the folder. A sink made without a schema can only Commit,
/// Forget and Sweep; Commit goes to the folder its token names, wherever the job writes by now.
///
/// Error codes: "files.partition_key", "files.path", "files.format", "files.option",
/// "files.token_format", and the storage's (storage/local/local_storage.h, storage/s3/) and the
/// encoder's.
#pragma once

#include "encode/encoder.h"
#include "sink/sink.h"
#include "storage/storage_entry.h"

namespace sluice {

/// Both registries are complete by now and outlive the entry and its sinks.
SinkEntry FilesSinkEntry(const EncoderRegistry* encoders, const StorageRegistry* storages);

}  // namespace sluice
