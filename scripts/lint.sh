#!/usr/bin/env bash
# Check format, include rules between rooms, file sizes, scripts, and clang-tidy's short list.
#
# usage: lint [--quick | FILE...]
#   --quick   without clang-tidy, which compiles everything once more
#   FILE      only these .cc files through clang-tidy; default: all
# clang-tidy skips files it passed before, by their preprocessed text, in any clone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/tally/tally.sh
[[ "${1:-}" == --quick ]] || bash scripts/deps.sh arrow duckdb librdkafka simdjson
if [[ "${1:-}" != --quick && ! -f build/release/compile_commands.json ]]; then
  cmake --preset release >/dev/null
fi

tally_step "format" bash scripts/fmt.sh --check
tally_step "rooms and file sizes" python3 scripts/check_rooms.py
tally_step "rooms and file sizes: the check itself" python3 scripts/check_rooms.py --self-test
syntax() { local f; for f in dev .ci/run $(git ls-files 'scripts/*.sh'); do bash -n "$f" || return 1; done; }
tally_step "shell syntax" syntax
[[ "${1:-}" == --quick ]] || tally_step "clang-tidy" python3 scripts/check_tidy.py build/release "$@"
tally_end
