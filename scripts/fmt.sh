#!/usr/bin/env bash
# Format all C++ files in place.
#
# usage: fmt [--check]     --check changes nothing and fails if something would change
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.h' '*.cc')
((${#files[@]} > 0)) || exit 0
if [[ "${1:-}" == --check ]]; then
  clang-format-14 --dry-run --Werror "${files[@]}"
else
  clang-format-14 -i "${files[@]}"
fi
