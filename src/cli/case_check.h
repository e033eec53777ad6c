/// Compares what a case expects with what came out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/case_file.h"

namespace sluice {

/// A difference, as the test runner prints it.
struct CaseFailure {
  int line = 0;          ///< In the case file; 1 if it belongs to no line.
  std::string mode;      ///< How the case was run: "straight", "one message per batch", ...
  std::string what;      ///< "row 2 differs"
  std::string expected;  ///< Empty if there is nothing to show.
  std::string actual;
};

struct ObservedReject {
  std::int64_t message = 0;  ///< From 1.
  std::int64_t row = -1;     ///< From 1; -1 for a whole message.
  std::string text;          ///< "CODE FIELD: REASON (byte N)"
};

/// Rows in the order in which they stand, or in any order. JSON texts of any spacing. `end` is the
/// line to blame for rows that nobody expected.
void CheckRows(const std::vector<CaseText>& expected, const std::vector<std::string>& actual,
               bool ordered, int end, const std::string& what, std::vector<CaseFailure>* failures);

/// Both by (message, row). A text that is expected must occur in the one observed.
void CheckRejects(std::vector<CaseReject> expected, std::vector<ObservedReject> actual, int end,
                  std::vector<CaseFailure>* failures);

/// "2: TEXT" or "2.3: TEXT".
std::string RejectLine(const ObservedReject& reject);

}  // namespace sluice
