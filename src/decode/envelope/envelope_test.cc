#include "decode/envelope/envelope.h"

#include <gtest/gtest.h>

#include <string>

#include "decode/codec/codec_testing.h"

namespace sluice {
namespace {

constexpr char kUuid[] = "00112233-4455-6677-8899-aabbccddeeff";
constexpr char kUuidHex[] = "00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff";

TEST(EnvelopeTest, GlueNamesAVersionByItsUuid) {
  const std::string plain = FromHex(std::string("03 00") + kUuidHex + "02 41");
  const auto envelope = ParseGlueEnvelope(plain);
  ASSERT_TRUE(envelope.has_value());
  EXPECT_EQ(envelope->id.kind, SchemaId::Kind::kGlueVersion);
  EXPECT_EQ(ToString(envelope->id), kUuid);
  EXPECT_EQ(plain.substr(envelope->payload), "\x02\x41");
  EXPECT_FALSE(envelope->zlib);
}

TEST(EnvelopeTest, GlueSaysWhetherItIsCompressed) {
  const std::string zlib =
      FromHex(std::string("03 05") + kUuidHex + "78 9c 63 72 04 00 00 47 00 44");
  const auto envelope = ParseGlueEnvelope(zlib);
  ASSERT_TRUE(envelope.has_value());
  EXPECT_TRUE(envelope->zlib);
  EXPECT_EQ(envelope->payload, 18u);
}

TEST(EnvelopeTest, OtherBytesAreNoGlueEnvelope) {
  const std::string whole = FromHex(std::string("03 00") + kUuidHex);
  EXPECT_TRUE(ParseGlueEnvelope(whole).has_value()) << "a datum may be empty";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseGlueEnvelope(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_FALSE(ParseGlueEnvelope(FromHex(std::string("03 01") + kUuidHex)));
  EXPECT_FALSE(ParseGlueEnvelope(FromHex(std::string("02 00") + kUuidHex)));
}

TEST(EnvelopeTest, ConfluentNamesASchemaByItsNumber) {
  const std::string message = FromHex("00 00 01 02 03 02 41");
  const auto envelope = ParseConfluentEnvelope(message);
  ASSERT_TRUE(envelope.has_value());
  EXPECT_EQ(envelope->id.kind, SchemaId::Kind::kConfluentId);
  EXPECT_EQ(ToString(envelope->id), "66051");
  EXPECT_EQ(message.substr(envelope->payload), "\x02\x41");
  EXPECT_FALSE(ParseConfluentEnvelope(FromHex("00 00 01 02")));
  EXPECT_FALSE(ParseConfluentEnvelope(FromHex("01 00 01 02 03 02 41")));
  EXPECT_FALSE(ParseConfluentEnvelope(""));
}

TEST(EnvelopeTest, AHeaderHasANumberOrAGuid) {
  const auto number = ParseSchemaIdHeader(FromHex("00 00 00 00 07"));
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(ToString(number->id), "7");
  EXPECT_EQ(number->payload, 0u);
  const auto guid = ParseSchemaIdHeader(FromHex(std::string("01") + kUuidHex));
  ASSERT_TRUE(guid.has_value());
  EXPECT_EQ(guid->id.kind, SchemaId::Kind::kConfluentGuid);
  EXPECT_EQ(ToString(guid->id), kUuid);
  EXPECT_EQ(guid->payload, 0u);
  for (const char* hex : {"", "00", "00 00 00 00", "01 00 11 22", "02 00 00 00 07"}) {
    EXPECT_FALSE(ParseSchemaIdHeader(FromHex(hex))) << hex;
  }
}

}  // namespace
}  // namespace sluice
