#include "job/yaml_loader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace sluice {
namespace {

/// What stops the parser from inside a callback; never leaves this file.
struct Refused {
  Error error;
};

/// Builds the tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) {}

  RawValue& root() { return root_; }
  bool has_root() const { return has_root_; }
  /// Of the last scalar, if it is a quoted one or a block; else a Place without a line.
  const Place& last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (has_root_) Refuse(mark, "a job file is one YAML document; remove the second one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    OnScalar(mark, "?", anchor, "");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "aliases (*name) are not accepted; write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    CheckPlain(mark, tag, anchor);
    if (WantsKey()) {
      OnKey(mark, text);
      return;
    }
    RawValue value;
    value.text = text;
    value.place = At(mark);
    last_quoted_ = tag == "!" ? value.place : Place{};
    Attach(std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, RawValue::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, RawValue::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    RawValue value;
    std::optional<std::string> key;  ///< Read, its value not yet.
    Place key_place;
    std::map<std::string, Place> seen;
  };

  /// yaml-cpp gives "?" to values without a tag and "!" to quoted scalars.
  void CheckPlain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) Refuse(mark, "anchors (&name) are not accepted; write the value out");
    if (!tag.empty() && tag != "?" && tag != "!") {
      Refuse(mark, "tags (!name) are not accepted; all values are text");
    }
  }

  bool WantsKey() const {
    return !frames_.empty() && frames_.back().value.kind == RawValue::Kind::kMap &&
           !frames_.back().key.has_value();
  }

  void OnKey(const YAML::Mark& mark, const std::string& key) {
    Frame& frame = frames_.back();
    if (key.empty()) Refuse(mark, "a key is empty");
    auto [first, fresh] = frame.seen.emplace(key, At(mark));
    if (!fresh) {
      Refuse(mark, "'" + key.substr(0, 100) + "' is given twice; the first one is at line " +
                       std::to_string(first->second.line) + ", column " +
                       std::to_string(first->second.column));
    }
    frame.key = key;
    frame.key_place = At(mark);
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            RawValue::Kind kind) {
    CheckPlain(mark, tag, anchor);
    if (WantsKey()) Refuse(mark, "a key must be text, not a list or a map");
    if (frames_.size() >= static_cast<std::size_t>(kMaxYamlDepth)) {
      Refuse(mark, "nested more than " + std::to_string(kMaxYamlDepth) + " deep");
    }
    Frame frame;
    frame.value.kind = kind;
    frame.value.place = At(mark);
    frames_.push_back(std::move(frame));
  }

  void Close() {
    RawValue value = std::move(frames_.back().value);
    frames_.pop_back();
    Attach(std::move(value));
  }

  void Attach(RawValue value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      has_root_ = true;
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.kind == RawValue::Kind::kList) {
      frame.value.items.push_back(std::move(value));
      return;
    }
    value.key_place = frame.key_place;
    frame.value.entries.push_back({*std::exchange(frame.key, std::nullopt), std::move(value)});
  }

  Place At(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  [[noreturn]] void Refuse(const YAML::Mark& mark, const std::string& what) const {
    throw Refused{UserError("job.yaml", At(mark).ToString() + ": " + what)};
  }

  const std::string& file_;
  std::vector<Frame> frames_;
  RawValue root_;
  bool has_root_ = false;
  Place last_quoted_;
};

/// The offset of the first byte that is not UTF-8 (RFC 3629), or of a control character that
/// YAML 1.2 (section 5.1) does not allow; npos if there is none.
std::size_t FindBadByte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\n' && c != '\r' && c != '\t') return i;
    std::size_t length = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;
    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || i + length > text.size()) return i;
    for (std::size_t k = 1; k < length; ++k) {
      unsigned char next = static_cast<unsigned char>(text[i + k]);
      unsigned char low = k > 1 ? 0x80 : c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
      unsigned char high = k > 1 ? 0xbf : c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
      if (next < low || next > high) return i;
    }
    i += length;
  }
  return std::string_view::npos;
}

std::size_t OffsetOf(std::string_view text, const Place& place) {
  std::size_t offset = 0;
  for (int line = 1; line < place.line && offset < text.size(); ++line) {
    offset = std::min(text.find('\n', offset), text.size() - 1) + 1;
  }
  return std::min(offset + static_cast<std::size_t>(std::max(place.column - 1, 0)), text.size());
}

Place PlaceOfByte(std::string_view text, std::size_t offset, const std::string& file) {
  Place place{file, 1, 1};
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    ++place.column;
    if (text[i] != '\n') continue;
    ++place.line;
    place.column = 1;
  }
  return place;
}

}  // namespace

Result<RawOptions> LoadYaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxJobFileBytes) {
    return UserError("job.yaml", file + ": a job file holds at most " +
                                     FormatBytes(static_cast<std::int64_t>(kMaxJobFileBytes)));
  }
  if (std::size_t bad = FindBadByte(text); bad != std::string_view::npos) {
    return UserError("job.yaml", PlaceOfByte(text, bad, file).ToString() +
                                     ": a byte that is neither UTF-8 text nor a line break or tab");
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(file);
    while (parser.HandleNextDocument(builder)) {
    }
    // yaml-cpp lets quotes end with the file.
    if (const Place& place = builder.last_quoted(); place.line > 0) {
      std::size_t quote = OffsetOf(text, place);
      bool quoted = quote < text.size() && (text[quote] == '\'' || text[quote] == '"');
      if (quoted && text.find(text[quote], quote + 1) == std::string_view::npos) {
        return UserError("job.yaml", place.ToString() + ": this quote is never closed");
      }
    }
    if (!builder.has_root() ||
        (builder.root().kind == RawValue::Kind::kScalar && builder.root().text.empty())) {
      return UserError("job.yaml", file + ": the file is empty; a job needs sources and sinks");
    }
    if (builder.root().kind != RawValue::Kind::kMap) {
      return UserError(
          "job.yaml",
          builder.root().place.ToString() + ": a job file is a map of options (name: value), not " +
              (builder.root().kind == RawValue::Kind::kList ? "a list" : "a single text"));
    }
    return std::move(builder.root().entries);
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const YAML::Exception& e) {
    Place place{file, e.mark.line + 1, e.mark.column + 1};
    return UserError("job.yaml", place.ToString() + ": not valid YAML: " + e.msg +
                                     ". Check the indentation (spaces, no tabs), and put quotes "
                                     "around values that hold ': ' or ' #'");
  } catch (const std::exception& e) {
    return UserError("job.yaml", file + ": not valid YAML: " + e.what());
  }
}

Result<std::string> ReadJobFile(const std::string& path) {
  auto failed = [&path](const std::string& why) {
    return UserError("job.file", "cannot read the job file " + path + ": " + why);
  };
  std::error_code status;
  if (std::filesystem::is_directory(path, status)) return failed("it is a folder");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return failed(std::strerror(errno));
  std::string text(kMaxJobFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return failed(std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxJobFileBytes) {
    return failed("it is larger than " + FormatBytes(static_cast<std::int64_t>(kMaxJobFileBytes)));
  }
  return text;
}

Place PlaceInScalar(std::string_view yaml, const RawValue& value, std::size_t offset) {
  // Styles differ from the text only in white space, quotes and what announces a block: the n-th
  // character that is no white space is the same in both.
  std::size_t position = OffsetOf(yaml, value.place);
  if (position >= yaml.size()) return value.place;
  const char style = yaml[position];
  if (style == '|' || style == '>') {
    position = std::min(yaml.find('\n', position), yaml.size() - 1) + 1;
  } else if (style == '\'' || style == '"') {
    ++position;
  }
  auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t i = 0; i <= offset && i < value.text.size(); ++i) {
    if (is_space(value.text[i]) && i < offset) continue;
    while (position < yaml.size() && is_space(yaml[position])) ++position;
    bool escaped = (style == '\'' && yaml.substr(position, 2) == "''") ||
                   (style == '"' && yaml.substr(position, 1) == "\\");
    if (escaped) ++position;
    if (i < offset) ++position;
  }
  return PlaceOfByte(yaml, std::min(position, yaml.size()), value.place.file);
}

}  // namespace sluice
