/// The events of the benchmarks: records of `sluice generate`'s kind, in the form of each format.
#pragma once

#include <random>
#include <string>

namespace sluice_bench {

struct ClickEvent {
  unsigned long long event_id, user_id;
  unsigned session;
  int day, hour, minute, second, millis;
  int price, cents, quantity;
  int lat, lat_fraction, lon, lon_fraction;
  const char *event, *city, *agent, *tag, *other_tag;
  bool ok;
};

ClickEvent MakeClickEvent(std::mt19937_64& random);

extern const char* const kJsonSchema;
std::string ToJson(const ClickEvent& e);

/// A cell is one value: `geo` is two columns, `tags` one text. A row ends with a line feed.
extern const char* const kCsvSchema;
/// `quoted`: every text is in quotes, as some writers do; none of these texts needs them.
std::string ToCsv(const ClickEvent& e, bool quoted);

extern const char* const kAvroSchema;
std::string ToAvro(const ClickEvent& e);

/// A line of text, and the pattern that takes it apart.
extern const char* const kLinePattern;
std::string ToLine(const ClickEvent& e);

/// A line for %{COMBINEDAPACHELOG}.
std::string MakeApacheLine(std::mt19937_64& random);

}  // namespace sluice_bench
