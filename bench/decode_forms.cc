#include "decode_forms.h"

#include <arrow/memory_pool.h>

#include <algorithm>
#include <utility>

#include "click_event.h"
#include "decode/avro/avro_default.h"
#include "decode/avro/avro_format.h"
#include "decode/csv/csv_format.h"
#include "decode/grok/grok_format.h"
#include "decode/json/json_format.h"
#include "record/known_schema.h"

namespace sluice_bench {
namespace {

using sluice::Decoder;
using sluice::Result;

constexpr std::size_t kRowsAMessage = 256;

Result<std::unique_ptr<Decoder>> MakeJson() {
  return sluice::MakeJsonDecoder(*sluice::ParseDdl(kJsonSchema), {}, arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeCsv() {
  return sluice::MakeCsvDecoder(*sluice::ParseDdl(kCsvSchema), {}, arrow::default_memory_pool());
}

Result<std::unique_ptr<Decoder>> MakeAvro() {
  sluice::AvroDecoderOptions options;
  options.writer = *sluice::AvroSchema::Parse(kAvroSchema);
  return sluice::MakeAvroDecoder(std::move(options), arrow::default_memory_pool());
}

std::function<Result<std::unique_ptr<Decoder>>()> MakeGrok(const char* pattern) {
  return [pattern] {
    sluice::GrokDecoderOptions options;
    options.pattern = pattern;
    return sluice::MakeGrokDecoder(options, nullptr, arrow::default_memory_pool());
  };
}

/// An object container file of one block, uncompressed.
std::string AvroFile(std::size_t count, const std::string& block) {
  const std::string sync = "0123456789abcdef";
  std::string out("Obj\1", 4);
  sluice::AppendAvroLong(2, &out);
  sluice::AppendAvroBytes("avro.schema", &out);
  sluice::AppendAvroBytes(kAvroSchema, &out);
  sluice::AppendAvroBytes("avro.codec", &out);
  sluice::AppendAvroBytes("null", &out);
  sluice::AppendAvroLong(0, &out);
  out += sync;
  sluice::AppendAvroLong(static_cast<std::int64_t>(count), &out);
  sluice::AppendAvroBytes(block, &out);
  return out + sync;
}

/// Messages of kRowsAMessage events each, joined by `join`.
Messages InBlocks(const std::vector<ClickEvent>& events, std::string (*form)(const ClickEvent&),
                  const std::function<std::string(std::size_t, const std::string&)>& join) {
  Messages out;
  std::string block;
  std::size_t count = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    block += form(events[i]);
    if (++count < kRowsAMessage && i + 1 < events.size()) continue;
    out.Add(join(count, block));
    block.clear();
    count = 0;
  }
  return out;
}

template <typename Function>
Messages Each(const std::vector<ClickEvent>& events, Function form) {
  Messages out;
  for (const ClickEvent& event : events) out.Add(form(event));
  return out;
}

std::string PlainCsv(const ClickEvent& e) { return ToCsv(e, false); }
std::string QuotedCsv(const ClickEvent& e) { return ToCsv(e, true); }

}  // namespace

Result<std::unique_ptr<Decoder>> MakeSettled(const Form& form) {
  const sluice::FormatEntry format = form.format();
  TRY(const sluice::Options options,
      sluice::ParseOptions(format.options, sluice::RawOptionsFromPairs({}), "bench"));
  std::vector<sluice::Payload> payloads;
  for (std::size_t i = 0; i < std::min<std::size_t>(form.messages.size(), 10'000); ++i) {
    const std::string_view message = form.messages[i];
    payloads.push_back({message.data(), message.size(), static_cast<std::uint32_t>(i)});
  }
  sluice::KnownSchema known;
  TRY(auto decoder, format.make_detecting(options, known.schema(), {}));
  TRY(const sluice::DecodedRows first, decoder->Decode(payloads));
  known = known.Merge(*first.unseen, {}).schema.Written();
  return format.make_detecting(options, known.schema(), {});
}

std::vector<Form> MakeForms(std::size_t count, std::string_view only) {
  std::mt19937_64 random(7);
  std::vector<ClickEvent> events;
  for (std::size_t i = 0; i < count; ++i) events.push_back(MakeClickEvent(random));
  const auto as_is = [](std::size_t, const std::string& block) { return block; };
  std::vector<Form> forms;
  const auto add = [&](std::string name, auto make, bool with_codecs, const auto& messages,
                       decltype(Form::rival) rival, decltype(Form::format) format = nullptr) {
    if (!std::string_view(name).starts_with(only)) return;
    forms.push_back({std::move(name), messages(), count, make, with_codecs, std::move(rival),
                     std::move(format)});
  };
  const auto grok_rival = [](const char* pattern) {
    return [pattern](const Messages& messages) { return GrokByPcre2(messages, pattern); };
  };
  add(
      "json", MakeJson, true, [&] { return Each(events, ToJson); }, JsonByHand, sluice::JsonFormat);
  add(
      "csv", MakeCsv, true, [&] { return Each(events, PlainCsv); }, CsvByDuckDb, sluice::CsvFormat);
  add(
      "csv, in quotes", MakeCsv, false, [&] { return Each(events, QuotedCsv); }, CsvByDuckDb);
  add(
      "csv, 256 rows a message", MakeCsv, false, [&] { return InBlocks(events, PlainCsv, as_is); },
      nullptr);
  add(
      "avro", MakeAvro, true, [&] { return Each(events, ToAvro); }, nullptr);
  add(
      "avro file, 256 rows", MakeAvro, true, [&] { return InBlocks(events, ToAvro, AvroFile); },
      nullptr, sluice::AvroFormat);
  add(
      "grok", MakeGrok(kLinePattern), true, [&] { return Each(events, ToLine); },
      grok_rival(kLinePattern));
  add(
      "grok, Apache log", MakeGrok("%{COMBINEDAPACHELOG}"), false,
      [&] { return Each(events, [&](const ClickEvent&) { return MakeApacheLine(random); }); },
      grok_rival("%{COMBINEDAPACHELOG}"));
  return forms;
}

}  // namespace sluice_bench
