/// Counters and gauges of a job, and their Prometheus endpoint.
///
/// Names and help are declared where the metric is created; docs/metrics.md is generated from a
/// run. Handles stay valid as long as the Metrics object. Updating is lock-free and safe from any
/// thread; the hot path updates once per batch.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/result.h"

namespace sluice {

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount) = 0;
  virtual double Value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual double Value() const = 0;
};

using MetricLabels = std::map<std::string, std::string>;

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The same name and labels give the same handle. Labels must be the same set of keys for one
  /// name.
  Counter& AddCounter(const std::string& name, const std::string& help, const MetricLabels& = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const MetricLabels& = {});

  /// Prometheus text format, version 0.0.4.
  std::string ToText() const;

  /// "9464" as "127.0.0.1:9464"; an error if `address` is neither a port nor HOST:PORT.
  static Result<std::string> CheckAddress(const std::string& address);

  /// Serves ToText() at http://ADDRESS/metrics from a thread of its own until destruction. A bare
  /// port binds to 127.0.0.1; another address is the user's explicit choice. Port 0 takes a free
  /// one. An error "metrics.bind" if nothing can listen there.
  Result<int> Serve(const std::string& address);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
