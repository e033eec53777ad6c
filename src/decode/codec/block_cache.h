/// Memory for libraries that take theirs anew for every stream: freed blocks are handed out again.
#pragma once

#include <cstddef>
#include <vector>

namespace sluice {

/// For one thread. Keeps a few blocks, none above kKept bytes.
class BlockCache {
 public:
  static constexpr std::size_t kKept = 16u << 20;

  BlockCache() = default;
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  ~BlockCache();

  /// As malloc and free. nullptr: no memory.
  void* Take(std::size_t size);
  void Give(void* block);

 private:
  static constexpr std::size_t kBlocks = 16;
  struct Block {
    void* data;
    std::size_t size;
    bool taken;
  };
  std::vector<Block> blocks_;
};

}  // namespace sluice
