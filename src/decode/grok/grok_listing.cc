#include "decode/grok_listing.h"

#include <algorithm>

#include "decode/grok/grok_library.h"

namespace sluice {

std::vector<ListedGrokPattern> ListGrokPatterns(bool ecs) {
  std::vector<ListedGrokPattern> all;
  for (const GrokDefinition& definition :
       (ecs ? GrokLibrary::Ecs() : GrokLibrary::Legacy()).definitions()) {
    all.push_back({std::string(definition.name), std::string(definition.regex),
                   std::string(definition.file)});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace sluice
