#include "cli/click_feed.h"

#include <charconv>
#include <chrono>
#include <memory>
#include <string_view>

#include "cli/click_events.h"
#include "cli/kafka_producer.h"

namespace sluice {
namespace {

// One event in a thousand is broken: by turns cut short, and with a text where the price should be.
constexpr std::int64_t kBrokenEvery = 1000;
constexpr std::int64_t kBrokenAt = kBrokenEvery / 2;
constexpr std::int64_t kLookEvery = 512;
constexpr std::size_t kCut = 40;

std::string_view TextAfter(std::string_view event, std::string_view name) {
  const std::size_t at = event.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = event.substr(at + name.size());
  return rest.substr(0, rest.find('"'));
}

void Break(bool cut, std::string* event) {
  constexpr std::string_view kPrice = "\"price\":";
  if (cut) {
    event->resize(event->size() - kCut);
  } else {
    event->insert(event->find(kPrice) + kPrice.size(), "\"about \",\"was\":");
  }
}

}  // namespace

void ClickFeed::Start() {
  thread_ = std::thread([this] {
    Result<void> ran = Run();
    if (!ran.ok()) error_ = std::move(ran).error();
    if (error_.has_value() || stop_ || *options_.interrupted) stopped_ = true;
    done_ = true;
  });
}

void ClickFeed::End() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

Result<void> ClickFeed::Run() {
  ProducerOptions to;
  to.bootstrap = options_.bootstrap;
  to.topic = options_.topic;
  TRY(std::unique_ptr<KafkaProducer> producer, KafkaProducer::Make(to));
  const ClickEvents events(/*seed=*/1);
  std::string event;
  auto ending = [this] { return stop_ || *options_.interrupted; };
  for (std::int64_t i = 0; i < options_.records && !ending(); ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    if (i % kLookEvery == 0) {
      while (!ending() && i - options_.read() > options_.ahead) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
    event.clear();
    events.Append(index, &event);
    if (i % kBrokenEvery == kBrokenAt) {
      Break(++broken_ % 2 == 1, &event);
    } else if (TextAfter(event, "\"event\":\"") != "view") {
      const std::string_view id = TextAfter(event, "\"event_id\":\"");
      std::uint64_t number = 0;
      std::from_chars(id.data(), id.data() + id.size(), number, 16);
      kept_.push_back(number);
    }
    TRY(producer->Send(std::to_string(events.UserId(index)), event));
  }
  return producer->Finish();
}

}  // namespace sluice
