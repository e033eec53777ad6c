#!/usr/bin/env bash
# Run the unit tests with AddressSanitizer and UndefinedBehaviorSanitizer.
#
# usage: asan [ROOM...]     such as core engine; default: all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
bash scripts/build.sh asan "${@/%/_test}"
# Arrow's own pools keep freed memory, where the sanitizer sees no use of it.
export ARROW_DEFAULT_MEMORY_POOL=system
rooms="$*"
tally_ctest asan ${1:+-R "^(${rooms// /|})\$"}
tally_end
