# Where dependencies live and how one gets there; sourced by scripts/deps.sh and read by CMake.
# shellcheck shell=bash
#
# Each dependency is a script scripts/deps/NAME.sh with three variables and one function:
#   dep_version   version for the folder's name
#   dep_pins      everything else that decides its contents (checksums)
#   dep_fetch     runs in an empty scratch folder, leaves the finished tree in ./out
# Its folder is <cache>/NAME-VERSION-HASH8, HASH8 from pins and script, so a changed recipe is a
# new folder. A folder under its final name is complete: it is built beside it and renamed.

deps_here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
deps_cache="${SLUICE_DEPS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}"
# In this order; a script may use what stands before it.
deps_names=(arrow duckdb librdkafka simdjson grok_patterns python kafka apicurio postgresql versitygw)
# Only what one preset or test needs: provided when asked for by name.
deps_extra=(librdkafka_tsan spark)

# Prints a progress line; everything a dependency prints itself goes to its log.
deps_say() { printf 'deps: %s\n' "$*" >&2; }

# Loads scripts/deps/NAME.sh and sets dep_dir to its folder.
deps_load() {
  local name="$1" hash
  # shellcheck source=/dev/null
  source "$deps_here/versions.sh"
  # shellcheck source=/dev/null
  source "$deps_here/$name.sh"
  hash="$({ printf '%s\n' "$dep_pins"; cat "$deps_here/$name.sh"; } | sha256sum)"
  dep_dir="$deps_cache/$name-$dep_version-${hash:0:8}"
}

# Checks FILE against a SHA-256 and fails with both sums if they differ.
deps_sha256() {
  local file="$1" want="$2" got
  got="$(sha256sum "$file")"
  got="${got%% *}"
  if [[ "$got" != "$want" ]]; then
    echo "checksum of $file is $got, pinned is $want" >&2
    return 1
  fi
}

# Puts dependency NAME in place unless it is there. Two processes may do this at once.
deps_provide() (
  name="$1"
  deps_load "$name"
  [[ -d "$dep_dir" ]] && return 0
  mkdir -p "$deps_cache"
  exec 9>"$deps_cache/.$name.lock"
  flock -n 9 || { deps_say "$name: another process is at it, waiting"; flock 9; }
  [[ -d "$dep_dir" ]] && return 0
  scratch="$deps_cache/.$name.partial"
  log="$deps_cache/$name.log"
  deps_say "$name $dep_version: fetching (log: $log)"
  start=$SECONDS
  chmod -R u+w "$scratch" 2>/dev/null || true
  rm -rf "$scratch"
  mkdir -p "$scratch"
  # Not in a condition: there bash would ignore failures of the commands inside.
  set +e
  (set -e; cd "$scratch"; exec 9>&-; dep_fetch) >"$log" 2>&1
  status=$?
  set -e
  if ((status != 0)) || [[ ! -d "$scratch/out" ]]; then
    tail -n 30 "$log" >&2
    deps_say "$name $dep_version failed; the whole log is $log"
    return 1
  fi
  mv "$scratch/out" "$dep_dir"
  chmod -R u+w "$scratch"
  rm -rf "$scratch"
  deps_say "$name $dep_version: ready after $((SECONDS - start)) s"
)
