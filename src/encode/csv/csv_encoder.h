/// CSV as Glue writes it: a header, rows ended by line feeds, cells quoted where they must be.
///
/// Null is an empty cell, or what `nullValue` says; the empty text is `""`. Values are the texts of
/// record/value_text.h. docs/formats-csv.md has the rules, and which readers follow them.
#pragma once

#include "encode/encoder.h"

namespace sluice {

EncoderEntry CsvEncoderEntry();

}  // namespace sluice
