#include "storage/s3/s3_settings.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

Error NoPlace(const std::string& location, const std::string& why) {
  return UserError("storage.location", "'" + location + "' is no place on S3: " + why);
}

/// The rules of S3's own buckets, and underscores and capitals, which other servers allow.
bool IsBucketName(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 && name.front() != '.' && name.back() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

OptionSpec Spec(std::string name, std::string help, std::string example) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.help = std::move(help);
  spec.example = std::move(example);
  return spec;
}

}  // namespace

std::string S3Place::Text() const {
  return "s3://" + bucket + (prefix.empty() ? "" : "/" + prefix);
}

Result<S3Place> ParseS3Location(const std::string& location) {
  const std::size_t scheme = location.find("://");
  if (scheme == std::string::npos) return NoPlace(location, "it has no scheme");
  std::string rest = location.substr(scheme + 3);
  while (rest.ends_with('/')) rest.pop_back();
  S3Place place;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  place.bucket = rest.substr(0, slash);
  if (!IsBucketName(place.bucket)) {
    return NoPlace(location, "a bucket's name has 3 to 255 letters, digits, '-', '.' or '_'");
  }
  if (slash < rest.size()) place.prefix = rest.substr(slash + 1);
  for (std::size_t begin = 0; begin < place.prefix.size();) {
    const std::size_t end = std::min(place.prefix.find('/', begin), place.prefix.size());
    const std::string part = place.prefix.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") {
      return NoPlace(location,
                     "parts that are empty, '.' or '..' mean different things to "
                     "different readers");
    }
    begin = end + 1;
  }
  if (place.prefix.size() > 512) return NoPlace(location, "it is longer than 512 bytes");
  return place;
}

std::vector<OptionSpec> S3OptionSpecs() {
  std::vector<OptionSpec> specs = {
      Spec("endpoint",
           "S3: URL of the server. Without it AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or Amazon's "
           "own of the region.",
           "https://minio.example:9000"),
      Spec("region",
           "S3: the bucket's region. Without it AWS_REGION, AWS_DEFAULT_REGION or the profile's; "
           "with an endpoint of your own us-east-1 will do for most servers.",
           "eu-west-1"),
      Spec("pathStyle",
           "S3: whether the bucket stands in the path instead of the host's name. Without it, true "
           "for an endpoint of your own.",
           "true"),
      Spec("accessKeyId",
           "S3: credentials of the job's own. Without them they are looked for where AWS' tools "
           "look: environment, web identity, profile, container, machine.",
           "${ENV:LAKE_KEY_ID}"),
      Spec("secretAccessKey", "S3: belongs to accessKeyId.", "${ENV:LAKE_SECRET}"),
      Spec("sessionToken", "S3: belongs to accessKeyId, where it does not last.",
           "${ENV:LAKE_TOKEN}"),
      Spec("profile", "S3: a profile of the shared AWS files.", "lake"),
      Spec("roleArn", "S3: a role that is assumed in the name of whatever credentials are found.",
           "arn:aws:iam::123456789012:role/lake"),
      Spec("externalId", "S3: given when roleArn is assumed.", "sluice"),
      Spec("caFile", "S3: a PEM file with the authorities to trust instead of the system's.",
           "/etc/ssl/minio.pem"),
  };
  for (OptionSpec& spec : specs) {
    if (spec.name == "pathStyle") spec.type = OptionType::kBool;
    spec.secret =
        spec.name == "accessKeyId" || spec.name == "secretAccessKey" || spec.name == "sessionToken";
  }
  return specs;
}

Result<S3Settings> MakeS3Settings(const Options& options, const S3Place& place,
                                  const Environment& environment) {
  S3Settings settings;
  settings.aws = {options.String("accessKeyId"),  options.String("secretAccessKey"),
                  options.String("sessionToken"), options.String("profile"),
                  options.String("region"),       options.String("roleArn"),
                  options.String("externalId")};
  settings.ca_file = options.String("caFile");
  std::string endpoint = options.String("endpoint");
  if (endpoint.empty()) endpoint = environment("AWS_ENDPOINT_URL_S3");
  if (endpoint.empty()) endpoint = environment("AWS_ENDPOINT_URL");
  auto region = AwsCredentialsChain(settings.aws, nullptr, environment).Region();
  if (!region.ok()) {
    const bool found_none = settings.aws.region.empty() && settings.aws.profile.empty();
    if (endpoint.empty() || !found_none) return std::move(region).error();
    region = std::string("us-east-1");
  }
  settings.region = *std::move(region);
  settings.aws.region = settings.region;
  settings.path_style = !endpoint.empty();
  if (endpoint.empty()) {
    const char* suffix =
        settings.region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
    endpoint = "https://s3." + settings.region + suffix;
  }
  if (options.Given("pathStyle")) settings.path_style = options.Bool("pathStyle");
  TRY(settings.server, ParseUrl(endpoint));
  if (!settings.server.user.empty() || !settings.server.query.empty()) {
    return UserError("storage.endpoint",
                     "the S3 endpoint must be a URL without user and query; credentials go to "
                     "accessKeyId and secretAccessKey");
  }
  // A host's name has no capitals, and certificates do not cover names with more dots.
  const bool fits_host = std::none_of(place.bucket.begin(), place.bucket.end(), [](char c) {
    return c == '.' || c == '_' || (c >= 'A' && c <= 'Z');
  });
  if (!fits_host) settings.path_style = true;
  if (!settings.path_style) settings.server.host = place.bucket + "." + settings.server.host;
  while (settings.server.path.ends_with('/')) settings.server.path.pop_back();
  return settings;
}

}  // namespace sluice
