#include "source/kafka/kafka_options.h"

namespace sluice {
namespace {

/// Names that Glue and Spark jobs carry and that mean nothing here.
OptionSpec WithoutEffect(const std::string& name, const std::string& reason) {
  OptionSpec spec;
  spec.name = name;
  spec.help = "Accepted, without effect: " + reason;
  return spec;
}

std::vector<OptionSpec> WhereSpecs() {
  return {
      {.name = "bootstrap.servers",
       .help = "Brokers to start from, as host:port, separated by commas.",
       .example = "broker-1:9092,broker-2:9092",
       .required = true,
       .aliases = {"kafka.bootstrap.servers"}},
      {.name = "topicName",
       .type = OptionType::kList,
       .help = "Topics to read. Exactly one of topicName, assign and subscribePattern is needed.",
       .example = "clicks,orders",
       .aliases = {"subscribe"}},
      {.name = "assign", .help = "Partitions to read, as JSON.", .example = R"({"clicks":[0,1]})"},
      {.name = "subscribePattern",
       .help = "Topics to read, as a regular expression (Java's syntax without look-around, back "
               "references, lazy quantifiers and flags) that matches the whole name. Internal "
               "topics (__*) are left out. New topics are read from their beginning.",
       .example = "clicks-[a-z]+"},
  };
}

std::vector<OptionSpec> SecuritySpecs() {
  return {
      {.name = "security.protocol",
       .default_value = "SSL",
       .help = "How to talk to the brokers.",
       .example = "SASL_SSL",
       .choices = {"SSL", "PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL"},
       .aliases = {"kafka.security.protocol"}},
      {.name = "sasl.mechanism",
       .help = "How to prove who the job is; needed for SASL_PLAINTEXT and SASL_SSL.",
       .example = "SCRAM-SHA-512",
       .choices = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"},
       .aliases = {"kafka.sasl.mechanism", "sasl.mechanisms"}},
      {.name = "sasl.username",
       .help = "User name for SASL.",
       .example = "etl",
       .aliases = {"kafka.sasl.username"}},
      {.name = "sasl.password",
       .help = "Password for SASL.",
       .example = "${KAFKA_PASSWORD}",
       .secret = true,
       .aliases = {"kafka.sasl.password"}},
      {.name = "ssl.ca.location",
       .help = "PEM file of the authorities that may sign the brokers' certificates. Without it, "
               "those that the system trusts.",
       .example = "/etc/sluice/ca.pem",
       .aliases = {"kafka.ssl.ca.location"}},
      {.name = "ssl.certificate.location",
       .help = "PEM file of the job's own certificate, where brokers ask for one.",
       .example = "/etc/sluice/client.pem",
       .aliases = {"kafka.ssl.certificate.location"}},
      {.name = "ssl.key.location",
       .help = "PEM file of the key of ssl.certificate.location.",
       .example = "/etc/sluice/client.key",
       .aliases = {"kafka.ssl.key.location"}},
      {.name = "ssl.key.password",
       .help = "Password of ssl.key.location.",
       .example = "${KAFKA_KEY_PASSWORD}",
       .secret = true,
       .aliases = {"kafka.ssl.key.password"}},
      {.name = "ssl.endpoint.identification.algorithm",
       .default_value = "https",
       .help = "https: a broker's certificate must name its host. none: any host will do.",
       .example = "https",
       .choices = {"https", "none"},
       .aliases = {"kafka.ssl.endpoint.identification.algorithm"}},
  };
}

std::vector<OptionSpec> PositionSpecs() {
  return {
      {.name = "startingOffsets",
       .default_value = "latest",
       .help =
           "Where a job without a checkpoint starts: latest, earliest, or JSON with the offset of "
           "each partition (-2 earliest, -1 latest). Later runs go on from the checkpoint; new "
           "partitions start at their beginning.",
       .example = "earliest"},
      {.name = "startingTimestamp",
       .help =
           "Start at the first record of this time or later: ISO 8601, or milliseconds since 1970. "
           "Not together with startingOffsets.",
       .example = "2026-11-23T05:00:00Z"},
      {.name = "startingOffsetsByTimestamp",
       .help = "Start at the first record of a time or later, for each partition, as JSON with "
               "milliseconds since 1970. Not together with startingOffsets.",
       .example = R"({"clicks":{"0":1790000000000,"1":1790000000000}})"},
      {.name = "startingOffsetsByTimestampStrategy",
       .default_value = "error",
       .help = "What to do where no record is as late as the starting time: error, or latest.",
       .example = "latest",
       .choices = {"error", "latest"}},
      {.name = "endingOffsets",
       .help = "Refused: it belongs to batch reads. Use --until-caught-up to stop at the end.",
       .example = "latest"},
      {.name = "failOnDataLoss",
       .type = OptionType::kBool,
       .default_value = "true",
       .help = "Stop when records are gone before they were read, or a topic is. false: go on "
               "behind the "
               "gap or without the topic, log it, and count records in "
               "sluice_kafka_lost_records_total.",
       .example = "false"},
      {.name = "groupIdPrefix",
       .default_value = "spark-kafka-source",
       .help = "Group offsets are committed, for lag tools only, as PREFIX-JOB-SOURCE.",
       .example = "sluice"},
      {.name = "kafka.group.id", .help = "The whole name of that group.", .example = "clicks-lake"},
  };
}

std::vector<OptionSpec> ColumnSpecs() {
  return {
      {.name = "includeHeaders",
       .type = OptionType::kBool,
       .default_value = "false",
       .help =
           "Add the column glue_streaming_kafka_headers, array<struct<key:string,value:binary>>; "
           "null for a record without headers.",
       .example = "true"},
      {.name = "addRecordTimestamp",
       .type = OptionType::kBool,
       .default_value = "false",
       .help = "Add the column __src_timestamp, the record's timestamp.",
       .example = "true"},
      {.name = "emitConsumerLagMetrics",
       .type = OptionType::kBool,
       .default_value = "false",
       .help = "Accepted, without effect: lag is always measured.",
       .example = "true"},
  };
}

}  // namespace

std::vector<OptionSpec> KafkaOptionSpecs() {
  std::vector<OptionSpec> specs;
  for (auto& group : {WhereSpecs(), SecuritySpecs(), PositionSpecs(), ColumnSpecs()}) {
    specs.insert(specs.end(), group.begin(), group.end());
  }
  const std::string waits = "the source fetches continuously and reconnects by itself.";
  specs.push_back(WithoutEffect("pollTimeoutMs", waits));
  specs.push_back(WithoutEffect("kafkaConsumer.pollTimeoutMs", waits));
  specs.push_back(WithoutEffect("numRetries", "the job's back-off decides."));
  specs.push_back(WithoutEffect("retryIntervalMs", "the job's back-off decides."));
  specs.push_back(WithoutEffect("fetchOffset.numRetries", "the job's back-off decides."));
  specs.push_back(WithoutEffect("fetchOffset.retryIntervalMs", "the job's back-off decides."));
  specs.push_back(WithoutEffect("minPartitions", "work is not cut by partition."));
  specs.push_back(WithoutEffect("minOffsetsPerTrigger", "windowSize alone decides."));
  specs.push_back(WithoutEffect("maxTriggerDelay", "windowSize alone decides."));
  OptionSpec properties;
  properties.name = "kafka.*";
  properties.help =
      "A property of the Kafka client, by its Java or its librdkafka name, if it is in the list of "
      "allowed ones: connection, back-off, fetch sizes and waits, ciphers. Properties of consumer "
      "groups have no effect; those that run commands, load code, read files or fetch URLs are "
      "refused.";
  properties.example = "kafka.client.rack: eu-1a";
  specs.push_back(properties);
  return specs;
}

}  // namespace sluice
