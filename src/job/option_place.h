/// Where in the job file a mistake is.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"
#include "core/result.h"

namespace sluice {

/// With the place in front, if there is one.
Error AtPlace(const Place& place, Error error);

/// Points an error of a component at the option it names first, or else at the component.
Error AtOption(const Options& options, const std::vector<OptionSpec>& specs, const Place& component,
               const std::string& owner, Error error);

}  // namespace sluice
