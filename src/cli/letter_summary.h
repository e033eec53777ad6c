/// Dead letters, counted by what they have in common.
///
/// Letters are added one by one and not kept. There are at most kMostGroups groups; what is of no
/// group by then is counted among the others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "job/letter.h"

namespace sluice {

enum class LetterColumn { kCode, kField, kReason, kStep, kSource, kOrigin };
inline constexpr std::size_t kNumLetterColumns = 6;
/// "code", "field", "reason", "step", "source" or "origin".
const char* LetterColumnName(LetterColumn column);

struct LetterGroup {
  std::vector<std::string> key;  ///< One for each of LetterSummary::columns().
  std::int64_t letters = 0;
  std::string first;  ///< The least and the greatest `time`.
  std::string last;
  std::int64_t first_epoch = 0;
  std::int64_t last_epoch = 0;
  std::string example;  ///< The origin of one of them, as its letter has it.
};

class LetterSummary {
 public:
  static constexpr std::size_t kMostGroups = 10'000;

  explicit LetterSummary(std::vector<LetterColumn> columns) : columns_(std::move(columns)) {}

  void Add(const Letter& letter);

  const std::vector<LetterColumn>& columns() const { return columns_; }
  std::int64_t letters() const { return letters_; }
  /// The largest groups, at most `limit`, largest first; the rest is in `others`.
  std::vector<LetterGroup> Groups(std::size_t limit, std::int64_t* others) const;

 private:
  const std::vector<LetterColumn> columns_;
  std::map<std::vector<std::string>, LetterGroup> groups_;
  std::int64_t letters_ = 0;
  std::int64_t others_ = 0;
};

/// A reason without what differs from record to record: texts in quotes are '...', numbers N.
std::string ReasonWithoutValues(const std::string& reason);

/// Where a record came from, without its place there: "clicks/3" of a topic, the path of a file.
std::string OriginWithoutPlace(const std::string& origin);

}  // namespace sluice
