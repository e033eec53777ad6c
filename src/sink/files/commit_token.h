/// What a files sink hands to the decision: which staged files become visible under which names.
///
/// JSON: {"format":1,"root":"/lake/clicks","staging":"_staging/<id>/lake/12/3.1",
///        "name":"part-1a2b3c4d-0000000012-3.1-","extension":".snappy.parquet",
///        "files":[["city=Berlin",8123,3735928559],...]}
/// File n of the list was staged as "<staging>/n" and becomes "<folder>/<name>n<extension>"; the
/// numbers are its size and its CRC-32C. A fourth value is the storage's receipt, if it gave one.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "storage/storage.h"

namespace sluice {

struct CommitToken {
  std::string root;
  std::string staging;
  std::string name;
  std::string extension;
  struct File {
    std::string folder;  ///< "" is the root.
    std::int64_t size = 0;
    std::uint32_t crc32c = 0;
    std::string receipt = {};
  };
  std::vector<File> files;

  StagedFile staged_file(std::size_t n) const;
  std::vector<StagedFile> staged_files() const;
  std::string ToJson() const;
  /// A bug-blamed error for anything that ToJson did not write.
  static Result<CommitToken> FromJson(const std::string& json);
};

}  // namespace sluice
