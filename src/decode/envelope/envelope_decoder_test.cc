#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decode/avro/avro_detection.h"
#include "decode/avro/avro_format.h"
#include "decode/avro/avro_testing.h"
#include "decode/codec/codec_testing.h"
#include "decode/envelope/envelope.h"
#include "decode/framing.h"
#include "decode/json/json_format.h"
#include "decode/mixed_format.h"

namespace sluice {
namespace {

using Type = RegisteredSchema::Type;

constexpr char kFirst[] = R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"}]})";
constexpr char kSecond[] = R"({"type":"record","name":"R","fields":[{"name":"b","type":"string"},)"
                           R"({"name":"a","type":"int"}]})";

SchemaId Number(std::uint8_t id) { return {SchemaId::Kind::kConfluentId, {0, 0, 0, id}}; }

std::string Confluent(std::uint8_t id, const std::string& payload) {
  return std::string({'\0', '\0', '\0', '\0', static_cast<char>(id)}) + payload;
}

std::string Uuid() { return FromHex("00112233445566778899aabbccddeeff"); }
SchemaId Version() {
  SchemaId id{SchemaId::Kind::kGlueVersion, {}};
  const std::string uuid = Uuid();
  std::copy(uuid.begin(), uuid.end(), id.bytes.begin());
  return id;
}
std::string Glue(const std::string& payload) { return std::string("\3\0", 2) + Uuid() + payload; }
std::string GlueZlib(const std::string& payload) {
  return "\3\5" + Uuid() + FindTestCodec("zlib").compress(payload);
}

/// A registry of one kind with these schemas. `asked` counts.
class FakeFinder final : public SchemaFinder {
 public:
  FakeFinder(bool glue, std::map<SchemaId, RegisteredSchema> schemas, int* asked)
      : glue_(glue), schemas_(std::move(schemas)), asked_(asked) {}

  Result<std::shared_ptr<const RegisteredSchema>> Find(const SchemaId& id) override {
    ++*asked_;
    const auto at = schemas_.find(id);
    if (at == schemas_.end()) return std::shared_ptr<const RegisteredSchema>();
    if (at->second.text == "down") return RemoteError("net.connect", "nobody is there");
    if (at->second.text == "denied") return UserError("registry.auth", "no");
    return std::make_shared<const RegisteredSchema>(at->second);
  }
  Result<std::shared_ptr<const RegisteredSchema>> FindLatest(const std::string&) override {
    return std::shared_ptr<const RegisteredSchema>();
  }
  bool Understands(SchemaId::Kind kind) const override {
    return (kind == SchemaId::Kind::kGlueVersion) == glue_;
  }

 private:
  const bool glue_;
  const std::map<SchemaId, RegisteredSchema> schemas_;
  int* const asked_;
};

class Messages final : public RawBatch {
 public:
  std::map<std::size_t, std::string> headers;
  std::string Origin(std::size_t) const override { return "{}"; }
  std::optional<std::string_view> Header(std::size_t record, const char* name) const override {
    const auto at = headers.find(record);
    if (at == headers.end() || std::string_view(name) != kSchemaIdHeader) return std::nullopt;
    return at->second;
  }
};

class EnvelopeDecoderTest : public testing::Test {
 protected:
  std::map<SchemaId, RegisteredSchema> schemas_;
  bool glue_ = false;
  int asked_ = 0;
  std::vector<std::pair<std::string, std::string>> options_;
  DecodeLimits limits_;
  Messages raw_;

  void Avro(std::uint8_t id, std::string text) {
    schemas_[Number(id)] = {Type::kAvro, std::move(text), {}, "clicks-value", id};
  }

  Result<std::shared_ptr<const Envelopes>> Make(std::vector<Type> types = {Type::kAvro}) {
    std::vector<OptionSpec> specs = FramingOptionSpecs();
    specs.push_back({.name = "registryTimeout", .type = OptionType::kDuration});
    auto options = ParseOptions(specs, RawOptionsFromPairs(options_), "test");
    EXPECT_TRUE(options.ok()) << options.error().message;
    return Envelopes::Make(*options, std::move(types), [this](const Options&, std::stop_token) {
      return Result<std::unique_ptr<SchemaFinder>>(
          std::make_unique<FakeFinder>(glue_, schemas_, &asked_));
    });
  }

  std::unique_ptr<Decoder> Wrap(std::unique_ptr<Decoder> inner,
                                std::vector<Type> types = {Type::kAvro}) {
    auto envelopes = Make(std::move(types));
    EXPECT_TRUE(envelopes.ok()) << envelopes.error().message;
    auto decoder = (*envelopes)->Wrap(std::move(inner), limits_, 10'000'000);
    decoder->StartBatch(raw_);
    return decoder;
  }

  /// With bare messages of this schema.
  std::unique_ptr<Decoder> Bare(const std::string& schema) {
    auto inner = MakeAvroDecoder(WrittenAs(schema), arrow::default_memory_pool());
    return Wrap(*std::move(inner));
  }
  std::unique_ptr<Decoder> Detecting(const std::string& ddl) {
    auto inner = MakeDetectingAvroDecoder(*ParseDdl(ddl), {}, arrow::default_memory_pool());
    return Wrap(*std::move(inner));
  }
};

TEST_F(EnvelopeDecoderTest, VersionsTakeTurnsInOneSetOfColumns) {
  Avro(1, kFirst);
  Avro(2, kSecond);
  const auto decoder = Detecting("a bigint, b string");
  const DecodedRows out = DecodeMessages(
      decoder.get(), {Confluent(1, Datum().Long(7)), Confluent(2, Datum().Text("x").Long(8)),
                      Confluent(1, Datum().Long(9)), Confluent(2, Datum().Text("y").Long(10))});
  EXPECT_EQ(Rows(out), "7 | null | null\n8 | x | null\n9 | null | null\n10 | y | null\n");
  EXPECT_EQ(Rejects(out), "");
  EXPECT_EQ(out.unseen, nullptr);
  EXPECT_EQ(asked_, 2) << "once for each id";
}

TEST_F(EnvelopeDecoderTest, ANewVersionShowsItsColumnsAndLosesNothingMeanwhile) {
  Avro(1, kFirst);
  Avro(2, kSecond);
  const auto decoder = Detecting("a bigint");
  const DecodedRows out = DecodeMessages(
      decoder.get(), {Confluent(1, Datum().Long(7)), Confluent(2, Datum().Text("x").Long(8))});
  EXPECT_EQ(Rows(out),
            "7 | null\n8 | [{\"path\":\"b\",\"value\":\"x\",\"reason\":\"column.unknown\"}]\n");
  ASSERT_NE(out.unseen, nullptr);
  EXPECT_TRUE(out.unseen->fields().contains("b"));
}

TEST_F(EnvelopeDecoderTest, OfSeveralFormatsTheSchemaTellsWhichItIs) {
  Avro(1, kFirst);
  schemas_[Number(2)] = {Type::kJson, R"({"type":"object"})", {}, "clicks-value", 2};
  const FormatEntry avro = AvroFormat();
  const FormatEntry json = JsonFormat();
  const FormatEntry mixed = MixedFormat({{&avro, *ParseOptions(avro.options, {}, "avro")},
                                         {&json, *ParseOptions(json.options, {}, "json")}});
  auto inner = mixed.make_detecting(*ParseOptions({}, {}, "none"), *ParseDdl("a bigint"), limits_);
  const auto decoder = Wrap(*std::move(inner), mixed.registered_as);
  const DecodedRows out = DecodeMessages(
      decoder.get(), {Confluent(1, Datum().Long(7)), Confluent(2, R"({"a":8})"), R"({"a":9})",
                      Confluent(2, Datum().Long(10)), Confluent(1, Datum().Long(11))});
  EXPECT_EQ(Rows(out), "7 | null\n8 | null\n9 | null\n11 | null\n");
  EXPECT_EQ(Rejects(out), "format.none @5 #3\n");
  EXPECT_EQ(out.messages_of_format, (std::vector<std::int64_t>{2, 2}));
}

TEST_F(EnvelopeDecoderTest, ADeclaredSchemaIsTheReadersWhateverTheWriters) {
  Avro(1, kFirst);
  Avro(2, kSecond);
  AvroDecoderOptions options;
  options.declared = *ParseDdl("a bigint");
  auto inner = MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
  const auto decoder = Wrap(*std::move(inner));
  const DecodedRows out = DecodeMessages(
      decoder.get(), {Confluent(1, Datum().Long(7)), Confluent(2, Datum().Text("x").Long(8))});
  EXPECT_EQ(Rows(out), "7\n8\n");
}

TEST_F(EnvelopeDecoderTest, ReferencesAreKnown) {
  schemas_[Number(3)] = {
      Type::kAvro,
      R"({"type":"record","name":"Line","fields":[{"name":"from","type":"Point"}]})",
      {R"({"type":"record","name":"Point","fields":[{"name":"x","type":"int"}]})"},
      "",
      0};
  const auto decoder = Detecting("from struct<x:int>");
  const DecodedRows out = DecodeMessages(decoder.get(), {Confluent(3, Datum().Long(5))});
  EXPECT_EQ(Rows(out), "{x:int32 = 5} | null\n");
}

TEST_F(EnvelopeDecoderTest, BareAvroThatBeginsLikeAnEnvelopeIsReadAsBare) {
  const std::string schema =
      R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},)"
      R"({"name":"b","type":"long"},{"name":"c","type":{"type":"array","items":"long"}}]})";
  Avro(1, kFirst);
  const auto decoder = Bare(schema);
  // An id that is unknown, and one that is known, where the rest is no datum of its schema.
  const std::string unknown = Datum().Long(0).Long(0).Long(2).Long(0).Long(-5).Long(0);
  const std::string like = Confluent(1, Datum().Long(7).Long(7));
  const DecodedRows out = DecodeMessages(decoder.get(), {unknown, like});
  EXPECT_EQ(out.rows->num_rows(), 1);
  EXPECT_EQ(Rejects(out), "avro.resolution @5 #1\n") << "the reason is that of the envelope";
}

TEST_F(EnvelopeDecoderTest, AKnownIdIsNoProofIfTheRestIsNoDatum) {
  Avro(1, kFirst);
  const auto decoder =
      Bare(R"({"type":"record","name":"R","fields":[{"name":"a","type":"long","default":0},)"
           R"({"name":"b","type":"long","default":0},{"name":"c","type":"long","default":0},)"
           R"({"name":"d","type":"long","default":0},{"name":"e","type":"long","default":0},)"
           R"({"name":"f","type":"string","default":""}]})");
  const std::string bare = Datum().Long(0).Long(0).Long(0).Long(0).Long(-1).Text("hello");
  const DecodedRows out = DecodeMessages(
      decoder.get(), {Confluent(1, Datum().Long(7)), bare, Confluent(1, Datum().Long(8))});
  EXPECT_EQ(Rows(out), "7 | 0 | 0 | 0 | 0 | \n0 | 0 | 0 | 0 | -1 | hello\n8 | 0 | 0 | 0 | 0 | \n");
  EXPECT_EQ(Rejects(out), "");
}

TEST_F(EnvelopeDecoderTest, BareAvroThatBeginsLikeGlueIsReadAsBare) {
  glue_ = true;
  const auto decoder = Bare(R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},)"
                            R"({"name":"b","type":"long"},{"name":"c","type":"string"}]})");
  const std::string bare = Datum().Long(-2).Long(0).Text("a text of some length");
  ASSERT_TRUE(ParseGlueEnvelope(bare).has_value());
  const DecodedRows out = DecodeMessages(decoder.get(), {bare});
  EXPECT_EQ(Rows(out), "-2 | 0 | a text of some length\n");
}

TEST_F(EnvelopeDecoderTest, AnIdThatIsNotThereIsTheReasonIfNothingElseFits) {
  for (const char* framing : {"auto", "confluent"}) {
    options_ = {{"framing", framing}};
    const auto decoder = Detecting("a bigint");
    const DecodedRows out = DecodeMessages(decoder.get(), {Confluent(9, Datum().Long(7))});
    EXPECT_EQ(Rejects(out), "registry.unknown_id @0 #0\n");
    EXPECT_NE(out.rejects[0].reason.find("the schema 9"), std::string::npos);
  }
}

TEST_F(EnvelopeDecoderTest, ForcedFramingRefusesWhatHasNone) {
  Avro(1, kFirst);
  options_ = {{"framing", "confluent"}};
  const auto decoder = Bare(kFirst);
  const DecodedRows out = DecodeMessages(
      decoder.get(), {Datum().Long(7), Confluent(1, Datum().Long(8)), std::string(3, '\0')});
  EXPECT_EQ(Rows(out), "8\n");
  EXPECT_EQ(Rejects(out), "registry.framing @0 #0\nregistry.framing @0 #2\n");
}

TEST_F(EnvelopeDecoderTest, FramingNoneAsksNothing) {
  options_ = {{"framing", "none"}};
  const auto decoder = Bare(R"({"type":"record","name":"R","fields":[{"name":"a","type":"long"},)"
                            R"({"name":"b","type":"string"}]})");
  const DecodedRows out = DecodeMessages(decoder.get(), {Datum().Long(0).Text("four")});
  EXPECT_EQ(Rows(out), "0 | four\n");
  EXPECT_EQ(asked_, 0);
}

TEST_F(EnvelopeDecoderTest, HeadersNameTheSchemaOfABareDatum) {
  Avro(1, kFirst);
  Avro(2, kSecond);
  raw_.headers = {{0, FromHex("00 00000001")}, {1, FromHex("00 00000002")}, {2, "?"}};
  for (const char* framing : {"auto", "confluentHeader"}) {
    options_ = {{"framing", framing}};
    const auto decoder = Detecting("a bigint, b string");
    const DecodedRows out = DecodeMessages(
        decoder.get(), {Datum().Long(7), Datum().Text("x").Long(8), Datum().Long(9)});
    EXPECT_EQ(Rows(out), "7 | null | null\n8 | x | null\n");
    EXPECT_EQ(Rejects(out), std::string(framing) == "auto" ? "avro.schema_needed @0 #2\n"
                                                           : "registry.framing @0 #2\n");
  }
}

TEST_F(EnvelopeDecoderTest, GlueZlibIsUndoneWithinTheLimits) {
  glue_ = true;
  schemas_[Version()] = {Type::kAvro,
                         R"({"type":"record","name":"R","fields":[)"
                         R"({"name":"t","type":"string"}]})",
                         {},
                         "r/t",
                         1};
  limits_.decompressed_free = 1'000;
  const auto decoder = Detecting("t string");
  std::string cut = GlueZlib(Datum().Text("cut"));
  cut.resize(cut.size() - 3);
  const DecodedRows out =
      DecodeMessages(decoder.get(), {Glue(Datum().Text("plain")), GlueZlib(Datum().Text("packed")),
                                     GlueZlib(Datum().Text(std::string(1 << 20, 'a'))), cut,
                                     GlueZlib(Datum().Long(50))});
  EXPECT_EQ(Rows(out), "plain | null\npacked | null\n");
  ASSERT_EQ(out.rejects.size(), 3u);
  EXPECT_EQ(out.rejects[0].code, "limit.ratio");
  EXPECT_EQ(out.rejects[1].code, "compression.broken");
  EXPECT_GE(out.rejects[1].byte, 18);
  EXPECT_EQ(out.rejects[2].code, "avro.datum");
  EXPECT_TRUE(out.rejects[2].reason.starts_with("after zlib decompression"))
      << out.rejects[2].reason;
}

TEST_F(EnvelopeDecoderTest, PlacesAreThoseOfTheMessage) {
  Avro(1, kFirst);
  const auto decoder = Detecting("a bigint");
  const DecodedRows out = DecodeMessages(decoder.get(), {Confluent(1, "\x02\x02")});
  EXPECT_EQ(Rejects(out), "avro.datum @6 #0\n");
}

TEST_F(EnvelopeDecoderTest, OtherKindsOfSchemasAreNamed) {
  schemas_[Number(1)] = {Type::kProtobuf, "message P {}", {}, "p-value", 3};
  schemas_[Number(2)] = {Type::kJson, "{}", {}, "j-value", 1};
  const auto decoder = Detecting("a bigint");
  const DecodedRows out =
      DecodeMessages(decoder.get(), {Confluent(1, "x"), Confluent(2, "{\"a\":1}")});
  EXPECT_EQ(Rejects(out), "registry.protobuf @0 #0\nregistry.type @0 #1\n");
  EXPECT_NE(out.rejects[0].reason.find("p-value version 3 (id 1), is Protobuf"), std::string::npos);
  EXPECT_NE(out.rejects[1].reason.find("is JSON, and the source's classification is Avro"),
            std::string::npos);
}

TEST_F(EnvelopeDecoderTest, JsonIsReadOutOfItsEnvelopeAndWithoutOne) {
  schemas_[Number(2)] = {Type::kJson, "{}", {}, "j-value", 1};
  auto inner = MakeJsonDecoder(*ParseDdl("a bigint"), {}, arrow::default_memory_pool());
  const auto decoder = Wrap(*std::move(inner), {Type::kJson});
  const DecodedRows out = DecodeMessages(
      decoder.get(), {Confluent(2, "{\"a\":1}"), "{\"a\":2}", Confluent(3, "{\"a\":3}")});
  EXPECT_EQ(Rows(out), "1\n2\n");
  EXPECT_EQ(Rejects(out), "registry.unknown_id @0 #2\n");
  EXPECT_TRUE(decoder->MayBeMessage(Confluent(2, "{}")));
  EXPECT_TRUE(decoder->MayBeMessage("{}"));
  EXPECT_FALSE(decoder->MayBeMessage("\x01\x02"));
}

TEST_F(EnvelopeDecoderTest, ARegistryThatIsAwayIsWaitedForOrCostsTheMessage) {
  Avro(1, kFirst);
  Avro(2, "down");
  const std::vector<std::string> messages = {Confluent(1, Datum().Long(7)),
                                             Confluent(2, Datum().Long(8))};
  std::vector<Payload> payloads;
  for (const std::string& message : messages) {
    payloads.push_back(
        {message.data(), message.size(), static_cast<std::uint32_t>(payloads.size())});
  }
  const auto waits = Detecting("a bigint")->Decode(payloads);
  ASSERT_FALSE(waits.ok());
  EXPECT_EQ(waits.error().code, kRegistryUnavailable);
  EXPECT_EQ(waits.error().retry, Retry::kLater);
  EXPECT_NE(waits.error().message.find("nobody is there"), std::string::npos);

  options_ = {{"registryUnavailable", "reject"}};
  const auto decoder = Detecting("a bigint");
  const DecodedRows out = DecodeMessages(decoder.get(), messages);
  EXPECT_EQ(Rows(out), "7 | null\n");
  EXPECT_EQ(Rejects(out), "registry.unavailable @0 #1\n");
  EXPECT_NE(out.rejects[0].reason.find("nobody is there"), std::string::npos);
}

TEST_F(EnvelopeDecoderTest, ARegistryThatRefusesTheJobIsAnErrorOfTheJobs) {
  Avro(1, "denied");
  options_ = {{"registryUnavailable", "reject"}};
  const std::string message = Confluent(1, Datum().Long(7));
  const auto out = Detecting("a bigint")->Decode({{message.data(), message.size(), 0}});
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, "registry.auth");
}

TEST_F(EnvelopeDecoderTest, EveryCodeIsDocumented) {
  std::ifstream page("docs/rejects.md");
  const std::string documented{std::istreambuf_iterator<char>(page), {}};
  for (const char* code : {"registry.unknown_id", "registry.framing", "registry.type",
                           "registry.protobuf", kRegistryUnavailable, "limit.schemas"}) {
    EXPECT_NE(documented.find("| `" + std::string(code) + "` |"), std::string::npos) << code;
  }
}

TEST_F(EnvelopeDecoderTest, AFramingThatTheRegistryHasNotIsRefused) {
  options_ = {{"framing", "glue"}};
  auto made = Make();
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().message, "framing: glue needs registry: glue");
}

}  // namespace
}  // namespace sluice
