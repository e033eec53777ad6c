/// What fetching alone costs: reads a topic to its present end and drops every record.
///
/// usage: kafka_fetch_bench BOOTSTRAP TOPIC [bare|source] [THREADS]
///   bare     librdkafka's consumer with its own defaults, one per thread: the baseline of ./dev
///   bench source   the Kafka source's readers, with batches as the pipeline gets them
/// Prints one line of JSON: records, bytes, wall and CPU seconds of this process, records per each.
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "source/kafka/kafka_source_entry.h"

namespace sluice {
namespace {

using SteadyClock = std::chrono::steady_clock;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Counts {
  std::atomic<std::int64_t> records{0};
  std::atomic<std::int64_t> bytes{0};
};

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) Die(ToString(result.error()));
  return *std::move(result);
}

/// The splits of one thread, with where each starts and ends.
struct Part {
  std::vector<SplitStart> starts;
  std::map<SplitId, Position> ends;
};

void FetchBare(const std::string& bootstrap, const Part& part, Counts* counts) {
  char reason[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"bootstrap.servers", bootstrap},
                                          {"group.id", "bench"},
                                          {"enable.auto.commit", "false"}}) {
    rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason);
  }
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
  if (handle == nullptr) Die(reason);
  rd_kafka_poll_set_consumer(handle);
  auto* list = rd_kafka_topic_partition_list_new(static_cast<int>(part.starts.size()));
  std::map<std::int32_t, std::int64_t> left;
  for (const SplitStart& start : part.starts) {
    const std::size_t slash = start.id.rfind('/');
    const std::int32_t partition = std::atoi(start.id.c_str() + slash + 1);
    rd_kafka_topic_partition_list_add(list, start.id.substr(0, slash).c_str(), partition)->offset =
        std::atoll(start.position.c_str());
    const std::int64_t end = std::atoll(part.ends.at(start.id).c_str());
    if (end > std::atoll(start.position.c_str())) left[partition] = end;
  }
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(handle);
  rd_kafka_assign(handle, list);
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<rd_kafka_message_t*> messages(4096);
  while (!left.empty()) {
    const ssize_t got = rd_kafka_consume_batch_queue(queue, 50, messages.data(), messages.size());
    std::int64_t bytes = 0;
    std::int64_t records = 0;
    for (ssize_t i = 0; i < got; ++i) {
      rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++records;
        bytes += static_cast<std::int64_t>(message->len);
        if (auto it = left.find(message->partition);
            it != left.end() && message->offset + 1 >= it->second) {
          left.erase(it);
        }
      }
      rd_kafka_message_destroy(message);
    }
    counts->records += records;
    counts->bytes += bytes;
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void FetchThroughSource(Source* source, SplitReader* reader, Part part, Counts* counts) {
  std::size_t open = 0;
  for (const SplitStart& start : part.starts) {
    open += source->ComparePositions(start.position, part.ends[start.id]) < 0 ? 1 : 0;
  }
  while (open > 0) {
    const auto batch = Must(reader->Read({}));
    if (batch == nullptr) continue;
    counts->records += static_cast<std::int64_t>(batch->records.size());
    counts->bytes += static_cast<std::int64_t>(batch->bytes);
    for (const SplitRange& range : batch->ranges) {
      const Position& end = part.ends[range.split];
      open -= source->ComparePositions(range.from, end) < 0 &&
                      source->ComparePositions(range.to, end) >= 0
                  ? 1
                  : 0;
    }
  }
}

int Run(const std::string& bootstrap, const std::string& topic, const std::string& mode,
        int threads) {
  const SourceEntry entry = KafkaSourceEntry();
  const auto options = Must(ParseOptions(entry.options,
                                         RawOptionsFromPairs({{"bootstrap.servers", bootstrap},
                                                              {"security.protocol", "PLAINTEXT"},
                                                              {"topicName", topic},
                                                              {"startingOffsets", "earliest"}}),
                                         "bench"));
  SourceContext context;
  context.job = "bench";
  context.name = "bench";
  auto source = Must(entry.make(options, context));
  const auto starts = Must(source->ResolveStart(Must(source->ListSplits()), true));
  std::vector<SplitId> ids;
  for (const SplitStart& start : starts) ids.push_back(start.id);
  const auto ends = Must(source->Ends(ids));
  std::vector<Part> parts(static_cast<std::size_t>(threads));
  for (std::size_t i = 0; i < starts.size(); ++i) {
    Part& part = parts[i % parts.size()];
    part.starts.push_back(starts[i]);
    part.ends[starts[i].id] = ends.at(starts[i].id);
  }

  Counts counts;
  const double cpu = CpuSeconds();
  const auto begin = SteadyClock::now();
  std::vector<std::unique_ptr<SplitReader>> readers;
  std::vector<std::thread> workers;
  for (const Part& part : parts) {
    if (mode == "bare") {
      workers.emplace_back([&] { FetchBare(bootstrap, part, &counts); });
    } else {
      readers.push_back(Must(source->OpenReader(part.starts)));
      workers.emplace_back([&, reader = readers.back().get()] {
        FetchThroughSource(source.get(), reader, part, &counts);
      });
    }
  }
  for (std::thread& worker : workers) worker.join();
  const double wall = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  const double used = CpuSeconds() - cpu;
  const auto records = static_cast<double>(counts.records.load());
  std::printf(
      "{\"mode\":\"%s\",\"records\":%.0f,\"bytes\":%lld,\"seconds\":%.3f,\"cpu_seconds\":%.3f,"
      "\"records_per_second\":%.0f,\"records_per_cpu_second\":%.0f}\n",
      mode.c_str(), records, static_cast<long long>(counts.bytes.load()), wall, used,
      records / wall, records / used);
  return 0;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  if (argc < 3) sluice::Die("usage: kafka_fetch_bench BOOTSTRAP TOPIC [bare|source] [THREADS]");
  const std::string mode = argc > 3 ? argv[3] : "bare";
  const int threads = argc > 4 ? std::atoi(argv[4]) : 2;
  if ((mode != "bare" && mode != "source") || threads < 1) sluice::Die("bare or source, 1 or more");
  return sluice::Run(argv[1], argv[2], mode, threads);
}
