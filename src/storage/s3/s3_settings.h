/// What a job says of its S3 server, and where a location lies on it.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"
#include "core/result.h"
#include "net/aws_credentials.h"
#include "net/url.h"

namespace sluice {

/// "s3://bucket/prefix" taken apart. The prefix has no slash at its ends and may be "".
struct S3Place {
  std::string bucket;
  std::string prefix;
  std::string Text() const;
};

/// A user's error "storage.location" for all that cannot be a bucket and a prefix.
Result<S3Place> ParseS3Location(const std::string& location);

struct S3Settings {
  AwsSettings aws;
  std::string region;
  Url server;  ///< With the bucket in its host, unless `path_style`.
  bool path_style = false;
  std::string ca_file;
};

std::vector<OptionSpec> S3OptionSpecs();

/// What `options` leave open comes from where AWS' own tools look for it: AWS_ENDPOINT_URL_S3 and
/// AWS_ENDPOINT_URL, the region of the environment or the profile. Errors are the user's.
Result<S3Settings> MakeS3Settings(const Options& options, const S3Place& place,
                                  const Environment& environment);

}  // namespace sluice
