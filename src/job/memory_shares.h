/// How `maxMemory` is shared out.
///
/// The process itself and its libraries take about 64 MiB before the first record (73 MB resident,
/// measured with 1,000 events). Of 16 parts of the rest: SQL may use 8 (working memory of open
/// steps; row-by-row steps need a batch's worth), files being written 2, what is fetched ahead 1,
/// dead letters a quarter. The engine's own queues between them take up to 2 more. The rest is for
/// batches on their way, so that the whole stays below maxMemory. Each share is a bound, not a
/// reservation: a job without aggregates or joins at the default of 1 GiB stays below 512 MB.
#pragma once

#include <cstddef>

namespace sluice {

struct MemoryShares {
  std::size_t sql = 0;
  std::size_t each_source = 0;
  std::size_t each_sink = 0;
  std::size_t dead_letters = 0;
};

inline MemoryShares ShareMemory(std::size_t max_memory, std::size_t sources, std::size_t sinks) {
  constexpr std::size_t kProcess = 64u << 20;
  const std::size_t part = (max_memory > kProcess ? max_memory - kProcess : 0) / 16;
  MemoryShares shares;
  shares.sql = 8 * part;
  shares.each_source = part / (sources == 0 ? 1 : sources);
  shares.each_sink = 2 * part / (sinks == 0 ? 1 : sinks);
  shares.dead_letters = part / 4;
  return shares;
}

}  // namespace sluice
