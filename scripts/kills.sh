#!/usr/bin/env bash
# Kill a job on a real Kafka broker under load, again and again; compare row by row.
#
# usage: kills [--s3] [--kills N] [--seed S] [--quick] [--stop] [--rate R] [--window SECONDS] [--keep]
#        kills --columns
#   --s3        lakes, dead letters and checkpoint on an S3 server; default: in local folders
#   --kills N   lives of the job (default 120, about 5 minutes); at least 25 of them end while staging,
#               25 between decision and commit record, 25 in recovery
#   --seed S    repeats the choices of an earlier run, which printed it
#   --quick     20 kills in about a minute, for every change
#   --columns   a job whose columns change: killed at every point that it arrives at, three times
#               each, and 60 times at random (about 10 minutes)
#   --stop      stop the process, let another take over, continue the first: it must exit with 4
# Exits 1 if a row is lost or doubled. Needs Java; ./dev deps fetches the broker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
bash scripts/deps.sh python kafka versitygw
bash scripts/build.sh release sluice
bash scripts/build.sh failpoints sluice
python="$(bash scripts/deps.sh --where python | cut -d= -f2-)/bin/python3"
export SLUICE="$PWD/build/sluice" SLUICE_FAILPOINTS_BUILD="$PWD/build/failpoints/bin/sluice"
if [[ "${1:-}" == --columns ]]; then
  export PYTHONPATH="$PWD/tests/kafka${PYTHONPATH:+:$PYTHONPATH}" SLUICE_DETECTION_KILLS=all
  tally_pytest "$python" -m pytest -q -p no:cacheprovider tests/integration/test_detection_kills.py
  tally_end
  exit
fi
tally_step "random kills" "$python" tests/kills/random_kills.py "$@"
tally_end
