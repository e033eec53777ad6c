/// `sluice decode`: decodes files with a format, to try a schema or to see why a record is refused.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "core/result.h"
#include "decode/decoder.h"
#include "encode/encoder.h"

namespace sluice {

struct DecodeFilesOptions {
  std::string classification;
  std::optional<std::string> schema;  ///< DDL, or the format's own notation.
  std::vector<std::pair<std::string, std::string>> set;
  bool print_schema = false;       ///< Only the columns, as DDL.
  bool lines = false;              ///< Each line of a file is a record, instead of each file.
  std::vector<std::string> files;  ///< "-" is standard input.
};

/// Rows go to `out` as JSON lines, rejects to `err` as JSON lines:
///   {"path":"a.json","line":3,"row":1,"byte":17,"code":"json.syntax","field":"","reason":"..."}
/// `row` (from 1) is missing if the record is refused whole, `line` without options.lines. Memory
/// does not grow with the files. Returns the exit code: 0, or 3 if any record was rejected.
Result<int> DecodeFiles(const DecodeFilesOptions& options, const FormatRegistry& formats,
                        const EncoderRegistry& encoders, std::ostream& out, std::ostream& err);

void AddDecodeCommand(CLI::App& app, CommandContext& context);

}  // namespace sluice
