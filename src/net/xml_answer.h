/// XML as a server answered it: it may be anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sluice {

struct XmlElement {
  std::string name;  ///< Without a prefix: namespaces are not looked at. Nor are attributes.
  std::string text;  ///< All text directly in it.
  std::vector<XmlElement> children;

  /// The first child of that name, or null.
  const XmlElement* Child(std::string_view child) const;
  /// Its text, or "" if there is none.
  std::string ChildText(std::string_view child) const;
};

/// The root of the document in `body`. An error "net.answer" (remote, Retry::kLater, as in
/// json_answer.h) for all that is not well-formed, has a document type (so that there are no
/// entities to expand) or is nested deeper than `max_depth`.
Result<XmlElement> ParseXmlAnswer(std::string_view body, std::size_t max_depth = 16);

}  // namespace sluice
