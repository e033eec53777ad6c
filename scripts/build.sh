#!/usr/bin/env bash
# Build a preset: ./dev build [PRESET [TARGET...]]; release makes build/sluice.
#
# PRESET is release (default), failpoints, asan, tsan or fuzz. Afterwards plain
#   cmake --preset PRESET && ninja -C build/PRESET
# does the same. SLUICE_JOBS limits the compilers that run at once (default: one per core).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset="${1:-release}"
rdkafka=librdkafka
[[ "$preset" == tsan ]] && rdkafka=librdkafka_tsan
bash scripts/deps.sh arrow duckdb "$rdkafka" simdjson grok_patterns
if [[ ! -f "build/$preset/build.ninja" ]]; then
  mkdir -p build
  cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || {
    cat "build/configure-$preset.log" >&2
    exit 1
  }
fi
ninja -C "build/$preset" -j "${SLUICE_JOBS:-$(nproc)}" "${@:2}"
if [[ "$preset" == release && -x build/release/bin/sluice ]]; then
  ln -sfn release/bin/sluice build/sluice
fi
