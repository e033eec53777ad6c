#!/usr/bin/env bash
# Kill, fail, stop and supersede a job at every failpoint, and compare its rows one by one.
#
# usage: sweep [--quick] [--place local|s3] [POINT...]
#   --quick   every point at one arrival (about two minutes; .ci/run does this); default: the
#             first, second, middle and last arrival in each of six lives of a job
#   --place   only the job in a local folder, or only the one on S3; default: both
#   POINT     only these, such as K8
# A job is swept whose sinks, dead letters and checkpoint are in a local folder, and one that has
# them on an S3 server. Each arrival is tried five ways: killed; failed, where it can fail; stopped,
# superseded by a second process and continued; stopped, its checkpoint deleted, and continued;
# killed, and its recovery killed as well. Ends with a table and one line: N passed, N failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
bash scripts/deps.sh python versitygw
bash scripts/build.sh failpoints sluice
python="$(bash scripts/deps.sh --where python | cut -d= -f2-)/bin/python3"
mkdir -p build
log=build/sweep.log
status=0
"$python" tests/sweep/sweep.py build/failpoints/bin/sluice "$@" 2>&1 | tee "$log" || status=$?
read -r passed failed < <(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log") || true
failed="${failed:-1}"
((status == 0 || failed > 0)) || failed=1
tally_add "${passed:-0}" "$failed"
tally_end
