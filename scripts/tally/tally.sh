# Adds up what test runners report, for scripts that run several.
# shellcheck shell=bash
#
#   tally_ctest PRESET [ctest options]    tally_pytest COMMAND...    tally_step NAME COMMAND...
#   tally_end     prints "N passed, N failed", last; fails if any failed or none ran
# Totals also go to the file $SLUICE_TALLY, if set, one "PASSED FAILED" line per runner, so that
# a script can sum up scripts it calls.

tally_passed=0
tally_failed=0

# Adds PASSED and FAILED.
tally_add() {
  tally_passed=$((tally_passed + $1))
  tally_failed=$((tally_failed + $2))
  [[ -z "${SLUICE_TALLY:-}" ]] || echo "$1 $2" >>"$SLUICE_TALLY"
}

# Runs a preset's unit tests. A run that dies without totals counts as one failure.
tally_ctest() {
  local preset="$1" log="build/ctest-$1.log" status=0 failed total line
  shift
  echo "== unit tests: $preset"
  ctest --preset "$preset" --progress --no-tests=ignore "$@" >"$log" 2>&1 || status=$?
  # "97% tests passed, 2 tests failed out of 61"
  line="$(grep -E '^[0-9]+% tests passed, ' "$log" | tail -n 1 || true)"
  if [[ -z "$line" ]]; then
    grep -q 'No tests were found' "$log" && return 0
    tail -n 40 "$log"
    tally_add 0 1
    return 0
  fi
  failed="$(sed -E 's/.*, ([0-9]+) tests? failed.*/\1/' <<<"$line")"
  total="${line##* }"
  if ((status != 0)); then
    # Without the progress lines of the tests that passed.
    grep -vE '^\s*[0-9]+/[0-9]+ Test .*(Passed|Skipped)' "$log" | tail -n 400
    ((failed > 0)) || failed=1
  fi
  echo "$preset: $((total - failed)) of $total passed"
  tally_add $((total - failed)) "$failed"
}

# Runs pytest and reads its closing line.
tally_pytest() {
  local log=build/pytest.log status=0 line passed failed errors
  echo "== integration tests"
  "$@" 2>&1 | tee "$log" || status=$?
  # "1 failed, 12 passed, 1 error in 10.43s"
  line="$(tail -n 1 "$log")"
  passed="$(sed -nE 's/^(.* )?([0-9]+) passed.*/\2/p' <<<"$line")"
  failed="$(sed -nE 's/^(.* )?([0-9]+) failed.*/\2/p' <<<"$line")"
  errors="$(sed -nE 's/^(.* )?([0-9]+) errors?.*/\2/p' <<<"$line")"
  failed=$((${failed:-0} + ${errors:-0}))
  ((status == 0 || failed > 0)) || failed=1
  tally_add "${passed:-0}" "$failed"
}

# Runs COMMAND as one step, passed or failed.
tally_step() {
  local name="$1"
  shift
  echo "== $name"
  if "$@"; then tally_add 1 0; else
    echo "$name: failed"
    tally_add 0 1
  fi
}

tally_end() {
  echo "$tally_passed passed, $tally_failed failed"
  ((tally_failed == 0 && tally_passed > 0))
}
