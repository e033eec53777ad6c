/// URLs of servers that the job names, taken apart, and what of them may be shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sluice {

/// An absolute http or https URL. User and password are kept apart, so that nothing built from the
/// other parts can show them.
struct Url {
  std::string scheme;  ///< "http" or "https".
  std::string host;    ///< As in a Host header: lower case, IPv6 in brackets.
  int port = 0;        ///< As written, or the scheme's.
  std::string path;    ///< "/" at least; percent-encoded, as written.
  std::string query;   ///< Without "?"; percent-encoded, as written.
  std::string user;    ///< Decoded.
  std::string password;

  /// "host" or "host:port", where the port is not the scheme's: what a Host header says.
  std::string Authority() const;
  /// "https://host:port": all of a URL that messages and logs may show.
  std::string Origin() const;
  /// What to ask for, without user and password.
  std::string Text() const;
  /// The same server and a path below this URL's: `encoded` starts with "/". No query.
  Url Below(std::string_view encoded) const;
};

/// A user's error "net.url" for all else, which does not repeat `text`: it may hold a password.
Result<Url> ParseUrl(std::string_view text);

/// All but letters, digits and -._~ becomes %XX (RFC 3986).
std::string PercentEncode(std::string_view text);
/// The same, and the slashes stay.
std::string PercentEncodePath(std::string_view path);
/// The inverse; a % that no two hex digits follow stays.
std::string PercentDecode(std::string_view text);

}  // namespace sluice
