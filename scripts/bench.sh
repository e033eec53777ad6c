#!/usr/bin/env bash
# Measure the job of docs/performance.md beside the bare fetch, on a real broker on this machine.
#
# usage: bench [--quick] [--only PART]... [--rounds N] [--json FILE]
#   --quick   2 million events only, and no paced run
#   --only    throughput, startup, backlog, partitions, spread, s3, epochs, values, detection,
#             versions, decode or micro; may be repeated (default: all)
# Prints a table and writes build/bench.json. Wants the machine for itself,
# and fails only if something does not run: a missed target is printed, not an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/deps.sh
bash scripts/build.sh release sluice benches
python="$(bash scripts/deps.sh --where python | cut -d= -f2-)/bin/python3"
exec "$python" bench/run.py "$@"
