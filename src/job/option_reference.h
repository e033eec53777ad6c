/// The reference of all options, from the declarations that validate them.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"
#include "job/parts.h"

namespace sluice {

/// The options of one thing: the job file, all sources, the source `kafka`, ...
struct ReferenceSection {
  std::string kind;  ///< "job", "source", "format", "schema", "table", "transform", "sink",
                     ///< "file format".
  std::string name;  ///< "kafka"; "" for what all of a kind share.
  std::string summary;
  std::vector<OptionSpec> options;

  /// "Source kafka", "Every source", "The job file".
  std::string Title() const;
};

/// In the order of the reference page.
std::vector<ReferenceSection> ReferenceSections(const Parts& parts);

/// "text", "duration", "one of a, b".
std::string TypeText(const OptionSpec& spec);

/// docs/reference/options.md.
std::string ReferenceMarkdown(const std::vector<ReferenceSection>& sections);
/// For a terminal.
std::string ReferenceText(const std::vector<ReferenceSection>& sections);
/// An array of sections.
std::string ReferenceJson(const std::vector<ReferenceSection>& sections);

/// docs/reference/job.schema.json: a JSON schema (draft 7, as editors take it) of the job file.
std::string JobFileSchema(const Parts& parts);

}  // namespace sluice
