#include "cli/deadletters_command.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/letter_summary.h"
#include "cli/table_files.h"
#include "core/text_table.h"
#include "job/job.h"
#include "job/letter.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

struct Args {
  std::string target;
  std::string by;
  std::int64_t limit = 50;
  bool json = false;
};

constexpr std::size_t kCellWidth = 60;
// A letter holds at most 1 MiB of bytes, and escaping makes them longer.
constexpr std::size_t kLongestLine = 32u << 20;
// So many lines that are no letters are named; all are counted.
constexpr std::size_t kShownUnreadable = 10;

struct Unreadable {
  std::int64_t lines = 0;
  std::vector<std::string> shown;  ///< "FILE:LINE: why".

  void Add(const std::string& where, const std::string& why) {
    if (++lines <= static_cast<std::int64_t>(kShownUnreadable)) shown.push_back(where + ": " + why);
  }
};

/// Without --by, letters are told apart by all there is but the place.
std::vector<LetterColumn> Columns(const std::string& by) {
  using enum LetterColumn;
  if (by == "reason") return {kCode, kReason};
  if (by == "field") return {kSource, kField};
  if (by == "origin") return {kOrigin};
  if (by == "step") return {kSource, kStep};
  return {kCode, kField, kReason, kStep, kSource, kOrigin};
}

/// The next line, without what is beyond kLongestLine of it. False at the end.
bool ReadLine(std::ifstream* file, std::string* line) {
  line->clear();
  std::streambuf* const buffer = file->rdbuf();
  int c = buffer->sbumpc();
  if (c == std::char_traits<char>::eof()) return false;
  for (; c != '\n' && c != std::char_traits<char>::eof(); c = buffer->sbumpc()) {
    if (line->size() < kLongestLine) line->push_back(static_cast<char>(c));
  }
  return true;
}

void ReadLetters(const std::string& path, LetterSummary* summary, Unreadable* unreadable) {
  for (const char* end : {".gz", ".bz2", ".zst"}) {
    if (!path.ends_with(end)) continue;
    unreadable->Add(path, "it is compressed; unpack it first");
    return;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    unreadable->Add(path, "it cannot be read");
    return;
  }
  std::string line;
  for (std::int64_t number = 1; ReadLine(&file, &line); ++number) {
    if (line.empty()) continue;
    Result<Letter> letter = ParseLetter(line);
    if (letter.ok()) {
      summary->Add(*letter);
    } else {
      unreadable->Add(path + ":" + std::to_string(number), letter.error().message);
    }
  }
}

Error OnS3(const std::string& letters) {
  return UserError("deadletters.remote",
                   "dead letters are counted in a local folder; copy " + letters + " to one first");
}

/// The folder given, or that of the job file given.
Result<std::string> Folder(const CommandContext& context, const std::string& target) {
  if (IsRemote(target)) return OnS3(target);
  std::error_code failure;
  if (std::filesystem::is_directory(target, failure)) return target;
  if (!std::filesystem::exists(target, failure)) {
    return UserError("deadletters.absent",
                     "there is no folder or job file " + target +
                         "; give a job file, or the folder of its dead letters ('dead-letters' in "
                         "its checkpoint, unless deadLetters says otherwise)");
  }
  TRY(const Job job, LoadJob(target, context.parts));
  if (IsRemote(job.dead_letters)) return OnS3(job.dead_letters);
  return job.dead_letters;
}

std::string Epochs(const LetterGroup& group) {
  const std::string first = std::to_string(group.first_epoch);
  return group.first_epoch == group.last_epoch ? first
                                               : first + "-" + std::to_string(group.last_epoch);
}

/// "2026-11-23T07:03:39.211674Z" to the second.
std::string Seconds(const std::string& time) {
  const std::size_t point = time.find('.');
  return point == std::string::npos ? time : time.substr(0, point) + "Z";
}

std::string Text(const LetterSummary& summary, const std::vector<LetterGroup>& groups,
                 std::int64_t others) {
  TextTable table;
  table.names = {"letters"};
  table.right = {true};
  for (const LetterColumn column : summary.columns()) {
    table.names.emplace_back(LetterColumnName(column));
    table.right.push_back(false);
  }
  for (const char* name : {"first", "last", "epochs", "for example"}) {
    table.names.emplace_back(name);
    table.right.push_back(false);
  }
  table.types.assign(table.names.size(), "");
  for (const LetterGroup& group : groups) {
    std::vector<std::string> row{std::to_string(group.letters)};
    row.insert(row.end(), group.key.begin(), group.key.end());
    row.insert(row.end(),
               {Seconds(group.first), Seconds(group.last), Epochs(group), group.example});
    table.rows.push_back(std::move(row));
  }
  std::string out = PrintTable(table, kCellWidth);
  if (others > 0)
    out +=
        std::to_string(others) + (others == 1 ? " letter" : " letters") + " more in other groups\n";
  return out;
}

std::string AsJson(const std::string& folder, const LetterSummary& summary,
                   const std::vector<LetterGroup>& groups, std::int64_t others,
                   const Unreadable& unreadable) {
  Json list = Json::array();
  for (const LetterGroup& group : groups) {
    Json entry = {{"letters", group.letters}};
    for (std::size_t i = 0; i < group.key.size(); ++i) {
      entry[LetterColumnName(summary.columns()[i])] =
          group.key[i].empty() ? Json() : Json(group.key[i]);
    }
    entry["first"] = group.first;
    entry["last"] = group.last;
    entry["firstEpoch"] = group.first_epoch;
    entry["lastEpoch"] = group.last_epoch;
    Json example = Json::parse(group.example, /*cb=*/nullptr, /*allow_exceptions=*/false);
    entry["example"] = example.is_discarded() ? Json() : example;
    list.push_back(std::move(entry));
  }
  const Json out = {{"folder", folder},
                    {"letters", summary.letters()},
                    {"groups", list},
                    {"otherLetters", others},
                    {"unreadableLines", unreadable.lines},
                    {"unreadable", unreadable.shown}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<int> Summarise(CommandContext& context, const Args& args) {
  TRY(const std::string folder, Folder(context, args.target));
  TRY(const std::vector<TableFile> files, ListTableFiles(folder));
  LetterSummary summary(Columns(args.by));
  Unreadable unreadable;
  for (const TableFile& file : files) ReadLetters(file.path, &summary, &unreadable);

  std::int64_t others = 0;
  const auto groups = summary.Groups(static_cast<std::size_t>(args.limit), &others);
  if (args.json) {
    context.out << AsJson(folder, summary, groups, others, unreadable);
  } else if (summary.letters() == 0) {
    context.out << "no dead letters in " << folder << "\n";
  } else {
    context.out << Text(summary, groups, others) << summary.letters()
                << (summary.letters() == 1 ? " letter in " : " letters in ") << files.size()
                << (files.size() == 1 ? " file of " : " files of ") << folder << "\n";
  }
  if (unreadable.lines == 0) return 0;
  context.out.flush();
  PrintWarnings(context.err, unreadable.shown);
  context.err << "warning: " << unreadable.lines << " lines in all are no letters; not counted\n";
  return 0;
}

}  // namespace

void AddDeadLettersCommand(CLI::App& app, CommandContext& context) {
  auto args = std::make_shared<Args>();
  CLI::App* command =
      app.add_subcommand("deadletters", "Count dead letters by reason, field, step and origin");
  command->add_option("DEADLETTERS", args->target, "A folder of dead letters, or the job file")
      ->required();
  command->add_option("--by", args->by, "Count by this alone: reason, field, origin or step")
      ->check(CLI::IsMember({"reason", "field", "origin", "step"}));
  command->add_option("--limit", args->limit, "Show at most so many groups, the largest first")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_flag("--json", args->json, "As JSON");
  command->footer(
      "Reasons are shown without values of records: '...' stands for what is in quotes, N for a\n"
      "number.\n"
      "Examples:\n"
      "  sluice deadletters clicks.yaml\n"
      "  sluice deadletters ./state/clicks/dead-letters --by field --json");
  command->callback([&context, args] { Finish(context, Summarise(context, *args)); });
}

}  // namespace sluice
