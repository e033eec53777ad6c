/// A file being staged on S3: a multipart upload to its final name, invisible until completed.
///
/// Bytes go to a nameless file in the spool folder; parts of kPartBytes are sent from there by the
/// pool while the next ones are written, and their place on the disk is given back. A file of less
/// than a part costs two calls here and one when it is published.
///
/// Receipt: {"upload":"<upload id>","id":"<write id>","parts":["<etag>",...]}; the write id is in
/// the object's metadata (x-amz-meta-sluice-id), by which it is recognised later.
///
/// Failpoints: M1 the upload was created, M2 a part was sent; both can fail as if the answer were
/// lost.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/s3/s3_client.h"
#include "storage/s3/upload_pool.h"
#include "storage/storage.h"

namespace sluice {

inline constexpr std::int64_t kPartBytes = 8 << 20;
/// S3's own bound.
inline constexpr std::size_t kMaxParts = 10'000;
inline constexpr char kWriteIdHeader[] = "x-amz-meta-sluice-id";

struct S3Receipt {
  std::string upload;
  std::string write_id;
  std::vector<std::string> parts;

  std::string ToJson() const;
  /// A bug-blamed error for anything that ToJson did not write.
  static Result<S3Receipt> FromJson(const std::string& json);
};

/// `client` and `pool` outlive the writer. `key` is the object's; destroyed unfinished, the upload
/// is given up.
Result<std::unique_ptr<StagedWriter>> OpenS3Upload(S3Client* client, UploadPool* pool,
                                                   const std::string& key,
                                                   const std::string& final_name,
                                                   const std::string& spool_directory);

/// Gives an upload up. One that does not exist is no error.
Result<void> AbortS3Upload(S3Client* client, const std::string& key, const std::string& upload);

}  // namespace sluice
