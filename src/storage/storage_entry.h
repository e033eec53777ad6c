/// Kinds of storage as the list in src/main/ knows them, and how a location finds its kind.
///
/// A location is a path, or begins with a scheme: "s3://bucket/folder". What the map `storage` of a
/// job, or of one of its sinks, says holds for whichever kind has an option of that name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/registry.h"
#include "core/result.h"
#include "storage/storage.h"

namespace sluice {

struct StorageUse {
  bool create = false;          ///< Makes what is missing of the folder.
  bool owner_only = false;      ///< A checkpoint: nobody else may read or write it.
  std::string spool_directory;  ///< For bytes on their way; "": the system's temporary folder.
};

struct StorageEntry {
  std::string name;  ///< The scheme, "s3"; "file" is also that of plain paths.
  std::string summary;
  std::vector<OptionSpec> options;  ///< Of the map `storage`.
  /// The one form of `location` that messages and decisions have; a user's error if it is none.
  std::function<Result<std::string>(const std::string& location)> normal;
  /// `location` need not be in normal form. Asks no server yet.
  std::function<Result<std::unique_ptr<Storage>>(const std::string& location, const Options&,
                                                 const StorageUse&)>
      open;
};
using StorageRegistry = Registry<StorageEntry>;

/// True for locations that name a scheme, but for "file".
bool IsRemote(const std::string& location);

/// The location of `folder` within `location`.
std::string LocationBelow(const std::string& location, const std::string& folder);

/// Of the map `storage`: those of all kinds.
std::vector<OptionSpec> StorageOptionSpecs(const StorageRegistry& kinds);

Result<std::string> NormalLocation(const StorageRegistry& kinds, const std::string& location);

/// `settings` are the entries of the map `storage`, and `owner` is whose they are, for messages.
Result<std::unique_ptr<Storage>> OpenStorage(const StorageRegistry& kinds,
                                             const RawOptions& settings, const std::string& owner,
                                             const std::string& location, const StorageUse& use);

}  // namespace sluice
