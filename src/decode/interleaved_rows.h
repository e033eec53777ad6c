/// The rows of several decoders, each of which read some messages of a batch, as if one had read
/// them all.
#pragma once

#include <vector>

#include "core/result.h"
#include "decode/decoder.h"

namespace sluice {

/// In the order of their messages; likewise the rejects. Stops where the first of them stopped, and
/// takes back what the others made of messages behind that. `messages_of_format` stays empty.
/// REQUIRES: all have this schema, and no message is in two of them.
Result<DecodedRows> InterleaveRows(std::vector<DecodedRows> parts, const SchemaPtr& schema);

}  // namespace sluice
