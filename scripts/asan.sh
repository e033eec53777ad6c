#!/usr/bin/env bash
# Run the unit tests with AddressSanitizer and UndefinedBehaviorSanitizer.
#
# usage: asan [PATTERN]     PATTERN selects rooms by name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
bash scripts/build.sh asan
# Arrow's own pools keep freed memory, where the sanitizer sees no use of it.
export ARROW_DEFAULT_MEMORY_POOL=system
tally_ctest asan ${1:+-R "$1"}
tally_end
