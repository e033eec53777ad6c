/// The options that belong to the job file itself and not to a source, format or sink.
///
/// Declared like theirs, so that `sluice describe`, the reference pages and the JSON schema have
/// them.
#pragma once

#include <vector>

#include "core/options.h"

namespace sluice {

/// At the root of the file.
const std::vector<OptionSpec>& JobOptionSpecs();
/// Of every source, whatever its type.
const std::vector<OptionSpec>& SourceOptionSpecs();
/// Of every table, whatever its type.
const std::vector<OptionSpec>& TableOptionSpecs();
/// Of every entry of `transforms`.
const std::vector<OptionSpec>& TransformOptionSpecs();
/// Of every sink, whatever its type.
const std::vector<OptionSpec>& SinkOptionSpecs();

bool Declares(const std::vector<OptionSpec>& specs, const std::string& name);

/// `first` and then what `second` adds: an option declared in both is `first`'s.
std::vector<OptionSpec> JoinSpecs(std::vector<OptionSpec> first,
                                  const std::vector<OptionSpec>& second);

}  // namespace sluice
