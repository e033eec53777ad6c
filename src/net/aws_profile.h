/// The files in which AWS' tools keep credentials and settings, ~/.aws/credentials and config.
///
/// Format: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

/// Gives an environment variable, "" if it is not set.
using Environment = std::function<std::string(const std::string& name)>;

/// The process' own.
Environment ProcessEnvironment();

/// Settings of one profile, by name in lower case.
using AwsProfile = std::map<std::string, std::string>;

/// All of the file at `path`, without the white space at its end; nullopt if it cannot be read or
/// is larger than a file of settings would be.
std::optional<std::string> ReadSettingsFile(const std::string& path);

/// What `text` says of profile `name`; empty if nothing. In the config file the headings of all but
/// `default` say "profile NAME". Lines that are no settings, and nested ones, are passed over.
AwsProfile ParseAwsProfile(std::string_view text, const std::string& name, bool config_file);

/// `name`, or AWS_PROFILE, or "default", from the files that AWS_CONFIG_FILE and
/// AWS_SHARED_CREDENTIALS_FILE name or those in ~/.aws; the credentials file wins. Empty if there
/// is no such profile and nobody asked for one; else that is a user's error "aws.profile".
Result<AwsProfile> FindAwsProfile(const std::string& name, const Environment& environment);

}  // namespace sluice
