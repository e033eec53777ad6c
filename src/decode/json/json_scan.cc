#include "decode/json/json_scan.h"

#include <cstring>

namespace sluice {
namespace {

/// The four hex digits at p, or -1. REQUIRES: p + 4 <= end is checked by the caller.
int Hex4(const char* p) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    char c = p[i];
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

std::size_t EncodeUtf8(std::uint32_t code, char* out) {
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = static_cast<char>(0xc0 | code >> 6);
    out[1] = static_cast<char>(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = static_cast<char>(0xe0 | code >> 12);
    out[1] = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out[2] = static_cast<char>(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | code >> 18);
  out[1] = static_cast<char>(0x80 | (code >> 12 & 0x3f));
  out[2] = static_cast<char>(0x80 | (code >> 6 & 0x3f));
  out[3] = static_cast<char>(0x80 | (code & 0x3f));
  return 4;
}

/// Reads `\uXXXX`, or a pair of them, whose backslash is at p. Returns its length, 0 if it is bad.
std::size_t ReadUnicode(const char* p, const char* end, std::uint32_t* code) {
  if (end - p < 6) return 0;
  int first = Hex4(p + 2);
  if (first < 0) return 0;
  *code = static_cast<std::uint32_t>(first);
  if (first < 0xd800 || first > 0xdfff) return 6;
  if (first > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u') return 0;
  int second = Hex4(p + 8);
  if (second < 0xdc00 || second > 0xdfff) return 0;
  *code = 0x10000 + ((*code - 0xd800) << 10) + (static_cast<std::uint32_t>(second) - 0xdc00);
  return 12;
}

char SimpleEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

}  // namespace

std::size_t UnescapeJson(const char* begin, const char* end, char* out, const char** where) {
  std::size_t written = 0;
  const char* p = begin;
  char discarded[4];
  while (p != end) {
    const void* found = std::memchr(p, '\\', static_cast<std::size_t>(end - p));
    const char* escape = found != nullptr ? static_cast<const char*>(found) : end;
    auto plain = static_cast<std::size_t>(escape - p);
    if (out != nullptr) std::memcpy(out + written, p, plain);
    written += plain;
    if (escape == end) break;
    *where = escape;
    if (end - escape < 2) return kBadEscape;
    char* target = out != nullptr ? out + written : discarded;
    if (escape[1] == 'u') {
      std::uint32_t code = 0;
      std::size_t length = ReadUnicode(escape, end, &code);
      if (length == 0) return kBadEscape;
      written += EncodeUtf8(code, target);
      p = escape + length;
    } else {
      char c = SimpleEscape(escape[1]);
      if (c == '\0') return kBadEscape;
      *target = c;
      ++written;
      p = escape + 2;
    }
  }
  return written;
}

const char* DescribeJson(char first) {
  switch (first) {
    case '"':
      return "a string";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return (first >= '0' && first <= '9') || first == '-' ? "a number" : "something else";
  }
}

}  // namespace sluice
