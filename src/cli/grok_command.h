/// `sluice grok`: tries a grok pattern on lines and shows for each what matched, or how far it got.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "core/result.h"
#include "decode/decoder.h"
#include "encode/encoder.h"

namespace sluice {

struct GrokTrialOptions {
  std::string pattern;
  std::optional<std::string> custom;  ///< Definitions, or the name of a file that holds them.
  std::string library = "legacy";
  std::optional<std::string> schema;  ///< DDL.
  bool json = false;
};

/// Each line of `in` that is not empty is shown on `out`: its number and its fields, or its number,
/// the reason and a mark under the byte. As JSON, an object a line:
///   {"line":1,"fields":{"client":"1.2.3.4"}}
///   {"line":2,"byte":4,"code":"grok.mismatch","field":"","reason":"..."}
/// Returns the exit code: 0, or 3 if any line did not match.
Result<int> TryGrok(const GrokTrialOptions& options, const FormatRegistry& formats,
                    const EncoderRegistry& encoders, std::istream& in, std::ostream& out);

/// The library's patterns whose names match `glob` (`*` and `?`, without case), one a line.
Result<int> ListGrok(const std::string& library, const std::string& glob, std::ostream& out);

void AddGrokCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
