// What envelopes cost: envelope_bench [RECORDS] [ROUNDS].
//
// Click events in Avro, decoded into the same columns: bare with their schema declared, in
// Confluent's envelopes with one schema, and with two versions of it that take turns.
#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "click_event.h"
#include "cpu_clock.h"
#include "decode/avro/avro_default.h"
#include "decode/avro/avro_detection.h"
#include "decode/avro/avro_format.h"
#include "decode/framing.h"
#include "record/known_schema.h"

namespace {

using Found = sluice::Result<std::shared_ptr<const sluice::RegisteredSchema>>;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "envelope_bench: %s\n", what);
  std::exit(1);
}

/// Version 1 is the events' schema; version 2 has a field more.
const std::string& SecondSchema() {
  static const std::string text = [] {
    std::string schema = sluice_bench::kAvroSchema;
    const std::size_t end = schema.rfind(']');
    return schema.insert(end, R"(,{"name":"added","type":"long"})");
  }();
  return text;
}

class Finder final : public sluice::SchemaFinder {
 public:
  Found Find(const sluice::SchemaId& id) override {
    auto schema = std::make_shared<sluice::RegisteredSchema>();
    schema->text = id.bytes[3] == 1 ? std::string(sluice_bench::kAvroSchema) : SecondSchema();
    return std::shared_ptr<const sluice::RegisteredSchema>(std::move(schema));
  }
  Found FindLatest(const std::string&) override {
    return std::shared_ptr<const sluice::RegisteredSchema>();
  }
  bool Understands(sluice::SchemaId::Kind kind) const override {
    return kind != sluice::SchemaId::Kind::kGlueVersion;
  }
};

std::string Message(const sluice_bench::ClickEvent& event, int version) {
  std::string out = version == 0 ? "" : std::string({0, 0, 0, 0, static_cast<char>(version)});
  out += sluice_bench::ToAvro(event);
  if (version == 2) sluice::AppendAvroLong(event.price, &out);
  return out;
}

std::unique_ptr<sluice::Decoder> MakeEnveloped(sluice::SchemaPtr known) {
  auto inner = sluice::MakeDetectingAvroDecoder(std::move(known), {}, arrow::default_memory_pool());
  std::vector<sluice::OptionSpec> specs = sluice::FramingOptionSpecs();
  specs.push_back({.name = "registryTimeout", .type = sluice::OptionType::kDuration});
  auto options = sluice::ParseOptions(specs, {}, "bench");
  auto envelopes = sluice::Envelopes::Make(
      *options, {sluice::RegisteredSchema::Type::kAvro},
      [](const sluice::Options&, std::stop_token) {
        return sluice::Result<std::unique_ptr<sluice::SchemaFinder>>(std::make_unique<Finder>());
      });
  Require(inner.ok() && envelopes.ok(), "no decoder");
  return (*envelopes)->Wrap(*std::move(inner), {}, 60'000'000);
}

/// The columns are those that a message of version 2 shows.
std::unique_ptr<sluice::Decoder> MakeDecoder(bool enveloped) {
  std::mt19937_64 random(7);
  const std::string message = Message(sluice_bench::MakeClickEvent(random), 2);
  auto shown = MakeEnveloped(arrow::schema(arrow::FieldVector()))
                   ->Decode({{message.data(), message.size()}});
  Require(shown.ok() && shown->unseen != nullptr, "no columns were shown");
  const sluice::SchemaPtr known =
      sluice::KnownSchema().Merge(*shown->unseen, sluice::SchemaCaps()).schema.schema();
  if (enveloped) return MakeEnveloped(known);
  sluice::AvroDecoderOptions options;
  options.writer = *sluice::AvroSchema::Parse(sluice_bench::kAvroSchema);
  options.declared = known;
  return *sluice::MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
}

struct Case {
  const char* name;
  std::vector<int> versions;  ///< In turns.
  std::vector<std::string> messages = {};
  std::unique_ptr<sluice::Decoder> decoder = nullptr;
  double best = 1e9;
};

}  // namespace

int main(int argc, char** argv) {
  const int records = argc > 1 ? std::atoi(argv[1]) : 200'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  constexpr std::size_t kBatch = 4096;
  std::vector<Case> cases;
  cases.push_back({"bare", {0}});
  cases.push_back({"version 1", {1}});
  cases.push_back({"version 2", {2}});
  cases.push_back({"versions in turns", {1, 2}});
  for (Case& one : cases) {
    std::mt19937_64 random(7);
    for (int i = 0; i < records; ++i) {
      const int version = one.versions[static_cast<std::size_t>(i) % one.versions.size()];
      one.messages.push_back(Message(sluice_bench::MakeClickEvent(random), version));
    }
    one.decoder = MakeDecoder(one.versions[0] != 0);
  }
  for (int round = 0; round < rounds; ++round) {
    for (Case& one : cases) {
      std::vector<sluice::Payload> payloads;
      const double start = sluice_bench::ThreadCpuSeconds();
      for (std::size_t from = 0; from < one.messages.size(); from += kBatch) {
        payloads.clear();
        const std::size_t to = std::min(from + kBatch, one.messages.size());
        for (std::size_t i = from; i < to; ++i) {
          payloads.push_back({one.messages[i].data(), one.messages[i].size(),
                              static_cast<std::uint32_t>(i - from)});
        }
        auto out = one.decoder->Decode(payloads);
        Require(out.ok() && out->rejects.empty() && out->unseen == nullptr, "not all was read");
      }
      one.best = std::min(one.best, sluice_bench::ThreadCpuSeconds() - start);
    }
  }
  for (const Case& one : cases) {
    std::printf("%-20s %7.1f ns/record\n", one.name, one.best / records * 1e9);
  }
  std::printf("in turns / mean of the versions alone: %.3f\n",
              cases[3].best / ((cases[1].best + cases[2].best) / 2));
}
