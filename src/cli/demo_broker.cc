#include "cli/demo_broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <utility>

namespace sluice {

struct DemoBroker::Impl {
  rd_kafka_t* client = nullptr;  ///< The mock cluster hangs on a client.
  rd_kafka_mock_cluster_t* cluster = nullptr;

  ~Impl() {
    if (cluster != nullptr) rd_kafka_mock_cluster_destroy(cluster);
    if (client != nullptr) rd_kafka_destroy(client);
  }
};

DemoBroker::DemoBroker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DemoBroker::~DemoBroker() = default;

Result<std::unique_ptr<DemoBroker>> DemoBroker::Start(const std::string& topic, int partitions) {
  auto failed = [](const std::string& reason) {
    return RemoteError("demo.broker", "the broker in this process did not start: " + reason,
                       Retry::kNo);
  };
  auto impl = std::make_unique<Impl>();
  char reason[512];
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof reason);
  impl->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
  if (impl->client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return failed(reason);
  }
  impl->cluster = rd_kafka_mock_cluster_new(impl->client, 1);
  if (impl->cluster == nullptr) return failed("no port on loopback is free");
  // Brokers count from 1, and the mock names 0 as its controller unless told.
  rd_kafka_mock_set_controller_id(impl->cluster, 1);
  const rd_kafka_resp_err_t made =
      rd_kafka_mock_topic_create(impl->cluster, topic.c_str(), partitions, 1);
  if (made != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(rd_kafka_err2str(made));
  return std::unique_ptr<DemoBroker>(new DemoBroker(std::move(impl)));
}

std::string DemoBroker::bootstrap() const {
  return rd_kafka_mock_cluster_bootstraps(impl_->cluster);
}

}  // namespace sluice
