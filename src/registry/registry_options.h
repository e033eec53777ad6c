/// How a source names its schema registry, and the registry made of that.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "core/clock.h"
#include "core/options.h"
#include "net/aws_profile.h"
#include "record/registered_schema.h"

namespace sluice {

/// To be declared with the options of a source.
std::vector<OptionSpec> RegistryOptionSpecs();

struct RegistryContext {
  std::stop_token stop = {};  ///< Ends all waiting for the registry, for good.
  const Clock* clock = &Clock::System();
  Environment environment = ProcessEnvironment();
};

/// The registry that `options` name, or null if they name none. Asks nothing yet: a server that is
/// away is found when the first schema is. Errors are the user's, "registry.options", and say which
/// option; none holds a secret.
Result<std::unique_ptr<SchemaFinder>> MakeSchemaFinder(const Options& options,
                                                       const RegistryContext& context = {});

}  // namespace sluice
