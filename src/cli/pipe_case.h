/// Pipeline cases, `*.pipe`: whole jobs over messages given in the case. Lines as in case_file.h:
///
///   source clicks [json]   a source and its classification (json if none is given)
///   schema id bigint, ...  of the source or table above; DDL
///   set key=value          an option of it or of its format
///   table users csv        a table of files and their format; schema and set as for sources
///   row users id,name      a line of that table's file: it is there from the beginning, or from
///   the
///                          epoch on in which it stands
///   sql sales SELECT ...   a step
///   mapping small clicks   an ApplyMapping step that reads `clicks`; tuples follow
///   map id, int, k, string a tuple of the mapping above
///   sink lake [sales]      a sink and what it reads (the last step if nothing is given); set as
///   for
///                          sources, such as format=csv (JSON lines otherwise)
///   ordered lake           the order of its rows within an epoch counts
///   epoch                  begins an epoch: messages, then what comes of them
///   in clicks {"id": 7}    a message to a source; forms as in decode cases (in.hex, ...)
///   expect lake {"id": 7}  a row that the epoch commits to a sink: a line of its file
///   reject clicks 2: TEXT  message 2 of the epoch to that source, or a row of it, goes to the dead
///                          letters, whoever refused it, and shows TEXT as in decode cases
///   error TEXT             the job cannot be made (before the first epoch), or stops in this epoch
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/case_check.h"
#include "cli/case_file.h"
#include "core/result.h"

namespace sluice {

struct PipeSource {
  int line = 0;
  std::string name;
  std::string classification = "json";
  std::optional<std::string> schema;
  std::vector<std::pair<std::string, std::string>> options;
};

struct PipeTable {
  int line = 0;
  std::string name;
  std::string format;
  std::optional<std::string> schema;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::string> rows;  ///< Before the first epoch.
};

/// SQL, or a mapping of `from`.
struct PipeStep {
  int line = 0;
  std::string name;
  std::string sql;
  std::string from;
  std::vector<std::vector<std::string>> mapping;
};

struct PipeSinkCase {
  int line = 0;
  std::string name;
  std::string from;  ///< Empty: the last step, or the only source if there is no step.
  bool ordered = false;
  std::vector<std::pair<std::string, std::string>> options = {};
};

struct PipeEpoch {
  int line = 0;
  int last = 0;  ///< The last line that belongs to it.
  /// In the order in which they stand: (source, message).
  std::vector<std::pair<std::string, CaseMessage>> messages;
  std::map<std::string, std::vector<std::string>> table_rows;  ///< By table, beside those before.
  std::map<std::string, std::vector<CaseText>> rows;           ///< By sink.
  std::map<std::string, std::vector<CaseReject>> rejects;      ///< By source.
  std::optional<CaseText> error;
};

struct PipeCase {
  std::string path;
  std::vector<PipeSource> sources;
  std::vector<PipeTable> tables;
  std::vector<PipeStep> steps;
  std::vector<PipeSinkCase> sinks;
  std::vector<PipeEpoch> epochs;
  std::optional<CaseText> error;  ///< The job cannot be made.
  std::vector<CaseLine> lines;
};

/// What a run of the case came to. After an error there are only the epochs before it.
struct ObservedPipe {
  struct Epoch {
    std::map<std::string, std::vector<std::string>> rows;        ///< By sink; JSON.
    std::map<std::string, std::vector<ObservedReject>> rejects;  ///< By source.
  };
  std::vector<Epoch> epochs;
  std::optional<Error> error;
};

Result<PipeCase> ParsePipeCase(const std::string& path, std::string_view text);

std::vector<CaseFailure> CheckPipeCase(const PipeCase& test, const ObservedPipe& observed);

/// `text`, of which `test` was read, with expect, reject and error lines as they came out.
std::string RebaselinePipeCase(std::string_view text, const PipeCase& test,
                               const ObservedPipe& observed);

}  // namespace sluice
