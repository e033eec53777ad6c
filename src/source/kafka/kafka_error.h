/// librdkafka's error codes as errors of ours. The only place that knows both.
///
/// Codes: kafka.auth, kafka.tls, kafka.forbidden, kafka.bad_option, kafka.bad_pattern and
/// kafka.refused_property blame the user; kafka.unreachable, kafka.unknown_topic, kafka.corrupt and
/// kafka.failed are worth another try; kafka.data_loss, kafka.truncated, kafka.topic_recreated and
/// kafka.codec are not.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "core/result.h"

namespace sluice {

/// `what` says what was being done ("listing the topics at broker:9092"), `detail` what librdkafka
/// said beyond the code, with secrets blanked out; it may be empty.
Error KafkaError(rd_kafka_resp_err_t code, const std::string& what, const std::string& detail);

}  // namespace sluice
