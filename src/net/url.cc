#include "net/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace sluice {
namespace {

using Handle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

/// A part of the URL; "" if it has none.
std::string Part(const Handle& handle, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle.get(), part, &text, flags) != CURLUE_OK) return "";
  std::string out = text;
  curl_free(text);
  return out;
}

Error BadUrl() { return UserError("net.url", "a URL has to look like https://host:port/path"); }

}  // namespace

std::string Url::Authority() const {
  const int usual = scheme == "https" ? 443 : 80;
  return port == usual ? host : host + ":" + std::to_string(port);
}

std::string Url::Origin() const { return scheme + "://" + Authority(); }

std::string Url::Text() const { return Origin() + path + (query.empty() ? "" : "?" + query); }

Url Url::Below(std::string_view encoded) const {
  Url below = *this;
  while (below.path.ends_with('/')) below.path.pop_back();
  below.path += encoded;
  below.query.clear();
  return below;
}

Result<Url> ParseUrl(std::string_view text) {
  Handle handle(curl_url(), &curl_url_cleanup);
  const std::string copy(text);
  // A space or a control character in a URL is a mistake, and would be one in the request too.
  for (const char c : copy) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return BadUrl();
  }
  if (handle == nullptr ||
      curl_url_set(handle.get(), CURLUPART_URL, copy.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK) {
    return BadUrl();
  }
  Url url;
  url.scheme = Part(handle, CURLUPART_SCHEME);
  url.host = Part(handle, CURLUPART_HOST);
  for (char& c : url.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const std::string port = Part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty() || port.empty()) {
    return BadUrl();
  }
  url.port = std::stoi(port);
  url.path = Part(handle, CURLUPART_PATH);
  if (url.path.empty()) url.path = "/";
  url.query = Part(handle, CURLUPART_QUERY);
  url.user = Part(handle, CURLUPART_USER, CURLU_URLDECODE);
  url.password = Part(handle, CURLUPART_PASSWORD, CURLU_URLDECODE);
  return url;
}

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string PercentEncodePath(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    out += PercentEncode(path.substr(0, slash));
    path.remove_prefix(slash);
    if (!path.empty()) {
      out += '/';
      path.remove_prefix(1);
    }
  }
  return out;
}

std::string PercentDecode(std::string_view text) {
  const auto nibble = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && nibble(text[i + 1]) >= 0 &&
        nibble(text[i + 2]) >= 0) {
      out += static_cast<char>(nibble(text[i + 1]) << 4 | nibble(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace sluice
