// Every format over the same events, in its own form, plain and compressed in every way; beside
// each, in turn, what a user would take otherwise: decode_bench [--only FORM] [--events N]
// [--rounds N]
// [--plain] [--avro FILE].
//
// --only takes the forms whose names begin so; --plain measures nothing but the decoding, for a
// profile;
// --avro writes the schema and the datums, each behind its length as four little-endian bytes, for
// other readers, and ends.
//
// Prints one JSON object a line: what was measured, with the median of the rounds. Seconds are CPU
// seconds of the one thread.
#include <arrow/record_batch.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>

#include "click_event.h"
#include "cpu_clock.h"
#include "decode/codec/codec_testing.h"
#include "decode/message_decoder.h"
#include "decode_forms.h"

namespace {

using nlohmann::ordered_json;
using sluice_bench::Form;
using sluice_bench::Messages;
using sluice_bench::ThreadCpuSeconds;

std::uint64_t allocations = 0;
constexpr std::size_t kBatch = 4096;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "decode_bench: %s\n", what.c_str());
  std::exit(1);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Batch : public sluice::RawBatch {
 public:
  std::string Origin(std::size_t) const override { return "{}"; }
};

/// What a job's reading thread does with a fetch: messages to rows.
class Run {
 public:
  Run(std::unique_ptr<sluice::Decoder> decoder, const Messages& messages, const char* compression) {
    auto made = sluice::MessageDecoder::Make(std::move(decoder), {}, {},
                                             sluice::MakeCompression(compression));
    if (!made.ok()) Fail(made.error().message);
    decoder_ = *std::move(made);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (i % kBatch == 0) batches_.push_back(std::make_shared<Batch>());
      batches_.back()->records.push_back({messages[i].data(), messages[i].size()});
    }
  }

  double Seconds() {
    rows_ = 0;
    const std::uint64_t before = allocations;
    const double begin = ThreadCpuSeconds();
    for (const auto& batch : batches_) {
      const auto done = decoder_->Decode(
          batch, [this](const sluice::DecodedBatch& piece) -> sluice::Result<void> {
            if (!piece.decoded.rejects.empty()) Fail(piece.decoded.rejects[0].reason);
            rows_ += static_cast<std::size_t>(piece.decoded.rows->num_rows());
            return {};
          });
      if (!done.ok()) Fail(done.error().message);
    }
    const double seconds = ThreadCpuSeconds() - begin;
    allocations_ = allocations - before;
    return seconds;
  }

  std::size_t rows() const { return rows_; }
  double allocations_per_batch() const {
    return static_cast<double>(allocations_) / static_cast<double>(batches_.size());
  }

 private:
  std::size_t rows_ = 0;
  std::uint64_t allocations_ = 0;
  std::unique_ptr<sluice::MessageDecoder> decoder_;
  std::vector<std::shared_ptr<Batch>> batches_;
};

void Print(const ordered_json& line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

ordered_json Figures(const Form& form, const char* codec, double seconds, std::size_t bytes) {
  const auto events = static_cast<double>(form.events);
  return {{"form", form.name},
          {"codec", codec},
          {"bytes_per_record", static_cast<double>(bytes) / events},
          {"records_per_cpu_second", events / seconds},
          {"plain_mb_per_cpu_second",
           static_cast<double>(form.messages.bytes().size()) / seconds / 1e6}};
}

/// Decodes nothing, but has the messages brought near as a decoder would: what is left of the time
/// is what unpacking takes.
class Idle : public sluice::Decoder {
 public:
  explicit Idle(std::unique_ptr<sluice::Decoder> decoder) : decoder_(std::move(decoder)) {
    empty_.rows = *arrow::RecordBatch::MakeEmpty(decoder_->schema());
  }
  const sluice::SchemaPtr& schema() const override { return decoder_->schema(); }
  bool MayBeMessage(std::string_view bytes) override { return decoder_->MayBeMessage(bytes); }
  sluice::Result<sluice::DecodedRows> Decode(
      const std::vector<sluice::Payload>& payloads) override {
    for (const sluice::Payload& payload : payloads) {
      for (std::size_t at = 0; at < payload.size; at += 64) seen_ = seen_ + payload.data[at];
    }
    return empty_;
  }

 private:
  std::unique_ptr<sluice::Decoder> decoder_;
  sluice::DecodedRows empty_;
  volatile int seen_ = 0;
};

/// The decoding itself varies more from run to run than detection costs, so that is measured by
/// itself: seconds with it less those without.
double DetectionSeconds(const Form& form, int rounds) {
  const auto idle = [&] { return std::make_unique<Idle>(*form.make()); };
  Run on(idle(), form.messages, "auto");
  Run off(idle(), form.messages, "none");
  std::vector<double> more;
  for (int round = 0; round < rounds; ++round) {
    const double first = (round % 2 == 0 ? on : off).Seconds();
    const double second = (round % 2 == 0 ? off : on).Seconds();
    more.push_back(round % 2 == 0 ? first - second : second - first);
  }
  return Median(more);
}

/// With detection on, as in a job.
void MeasurePlain(const Form& form, int rounds, bool alone) {
  auto decoder = form.make();
  if (!decoder.ok()) Fail(decoder.error().message);
  Run run(*std::move(decoder), form.messages, "auto");
  auto rival = form.rival && !alone ? form.rival(form.messages) : nullptr;
  std::unique_ptr<Run> settled;
  if (form.format) {
    auto made = sluice_bench::MakeSettled(form);
    if (!made.ok()) Fail(made.error().message);
    settled = std::make_unique<Run>(*std::move(made), form.messages, "auto");
  }
  std::vector<double> seconds, rivals, detected;
  for (int round = 0; round < rounds; ++round) {
    seconds.push_back(run.Seconds());
    if (run.rows() != form.events) Fail("there are " + std::to_string(run.rows()) + " rows");
    if (settled != nullptr) {
      detected.push_back(settled->Seconds());
      if (settled->rows() != form.events) Fail("detected columns lost rows");
    }
    if (rival == nullptr) continue;
    rivals.push_back(rival->run());
    if (rivals.back() < 0) Fail(rival->name + " failed");
  }
  ordered_json line = Figures(form, "none", Median(seconds), form.messages.bytes().size());
  line["best_records_per_cpu_second"] =
      static_cast<double>(form.events) / *std::min_element(seconds.begin(), seconds.end());
  if (!alone) line["detection_costs"] = DetectionSeconds(form, 5 * rounds) / Median(seconds);
  if (settled != nullptr) {
    line["detected_columns_take"] = Median(detected) / Median(seconds);
    line["detected_allocations_per_batch"] = settled->allocations_per_batch();
  }
  line["allocations_per_batch"] = run.allocations_per_batch();
  if (rival != nullptr) {
    line["beside"] = rival->name;
    line["beside_records_per_cpu_second"] = static_cast<double>(form.events) / Median(rivals);
  }
  Print(line);
}

void MeasureCodec(const Form& form, const sluice::TestCodec& codec, int rounds) {
  Messages packed;
  for (std::size_t i = 0; i < form.messages.size(); ++i) {
    packed.Add(codec.compress(form.messages[i]));
  }
  Run run(*form.make(), packed, "auto");
  std::vector<double> seconds;
  for (int round = 0; round < rounds; ++round) {
    seconds.push_back(run.Seconds());
    if (run.rows() != form.events) Fail(form.name + " by " + codec.name + " lost rows");
  }
  Print(Figures(form, codec.name, Median(seconds), packed.bytes().size()));
}

void WriteAvro(const char* path, const Messages& datums) {
  std::ofstream file(path, std::ios::binary);
  const auto append = [&](std::string_view part) {
    const auto size = static_cast<std::uint32_t>(part.size());
    file.write(reinterpret_cast<const char*>(&size), 4);
    file.write(part.data(), static_cast<std::streamsize>(part.size()));
  };
  append(sluice_bench::kAvroSchema);
  for (std::size_t i = 0; i < datums.size(); ++i) append(datums[i]);
  if (!file.flush()) Fail(std::string("cannot write ") + path);
}

}  // namespace

// Not inlined, or GCC takes free() for the wrong partner of new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) std::abort();
  return block;
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

int main(int argc, char** argv) {
  std::string only;
  std::size_t events = 200'000;
  int rounds = 11;
  bool plain = false;
  const char* avro = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--plain") {
      plain = true;
      continue;
    }
    ++i;
    if (word == "--only") {
      only = value;
    } else if (word == "--events") {
      events = std::strtoul(value, nullptr, 10);
    } else if (word == "--rounds") {
      rounds = std::atoi(value);
    } else if (word == "--avro") {
      avro = value;
    } else {
      Fail("what is " + word + "?");
    }
  }
  if (avro != nullptr) {
    WriteAvro(avro, sluice_bench::MakeForms(events, "avro")[0].messages);
    return 0;
  }
  for (const Form& form : sluice_bench::MakeForms(events, only)) {
    MeasurePlain(form, rounds, plain);
  }
  if (plain) return 0;
  for (const Form& form : sluice_bench::MakeForms(events / 10, only)) {
    if (!form.with_codecs) continue;
    for (const sluice::TestCodec& codec : sluice::TestCodecs()) MeasureCodec(form, codec, 3);
  }
  return 0;
}
