#include "core/metrics.h"

#include <netdb.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <mutex>
#include <sstream>
#include <utility>

namespace sluice {
namespace {

class CounterHandle final : public Counter {
 public:
  explicit CounterHandle(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }
  double Value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class GaugeHandle final : public Gauge {
 public:
  explicit GaugeHandle(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  double Value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

/// The errno of an attempt to listen at "HOST:PORT", 0 if there is none: the server tells no
/// reason.
int WhyNotBound(const std::string& bind_to) {
  const std::size_t colon = bind_to.rfind(':');
  std::string host = bind_to.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), bind_to.c_str() + colon + 1, &hints, &found) != 0) return 0;
  int reason = 0;
  const int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (listener >= 0) {
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, found->ai_addr, found->ai_addrlen) != 0 || listen(listener, 1) != 0) {
      reason = errno;
    }
    close(listener);
  }
  freeaddrinfo(found);
  return reason;
}

}  // namespace

struct Metrics::Impl {
  using Key = std::pair<std::string, MetricLabels>;
  std::mutex mutex;
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::map<Key, std::unique_ptr<CounterHandle>> counters;
  std::map<Key, std::unique_ptr<GaugeHandle>> gauges;
  std::unique_ptr<prometheus::Exposer> exposer;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::AddCounter(const std::string& name, const std::string& help,
                             const MetricLabels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->counters[{name, labels}];
  if (slot == nullptr) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(*impl_->registry);
    slot = std::make_unique<CounterHandle>(family.Add(labels));
  }
  return *slot;
}

Gauge& Metrics::AddGauge(const std::string& name, const std::string& help,
                         const MetricLabels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->gauges[{name, labels}];
  if (slot == nullptr) {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(*impl_->registry);
    slot = std::make_unique<GaugeHandle>(family.Add(labels));
  }
  return *slot;
}

std::string Metrics::ToText() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry->Collect());
  return out.str();
}

Result<std::string> Metrics::CheckAddress(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const std::string host = colon == std::string::npos ? "127.0.0.1" : address.substr(0, colon);
  const std::string port = colon == std::string::npos ? address : address.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  const bool plain = !host.empty() && std::all_of(host.begin(), host.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' ||
           (bracketed && (c == ':' || c == '[' || c == ']'));
  });
  int number = -1;
  auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (plain && failed == std::errc() && end == port.data() + port.size() && number >= 0 &&
      number <= 65535) {
    return host + ":" + port;
  }
  return UserError("metrics.address", "metricsAddress: '" + address.substr(0, 100) +
                                          "' is not an address; give a port from 1 to 65535, or "
                                          "HOST:PORT, such as 9464 or 0.0.0.0:9464");
}

Result<int> Metrics::Serve(const std::string& address) {
  TRY(const std::string bind, CheckAddress(address));
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(bind, 1);
    exposer->RegisterCollectable(impl_->registry);
    std::vector<int> ports = exposer->GetListeningPorts();
    impl_->exposer = std::move(exposer);
    return ports.empty() ? 0 : ports.front();
  } catch (const std::exception& e) {
    const int reason = WhyNotBound(bind);
    if (reason == EADDRINUSE) {
      return RemoteError("metrics.bind",
                         "cannot serve metrics at " + bind +
                             ": the port is in use, by another job or program; end that one, or "
                             "choose a free port with metricsAddress or --metrics-address",
                         Retry::kNo);
    }
    return UserError("metrics.bind", "cannot serve metrics at " + bind + ": " +
                                         (reason == 0 ? e.what() : std::strerror(reason)) +
                                         "; give an address of this machine with metricsAddress");
  }
}

}  // namespace sluice
