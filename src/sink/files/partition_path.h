/// Hive partition folders: `city=Berlin/day=2026-11-23`.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// What stands for null, and for the empty string as Hive and Spark write it; both read back as
/// null.
inline constexpr std::string_view kHiveDefaultPartition = "__HIVE_DEFAULT_PARTITION__";

/// The longest `name=value`, encoded, that becomes a folder. File systems allow 255 bytes a name
/// and S3 1,024 a key; a longer one is refused row by row.
inline constexpr std::size_t kMaxPartitionBytes = 255;
inline constexpr std::size_t kMaxPartitionPathBytes = 1024;

/// Appends `text` as Hive escapes it (FileUtils.escapePathName): %XX for controls, DEL and
/// "#%'*/:=?\{[]^ and the double quote; whole names "." and ".." too. Bytes above 0x7f stay.
void AppendHiveEscaped(std::string_view text, std::string* out);

/// The inverse.
std::string HiveUnescaped(std::string_view text);

}  // namespace sluice
