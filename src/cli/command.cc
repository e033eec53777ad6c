#include "cli/command.h"

#include <array>
#include <string_view>

namespace sluice {
namespace {

/// What else helps, by the beginning of an error's code. The message itself says what is wrong.
struct Advice {
  std::string_view code;
  std::string_view text;
};

constexpr std::array kAdvice = {
    Advice{"job.unknown_option",
           "`sluice describe NAME` lists the options of a source, format or sink, and `sluice "
           "describe job` those of the job file"},
    Advice{"job.missing_option",
           "`sluice describe NAME` lists the options of a source, format or sink, and `sluice "
           "describe job` those of the job file"},
    Advice{"job.unknown_", "`sluice describe` lists what there is"},
    Advice{"grok.",
           "`sluice grok PATTERN FILE` tries a pattern, `sluice grok --list` has the names"},
    Advice{"job.option", "`sluice describe NAME` has types, defaults and examples"},
    Advice{"job.reference", "for a trial: NAME=value sluice check JOB"},
    Advice{"schema.", "a schema is a list such as: id bigint, name string, tags array<string>"},
    Advice{"sql.syntax",
           "a name that is also a word of SQL (at, order, group, ...) needs double quotes; the "
           "dialect is DuckDB's"},
    Advice{"sql.row",
           "nothing of the epoch was committed, and no record is lost; correct the SQL and start "
           "again, or set badly formed values aside in a step that works row by row"},
    Advice{"sql.range",
           "nothing of the epoch was committed, and no record is lost; cast the value in the SQL, "
           "or filter its row out"},
    Advice{"sql.memory", "nothing of the epoch was committed, and no record is lost"},
    Advice{"sql.spool", "nothing of the epoch was committed, and no record is lost"},
    Advice{"sql.run", "nothing of the epoch was committed, and no record is lost"},
    Advice{"sql.", "`sluice check JOB` shows the columns that each step can read"},
    Advice{"checkpoint.superseded",
           "one job may run once per checkpointLocation; `sluice checkpoint show DIR` tells who "
           "writes"},
    Advice{"kafka.auth", "check sasl.mechanism, sasl.username and sasl.password"},
};

/// Keeps one message on one line, whatever a file name or a value in it holds.
std::string OneLine(std::string_view text) {
  std::string out;
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? (c == '\n' || c == '\t' ? ' ' : '?') : c;
  }
  return out;
}

}  // namespace

void PrintError(std::ostream& err, const Error& error) {
  err << "error: " << OneLine(error.message) << " [" << error.code << "]\n";
  for (const Advice& advice : kAdvice) {
    if (!error.code.starts_with(advice.code)) continue;
    err << "help: " << advice.text << "\n";
    break;
  }
  err.flush();
}

void PrintWarnings(std::ostream& err, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) err << "warning: " << OneLine(warning) << "\n";
  err.flush();
}

void Finish(CommandContext& context, const Result<int>& exit_code) {
  context.out.flush();
  if (exit_code.ok()) {
    context.exit_code = *exit_code;
    return;
  }
  PrintError(context.err, exit_code.error());
  context.exit_code = ExitCode(exit_code.error());
}

}  // namespace sluice
