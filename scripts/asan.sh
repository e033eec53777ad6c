#!/usr/bin/env bash
# Run the unit tests with AddressSanitizer and UndefinedBehaviorSanitizer.
#
# usage: asan [PATTERN]     PATTERN selects rooms by name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
bash scripts/build.sh asan
tally_ctest asan ${1:+-R "$1"}
tally_end
