#!/usr/bin/env bash
# Cut the power under whole jobs, again and again; compare row by row.
#
# usage: powercuts [SEEDS] [--seed S]
#   SEEDS      how many jobs (default 5000, about six minutes); the power of each is cut up to three
#              times, on a simulated disk that loses what was not synced
#   --seed S   the first one's seed (default: the time); without SEEDS this seed alone, 20 times,
#              since threads run as they like
# A failure names its seed, the command that runs it again, and a folder with what was left.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
seeds="" first=""
while (($# > 0)); do
  case "$1" in
    --seed) first="${2:?--seed needs a number}" && shift ;;
    *) seeds="$1" ;;
  esac
  shift
done
export SLUICE_POWER_CUT_RUNS=1
if [[ -n "$first" && -z "$seeds" ]]; then
  seeds=1 SLUICE_POWER_CUT_RUNS=20
fi
seeds="${seeds:-5000}" first="${first:-$(date +%s)}"
[[ "$seeds$first" =~ ^[0-9]+$ ]] || {
  echo "powercuts: seeds are numbers" >&2
  exit 2
}
bash scripts/build.sh release power_cuts_test

# Images are many small files, and nothing is really synced.
[[ -w /dev/shm ]] && export TMPDIR="${TMPDIR:-/dev/shm}"
# Jobs wait more than they work, so that there is room for several on each core.
shards=$((2 * $(nproc)))
((shards <= seeds)) || shards="$seeds"
echo "== $seeds jobs from seed $first on"
pids=()
for ((i = 0; i < shards; ++i)); do
  from=$((seeds * i / shards)) to=$((seeds * (i + 1) / shards))
  SLUICE_POWER_CUTS=$((to - from)) SLUICE_POWER_CUT_SEED=$((first + from)) \
    build/release/bin/power_cuts_test >"build/powercuts-$i.log" 2>&1 &
  pids+=($!)
done
failed=0
for ((i = 0; i < shards; ++i)); do
  wait "${pids[$i]}" || {
    failed=$((failed + 1))
    tail -n 30 "build/powercuts-$i.log"
  }
done
for ((i = 0; i < shards; ++i)); do cat "build/powercuts-$i.log"; done |
  awk '/ jobs, .* power cuts$/ { jobs += $1; cuts += $3 }
    END { printf "%d jobs exact after %d power cuts\n", jobs, cuts }'
tally_add $((shards - failed)) "$failed"
tally_end
