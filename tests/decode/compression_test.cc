// Every format with every codec: what is compressed reads as if it were not, and what is not is
// never taken for compressed. A format joins by a line in Formats().
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "decode/avro/avro_default.h"
#include "decode/avro/avro_format.h"
#include "decode/codec/codec_list.h"
#include "decode/codec/codec_testing.h"
#include "decode/codec/plain_text.h"
#include "decode/csv/csv_format.h"
#include "decode/grok/grok_format.h"
#include "decode/json/json_format.h"
#include "decode/message_decoder.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

using Random = std::mt19937_64;

/// Of 10,000 messages each: a million, or a tenth of it where each takes ten times as long.
#ifdef __SANITIZE_ADDRESS__
constexpr int kBatches = 10;
#else
constexpr int kBatches = 100;
#endif

class Messages : public RawBatch {
 public:
  void Add(std::string bytes) {
    bytes_.push_back(std::move(bytes));
    records.push_back({bytes_.back().data(), bytes_.back().size()});
    RawBatch::bytes += bytes_.back().size();
  }
  void AddTombstone() { records.push_back({nullptr, 0}); }
  std::string Origin(std::size_t) const override { return "{}"; }

 private:
  std::deque<std::string> bytes_;
};

/// A format as it takes part in these tests.
struct FormatCase {
  friend std::ostream& operator<<(std::ostream& out, const FormatCase& format) {
    return out << format.name;
  }
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

std::string CsvMessage(Random& random) {
  std::string out = random() % 16 == 0 ? "\xef\xbb\xbf" : "";
  const char* const end = random() % 2 == 0 ? "\n" : "\r\n";
  for (auto more = random() % 8 == 0 ? 1 + random() % 3 : 1; more > 0; --more) {
    out += std::to_string(random() % 1'000'000'000) + ',';
    if (random() % 2 != 0) {
      out += Word(random) + Word(random);
    } else {
      out += '"' + Word(random) + "\"\", " + Word(random) + '"';
    }
    out += ',';
    if (random() % 4 != 0) out += std::to_string(random() % 10000) + ".25";
    if (more > 1 || random() % 2 != 0) out += end;
  }
  return out;
}

std::string GrokMessage(Random& random) {
  std::string out;
  for (auto more = random() % 8 == 0 ? 1 + random() % 3 : 1; more > 0; --more) {
    out += std::to_string(random() % 1'000'000'000) + " [" + Word(random) + Word(random) + "] " +
           std::to_string(random() % 10000) + ".75";
    if (more > 1 || random() % 2 != 0) out += "\n";
  }
  return out;
}

constexpr const char* kAvro =
    R"({"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"},)"
    R"({"name": "name", "type": "string"}, {"name": "price", "type": ["null", "double"]}]})";

void AppendAvro(Random& random, std::string* out) {
  AppendAvroLong(static_cast<std::int64_t>(random() >> (random() % 64)), out);
  AppendAvroBytes(Word(random) + Word(random), out);
  const std::int64_t branch = random() % 4 != 0 ? 1 : 0;
  AppendAvroLong(branch, out);
  const double price = static_cast<double>(random() % 10000) + 0.5;
  if (branch == 1) out->append(reinterpret_cast<const char*>(&price), 8);
}

std::string AvroMessage(Random& random) {
  std::string out;
  AppendAvro(random, &out);
  return out;
}

std::string AvroFileMessage(Random& random) {
  const std::string sync = "0123456789abcdef";
  std::string out("Obj\1", 4);
  AppendAvroLong(1, &out);
  AppendAvroBytes("avro.schema", &out);
  AppendAvroBytes(kAvro, &out);
  AppendAvroLong(0, &out);
  out += sync;
  const std::int64_t rows = 1 + static_cast<std::int64_t>(random() % 3);
  std::string block;
  for (std::int64_t i = 0; i < rows; ++i) AppendAvro(random, &block);
  AppendAvroLong(rows, &out);
  AppendAvroBytes(block, &out);
  return out + sync;
}

std::vector<FormatCase> Formats() {
  const char* const columns = "id bigint, name string, price double";
  return {
      {"json", JsonFormat(), columns, {}, JsonMessage},
      {"csv", CsvFormat(), columns, {}, CsvMessage},
      {"avro", AvroFormat(), nullptr, RawOptionsFromPairs({{"avroSchema", kAvro}}), AvroMessage},
      {"avro_file", AvroFormat(), nullptr, RawOptionsFromPairs({{"avroSchema", kAvro}}),
       AvroFileMessage},
      {"grok", GrokFormat(), nullptr,
       RawOptionsFromPairs(
           {{"grokPattern", "^%{INT:id:long} \\[%{DATA:name}\\] %{NUMBER:price:double}$"}}),
       GrokMessage},
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

class Matrix : public testing::TestWithParam<FormatCase> {
 protected:
  /// Whether `bytes` are themselves a message of the format: then nobody could know better.
  bool IsMessage(const std::string& bytes) {
    if (plain_ == nullptr) plain_ = *MakeDecoder(GetParam(), "none");
    auto raw = std::make_shared<Messages>();
    raw->Add(bytes);
    return Decode(plain_.get(), raw).pieces[0].decoded.rows->num_rows() > 0;
  }

 private:
  std::unique_ptr<MessageDecoder> plain_;
};
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
    const std::string packed = TestCodecs()[pick].compress(message);
    const bool ambiguous = IsMessage(packed);
    if (!ambiguous) ++sent[IndexOf(*FindCodec(TestCodecs()[pick].name))];
    mixed->Add(ambiguous ? message : packed);
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
  for (int batch = 0; batch < kBatches; ++batch) {
    auto raw = std::make_shared<Messages>();
    for (int i = 0; i < 10'000; ++i) raw->Add(GetParam().message(random));
    const Decoded out = Decode(decoder->get(), raw);
    ASSERT_EQ(out.decompressed(), 0);
    ASSERT_EQ(out.rejects(), 0u);
  }
}

/// Lists what is missed, by codec: messages that are not read when compressed so, since what came
/// out of the compressor is a message of the format itself.
TEST_P(Matrix, MissesOnlyWhatIsItselfAMessage) {
  auto decoder = MakeDecoder(GetParam());
  ASSERT_TRUE(decoder.ok());
  Random random(6);
  for (const TestCodec& codec : TestCodecs()) {
    const bool slow =
        std::string_view(codec.name) == "bzip2" || std::string_view(codec.name) == "xz";
    const int count = slow ? 2'000 : 40'000;
    auto raw = std::make_shared<Messages>();
    const bool marked = FindCodec(codec.name)->begins != nullptr;
    std::int64_t ambiguous = 0;
    for (int i = 0; i < count; ++i) {
      const std::string packed = codec.compress(GetParam().message(random));
      if (!marked) ambiguous += IsMessage(packed) ? 1 : 0;
      raw->Add(packed);
    }
    const Decoded out = Decode(decoder->get(), raw);
    const std::int64_t missed = count - out.decompressed(codec.name);
    // Of several rows one may be a good one by chance, and the others be rejects.
    EXPECT_LE(missed, ambiguous + static_cast<std::int64_t>(out.rejects())) << codec.name;
    EXPECT_LE(missed, marked ? 0 : count / 100) << codec.name;
    EXPECT_LE(out.rejects(), marked ? 0u : 20u) << codec.name;
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
    const bool marked = FindCodec(codec.name)->begins != nullptr;
    std::int64_t good = 0;
    std::set<std::uint32_t> rejected;
    for (const DecodedBatch& piece : out.pieces) {
      for (std::uint32_t record : piece.decoded.record_of_row) good += record % 2 == 0 ? 1 : 0;
      for (const Reject& reject : piece.decoded.rejects) {
        EXPECT_EQ(reject.record % 2, 1u) << codec.name << ": " << reject.reason;
        EXPECT_NE(reject.reason, "");
        EXPECT_TRUE(!marked || reject.row == Reject::kWholeMessage) << codec.name;
        EXPECT_TRUE(rejected.insert(reject.record).second || !marked);
      }
    }
    EXPECT_GE(good, 300) << codec.name;
    EXPECT_EQ(rejected.size(), 300u) << codec.name;
  }
}

// --- without a format: what detection does to bytes of other kinds ---

/// Gives back every message as it got it; which may be one is up to the test.
class EchoDecoder : public Decoder {
 public:
  using Rule = std::function<bool(std::string_view)>;
  /// `may` answers MayBeMessage; `is` what Decode accepts.
  EchoDecoder(Rule may, Rule is) : may_(std::move(may)), is_(std::move(is)) {}
  /// Rows at which Decode stops.
  void set_most(std::size_t most) { most_ = most; }
  const SchemaPtr& schema() const override { return schema_; }
  bool MayBeMessage(std::string_view bytes) override { return may_(bytes); }
  Result<DecodedRows> Decode(const std::vector<Payload>& payloads) override {
    DecodedRows out;
    arrow::BinaryBuilder column;
    for (const Payload& payload : payloads) {
      if (out.record_of_row.size() == most_) {
        out.stopped_at = payload.record;
        break;
      }
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
  std::size_t most_ = std::numeric_limits<std::size_t>::max();
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
  for (int batch = 0; batch < kBatches; ++batch) {
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
  for (int batch = 0; batch < kBatches; ++batch) {
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
    EXPECT_LE(missed, marked ? 0 : sent.size() / 10) << codec.name;
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

TEST(Detection, AMessageWithOneGoodRowIsPlain) {
  // Two rows of text, which by chance are raw snappy too: of nine bytes.
  const std::string inner = "1,2\n3,4,5";
  const std::string message = FindTestCodec("snappy-raw").compress(inner);
  ASSERT_EQ(message, "\t " + inner);
  auto csv = MakeCsvDecoder(*ParseDdl("a string, b int"), {}, arrow::default_memory_pool());
  auto decoder = *MessageDecoder::Make(*std::move(csv), {}, {});
  auto raw = std::make_shared<Messages>();
  raw->Add(message);
  const Decoded out = Decode(decoder.get(), raw);
  EXPECT_EQ(out.decompressed(), 0);
  const DecodedRows& rows = out.pieces[0].decoded;
  ASSERT_EQ(rows.rows->num_rows(), 1);
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*rows.rows->column(0)).GetString(0), "\t 1");
  ASSERT_EQ(rows.rejects.size(), 1u);
  EXPECT_EQ(rows.rejects[0].code, "csv.cells");
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

TEST(Detection, ADecoderThatStopsIsAskedForTheRest) {
  for (const char* name : {"gzip", "snappy-raw"}) {
    // Raw snappy is found after decoding once, so that the second time stops elsewhere.
    const auto is = [](std::string_view bytes) { return bytes.starts_with("ok"); };
    auto echo = std::make_unique<EchoDecoder>(Anything, is);
    echo->set_most(3);
    auto decoder = *MessageDecoder::Make(std::move(echo), {}, {});
    auto raw = std::make_shared<Messages>();
    std::vector<std::string> good;
    for (int i = 0; i < 50; ++i) {
      const std::string plain = "ok " + std::to_string(i);
      good.push_back(plain);
      raw->Add(i % 3 == 0 ? FindTestCodec(name).compress(plain) : plain);
      if (i % 5 == 0) raw->Add("");
      if (i % 7 == 0) raw->Add("bad");
      if (i % 11 == 0) raw->AddTombstone();
    }
    const Decoded out = Decode(decoder.get(), raw);
    EXPECT_GT(out.pieces.size(), 10u);
    std::vector<std::string> seen;
    std::int64_t bytes = 0;
    std::int64_t tombstones = 0;
    for (const DecodedBatch& piece : out.pieces) {
      const auto& column = static_cast<const arrow::BinaryArray&>(*piece.decoded.rows->column(0));
      EXPECT_LE(column.length(), 3);
      for (std::int64_t i = 0; i < column.length(); ++i) seen.push_back(column.GetString(i));
      bytes += piece.bytes;
      tombstones += piece.tombstones;
    }
    EXPECT_EQ(seen, good) << name;
    EXPECT_EQ(bytes, static_cast<std::int64_t>(raw->RawBatch::bytes)) << name;
    EXPECT_EQ(tombstones, 5) << name;
    EXPECT_EQ(out.rejects(), 18u) << name;
    EXPECT_EQ(out.decompressed(name), 17) << name;
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
    if (size > kLooksAt) continue;
    for (std::size_t at = 0; at < size; ++at) {
      for (char bad : {'\0', '\x1f', '\x7f', '\x80', '\xff'}) {
        std::string changed = text;
        changed[at] = bad;
        EXPECT_FALSE(LooksLikeText(changed)) << size << " " << at;
      }
      for (char good : {'\t', '\n', '\r'}) {
        std::string changed = text;
        changed[at] = good;
        EXPECT_TRUE(LooksLikeText(changed)) << size << " " << at;
      }
    }
    for (const char* character : {"é", "日", "\xf0\x9f\x98\x80"}) {
      EXPECT_TRUE(LooksLikeText(text + character + text)) << size;
      if (size > kLooksAt - 8) continue;
      EXPECT_FALSE(LooksLikeText(text + std::string(character).substr(1) + text)) << size;
    }
  }
}

TEST(PlainText, LooksAtTheBeginningOfLongMessages) {
  for (const char* character : {"é", "日", "\xf0\x9f\x98\x80"}) {
    // Wherever the look ends within a character.
    for (std::size_t before = kLooksAt - 5; before <= kLooksAt; ++before) {
      std::string text(before, 'x');
      for (int i = 0; i < 300; ++i) text += character;
      EXPECT_TRUE(LooksLikeText(text)) << before;
      EXPECT_FALSE(LooksLikeText("\x80" + text)) << before;
      EXPECT_FALSE(LooksLikeText(std::string(kLooksAt - 1, 'x') + "\1" + text)) << before;
    }
  }
  EXPECT_FALSE(LooksLikeText(std::string(2 * kLooksAt, '\x80')));
}

}  // namespace
}  // namespace sluice
