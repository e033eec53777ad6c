/// The rules by which a bucket removes objects and uploads by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/s3/s3_client.h"

namespace sluice {

/// A rule in force, of those that can take something away from a job.
struct LifecycleRule {
  std::string id;
  std::string prefix;     ///< Of keys; "" is all.
  int expires_days = 0;   ///< Objects; 0: never. A date counts as 1.
  int gives_up_days = 0;  ///< Uploads that are not completed; 0: never.
};

/// Of a GetBucketLifecycleConfiguration. Rules that hold only for some tags or sizes count.
Result<std::vector<LifecycleRule>> ReadLifecycle(std::string_view body);

/// Logs a warning for each rule that would remove objects below the client's place, where they are
/// slots of a log (`checkpoint`), or give up what is staged there within a week. Silent where the
/// rules cannot be asked for.
void WarnOfLifecycle(S3Client* client, bool checkpoint);

}  // namespace sluice
