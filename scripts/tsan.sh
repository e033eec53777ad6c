#!/usr/bin/env bash
# Run the unit tests labelled threads with ThreadSanitizer.
#
# usage: tsan [ROOM...]     such as engine source_kafka; default: all that have threads
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
if (($# == 0)); then
  bash scripts/build.sh tsan thread_tests
else
  bash scripts/build.sh tsan "${@/%/_test}"
fi
# Arrow's own pools hand memory from thread to thread unseen by the sanitizer.
export ARROW_DEFAULT_MEMORY_POOL=system
rooms="$*"
tally_ctest tsan ${1:+-R "^(${rooms// /|})\$"}
tally_end
