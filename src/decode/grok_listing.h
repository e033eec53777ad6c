/// The names that a grok pattern may use: what `sluice grok --list` prints. The format itself is in
/// decode/grok/.
#pragma once

#include <string>
#include <vector>

namespace sluice {

struct ListedGrokPattern {
  std::string name;
  std::string regex;  ///< As defined, with references.
  std::string file;   ///< Of the library: "firewalls".
};

/// All built-in patterns of the library `legacy` or, if `ecs`, of that with the Elastic Common
/// Schema's names; by name.
std::vector<ListedGrokPattern> ListGrokPatterns(bool ecs);

}  // namespace sluice
