/// The lists that S3 answers with, page by page.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/s3/s3_client.h"

namespace sluice {

struct S3Object {
  std::string key;
  std::int64_t size = 0;
  std::int64_t time = 0;  ///< Of its last change, microseconds since 1970; 0 if it is not told.
};

struct S3OpenUpload {
  std::string key;
  std::string id;
  std::int64_t time = 0;  ///< Of its begin, likewise.
};

/// ListObjectsV2 of all keys that begin with `prefix`, in the server's order.
Result<void> ListS3Objects(S3Client* client, const std::string& prefix,
                           const std::function<void(S3Object)>& visit);

/// ListMultipartUploads, likewise.
Result<void> ListS3Uploads(S3Client* client, const std::string& prefix,
                           const std::function<void(S3OpenUpload)>& visit);

/// One page of either, as the server answered it. `next` is the query for the page after it, empty
/// if there is none. For the above and their tests.
using S3Query = std::vector<std::pair<std::string, std::string>>;
Result<S3Query> ReadS3ObjectPage(std::string_view body, const std::function<void(S3Object)>& visit);
Result<S3Query> ReadS3UploadPage(std::string_view body,
                                 const std::function<void(S3OpenUpload)>& visit);

}  // namespace sluice
