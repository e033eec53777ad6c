#!/usr/bin/env bash
# Kill, fail, stop and supersede a job at every failpoint, and compare its rows one by one.
#
# usage: sweep [--quick] [POINT...]
#   --quick    every point at one arrival (about a minute; .ci/run does this); default: the first,
#             second, middle and last arrival in each of five lives of a job
#   POINT     only these, such as K8
# Without --quick and POINT, a job on S3 is killed at each point too, at its first and last arrival.
# Each place is tried five ways: killed; failed, where it can fail; stopped, superseded by a second
# process and continued; stopped, its checkpoint deleted, and continued; killed, and its recovery
# killed as well. Ends with a table and one line: N passed, N failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
bash scripts/build.sh failpoints sluice
mkdir -p build
log=build/sweep.log
status=0
python3 tests/sweep/sweep.py build/failpoints/bin/sluice "$@" 2>&1 | tee "$log" || status=$?
read -r passed failed < <(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log") || true
failed="${failed:-1}"
((status == 0 || failed > 0)) || failed=1
tally_add "${passed:-0}" "$failed"
if (($# == 0)); then
  bash scripts/deps.sh python versitygw
  bash scripts/build.sh release sluice
  python="$(bash scripts/deps.sh --where python | cut -d= -f2-)/bin/python3"
  export SLUICE="$PWD/build/sluice" SLUICE_FAILPOINTS_BUILD="$PWD/build/failpoints/bin/sluice"
  export PYTHONPATH="$PWD/tests/kafka${PYTHONPATH:+:$PYTHONPATH}" SLUICE_S3_SWEEP=all
  tally_pytest "$python" -m pytest -q -p no:cacheprovider \
    tests/integration/test_s3_jobs.py -k killed_at_every_point
fi
tally_end
