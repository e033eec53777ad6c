// The events of the decoder benchmarks: one record of `sluice demo`'s kind in each format's form.
#pragma once

#include <cstdint>
#include <cstdio>
#include <ctime>
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

inline ClickEvent MakeClickEvent(std::mt19937_64& random) {
  static const char* const kCities[] = {"Berlin", "Paris", "London", "Madrid",
                                        "Roma",   "Wien",  "Praha",  "Warszawa"};
  static const char* const kEvents[] = {"view", "cart", "buy", "pay"};
  static const char* const kAgents[] = {"Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (iPhone)",
                                        "curl/8.1.2", "Mozilla/5.0 (Windows NT 10.0)"};
  static const char* const kTags[] = {"promo", "mobile", "new", "summer", "vip", "b2b"};
  auto pick = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  ClickEvent e;
  e.event_id = random();
  e.day = 1 + pick(28);
  e.hour = pick(24);
  e.minute = pick(60);
  e.second = pick(60);
  e.millis = pick(1000);
  e.user_id = static_cast<unsigned long long>(pick(1000000));
  e.session = static_cast<unsigned>(random());
  e.event = kEvents[pick(4)];
  e.price = pick(500);
  e.cents = pick(100);
  e.quantity = 1 + pick(5);
  e.city = kCities[pick(8)];
  e.lat = 40 + pick(15);
  e.lat_fraction = pick(10000);
  e.lon = pick(20);
  e.lon_fraction = pick(10000);
  e.agent = kAgents[pick(4)];
  e.tag = kTags[pick(6)];
  e.other_tag = kTags[pick(6)];
  e.ok = pick(10) != 0;
  return e;
}

inline constexpr const char* kJsonSchema =
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, "
    "ok boolean";

inline std::string ToJson(const ClickEvent& e) {
  char out[512];
  const int size = std::snprintf(
      out, sizeof out,
      "{\"event_id\":\"%016llx\",\"ts\":\"2026-11-%02dT%02d:%02d:%02d.%03dZ\",\"user_id\":%llu,"
      "\"session\":\"%08x\",\"event\":\"%s\",\"price\":%d.%02d,\"quantity\":%d,\"city\":\"%s\","
      "\"geo\":{\"lat\":%d.%04d,\"lon\":%d.%04d},\"ua\":\"%s\",\"tags\":[\"%s\",\"%s\"],\"ok\":%s}",
      e.event_id, e.day, e.hour, e.minute, e.second, e.millis, e.user_id, e.session, e.event,
      e.price, e.cents, e.quantity, e.city, e.lat, e.lat_fraction, e.lon, e.lon_fraction, e.agent,
      e.tag, e.other_tag, e.ok ? "true" : "false");
  return std::string(out, static_cast<std::size_t>(size));
}

/// A cell is one value: `geo` is two columns, `tags` one text.
inline constexpr const char* kCsvSchema =
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, lat double, lon double, ua string, tags string, ok boolean";

/// `quoted`: every text is in quotes, as some writers do; none of these texts needs them.
inline std::string ToCsv(const ClickEvent& e, bool quoted) {
  char out[512];
  const int size = std::snprintf(
      out, sizeof out,
      quoted ? "\"%016llx\",2026-11-%02dT%02d:%02d:%02d.%03dZ,%llu,\"%08x\",\"%s\",%d.%02d,%d,"
               "\"%s\",%d.%04d,%d.%04d,\"%s\",\"%s|%s\",%s"
             : "%016llx,2026-11-%02dT%02d:%02d:%02d.%03dZ,%llu,%08x,%s,%d.%02d,%d,"
               "%s,%d.%04d,%d.%04d,%s,%s|%s,%s",
      e.event_id, e.day, e.hour, e.minute, e.second, e.millis, e.user_id, e.session, e.event,
      e.price, e.cents, e.quantity, e.city, e.lat, e.lat_fraction, e.lon, e.lon_fraction, e.agent,
      e.tag, e.other_tag, e.ok ? "true" : "false");
  return std::string(out, static_cast<std::size_t>(size));
}

inline double ThreadCpuSeconds() {
  std::timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace sluice_bench
