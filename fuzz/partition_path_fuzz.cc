/// Partition values: never another folder, always the same bytes back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sink/files/partition_path.h"
#include "storage/local/folder_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view value(reinterpret_cast<const char*>(data), size);
  std::string escaped;
  sluice::AppendHiveEscaped(value, &escaped);
  if (sluice::HiveUnescaped(escaped) != value) std::abort();
  const std::string folder = "key=" + escaped;
  if (folder.find('/') != folder.npos) std::abort();
  if (folder.size() <= sluice::kMaxPartitionBytes && !sluice::CheckName(folder).ok()) std::abort();
  // As a whole name too, where "." and ".." would matter.
  if (!escaped.empty() && escaped.size() <= 255 && !sluice::CheckName(escaped).ok()) std::abort();
  static_cast<void>(sluice::HiveUnescaped(value));
  return 0;
}
