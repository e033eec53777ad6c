#include "cli/case_check.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace sluice {
namespace {

void CheckOrdered(const std::vector<CaseText>& expected, const std::vector<std::string>& actual,
                  int end, const std::string& what, std::vector<CaseFailure>* failures) {
  const std::size_t count = std::max(expected.size(), actual.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string row = what + " " + std::to_string(i + 1);
    if (i >= expected.size()) {
      failures->push_back({end, "", row + " was not expected", "", SpacedJson(actual[i])});
    } else if (i >= actual.size()) {
      failures->push_back(
          {expected[i].line, "", row + " is missing", SpacedJson(expected[i].text), ""});
    } else if (CompactJson(expected[i].text) != CompactJson(actual[i])) {
      failures->push_back({expected[i].line, "", row + " differs", SpacedJson(expected[i].text),
                           SpacedJson(actual[i])});
    }
  }
}

void CheckUnordered(const std::vector<CaseText>& expected, const std::vector<std::string>& actual,
                    int end, const std::string& what, std::vector<CaseFailure>* failures) {
  std::map<std::string, int> left;
  for (const std::string& row : actual) ++left[CompactJson(row)];
  for (const CaseText& row : expected) {
    const auto found = left.find(CompactJson(row.text));
    if (found == left.end() || found->second == 0) {
      failures->push_back({row.line, "", what + " is missing", SpacedJson(row.text), ""});
    } else {
      --found->second;
    }
  }
  for (const auto& [row, times] : left) {
    for (int i = 0; i < times; ++i) {
      failures->push_back({end, "", what + " was not expected", "", SpacedJson(row)});
    }
  }
}

}  // namespace

void CheckRows(const std::vector<CaseText>& expected, const std::vector<std::string>& actual,
               bool ordered, int end, const std::string& what, std::vector<CaseFailure>* failures) {
  (ordered ? CheckOrdered : CheckUnordered)(expected, actual, end, what, failures);
}

std::string RejectLine(const ObservedReject& reject) {
  std::string line = std::to_string(reject.message);
  if (reject.row >= 0) line += "." + std::to_string(reject.row);
  return line + ": " + reject.text;
}

void CheckRejects(std::vector<CaseReject> expected, std::vector<ObservedReject> actual, int end,
                  std::vector<CaseFailure>* failures) {
  const auto by_place = [](const auto& a, const auto& b) {
    return std::tie(a.message, a.row) < std::tie(b.message, b.row);
  };
  std::stable_sort(actual.begin(), actual.end(), by_place);
  std::stable_sort(expected.begin(), expected.end(), by_place);
  for (const CaseReject& wanted : expected) {
    const auto same_place = [&wanted](const ObservedReject& reject) {
      return reject.message == wanted.message && (wanted.row < 0 || reject.row == wanted.row);
    };
    const auto match =
        std::find_if(actual.begin(), actual.end(), [&](const ObservedReject& reject) {
          return same_place(reject) && reject.text.find(wanted.text) != std::string::npos;
        });
    if (match != actual.end()) {
      actual.erase(match);
      continue;
    }
    CaseFailure failure{wanted.line, "", "the reject is missing", wanted.text, ""};
    const auto other = std::find_if(actual.begin(), actual.end(), same_place);
    if (other != actual.end()) {
      failure.what = "the reject's reason differs";
      failure.actual = other->text;
      actual.erase(other);
    }
    failures->push_back(std::move(failure));
  }
  for (const ObservedReject& reject : actual) {
    failures->push_back({end, "", "a reject was not expected", "", "reject " + RejectLine(reject)});
  }
}

}  // namespace sluice
