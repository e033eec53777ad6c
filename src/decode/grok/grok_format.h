/// `classification: grok`.
///
/// A message is one line or several; each line is matched against the pattern, anywhere in it, and
/// gives a row or a reject. Columns come from the pattern, or from a declared schema.
/// docs/formats-grok.md has the language, docs/rejects.md what is refused and under which code.
#pragma once

#include <arrow/type_fwd.h>

#include <string>

#include "decode/decoder.h"
#include "decode/grok/grok_expander.h"
#include "decode/grok/grok_regex.h"

namespace sluice {

/// The entry for src/main/.
FormatEntry GrokFormat();

struct GrokDecoderOptions {
  std::string pattern;
  std::string custom_patterns;  ///< A definition a line.
  bool ecs = false;             ///< Of the two built-in libraries.
  GrokLimits limits;
  GrokWorkLimits work;
  DecodeLimits decode;
};

/// For tests and benchmarks: without options to parse. `declared` may be null; `pool` outlives the
/// decoder and its results.
Result<std::unique_ptr<Decoder>> MakeGrokDecoder(GrokDecoderOptions options, SchemaPtr declared,
                                                 arrow::MemoryPool* pool);

}  // namespace sluice
