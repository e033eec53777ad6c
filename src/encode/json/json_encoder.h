/// JSON lines: one object a row, as in json_row.h, each line ended by a line feed; compressed or
/// not.
#pragma once

#include "encode/encoder.h"

namespace sluice {

EncoderEntry JsonEncoderEntry();

}  // namespace sluice
