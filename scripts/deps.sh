#!/usr/bin/env bash
# Install what is missing: Debian packages, and pinned libraries into the cache.
#
# usage: deps [--where] [NAME...]
#   NAME      only these (arrow duckdb librdkafka simdjson grok_patterns python kafka
#             apicurio postgresql versitygw); default: all of these. By name only:
#             librdkafka_tsan, which the tsan preset needs, and spark, half a gigabyte for
#             test_widened_lake
#   --where   print NAME=FOLDER lines instead; installs nothing
# The cache is $SLUICE_DEPS_DIR, or ~/.cache/sluice; all clones share it.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/deps/cache.sh"
source "$here/deps/debian.sh"

if [[ "${1:-}" == --where ]]; then
  shift
  for name in "${@:-${deps_names[@]}}"; do
    deps_load "$name"
    echo "$name=$dep_dir"
  done
  exit 0
fi
debian_provide
for name in "${@:-${deps_names[@]}}"; do deps_provide "$name"; done
