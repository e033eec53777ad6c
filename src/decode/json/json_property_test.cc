// Generated and mutilated documents, against simdjson's DOM: both must accept the same ones, and
// every value of the accepted ones must come out as the DOM has it.
#include <arrow/array.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include "decode/json/json_testing.h"

namespace sluice {
namespace {

constexpr std::uint64_t kSeed = 20261123;
constexpr int kDocuments = 20'000;

class DocumentMaker {
 public:
  explicit DocumentMaker(std::uint64_t seed) : random_(seed) {}

  std::string Object(int depth) {
    static const char* const kKeys[] = {
        "i", "d", "s", "b", "l", "o", "x", "long_key_over_16_bytes", "\\u0069", "", "\\n"};
    std::string out = "{" + Space();
    const std::uint64_t count = Pick(7);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) out += "," + Space();
      out += '"' + std::string(kKeys[Pick(11)]) + '"' + Space() + ":" + Space();
      out += Value(depth) + Space();
    }
    return out + "}";
  }

  std::string Value(int depth) {
    switch (Pick(depth > 0 ? 10 : 8)) {
      case 0:
        return "null";
      case 1:
        return Pick(2) ? "true" : "false";
      case 2:
      case 3:
        return std::to_string(static_cast<std::int64_t>(random_()) >> Pick(64));
      case 4:
      case 5:
        return Real();
      case 6:
      case 7:
        return String();
      case 8:
        return Object(depth - 1);
      default: {
        std::string out = "[" + Space();
        const std::uint64_t count = Pick(5);
        for (std::uint64_t i = 0; i < count; ++i) {
          if (i > 0) out += "," + Space();
          out += Value(depth - 1) + Space();
        }
        return out + "]";
      }
    }
  }

  /// Breaks a few documents in one place.
  std::string Mutilate(std::string text) {
    static const char kBytes[] = "{}[]:,\"\\ \n0129.eE+-tfnu\x01\x7f\xc3\xa9\xed\xff";
    switch (Pick(4)) {
      case 0:
        text.erase(Pick(text.size()), 1);
        break;
      case 1:
        text.insert(Pick(text.size() + 1), 1, kBytes[Pick(sizeof kBytes)]);
        break;
      case 2:
        text[Pick(text.size())] = kBytes[Pick(sizeof kBytes)];
        break;
      default:
        text.resize(Pick(text.size()));
    }
    return text;
  }

  std::uint64_t Pick(std::uint64_t n) { return random_() % n; }

 private:
  std::string Real() {
    if (Pick(3) == 0) {
      char out[40];
      double any = std::bit_cast<double>(random_());
      if (!std::isfinite(any)) any = 0.5;
      std::snprintf(out, sizeof out, "%.*g", static_cast<int>(Pick(18)) + 1, any);
      return out[0] == 'i' || out[1] == 'i' ? "0" : out;
    }
    std::string out = Pick(2) ? "-" : "";
    out += std::to_string(Pick(100000));
    if (Pick(4) != 0) {
      out += ".";
      for (std::uint64_t i = Pick(25) + 1; i > 0; --i) out += static_cast<char>('0' + Pick(10));
    }
    if (Pick(4) == 0) {
      out += Pick(2) ? "e" : "E";
      out += Pick(3) == 0 ? "+" : Pick(2) ? "-" : "";
      out += std::to_string(Pick(320));
    }
    return out;
  }

  std::string String() {
    static const char* const kPieces[] = {"a",       "plain text of some length ",
                                          "é",       "😀",
                                          "\\n",     "\\\"",
                                          "\\\\",    "\\/",
                                          "\\u00e9", "\\ud83d\\ude00",
                                          "\\u0000", "{",
                                          "]",       ":",
                                          ","};
    std::string out = "\"";
    for (std::uint64_t i = Pick(6); i > 0; --i) out += kPieces[Pick(15)];
    return out + "\"";
  }

  std::string Space() {
    static const char* const kSpaces[] = {"", "", "", " ", "\n", "\t \r\n", "                 "};
    return kSpaces[Pick(7)];
  }

  std::mt19937_64 random_;
};

/// The last member of that name, which is the one that counts.
bool LastMember(simdjson::dom::object object, std::string_view name, simdjson::dom::element* out) {
  bool found = false;
  for (auto [key, value] : object) {
    if (key == name) {
      *out = value;
      found = true;
    }
  }
  return found;
}

TEST(JsonProperty, AgreesWithTheDomOnGeneratedDocuments) {
  auto schema = ParseDdl("i bigint, d double, s string, b boolean");
  ASSERT_TRUE(schema.ok());
  auto decoder = MakeJsonDecoder(*schema, {}, arrow::default_memory_pool());
  simdjson::dom::parser parser;
  DocumentMaker maker(kSeed);
  int valid = 0;
  int invalid = 0;
  int rows = 0;
  for (int n = 0; n < kDocuments; ++n) {
    std::string text = maker.Object(4);
    if (maker.Pick(3) == 0) text = maker.Mutilate(std::move(text));
    if (text.empty()) continue;
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", document " + std::to_string(n) + ": " + text);
    auto block = std::make_unique<char[]>(text.size());
    text.copy(block.get(), text.size());
    auto decoded = (*decoder)->Decode({{block.get(), text.size(), 0}});
    ASSERT_TRUE(decoded.ok());
    ASSERT_TRUE(decoded->rows->ValidateFull().ok());
    const bool accepted = decoded->rejects.empty() || decoded->rejects[0].row >= 0;
    simdjson::dom::element root;
    auto error = parser.parse(text).get(root);
    // The DOM refuses numbers that no 64-bit type holds; they are valid JSON.
    if (error == simdjson::NUMBER_ERROR || error == simdjson::BIGINT_ERROR) continue;
    // Several documents in one message are rows to us and an error to the DOM.
    if (error == simdjson::TAPE_ERROR && accepted && decoded->row_in_message.size() > 1) continue;
    simdjson::dom::object object;
    const bool is_object = error == simdjson::SUCCESS && root.get(object) == simdjson::SUCCESS;
    ASSERT_EQ(accepted, is_object) << (accepted ? "accepted" : decoded->rejects[0].reason)
                                   << "; the DOM: " << simdjson::error_message(error);
    accepted ? ++valid : ++invalid;
    if (decoded->rows->num_rows() == 0) continue;
    ++rows;
    simdjson::dom::element value;
    const auto& batch = *decoded->rows;
    if (!LastMember(object, "i", &value) || value.is_null()) {
      ASSERT_TRUE(batch.column(0)->IsNull(0));
    } else {
      std::int64_t expected = 0;
      ASSERT_EQ(value.get(expected), simdjson::SUCCESS);
      ASSERT_EQ(static_cast<const arrow::Int64Array&>(*batch.column(0)).Value(0), expected);
    }
    if (!LastMember(object, "d", &value) || value.is_null()) {
      ASSERT_TRUE(batch.column(1)->IsNull(0));
    } else {
      double expected = 0;
      ASSERT_EQ(value.get(expected), simdjson::SUCCESS);
      double got = static_cast<const arrow::DoubleArray&>(*batch.column(1)).Value(0);
      ASSERT_EQ(std::bit_cast<std::uint64_t>(got), std::bit_cast<std::uint64_t>(expected));
    }
    std::string_view expected_text;
    if (!LastMember(object, "s", &value) || value.is_null()) {
      ASSERT_TRUE(batch.column(2)->IsNull(0));
    } else if (value.get(expected_text) == simdjson::SUCCESS) {
      ASSERT_EQ(static_cast<const arrow::StringArray&>(*batch.column(2)).GetView(0), expected_text);
    } else {
      // Other values come as they are written: what the DOM makes of that text is the value again.
      simdjson::dom::parser again;
      std::string raw(static_cast<const arrow::StringArray&>(*batch.column(2)).GetView(0));
      simdjson::dom::element reread;
      ASSERT_EQ(again.parse(raw).get(reread), simdjson::SUCCESS) << raw;
      ASSERT_EQ(simdjson::minify(reread), simdjson::minify(value));
    }
    if (!LastMember(object, "b", &value) || value.is_null()) {
      ASSERT_TRUE(batch.column(3)->IsNull(0));
    } else {
      bool expected = false;
      ASSERT_EQ(value.get(expected), simdjson::SUCCESS);
      ASSERT_EQ(static_cast<const arrow::BooleanArray&>(*batch.column(3)).Value(0), expected);
    }
  }
  EXPECT_GT(valid, kDocuments / 2);
  EXPECT_GT(invalid, kDocuments / 20);
  EXPECT_GT(rows, kDocuments / 10);
}

}  // namespace
}  // namespace sluice
