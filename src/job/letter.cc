#include "job/letter.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/base64.h"
#include "engine/dead_letters.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

constexpr char kDecoder[] = "decode";

Error Damaged(const std::string& what) {
  return UserError("replay.damaged", "the line is no dead letter: " + what);
}

/// "" where it is null, absent or no text.
std::string Text(const Json& letter, const char* name) {
  const auto it = letter.find(name);
  return it != letter.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::int64_t Number(const Json& letter, const char* name, std::int64_t otherwise) {
  const auto it = letter.find(name);
  return it != letter.end() && it->is_number_integer() ? it->get<std::int64_t>() : otherwise;
}

/// Version 1 did not say it.
LetterBytes HeldByVersion1(const PastLetter& about) {
  if (about.source.empty()) return LetterBytes::kInput;
  return about.step == kDecoder && about.row >= 0 ? LetterBytes::kRow : LetterBytes::kMessage;
}

std::optional<LetterBytes> HeldBy(const std::string& name) {
  for (LetterBytes holds :
       {LetterBytes::kMessage, LetterBytes::kRow, LetterBytes::kInput, LetterBytes::kLetter}) {
    if (name == LetterBytesName(holds)) return holds;
  }
  return std::nullopt;
}

Result<std::string> Bytes(const Json& letter) {
  const std::string encoded = Text(letter, "base64");
  if (encoded.empty()) return Text(letter, "bytes");
  auto bytes = Base64Decode(encoded);
  if (!bytes) return Damaged("'base64' is not base64");
  return *std::move(bytes);
}

}  // namespace

bool Letter::of_decoder() const {
  return about.step == kDecoder && !about.source.empty() && about.input.empty();
}

Result<Letter> ParseLetter(std::string_view line) {
  const Json json = Json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Damaged("it is no JSON object");
  const std::int64_t version = Number(json, "version", -1);
  if (version < 1) return Damaged("it has no 'version'");
  if (version > kDeadLetterVersion) {
    return UserError("replay.version", "the letter has version " + std::to_string(version) +
                                           ", and this program knows versions up to " +
                                           std::to_string(kDeadLetterVersion) +
                                           "; use the program that wrote it, or a newer one");
  }
  Letter letter;
  letter.job = Text(json, "job");
  letter.epoch = Number(json, "epoch", 0);
  letter.time = Text(json, "time");
  letter.code = Text(json, "code");
  letter.field = Text(json, "field");
  letter.reason = Text(json, "reason");
  PastLetter& about = letter.about;
  about.source = Text(json, "source");
  about.step = Text(json, "step");
  if (about.step.empty() || letter.code.empty()) return Damaged("it has no 'step' or no 'code'");
  about.origin = Text(json, "origin");
  about.row = static_cast<std::int32_t>(Number(json, "row", -1));
  const auto truncated = json.find("truncated");
  about.truncated = truncated != json.end() && truncated->is_boolean() && truncated->get<bool>();
  TRY(about.bytes, Bytes(json));
  if (version == 1) {
    about.holds = HeldByVersion1(about);
  } else {
    const std::optional<LetterBytes> holds = HeldBy(Text(json, "holds"));
    if (!holds) return Damaged("'holds' is none of message, row, input and letter");
    about.holds = *holds;
    about.input = Text(json, "input");
    about.columns = Text(json, "columns");
    if (const std::string message = Text(json, "message"); !message.empty()) {
      auto bytes = Base64Decode(message);
      if (!bytes) return Damaged("'message' is not base64");
      about.message = *std::move(bytes);
    }
  }
  if (about.holds == LetterBytes::kInput) {
    about.input = std::move(about.bytes);
    about.bytes.clear();
  }
  about.whole = letter.of_decoder() && about.row < 0;
  return letter;
}

}  // namespace sluice
