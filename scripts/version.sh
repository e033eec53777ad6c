#!/usr/bin/env bash
# Print the version of sluice, its commit, and the versions of what it is built with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/deps/versions.sh
echo "sluice $(sed -n 's/^project(sluice VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)" \
  "($(git describe --always --dirty 2>/dev/null || echo 'no commit'))"
echo "arrow $ARROW_VERSION"
echo "duckdb $DUCKDB_VERSION"
echo "librdkafka from $RDKAFKA_PACKAGE $RDKAFKA_VERSION"
echo "simdjson from pysimdjson $SIMDJSON_VERSION"
