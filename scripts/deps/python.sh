# A Python environment for the integration tests; run its bin/python3.
# shellcheck shell=bash disable=SC2154
dep_version=3.11
dep_pins="$(sha256sum <"$deps_here/python.txt")"

dep_fetch() {
  # Without a copy of pip: it would hold the scratch folder's path.
  /usr/bin/python3 -m venv --without-pip out
  /usr/bin/python3 -m pip install --no-deps --only-binary :all: --require-hashes \
    --target out/lib/python3.11/site-packages -r "$deps_here/python.txt"
}
