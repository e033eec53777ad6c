/// Base64 (RFC 4648 section 4, with padding) for bytes in JSON.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

std::string Base64Encode(std::string_view bytes);
/// A user error for anything that is not canonical base64.
Result<std::string> Base64Decode(std::string_view text);

}  // namespace sluice
