#!/usr/bin/env bash
# Run all tests: unit tests, text cases, the documents, jobs on a real Kafka broker.
#
# usage: test [PATTERN]
#   PATTERN   only unit tests whose name matches and pytest files whose path matches
# Unit tests run optimised, with failpoints; text cases also with users' binary (release), which is
# what tests of whole jobs run. Every file test_*.py in
# tests/docs and tests/integration is a pytest file that finds the binaries in SLUICE and
# SLUICE_FAILPOINTS_BUILD. Ends with one line: N passed, N failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/deps/cache.sh
source scripts/tally/tally.sh
pattern="${1:-}"

bash scripts/deps.sh
# The release preset's unit tests would be compiled only to repeat those with failpoints.
bash scripts/build.sh release sluice kafka_source_dump kafka_fetch_bench
bash scripts/build.sh failpoints
tally_ctest release -R "^cases${pattern:+.*$pattern}"
tally_ctest failpoints ${pattern:+-R "$pattern"}

shopt -s nullglob
files=(tests/docs/test_*.py tests/integration/test_*.py)
[[ -n "$pattern" ]] && mapfile -t files < <(printf '%s\n' "${files[@]}" | grep -E -- "$pattern" || true)
if ((${#files[@]} > 0)); then
  python="$(bash scripts/deps.sh --where python | cut -d= -f2-)/bin/python3"
  export SLUICE="$PWD/build/sluice" SLUICE_FAILPOINTS_BUILD="$PWD/build/failpoints/bin/sluice"
  export PYTHONPATH="$PWD/tests/kafka${PYTHONPATH:+:$PYTHONPATH}"
  tally_pytest "$python" -m pytest -q -p no:cacheprovider "${files[@]}"
fi
tally_end
