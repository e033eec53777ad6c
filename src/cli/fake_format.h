/// A small format and a small JSON encoder, for tests of the commands.
#pragma once

#include "decode/decoder.h"
#include "encode/encoder.h"

namespace sluice {

/// Format "words": each word of a message is a row with the column `word`. A word that begins with
/// '!' is a rejected row, a message that begins with '?' is rejected whole. Option `prefix` stands
/// before each word; a schema is refused.
FormatRegistry FakeFormats();

/// File format "json", for one text column without anything to escape: {"word":"x"}.
EncoderRegistry FakeEncoders();

}  // namespace sluice
