#include "cli/click_events.h"

#include <array>
#include <cstring>

namespace sluice {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014). A bijection, which is why event ids of
/// different indexes differ.
constexpr std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// A value in [0, bound) from 32 random bits.
constexpr std::uint32_t Scale(std::uint64_t bits, std::uint32_t bound) {
  return static_cast<std::uint32_t>(((bits & 0xffffffff) * bound) >> 32);
}

struct City {
  std::string_view name;
  int lat;  // in 1/10000 degree
  int lon;
};
constexpr std::array<City, 8> kCities = {{{"Berlin", 525200, 134050},
                                          {"Paris", 488566, 23522},
                                          {"London", 515072, -1276},
                                          {"Madrid", 404168, -37038},
                                          {"Rome", 419028, 124964},
                                          {"Vienna", 482082, 163738},
                                          {"Warsaw", 522297, 210122},
                                          {"Lisbon", 387223, -91393}}};
// Cumulative share of users per city, of 256: large cities have more.
constexpr std::array<int, 8> kCityShares = {62, 118, 166, 192, 214, 232, 246, 256};

constexpr std::array<std::string_view, 12> kUserAgents = {
    "ShopApp/7.4 iOS/17",  "ShopApp/7.3 iOS/17",  "ShopApp/7.3 Android/14", "Chrome/126 Windows",
    "ShopApp/7.4 Android", "Safari/17 Macintosh", "Chrome/125 Android",     "Edge/126 Windows",
    "Firefox/127 Linux",   "Safari/17 iPhone",    "Samsung/25 Android",     "Opera/110 Windows"};

constexpr std::array<std::string_view, 16> kTags = {
    "new",  "sale",  "home",   "sport", "kids",   "garden", "books", "music",
    "toys", "shoes", "beauty", "food",  "office", "travel", "gift",  "outlet"};

constexpr std::uint32_t kUsers = 100'000;
constexpr std::uint32_t kFirstUser = 100'000;  // six digits for every user

char* Put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* PutDigits(char* out, std::uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + digits;
}

char* PutNumber(char* out, std::uint32_t value) {
  int digits = 1;
  for (std::uint32_t rest = value; rest >= 10; rest /= 10) ++digits;
  return PutDigits(out, value, digits);
}

char* PutHex(char* out, std::uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = "0123456789abcdef"[value & 15];
    value >>= 4;
  }
  return out + digits;
}

char* PutDegrees(char* out, int value) {
  if (value < 0) {
    *out++ = '-';
    value = -value;
  }
  out = PutNumber(out, static_cast<std::uint32_t>(value) / 10000);
  *out++ = '.';
  return PutDigits(out, static_cast<std::uint32_t>(value) % 10000, 4);
}

/// Years 1970 to 9999. The date algorithm is Howard Hinnant's civil_from_days.
char* PutTimestamp(char* out, std::int64_t millis) {
  const std::int64_t days = millis / 86'400'000;
  auto rest = static_cast<std::uint32_t>(millis % 86'400'000);
  const std::int64_t z = days + 719'468;
  const std::int64_t era = z / 146'097;
  const auto doe = static_cast<std::uint32_t>(z - era * 146'097);
  const std::uint32_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const std::uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::uint32_t mp = (5 * doy + 2) / 153;
  const std::uint32_t day = doy - (153 * mp + 2) / 5 + 1;
  const std::uint32_t month = mp < 10 ? mp + 3 : mp - 9;
  const auto year = static_cast<std::uint32_t>(yoe + era * 400) + (month <= 2 ? 1 : 0);
  out = PutDigits(out, year, 4);
  *out++ = '-';
  out = PutDigits(out, month, 2);
  *out++ = '-';
  out = PutDigits(out, day, 2);
  *out++ = 'T';
  out = PutDigits(out, rest / 3'600'000, 2);
  rest %= 3'600'000;
  *out++ = ':';
  out = PutDigits(out, rest / 60'000, 2);
  rest %= 60'000;
  *out++ = ':';
  out = PutDigits(out, rest / 1000, 2);
  *out++ = '.';
  out = PutDigits(out, rest % 1000, 3);
  *out++ = 'Z';
  return out;
}

/// Cubing a uniform value gives the skew: P(user < share * kUsers) is the cube root of share, so
/// the first tenth of the users makes 46 % of the events.
std::uint32_t UserOf(std::uint64_t id) {
  const std::uint64_t u = Mix(id ^ 0x75736572) >> 43;  // 21 bits, so that the cube fits 63
  return kFirstUser + static_cast<std::uint32_t>((((u * u * u) >> 31) * kUsers) >> 32);
}

}  // namespace

ClickEvents::ClickEvents(std::uint64_t seed, std::int64_t start_millis,
                         std::int64_t interval_micros)
    : base_(Mix(seed * kGolden + 1)),
      start_millis_(start_millis),
      interval_micros_(interval_micros) {}

std::uint64_t ClickEvents::UserId(std::uint64_t index) const {
  return UserOf(Mix(base_ + index * kGolden));
}

void ClickEvents::Append(std::uint64_t index, std::string* out) const {
  char event[kMaxBytes];
  out->append(event, Write(index, event));
}

std::size_t ClickEvents::Write(std::uint64_t index, char* out) const {
  char* const begin = out;
  const std::uint64_t id = Mix(base_ + index * kGolden);
  const std::uint64_t a = Mix(id + kGolden);
  const std::uint64_t b = Mix(id + 2 * kGolden);
  const std::uint64_t c = Mix(id + 3 * kGolden);
  const std::uint32_t user = UserOf(id);
  const std::uint64_t person = Mix(user * kGolden);

  std::int64_t millis = start_millis_ + static_cast<std::int64_t>(index) * interval_micros_ / 1000;
  const std::int64_t half_hour = (millis + (person & 0x1fffff)) / 1'800'000;
  if (Scale(a, 10) == 0) millis -= 1 + Scale(a >> 32, 2000);

  out = Put(out, R"({"event_id":")");
  out = PutHex(out, id, 16);
  out = Put(out, R"(","ts":")");
  out = PutTimestamp(out, millis);
  out = Put(out, R"(","user_id":)");
  out = PutNumber(out, user);
  out = Put(out, R"(,"session":"s)");
  out = PutHex(out, Mix(person + static_cast<std::uint64_t>(half_hour)), 8);

  const std::uint32_t kind = Scale(b, 100);
  out = Put(out, R"(","event":")");
  out = Put(out, kind < 70 ? "view" : kind < 85 ? "cart" : kind < 95 ? "buy" : "pay");

  const std::uint64_t spread = (b >> 32) & 0xffff;
  const auto cents = static_cast<std::uint32_t>(199 + ((spread * spread) >> 16) * 3 / 4);
  out = Put(out, R"(","price":)");
  out = PutNumber(out, cents / 100);
  *out++ = '.';
  out = PutDigits(out, cents % 100, 2);

  const std::uint64_t many = (b >> 48) & 63;
  out = Put(out, R"(,"quantity":)");
  *out++ = static_cast<char>('1' + (many < 44   ? 0
                                    : many < 54 ? 1
                                    : many < 59 ? 2
                                    : many < 62 ? 3
                                                : 4));

  // One event in sixteen is made on a journey.
  const bool away = ((b >> 54) & 15) == 0;
  const auto place = static_cast<int>((away ? c : person >> 24) & 255);
  std::size_t city = 0;
  while (place >= kCityShares[city]) ++city;
  out = Put(out, R"(,"city":")");
  out = Put(out, kCities[city].name);
  out = Put(out, R"(","geo":{"lat":)");
  out = PutDegrees(out, kCities[city].lat + static_cast<int>((c >> 8) & 1023) - 512);
  out = Put(out, R"(,"lon":)");
  out = PutDegrees(out, kCities[city].lon + static_cast<int>((c >> 18) & 1023) - 512);

  out = Put(out, R"(},"ua":")");
  out = Put(out, kUserAgents[Scale(person, kUserAgents.size())]);
  const std::size_t first = (c >> 28) & 15;
  const std::size_t second = (first + 1 + ((c >> 32) & 0xffff) % 15) & 15;
  out = Put(out, R"(","tags":[")");
  out = Put(out, kTags[first]);
  out = Put(out, R"(",")");
  out = Put(out, kTags[second]);
  out = Put(out, Scale(c >> 16, 50) == 0 ? R"("],"ok":false})" : R"("],"ok":true})");
  return static_cast<std::size_t>(out - begin);
}

}  // namespace sluice
