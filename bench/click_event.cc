#include "click_event.h"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "decode/avro/avro_default.h"

namespace sluice_bench {
namespace {

const char* const kCities[] = {"Berlin", "Paris", "London", "Madrid",
                               "Roma",   "Wien",  "Praha",  "Warszawa"};
const char* const kEvents[] = {"view", "cart", "buy", "pay"};
const char* const kAgents[] = {"Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (iPhone)", "curl/8.1.2",
                               "Mozilla/5.0 (Windows NT 10.0)"};
const char* const kTags[] = {"promo", "mobile", "new", "summer", "vip", "b2b"};

void AppendDouble(double value, std::string* out) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out->append(bytes, 8);
}

std::int64_t Millis(const ClickEvent& e) {
  std::tm time = {};
  time.tm_year = 126;
  time.tm_mon = 10;
  time.tm_mday = e.day;
  time.tm_hour = e.hour;
  time.tm_min = e.minute;
  time.tm_sec = e.second;
  return static_cast<std::int64_t>(timegm(&time)) * 1000 + e.millis;
}

}  // namespace

const char* const kJsonSchema =
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, "
    "ok boolean";

const char* const kCsvSchema =
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, lat double, lon double, ua string, tags string, ok boolean";

const char* const kAvroSchema = R"({"type":"record","name":"Click","fields":[
{"name":"event_id","type":"string"},
{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
{"name":"user_id","type":"long"},
{"name":"session","type":"string"},
{"name":"event","type":"string"},
{"name":"price","type":["null","double"]},
{"name":"quantity","type":"int"},
{"name":"city","type":["null","string"]},
{"name":"geo","type":{"type":"record","name":"Geo","fields":[
{"name":"lat","type":"double"},{"name":"lon","type":"double"}]}},
{"name":"ua","type":"string"},
{"name":"tags","type":{"type":"array","items":"string"}},
{"name":"ok","type":"boolean"}]})";

const char* const kLinePattern =
    "^%{TIMESTAMP_ISO8601:ts} %{BASE16NUM:event_id} user=%{INT:user_id:long} "
    "session=%{WORD:session} %{WORD:event} price=%{NUMBER:price:double} qty=%{INT:quantity:int} "
    "city=%{WORD:city} geo=%{NUMBER:lat:double},%{NUMBER:lon:double} tags=%{NOTSPACE:tags} "
    "ok=%{WORD:ok:boolean} ua=\"%{DATA:ua}\"$";

ClickEvent MakeClickEvent(std::mt19937_64& random) {
  const auto pick = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
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

std::string ToJson(const ClickEvent& e) {
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

std::string ToCsv(const ClickEvent& e, bool quoted) {
  char out[512];
  const int size = std::snprintf(
      out, sizeof out,
      quoted ? "\"%016llx\",2026-11-%02dT%02d:%02d:%02d.%03dZ,%llu,\"%08x\",\"%s\",%d.%02d,%d,"
               "\"%s\",%d.%04d,%d.%04d,\"%s\",\"%s|%s\",%s\n"
             : "%016llx,2026-11-%02dT%02d:%02d:%02d.%03dZ,%llu,%08x,%s,%d.%02d,%d,"
               "%s,%d.%04d,%d.%04d,%s,%s|%s,%s\n",
      e.event_id, e.day, e.hour, e.minute, e.second, e.millis, e.user_id, e.session, e.event,
      e.price, e.cents, e.quantity, e.city, e.lat, e.lat_fraction, e.lon, e.lon_fraction, e.agent,
      e.tag, e.other_tag, e.ok ? "true" : "false");
  return std::string(out, static_cast<std::size_t>(size));
}

std::string ToAvro(const ClickEvent& e) {
  std::string out;
  char text[32];
  std::snprintf(text, sizeof text, "%016llx", e.event_id);
  sluice::AppendAvroBytes(text, &out);
  sluice::AppendAvroLong(Millis(e), &out);
  sluice::AppendAvroLong(static_cast<std::int64_t>(e.user_id), &out);
  std::snprintf(text, sizeof text, "%08x", e.session);
  sluice::AppendAvroBytes(text, &out);
  sluice::AppendAvroBytes(e.event, &out);
  sluice::AppendAvroLong(1, &out);
  AppendDouble(e.price + e.cents / 100.0, &out);
  sluice::AppendAvroLong(e.quantity, &out);
  sluice::AppendAvroLong(1, &out);
  sluice::AppendAvroBytes(e.city, &out);
  AppendDouble(e.lat + e.lat_fraction / 10'000.0, &out);
  AppendDouble(e.lon + e.lon_fraction / 10'000.0, &out);
  sluice::AppendAvroBytes(e.agent, &out);
  sluice::AppendAvroLong(2, &out);
  sluice::AppendAvroBytes(e.tag, &out);
  sluice::AppendAvroBytes(e.other_tag, &out);
  sluice::AppendAvroLong(0, &out);
  out.push_back(e.ok ? '\1' : '\0');
  return out;
}

std::string ToLine(const ClickEvent& e) {
  char out[512];
  const int size = std::snprintf(
      out, sizeof out,
      "2026-11-%02dT%02d:%02d:%02d.%03dZ %016llx user=%llu session=%08x %s price=%d.%02d qty=%d "
      "city=%s geo=%d.%04d,%d.%04d tags=%s|%s ok=%s ua=\"%s\"",
      e.day, e.hour, e.minute, e.second, e.millis, e.event_id, e.user_id, e.session, e.event,
      e.price, e.cents, e.quantity, e.city, e.lat, e.lat_fraction, e.lon, e.lon_fraction, e.tag,
      e.other_tag, e.ok ? "true" : "false", e.agent);
  return std::string(out, static_cast<std::size_t>(size));
}

std::string MakeApacheLine(std::mt19937_64& random) {
  const auto pick = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  char out[512];
  const int size = std::snprintf(
      out, sizeof out,
      "%d.%d.%d.%d - %s [%02d/Nov/2026:%02d:%02d:%02d +0000] \"GET /shop/%s/%08x?city=%s "
      "HTTP/1.1\" %d %d \"https://shop.example/%s/\" \"%s AppleWebKit/537.36 (KHTML, like "
      "Gecko) Chrome/120.0.0.0 Safari/537.36\"",
      1 + pick(223), pick(256), pick(256), pick(256), pick(3) == 0 ? "frank" : "-", 1 + pick(28),
      pick(24), pick(60), pick(60), kEvents[pick(4)], static_cast<unsigned>(random()),
      kCities[pick(8)], pick(20) == 0 ? 404 : 200, pick(300000), kCities[pick(8)],
      kAgents[pick(4)]);
  return std::string(out, static_cast<std::size_t>(size));
}

}  // namespace sluice_bench
