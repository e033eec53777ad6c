/// ORC files (version 0.12), through Arrow's writer.
///
/// Rows are kept as Arrow batches until a stripe is due (`stripeSize` encoded bytes, or Flush),
/// then written as one. Arrow cannot be told to end a stripe; but a writer made with stripes of no
/// size ends one behind all that it is given at once, and it is given a stripe's rows at once. So
/// memory can be freed at any time, and a file that gets few rows has no writer, whose buffers are
/// large, until it ends.
///
/// A time before 1970 with a fraction of a second ends the job (orc.timestamp): Arrow would write
/// it so that Spark cannot read the file.
///
/// timestamp is ORC's timestamp with local time zone (an instant), timestamp_ntz its timestamp.
#pragma once

#include "encode/encoder.h"

namespace sluice {

EncoderEntry OrcEncoderEntry();

}  // namespace sluice
