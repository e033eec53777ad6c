#!/usr/bin/env bash
# Run the unit tests labelled threads with ThreadSanitizer.
#
# usage: tsan [PATTERN]     PATTERN selects rooms by name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
bash scripts/build.sh tsan thread_tests
# Arrow's own pools hand memory from thread to thread unseen by the sanitizer.
export ARROW_DEFAULT_MEMORY_POOL=system
tally_ctest tsan ${1:+-R "$1"}
tally_end
