# Debian packages: compilers, build tools and the libraries that Debian 12 has recent enough.
# shellcheck shell=bash

debian_packages=(
  g++ make cmake ninja-build pkg-config ccache lld git openssl
  python3 python3-pip python3-venv python3-dev
  libcurl4-openssl-dev libssl-dev libsasl2-dev libzstd-dev liblz4-dev zlib1g-dev libsnappy-dev
  libbz2-dev liblzma-dev libpcre2-dev libpq-dev libexpat1-dev
  libyaml-cpp-dev libcli11-dev libspdlog-dev nlohmann-json3-dev prometheus-cpp-dev libgtest-dev
  clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14
)
# Needed as commands; a newer one from elsewhere in PATH will do.
debian_commands=(npm:npm go:golang-go mvn:maven java:openjdk-17-jre-headless)

# Prints the packages that are not installed.
debian_missing() {
  local have package pair
  # It fails when it does not know one of them.
  have="$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${debian_packages[@]}" 2>/dev/null)" ||
    true
  for package in "${debian_packages[@]}"; do
    [[ $'\n'"$have"$'\n' == *$'\n'"$package installed"$'\n'* ]] || echo "$package"
  done
  for pair in "${debian_commands[@]}"; do
    command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
  done
}

# Installs what is missing, as root or through sudo.
debian_provide() {
  local missing run=()
  mapfile -t missing < <(debian_missing)
  ((${#missing[@]} == 0)) && return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null || {
      echo "deps: missing Debian packages, and this is neither root nor has sudo. As root, run:" >&2
      echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    }
    run=(sudo)
  fi
  deps_say "installing Debian packages: ${missing[*]}"
  local log
  log="$(mktemp "${TMPDIR:-/tmp}/sluice-apt.XXXXXX")"
  if ! "${run[@]}" apt-get update >"$log" 2>&1 ||
    ! "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      "${missing[@]}" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    deps_say "apt-get failed; the whole log is $log"
    return 1
  fi
  rm -f "$log"
}
