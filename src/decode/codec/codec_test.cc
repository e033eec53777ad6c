#include "decode/codec/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "decode/codec/codec_testing.h"

namespace sluice {
namespace {

constexpr std::size_t kPlenty = 64u << 20;

struct Decompressed {
  CodecStatus status;
  std::size_t byte;
  std::string reason;
  std::string plain;
};

Decompressed Decompress(DecompressFunction decompress, std::string_view in,
                        std::size_t cap = kPlenty) {
  // Of exactly this size, so that a sanitizer sees a read beyond its end.
  const std::unique_ptr<char[]> copy(new char[in.size()]);
  std::copy(in.begin(), in.end(), copy.get());
  CodecBuffer out;
  EXPECT_TRUE(out.Reserve(7));
  std::fill_n(out.data(), 7, 'x');
  out.set_size(7);
  const CodecResult result = decompress({copy.get(), in.size()}, cap, &out);
  EXPECT_EQ(out.view().substr(0, 7), "xxxxxxx") << "what was there before is kept";
  if (result.status != CodecStatus::kOk) {
    EXPECT_EQ(out.size(), 7u) << "a failure leaves nothing behind";
    EXPECT_STRNE(result.reason, "");
    EXPECT_LE(result.byte, in.size());
  } else {
    EXPECT_LE(out.size() - 7, cap);
  }
  return {result.status, result.byte, result.reason, std::string(out.view().substr(7))};
}

std::string Noise(std::size_t size, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::string out;
  while (out.size() < size) out += static_cast<char>(random());
  return out;
}

std::string Events(std::size_t size) {
  std::mt19937_64 random(5);
  std::string out;
  while (out.size() < size) {
    out += R"({"id": )" + std::to_string(random() % 1000000) + R"(, "city": "Malmö", "ok": true}
)";
  }
  out.resize(size);
  return out;
}

class EveryCodec : public testing::TestWithParam<TestCodec> {};

INSTANTIATE_TEST_SUITE_P(Codec, EveryCodec, testing::ValuesIn(TestCodecs()), [](const auto& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(EveryCodec, GivesBackWhatWasCompressed) {
  for (std::size_t size : {0, 1, 2, 5, 100, 123, 1000, 65535, 65536, 65537, 300'000}) {
    for (const std::string& plain : {Events(size), Noise(size), std::string(size, 'a')}) {
      const std::string compressed = GetParam().compress(plain);
      if (compressed.empty()) continue;  // Hadoop's form of nothing is nothing.
      const Decompressed out = Decompress(GetParam().decompress, compressed);
      ASSERT_EQ(out.status, CodecStatus::kOk) << size << ": " << out.reason;
      ASSERT_TRUE(out.plain == plain) << size;
    }
  }
}

TEST_P(EveryCodec, ACapThatIsJustEnoughIsEnough) {
  for (const std::string& plain : {Events(5000), std::string(200'000, 'a')}) {
    const std::string compressed = GetParam().compress(plain);
    EXPECT_EQ(Decompress(GetParam().decompress, compressed, plain.size()).status, CodecStatus::kOk);
    for (std::size_t cap : {plain.size() - 1, plain.size() / 2, std::size_t{1}, std::size_t{0}}) {
      EXPECT_EQ(Decompress(GetParam().decompress, compressed, cap).status, CodecStatus::kTooLarge)
          << cap;
    }
  }
}

TEST_P(EveryCodec, NeverTakesACutStreamForAWholeOne) {
  const std::string plain = Events(2000);
  const std::string compressed = GetParam().compress(plain);
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    const Decompressed out = Decompress(GetParam().decompress, compressed.substr(0, size));
    // Framed snappy and xerial have no end mark: cut behind a header, they are whole, and empty.
    if (out.status == CodecStatus::kOk) {
      EXPECT_TRUE(std::string_view(GetParam().name).starts_with("snappy")) << size;
      EXPECT_EQ(out.plain, "") << size;
    }
  }
}

TEST_P(EveryCodec, RefusesBytesBehindTheEnd) {
  const std::string compressed = GetParam().compress(Events(2000));
  for (const std::string& tail : {std::string(1, '\0'), std::string("x"), std::string("\r\n"),
                                  std::string("{\"id\": 1}"), Noise(40)}) {
    const Decompressed out = Decompress(GetParam().decompress, compressed + tail);
    EXPECT_EQ(out.status, CodecStatus::kBroken) << tail.size();
  }
}

TEST_P(EveryCodec, SurvivesAnyByteChanged) {
  const std::string plain = Events(600);
  const std::string compressed = GetParam().compress(plain);
  const std::string_view name = GetParam().name;
  const bool checked = name != "deflate-raw" && name != "snappy-raw" && name != "snappy-hadoop" &&
                       name != "snappy-xerial" && name != "zstd" && name != "gzip" &&
                       name != "snappy-framed";
  for (std::size_t at = 0; at < compressed.size(); ++at) {
    for (unsigned flip : {1u, 0x80u, 0xffu}) {
      std::string changed = compressed;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ flip);
      const Decompressed out = Decompress(GetParam().decompress, changed, 100'000);
      if (checked && out.status == CodecStatus::kOk) {
        EXPECT_EQ(out.plain, plain) << "byte " << at << " is checked by nothing";
      }
    }
  }
}

TEST_P(EveryCodec, SurvivesNoise) {
  std::mt19937_64 random(11);
  const std::string compressed = GetParam().compress(Events(3000));
  for (int i = 0; i < 2000; ++i) {
    // Behind a true beginning of any length.
    std::string bytes = compressed.substr(0, random() % 40);
    bytes += Noise(random() % 200, static_cast<unsigned>(random()));
    Decompress(GetParam().decompress, bytes, 1 << 20);
  }
}

TEST_P(EveryCodec, WorksAfterAFailure) {
  const std::string compressed = GetParam().compress(Events(2000));
  Decompress(GetParam().decompress, compressed.substr(0, compressed.size() / 2));
  Decompress(GetParam().decompress, compressed, 10);
  EXPECT_EQ(Decompress(GetParam().decompress, compressed).status, CodecStatus::kOk);
}

TEST(Codec, ReadsConcatenatedMembersToTheEnd) {
  for (const char* name :
       {"gzip", "bzip2", "xz", "zstd", "lz4", "snappy-framed", "snappy-xerial", "snappy-hadoop"}) {
    const TestCodec& codec = FindTestCodec(name);
    const std::string members =
        codec.compress("first ") + codec.compress(Events(70'000)) + codec.compress(" last");
    EXPECT_EQ(Decompress(codec.decompress, members).plain, "first " + Events(70'000) + " last")
        << name;
  }
}

TEST(Codec, ReadsThePublishedVectors) {
  const std::string raw = "05 10 68 65 6c 6c 6f";
  const std::string identifier = "ff 06 00 00 73 4e 61 50 70 59";
  EXPECT_EQ(Decompress(DecompressSnappyRaw, FromHex(raw)).plain, "hello");
  EXPECT_EQ(
      Decompress(DecompressSnappyFramed, FromHex(identifier + "00 0b 00 00 bb 1f 1c 19" + raw))
          .plain,
      "hello");
  EXPECT_EQ(Decompress(DecompressSnappyFramed,
                       FromHex(identifier + "01 09 00 00 bb 1f 1c 19 68 65 6c 6c 6f"))
                .plain,
            "hello");
  EXPECT_EQ(Decompress(DecompressSnappyXerial,
                       FromHex("82 53 4e 41 50 50 59 00 00 00 00 01 00 00 00 01 00 00 00 07" + raw))
                .plain,
            "hello");
  EXPECT_EQ(Decompress(DecompressSnappyHadoop, FromHex("00 00 00 05 00 00 00 07" + raw)).plain,
            "hello");
  EXPECT_EQ(Decompress(DecompressZlib, FromHex("78 9c 63 72 04 00 00 47 00 44")).plain, "\x02\x41");
}

TEST(Codec, FramedSnappyHasOtherChunksToo) {
  const std::string identifier = "ff 06 00 00 73 4e 61 50 70 59";
  const std::string unchecked = "02 07 00 00 05 10 68 65 6c 6c 6f 03 02 00 00 21 21";
  const std::string padding = "fe 03 00 00 00 00 00 80 01 00 00 07";
  EXPECT_EQ(
      Decompress(DecompressSnappyFramed, FromHex(identifier + padding + unchecked + identifier))
          .plain,
      "hello!!");
  const Decompressed unknown =
      Decompress(DecompressSnappyFramed, FromHex(identifier + "04 00 00 00"));
  EXPECT_EQ(unknown.status, CodecStatus::kBroken);
  EXPECT_EQ(unknown.byte, 10u);
  const Decompressed wrong = Decompress(
      DecompressSnappyFramed, FromHex(identifier + "01 09 00 00 bb 1f 1c 18 68 65 6c 6c 6f"));
  EXPECT_EQ(wrong.reason, "the checksum of a chunk is wrong");
  // 65537 plain bytes in one chunk.
  std::string large = FromHex(identifier) + FromHex("03 01 00 01") + std::string(65537, 'a');
  EXPECT_EQ(Decompress(DecompressSnappyFramed, large).status, CodecStatus::kBroken);
}

TEST(Codec, HadoopsBlocksMayHaveSeveralChunksAndAnEnd) {
  const std::string chunk = "00 00 00 07 05 10 68 65 6c 6c 6f";
  EXPECT_EQ(Decompress(DecompressSnappyHadoop, FromHex("00 00 00 0a" + chunk + chunk)).plain,
            "hellohello");
  EXPECT_EQ(
      Decompress(DecompressSnappyHadoop, FromHex("00 00 00 05" + chunk + "00 00 00 00")).plain,
      "hello");
  // More comes out than the block has.
  EXPECT_EQ(Decompress(DecompressSnappyHadoop, FromHex("00 00 00 06" + chunk + chunk)).status,
            CodecStatus::kBroken);
}

TEST(Codec, NamesTheDictionaryThatIsMissing) {
  // zlib's FDICT; a zstd frame with dictionary id 7; an lz4 frame with dictionary id 7.
  EXPECT_EQ(Decompress(DecompressZlib, FromHex("78 bb 00 00 00 01 03 00 00 00 00 01")).status,
            CodecStatus::kDictionary);
  EXPECT_EQ(Decompress(DecompressZstd, FromHex("28 b5 2f fd 21 07 01 09 00 00 61")).status,
            CodecStatus::kDictionary);
  EXPECT_EQ(
      Decompress(DecompressLz4, FromHex("04 22 4d 18 61 40 07 00 00 00 e3 00 00 00 00")).status,
      CodecStatus::kDictionary);
}

TEST(Codec, DoesNotBelieveLengths) {
  // Raw snappy that declares 4 GiB, and one that declares more than three bytes can give.
  EXPECT_EQ(Decompress(DecompressSnappyRaw, FromHex("ff ff ff ff 0f 00 61")).status,
            CodecStatus::kBroken);
  EXPECT_EQ(Decompress(DecompressSnappyRaw, FromHex("06 10 68 65 6c 6c 6f")).status,
            CodecStatus::kBroken);
  EXPECT_EQ(Decompress(DecompressSnappyRaw, FromHex("04 10 68 65 6c 6c 6f")).status,
            CodecStatus::kBroken);
  // A zstd frame of one byte that declares 2^40.
  EXPECT_EQ(
      Decompress(DecompressZstd, FromHex("28 b5 2f fd e0 00 00 00 00 00 01 00 00 09 00 00 61"))
          .status,
      CodecStatus::kTooLarge);
}

TEST(Codec, BoundsTheMemoryOfXz) {
  // The header of a block whose LZMA2 dictionary is 4 GiB: as xz wrote it, but for one byte and the
  // header's checksum.
  const Decompressed out =
      Decompress(DecompressXz,
                 FromHex("fd 37 7a 58 5a 00 00 04 e6 d6 b4 46 02 00 21 01 28 00 00 00 e6 a0 11 b3"
                         "01 00 04 68 65 6c 6c 6f 00 00 00"));
  EXPECT_EQ(out.status, CodecStatus::kMemoryLimit) << out.reason;
}

TEST(Codec, ReadsEmptyFrames) {
  // What their own tools make of no bytes.
  EXPECT_EQ(
      Decompress(DecompressGzip, FromHex("1f 8b 08 00 00 00 00 00 00 03 03 00 00 00 00 00 00 00 00"
                                         "00"))
          .status,
      CodecStatus::kOk);
  EXPECT_EQ(
      Decompress(DecompressBzip2, FromHex("42 5a 68 39 17 72 45 38 50 90 00 00 00 00")).status,
      CodecStatus::kOk);
  EXPECT_EQ(Decompress(DecompressZstd, FromHex("50 2a 4d 18 02 00 00 00 61 62")).status,
            CodecStatus::kOk);
}

TEST(Codec, SaysThatTextIsNotCompressed) {
  for (const TestCodec& codec : TestCodecs()) {
    for (const char* text : {"{\"id\": 1, \"name\": \"BZh9\"}", "BZh9 is what bzip2 begins with",
                             "hCentre,x,y,z and more of it", "x^2 + y^2", "P*M", "7zXZ", "Obj\1"}) {
      EXPECT_NE(Decompress(codec.decompress, text).status, CodecStatus::kOk)
          << codec.name << " " << text;
    }
  }
}

}  // namespace
}  // namespace sluice
