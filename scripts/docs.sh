#!/usr/bin/env bash
# Write the generated pages and hold all documents to the program; --check writes nothing.
#
# usage: docs [--check]
# Generated from declarations: docs/reference. tests/docs checks the rest: every example, command,
# table, link and test name that the documents show.
#   --check   only compare the generated pages with what would be written (./dev test has the rest)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/build.sh release sluice

if [[ "${1:-}" == --check ]]; then
  status=0
  for page in options.md:--markdown job.schema.json:--json-schema; do
    diff -u "docs/reference/${page%%:*}" <(build/sluice describe "${page#*:}") || status=1
  done
  ((status == 0)) || echo "docs: the pages above are out of date; run ./dev docs" >&2
  exit "$status"
fi
mkdir -p docs/reference
build/sluice describe --markdown >docs/reference/options.md
build/sluice describe --json-schema >docs/reference/job.schema.json
bash scripts/deps.sh python
python="$(bash scripts/deps.sh --where python | cut -d= -f2-)/bin/python3"
SLUICE="$PWD/build/sluice" "$python" -m pytest -q -p no:cacheprovider tests/docs
