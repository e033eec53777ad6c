#include "engine/slot_format.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <vector>

#include "core/crc32c.h"

namespace sluice {
namespace {

constexpr std::string_view kMagic = "sluice-slot";
constexpr std::string_view kVersion = "1";

Error Damaged(const std::string& name, const std::string& what) {
  return {
      Blame::kRemote, Retry::kNo, "checkpoint.damaged",
      "the checkpoint file " + name + " is damaged: " + what +
          "; restore it from a copy, or delete the checkpoint folder to process everything anew"};
}

template <typename T>
bool Number(std::string_view text, T* value, int base = 10) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *value, base);
  return code == std::errc() && end == text.data() + text.size();
}

std::string Hex8(std::uint32_t value) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", value);
  return text.data();
}

}  // namespace

std::string FormatSlot(const SlotBytes& slot) {
  std::string head(kMagic);
  head.append(" ").append(kVersion).append(" ").append(slot.checkpoint_id).append(" ");
  head.append(std::to_string(slot.number)).append(" ").append(slot.kind).append(" ");
  head.append(std::to_string(slot.payload.size())).append(" ");
  std::uint32_t crc = Crc32c(slot.payload, Crc32c(head));
  return head + Hex8(crc) + "\n" + slot.payload + "\n";
}

Result<SlotBytes> ParseSlot(std::string_view bytes, const std::string& name) {
  auto newline = bytes.find('\n');
  if (newline == std::string_view::npos || newline > 512) return Damaged(name, "it has no header");
  std::string_view header = bytes.substr(0, newline);
  std::vector<std::string_view> words;
  for (std::string_view left = header;;) {
    auto space = left.find(' ');
    words.push_back(left.substr(0, space));
    if (space == std::string_view::npos) break;
    left.remove_prefix(space + 1);
  }
  if (words.size() < 2 || words[0] != kMagic) return Damaged(name, "it is no slot of a checkpoint");
  if (words[1] != kVersion) {
    int version = 0;
    if (Number(words[1], &version) && version > 1) {
      return UserError("checkpoint.version", "the checkpoint file " + name +
                                                 " has format version " + std::string(words[1]) +
                                                 ", written by a newer sluice; run that one");
    }
    return Damaged(name, "its version cannot be read");
  }
  SlotBytes slot;
  std::uint64_t length = 0;
  std::uint32_t crc = 0;
  if (words.size() != 7 || !Number(words[3], &slot.number) || !Number(words[5], &length) ||
      words[6].size() != 8 || !Number(words[6], &crc, 16)) {
    return Damaged(name, "its header cannot be read");
  }
  if (bytes.size() - newline - 1 != length + 1 || bytes.back() != '\n') {
    return Damaged(name, "it has " + std::to_string(bytes.size() - newline - 1) +
                             " bytes after the header, not " + std::to_string(length + 1));
  }
  std::string_view payload = bytes.substr(newline + 1, length);
  std::string_view covered = header.substr(0, header.size() - 8);
  // Re-made text, not the number: "ABCD" and "abcd" are the same number but not the same bytes.
  if (Hex8(Crc32c(payload, Crc32c(covered))) != words[6]) {
    return Damaged(name, "its checksum does not match");
  }
  slot.checkpoint_id = words[2];
  slot.kind = words[4];
  slot.payload = payload;
  return slot;
}

}  // namespace sluice
