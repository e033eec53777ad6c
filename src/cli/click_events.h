/// The click events of the demo, the benchmarks and `sluice generate`: a shop's web and app
/// traffic.
///
/// Event `index` of a seed is always the same bytes, on every machine and in every version with the
/// same kClickEventsVersion: tests recompute any event instead of storing it. An event is one JSON
/// object of about 250 bytes, without a line end:
///
///   event_id  16 hex digits, unique within a seed
///   ts        ISO 8601, milliseconds, Z; one event in ten is up to 2 s late
///   user_id   skewed: a tenth of the users makes about half of the events
///   session   one user, half an hour
///   event     view 70 %, cart 15 %, buy 10 %, pay 5 %
///   price     in currency units with two decimals, cheap things more often
///   quantity  1 to 5, mostly 1
///   city      of 8; mostly the user's own
///   geo       {lat, lon}: within about 5 km of the city's centre
///   ua        the app or browser, the same for all events of a user
///   tags      2 different strings
///   ok        false for one event in fifty
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// Goes up whenever any byte of any event changes.
inline constexpr int kClickEventsVersion = 1;

/// The events' columns as a source declares them.
inline constexpr std::string_view kClickEventsSchema =
    "event_id string, ts timestamp, user_id bigint, session string, event string, price double, "
    "quantity int, city string, geo struct<lat:double,lon:double>, ua string, tags array<string>, "
    "ok boolean";

/// Immutable; any thread.
class ClickEvents {
 public:
  /// 2026-01-01T00:00:00Z.
  static constexpr std::int64_t kDefaultStartMillis = 1'767'225'600'000;
  /// No event is longer.
  static constexpr std::size_t kMaxBytes = 400;

  /// Event i happens at `start_millis` + i * `interval_micros`, before lateness.
  explicit ClickEvents(std::uint64_t seed, std::int64_t start_millis = kDefaultStartMillis,
                       std::int64_t interval_micros = 1000);

  /// Appends the event. Allocates only when `out` has to grow.
  void Append(std::uint64_t index, std::string* out) const;

  /// Writes the event to `out` and returns its length. REQUIRES: room for kMaxBytes.
  std::size_t Write(std::uint64_t index, char* out) const;

  /// The event's user_id, the key under which Kafka gets it.
  std::uint64_t UserId(std::uint64_t index) const;

 private:
  std::uint64_t base_;
  std::int64_t start_millis_;
  std::int64_t interval_micros_;
};

}  // namespace sluice
