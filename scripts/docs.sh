#!/usr/bin/env bash
# Write the pages that are generated from declarations: docs/reference.
#
# usage: docs
# A test (ReferenceTest) compares what is committed with what the binary would write.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/build.sh release
mkdir -p docs/reference
build/sluice describe --markdown > docs/reference/options.md
build/sluice describe --json-schema > docs/reference/job.schema.json
