/// JSON as a server answered it: it may be anything.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

/// The object in `body`. An error "net.answer" (remote, Retry::kLater: gateways answer with pages
/// of their own while a server is away) for all that is not a JSON object in UTF-8, or is nested
/// deeper than `max_depth`. Never throws.
Result<nlohmann::json> ParseJsonAnswer(std::string_view body, std::size_t max_depth = 16);

/// A text member, or "" if it is missing or no text.
std::string TextMember(const nlohmann::json& object, const char* name);

}  // namespace sluice
