/// Random names: checkpoint ids, write ids. From the kernel's generator, never seeded.
#pragma once

#include <cstddef>
#include <string>

namespace sluice {

/// `bytes` random bytes as lower-case hex.
std::string RandomHex(std::size_t bytes);

}  // namespace sluice
