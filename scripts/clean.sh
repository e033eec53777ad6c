#!/usr/bin/env bash
# Remove build/; with --deps also the cache of dependencies that all clones share.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/deps/cache.sh
rm -rf build
if [[ "${1:-}" == --deps ]]; then
  rm -rf "$deps_cache/tidy"
  for name in "${deps_names[@]}" "${deps_extra[@]}"; do
    for folder in "$deps_cache/$name"-*; do
      [[ -d "$folder" ]] || continue
      chmod -R u+w "$folder"
      rm -rf "$folder"
    done
    rm -rf "$deps_cache/.$name.lock" "$deps_cache/.$name.partial" "$deps_cache/$name.log"
  done
fi
