/// Several formats in one stream: each message is read by the first of them that takes it.
///
/// A message that names its schema (decode/framing.h) is for the format that has such schemas. Of
/// the others a format takes one unless it can use none of its rows; one that would certainly
/// reject it (Decoder::MayBeMessage) is not asked. What none takes is rejected with the reason of
/// each. Rows come out in the order of their messages. All formats fill the same columns: the
/// declared ones, or those detected by any of them.
#pragma once

#include <memory>
#include <vector>

#include "core/options.h"
#include "decode/decoder.h"

namespace sluice {

/// A format with the options it is to be read with. `entry` outlives what is made of it.
struct FormatUse {
  const FormatEntry* entry = nullptr;
  Options options;
};

/// A format whose name is those of all, "avro, json". Its functions ignore the options they are
/// given. REQUIRES: at least two.
FormatEntry MixedFormat(std::vector<FormatUse> formats);

}  // namespace sluice
