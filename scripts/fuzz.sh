#!/usr/bin/env bash
# Fuzz every target: ./dev fuzz [SECONDS per target, default 600] [TARGET...]
#
# As many at a time as there are cores, or SLUICE_JOBS. Inputs found are kept in
# build/fuzz-corpus/TARGET and start the next run; an input that crashes is written to
# build/fuzz-crashes/TARGET/ and makes the run fail. To repeat one:
#   build/fuzz/bin/TARGET_fuzz FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
seconds="${1:-600}"
bash scripts/build.sh fuzz
if (($# > 1)); then
  targets=("${@:2}")
else
  shopt -s nullglob
  targets=()
  for program in build/fuzz/bin/*_fuzz; do targets+=("$(basename "$program" _fuzz)"); done
fi
if ((${#targets[@]} == 0)); then
  echo "fuzz: no target is declared with sluice_fuzz"
  exit 0
fi
export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
# Arrow's own pools keep freed memory, where the sanitizer sees no use of it.
export ARROW_DEFAULT_MEMORY_POOL=system
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
logs=build/fuzz-logs
mkdir -p "$logs"

# Runs one target; what it prints and its exit status go to files.
fuzz_one() {
  local target="$1" corpus="build/fuzz-corpus/$1" crashes="build/fuzz-crashes/$1" status=0
  mkdir -p "$corpus" "$crashes"
  local inputs=("$corpus")
  [[ -d "build/fuzz/bin/${target}_seeds" ]] && inputs+=("build/fuzz/bin/${target}_seeds")
  "build/fuzz/bin/${target}_fuzz" "-max_total_time=$seconds" -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 -verbosity=0 "-artifact_prefix=$crashes/" "${inputs[@]}" \
    >"$logs/$target.log" 2>&1 || status=$?
  echo "$status" >"$logs/$target.status"
}

report() {
  (($(cat "$logs/$1.status") == 0)) || {
    cat "$logs/$1.log"
    return 1
  }
  sed -n 's/^stat::number_of_executed_units: */  inputs tried: /p' "$logs/$1.log"
}

rm -f "$logs"/*.status
for target in "${targets[@]}"; do
  while (($(jobs -rp | wc -l) >= ${SLUICE_JOBS:-$(nproc)})); do wait -n || true; done
  fuzz_one "$target" &
done
wait
for target in "${targets[@]}"; do
  tally_step "fuzz $target for $seconds s" report "$target"
done
tally_end
