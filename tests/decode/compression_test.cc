// Every format with every codec: what is compressed reads as if it were not, and what is not is
// never taken for compressed. A format joins by a line in Formats().
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "decode/codec/codec_list.h"
#include "decode/codec/codec_testing.h"
#include "decode/codec/plain_text.h"
#include "decode/json/json_format.h"
#include "decode/message_decoder.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

using Random = std::mt19937_64;

class Messages : public RawBatch {
 public:
  void Add(std::string bytes) {
    bytes_.push_back(std::move(bytes));
    records.push_back({bytes_.back().data(), bytes_.back().size()});
    RawBatch::bytes += bytes_.back().size();
  }
  std::string Origin(std::size_t) const override { return "{}"; }

 private:
  std::deque<std::string> bytes_;
};

/// A format as it takes part in these tests.
struct FormatCase {
  const char* name;
  FormatEntry entry;
  const char* schema;
  RawOptions options;
  std::function<std::string(Random&)> message;  ///< A good one, different each time.
};

std::string Word(Random& random) {
  static const char* const kWords[] = {"BZh91AY&SY", "x^2",   "P*M",     "hC",    "Obj", "{",
                                       "[",          "Malmö", "\\u0000", "Z",     "8O",  "(",
                                       "7zXZ",       "a b",   "",        "sNaPpY"};
  return kWords[random() % std::size(kWords)];
}

std::string JsonMessage(Random& random) {
  std::string out;
  const auto object = [&] {
    out += R"({"id": )" + std::to_string(random() % 1'000'000'000);
    if (random() % 2 != 0) out += R"(, "name": ")" + Word(random) + Word(random) + '"';
    if (random() % 4 != 0) out += R"(,"price":)" + std::to_string(random() % 10000) + ".5";
    for (auto more = random() % 4; more > 0; --more) out += R"(, "unknown": [1, 2, null])";
    out += "}";
  };
  if (random() % 16 == 0) out += "\xef\xbb\xbf";
  out += std::string(random() % 8 == 0 ? random() % 3 : 0, ' ');
  if (random() % 8 == 0) {
    out += "[";
    object();
    out += ",\n";
    object();
    out += "]";
  } else {
    object();
  }
  if (random() % 8 == 0) out += "\n";
  return out;
}

std::vector<FormatCase> Formats() {
  return {
      {"json", JsonFormat(), "id bigint, name string, price double", {}, JsonMessage},
  };
}

Result<std::unique_ptr<MessageDecoder>> MakeDecoder(const FormatCase& format,
                                                    const std::string& compression = "auto") {
  TRY(const Options options, ParseOptions(format.entry.options, format.options, format.name));
  SchemaPtr schema;
  if (format.schema != nullptr) {
    TRY(schema, ParseDdl(format.schema));
  }
  TRY(auto decoder, format.entry.make(options, schema, DecodeLimits{}));
  return MessageDecoder::Make(std::move(decoder), {}, DecodeLimits{}, MakeCompression(compression));
}

struct Decoded {
  std::vector<DecodedBatch> pieces;
  std::int64_t decompressed(std::string_view codec) const {
    std::int64_t sum = 0;
    for (const DecodedBatch& piece : pieces) {
      sum += piece.decompressed[IndexOf(*FindCodec(codec))];
    }
    return sum;
  }
  std::int64_t decompressed() const {
    std::int64_t sum = 0;
    for (const Codec& codec : Codecs()) sum += decompressed(codec.name);
    return sum;
  }
  std::size_t rejects() const {
    std::size_t sum = 0;
    for (const DecodedBatch& piece : pieces) sum += piece.decoded.rejects.size();
    return sum;
  }
};

Decoded Decode(MessageDecoder* decoder, const std::shared_ptr<const RawBatch>& raw) {
  Decoded out;
  std::int64_t delivered = 0;
  const auto result = decoder->Decode(raw, [&](DecodedBatch piece) -> Result<void> {
    EXPECT_EQ(piece.delivered, piece.decoded_messages + piece.rejected_whole + piece.tombstones);
    EXPECT_TRUE(piece.decoded.rows->ValidateFull().ok());
    delivered += piece.delivered;
    out.pieces.push_back(std::move(piece));
    return {};
  });
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(delivered, static_cast<std::int64_t>(raw->records.size()));
  return out;
}

class Matrix : public testing::TestWithParam<FormatCase> {};
INSTANTIATE_TEST_SUITE_P(Format, Matrix, testing::ValuesIn(Formats()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Matrix, CompressedMessagesReadAsPlainOnes) {
  auto decoder = MakeDecoder(GetParam());
  ASSERT_TRUE(decoder.ok()) << decoder.error().message;
  Random random(3);
  auto plain = std::make_shared<Messages>();
  auto mixed = std::make_shared<Messages>();
  std::vector<std::int64_t> sent(kNumCodecs);
  for (int i = 0; i < 4000; ++i) {
    const std::string message = GetParam().message(random);
    plain->Add(message);
    const std::size_t pick = random() % (TestCodecs().size() + 1);
    if (pick == TestCodecs().size()) {
      mixed->Add(message);
      continue;
    }
    ++sent[IndexOf(*FindCodec(TestCodecs()[pick].name))];
    mixed->Add(TestCodecs()[pick].compress(message));
  }
  const Decoded expected = Decode(decoder->get(), plain);
  const Decoded out = Decode(decoder->get(), mixed);
  EXPECT_EQ(expected.decompressed(), 0);
  ASSERT_EQ(out.pieces.size(), 1u);
  for (const Codec& codec : Codecs()) {
    EXPECT_EQ(out.decompressed(codec.name), sent[IndexOf(codec)]) << codec.name;
  }
  const DecodedRows& a = expected.pieces[0].decoded;
  const DecodedRows& b = out.pieces[0].decoded;
  for (const Reject& reject : b.rejects) ADD_FAILURE() << reject.record << " " << reject.reason;
  EXPECT_TRUE(a.rows->Equals(*b.rows));
  EXPECT_EQ(a.record_of_row, b.record_of_row);
  EXPECT_EQ(a.row_in_message, b.row_in_message);
}

TEST_P(Matrix, EachCodecMayBeNamed) {
  Random random(4);
  for (const TestCodec& codec : TestCodecs()) {
    auto decoder = MakeDecoder(GetParam(), codec.name);
    ASSERT_TRUE(decoder.ok());
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < 200; ++i) raw->Add(codec.compress(GetParam().message(random)));
    for (int i = 0; i < 20; ++i) raw->Add(GetParam().message(random));
    const Decoded out = Decode(decoder->get(), raw);
    EXPECT_EQ(out.decompressed(codec.name), 200) << codec.name;
    EXPECT_EQ(out.rejects(), 20u) << codec.name;
    // Off, and there is nothing to be read.
    auto off = MakeDecoder(GetParam(), "none");
    EXPECT_EQ(Decode(off->get(), raw).decompressed(), 0) << codec.name;
  }
}

TEST_P(Matrix, AMillionPlainMessagesStayPlain) {
  auto decoder = MakeDecoder(GetParam());
  ASSERT_TRUE(decoder.ok());
  Random random(5);
  for (int batch = 0; batch < 100; ++batch) {
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < 10'000; ++i) raw->Add(GetParam().message(random));
    const Decoded out = Decode(decoder->get(), raw);
    ASSERT_EQ(out.decompressed(), 0);
    ASSERT_EQ(out.rejects(), 0u);
  }
}

/// Lists what is missed, by codec: messages that are not read when compressed so.
TEST_P(Matrix, MissesNone) {
  auto decoder = MakeDecoder(GetParam());
  ASSERT_TRUE(decoder.ok());
  Random random(6);
  for (const TestCodec& codec : TestCodecs()) {
    const bool slow =
        std::string_view(codec.name) == "bzip2" || std::string_view(codec.name) == "xz";
    const int count = slow ? 2'000 : 40'000;
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < count; ++i) raw->Add(codec.compress(GetParam().message(random)));
    const Decoded out = Decode(decoder->get(), raw);
    const std::int64_t missed = count - out.decompressed(codec.name);
    EXPECT_EQ(missed, 0) << codec.name;
    EXPECT_EQ(out.rejects(), 0u) << codec.name;
    std::cout << GetParam().name << " " << codec.name << ": missed " << missed << " of " << count
              << "\n";
  }
}

TEST_P(Matrix, DamageIsARejectAndItsNeighboursAreUnharmed) {
  auto decoder = MakeDecoder(GetParam());
  ASSERT_TRUE(decoder.ok());
  Random random(7);
  for (const TestCodec& codec : TestCodecs()) {
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < 300; ++i) {
      raw->Add(GetParam().message(random));
      std::string damaged = codec.compress(GetParam().message(random));
      if (i % 2 == 0) damaged.resize(damaged.size() / 2);
      if (i % 2 != 0) damaged += "\xff\x01";
      raw->Add(damaged);
    }
    const Decoded out = Decode(decoder->get(), raw);
    std::int64_t good = 0;
    for (const DecodedBatch& piece : out.pieces) {
      for (std::uint32_t record : piece.decoded.record_of_row) good += record % 2 == 0 ? 1 : 0;
      for (const Reject& reject : piece.decoded.rejects) {
        EXPECT_EQ(reject.record % 2, 1u) << codec.name << ": " << reject.reason;
        EXPECT_EQ(reject.row, Reject::kWholeMessage);
        EXPECT_NE(reject.reason, "");
      }
    }
    EXPECT_GE(good, 300) << codec.name;
    EXPECT_EQ(out.rejects(), 300u) << codec.name;
  }
}

// --- without a format: what detection does to bytes of other kinds ---

/// Gives back every message as it got it; which may be one is up to the test.
class EchoDecoder : public Decoder {
 public:
  using Rule = std::function<bool(std::string_view)>;
  /// `may` answers MayBeMessage; `is` what Decode accepts.
  EchoDecoder(Rule may, Rule is) : may_(std::move(may)), is_(std::move(is)) {}
  const SchemaPtr& schema() const override { return schema_; }
  bool MayBeMessage(std::string_view bytes) override { return may_(bytes); }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    DecodedRows out;
    arrow::BinaryBuilder column;
    for (const Payload& payload : payloads) {
      const std::string_view bytes(payload.data, payload.size);
      if (!is_(bytes)) {
        Reject reject;
        reject.record = payload.record;
        reject.code = "echo.no";
        reject.reason = "no message";
        out.rejects.push_back(std::move(reject));
        continue;
      }
      TRY(column.Append(bytes));
      out.record_of_row.push_back(payload.record);
    }
    TRY(std::shared_ptr<arrow::Array> array, column.Finish());
    out.rows = arrow::RecordBatch::Make(schema_, array->length(), {array});
    return out;
  }

 private:
  Rule may_;
  Rule is_;
  SchemaPtr schema_ = arrow::schema({arrow::field("bytes", arrow::binary())});
};

bool Anything(std::string_view) { return true; }

std::unique_ptr<MessageDecoder> MakeEcho(EchoDecoder::Rule may, EchoDecoder::Rule is,
                                         const DecodeLimits& limits = {}) {
  auto decoder = MessageDecoder::Make(std::make_unique<EchoDecoder>(std::move(may), std::move(is)),
                                      {}, limits);
  return *std::move(decoder);
}

std::string TextLine(Random& random) {
  std::string out;
  for (auto fields = 1 + random() % 8; fields > 0; --fields) {
    out += Word(random);
    out += random() % 2 != 0 ? std::to_string(random() % 100000) : Word(random);
    out += random() % 16 == 0 ? '\t' : ',';
  }
  if (random() % 8 == 0) out += "\r\n";
  return out;
}

/// A long, a string, a union and a double, as Avro writes them.
std::string AvroLike(Random& random) {
  std::string out;
  const auto number = [&](std::uint64_t value) {
    for (; value > 127; value >>= 7) out += static_cast<char>(value | 128);
    out += static_cast<char>(value);
  };
  number(random() >> (random() % 64));
  const std::string word = Word(random) + Word(random);
  number(word.size() * 2);
  out += word;
  number(random() % 2 * 2);
  const std::uint64_t bits = random();
  out.append(reinterpret_cast<const char*>(&bits), 8);
  return out;
}

TEST(Detection, LeavesAMillionLinesOfTextPlain) {
  auto decoder = MakeEcho(LooksLikeText, LooksLikeText);
  Random random(8);
  for (int batch = 0; batch < 100; ++batch) {
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < 10'000; ++i) raw->Add(TextLine(random));
    const Decoded out = Decode(decoder.get(), raw);
    ASSERT_EQ(out.decompressed(), 0);
    ASSERT_EQ(out.rejects(), 0u);
  }
}

TEST(Detection, LeavesAMillionBinaryMessagesPlain) {
  auto decoder = MakeEcho(Anything, Anything);
  Random random(9);
  for (int batch = 0; batch < 100; ++batch) {
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < 10'000; ++i) {
      std::string message = AvroLike(random);
      if (i % 8 == 0)
        message[0] =
            "\xff\x82\x1f"
            "B\xfd\x28P\x04x"[random() % 9];
      raw->Add(message);
    }
    const Decoded out = Decode(decoder.get(), raw);
    ASSERT_EQ(out.decompressed(), 0);
    ASSERT_EQ(out.rejects(), 0u);
  }
}

TEST(Detection, FindsCompressedTextButForTheShortest) {
  auto decoder = MakeEcho(LooksLikeText, LooksLikeText);
  Random random(10);
  for (const TestCodec& codec : TestCodecs()) {
    auto raw = std::make_shared<Messages>();
    std::vector<std::string> sent;
    for (int i = 0; i < 2000; ++i) {
      sent.push_back(TextLine(random));
      if (sent.back().empty()) sent.back() = "a";
      raw->Add(codec.compress(sent.back()));
    }
    const Decoded out = Decode(decoder.get(), raw);
    ASSERT_EQ(out.pieces.size(), 1u);
    const auto& rows =
        static_cast<const arrow::BinaryArray&>(*out.pieces[0].decoded.rows->column(0));
    std::size_t missed = out.rejects();
    std::size_t longest = 0;
    for (std::int64_t row = 0; row < rows.length(); ++row) {
      const std::string& plain =
          sent[out.pieces[0].decoded.record_of_row[static_cast<std::size_t>(row)]];
      if (rows.GetView(row) == plain) continue;
      ++missed;
      longest = std::max(longest, plain.size());
    }
    std::cout << "text " << codec.name << ": missed " << missed << " of " << sent.size()
              << ", the longest of " << longest << " bytes\n";
    EXPECT_EQ(out.rejects(), 0u) << codec.name;
    // Without a magic number, what is compressed may be text itself.
    const bool marked = FindCodec(codec.name)->begins != nullptr;
    EXPECT_LE(missed, marked ? 0 : sent.size() / 4) << codec.name;
  }
}

TEST(Detection, AFormatThatCannotTellStillReadsWhatHasNoMagicNumber) {
  // Only what begins with "ok" is a message, and only Decode finds out.
  const auto is = [](std::string_view bytes) { return bytes.starts_with("ok"); };
  auto decoder = MakeEcho(Anything, is);
  auto raw = std::make_shared<Messages>();
  raw->Add("ok, plain");
  raw->Add(FindTestCodec("snappy-raw").compress("ok, raw snappy"));
  raw->Add(FindTestCodec("gzip").compress("ok, gzip"));
  raw->Add("neither");
  raw->Add(FindTestCodec("deflate-raw").compress("ok, raw deflate"));
  raw->Add(FindTestCodec("snappy-hadoop").compress("ok, Hadoop's snappy"));
  raw->Add(FindTestCodec("snappy-raw").compress("not ok"));
  raw->Add(FindTestCodec("gzip").compress("not ok"));
  raw->Add("ok, plain too");
  raw->Add(FindTestCodec("gzip").compress("ok, but cut").substr(0, 20));
  const Decoded out = Decode(decoder.get(), raw);
  ASSERT_EQ(out.pieces.size(), 1u);
  const DecodedRows& rows = out.pieces[0].decoded;
  EXPECT_EQ(rows.record_of_row, (std::vector<std::uint32_t>{0, 1, 2, 4, 5, 8}));
  const auto& bytes = static_cast<const arrow::BinaryArray&>(*rows.rows->column(0));
  EXPECT_EQ(bytes.GetString(1), "ok, raw snappy");
  EXPECT_EQ(bytes.GetString(4), "ok, Hadoop's snappy");
  ASSERT_EQ(rows.rejects.size(), 4u);
  EXPECT_EQ(rows.rejects[0].record, 3u);
  EXPECT_EQ(rows.rejects[0].reason, "no message");
  // Not even decompressed a message: then it was none.
  EXPECT_EQ(rows.rejects[1].reason, "no message");
  EXPECT_EQ(rows.rejects[2].reason, "after gzip decompression: no message");
  EXPECT_EQ(rows.rejects[3].reason, "gzip: it ends early");
  EXPECT_EQ(out.decompressed("snappy-raw"), 1);
  EXPECT_EQ(out.decompressed("gzip"), 2);
  EXPECT_EQ(out.decompressed(), 5);
}

TEST(Detection, UndoesOneLayerOnly) {
  auto decoder = MakeEcho(Anything, Anything);
  auto raw = std::make_shared<Messages>();
  const std::string once = FindTestCodec("gzip").compress("text");
  raw->Add(FindTestCodec("zstd").compress(once));
  const Decoded out = Decode(decoder.get(), raw);
  const auto& bytes =
      static_cast<const arrow::BinaryArray&>(*out.pieces[0].decoded.rows->column(0));
  EXPECT_EQ(bytes.GetString(0), once);
}

TEST(Detection, BombsAreCapped) {
  DecodeLimits limits;
  auto decoder = MakeEcho(LooksLikeText, LooksLikeText, limits);
  auto raw = std::make_shared<Messages>();
  std::vector<std::string> codes;
  for (const char* name : {"gzip", "zlib", "bzip2", "xz", "zstd", "lz4"}) {
    const TestCodec& codec = FindTestCodec(name);
    // 65 MiB of zeros, and 8 MiB: below the size, but far beyond the ratio but for lz4's 255.
    raw->Add(codec.compress(std::string(65u << 20, 'a')));
    codes.push_back("limit");
    raw->Add(codec.compress(std::string(8u << 20, 'a')));
    codes.push_back("limit");
    raw->Add(codec.compress(std::string(1u << 20, 'a')));
    codes.push_back("");
  }
  const Decoded out = Decode(decoder.get(), raw);
  std::vector<std::string> seen(codes.size());
  for (const DecodedBatch& piece : out.pieces) {
    for (const Reject& reject : piece.decoded.rejects) {
      EXPECT_TRUE(reject.code == "limit.ratio" || reject.code == "limit.decompressed")
          << reject.reason;
      seen[reject.record] = "limit";
    }
  }
  EXPECT_EQ(seen, codes);
}

TEST(Detection, ABatchThatDecompressesToMuchComesInPieces) {
  for (const char* name : {"gzip", "snappy-raw"}) {
    // Raw snappy by Reconsider, as the format cannot tell: that stops when it is full too.
    const auto is = [](std::string_view bytes) { return bytes.starts_with("ok"); };
    auto decoder = MakeEcho(Anything, is);
    const TestCodec& codec = FindTestCodec(name);
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < 100; ++i) {
      std::string plain = "ok " + std::to_string(i);
      plain.resize(1u << 20, 'a');
      raw->Add(codec.compress(plain));
      if (i % 10 == 0) raw->Add("bad");
    }
    const Decoded out = Decode(decoder.get(), raw);
    EXPECT_GE(out.pieces.size(), 5u) << name;
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::uint32_t next = 0;
    for (const DecodedBatch& piece : out.pieces) {
      const auto& column = static_cast<const arrow::BinaryArray&>(*piece.decoded.rows->column(0));
      EXPECT_LE(column.total_values_length(), 18 << 20) << name;
      for (std::uint32_t record : piece.decoded.record_of_row) {
        EXPECT_GE(record, next);
        next = record;
      }
      rows += piece.decoded.rows->num_rows();
      bytes += piece.bytes;
    }
    EXPECT_EQ(rows, 100) << name;
    EXPECT_EQ(out.rejects(), 10u) << name;
    EXPECT_EQ(out.decompressed(name), 100) << name;
    EXPECT_EQ(bytes, static_cast<std::int64_t>(raw->RawBatch::bytes)) << name;
  }
}

TEST(Detection, AnErrorOfTheTakerEndsIt) {
  auto decoder = MakeEcho(Anything, Anything);
  auto raw = std::make_shared<Messages>();
  raw->Add("a");
  const auto result = decoder->Decode(
      raw, [](const DecodedBatch&) -> Result<void> { return UserError("test.stop", "stop"); });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, "test.stop");
}

TEST(PlainText, KnowsTextFromBytes) {
  for (const char* text : {"a", "", "tab\there", "line\r\n", "Malmö", "日本語, 日本語, 日本語"}) {
    EXPECT_TRUE(LooksLikeText(text)) << text;
  }
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string text(size, 'x');
    EXPECT_TRUE(LooksLikeText(text));
    for (std::size_t at = 0; at < size; ++at) {
      for (char bad : {'\0', '\x1f', '\x7f', '\x80', '\xff'}) {
        std::string changed = text;
        changed[at] = bad;
        EXPECT_FALSE(LooksLikeText(changed)) << size << " " << at;
      }
    }
  }
}

}  // namespace
}  // namespace sluice
