#include "decode/codec/block_cache.h"

#include <cstdlib>

namespace sluice {

BlockCache::~BlockCache() {
  for (const Block& block : blocks_) std::free(block.data);
}

void* BlockCache::Take(std::size_t size) {
  Block* best = nullptr;
  for (Block& block : blocks_) {
    // A block may be larger than asked for, but not so much that the next one finds none.
    if (!block.taken && block.size >= size && block.size / 16 <= size &&
        (best == nullptr || block.size < best->size)) {
      best = &block;
    }
  }
  if (best != nullptr) {
    best->taken = true;
    return best->data;
  }
  void* data = std::malloc(size);
  if (data == nullptr || size > kKept) return data;
  if (blocks_.size() < kBlocks) {
    blocks_.push_back({data, size, true});
    return data;
  }
  for (Block& block : blocks_) {
    if (block.taken) continue;
    std::free(block.data);
    block = {data, size, true};
    break;
  }
  return data;
}

void BlockCache::Give(void* data) {
  for (Block& block : blocks_) {
    if (block.data == data && block.taken) {
      block.taken = false;
      return;
    }
  }
  std::free(data);
}

}  // namespace sluice
