# versitygw, an S3 server for the integration tests that verifies signatures; built from its module.
# shellcheck shell=bash disable=SC2154
dep_version="$VERSITYGW_VERSION"
dep_pins="$VERSITYGW_H1 $VERSITYGW_GOMOD_H1 $GO_VERSION $GO_H1 $GO_GOMOD_H1"

# Prints the folder of a module, fetched with the Go in PATH, whichever that is.
versitygw_module() {
  local module="$1" version="$2" sum="$3" gomod_sum="$4"
  # With both sums in go.sum, go itself refuses anything else and asks no checksum service.
  printf 'module fetch\n\ngo 1.19\n\nrequire %s %s\n' "$module" "$version" >go.mod
  printf '%s %s %s\n%s %s/go.mod %s\n' \
    "$module" "$version" "$sum" "$module" "$version" "$gomod_sum" >go.sum
  go mod download -json "$module" >module.json
  grep -qF "\"Sum\": \"$sum\"" module.json
  echo "$PWD/modules/$module@$version"
}

dep_fetch() {
  export GOPATH="$PWD/path" GOMODCACHE="$PWD/modules" GOCACHE="$PWD/compiled"
  export GOTOOLCHAIN=local GOFLAGS=-modcacherw CGO_ENABLED=0
  local goroot source name
  goroot="$(versitygw_module golang.org/toolchain "$GO_VERSION" "$GO_H1" "$GO_GOMOD_H1")"
  source="$(versitygw_module "$VERSITYGW_MODULE" "$VERSITYGW_VERSION" "$VERSITYGW_H1" \
    "$VERSITYGW_GOMOD_H1")"
  # In a module's archive no file is executable and no other go.mod may stand: undo both.
  chmod -R a+x "$goroot"/bin "$goroot"/pkg/tool
  find "$goroot" -name _go.mod | while read -r name; do mv "$name" "${name%/*}/go.mod"; done
  mkdir out
  (cd "$source" && GOROOT="$goroot" "$goroot/bin/go" build -trimpath -buildvcs=false \
    -ldflags '-s -w' -o "$OLDPWD/out/versitygw" ./cmd/versitygw)
  cp "$source/LICENSE" out/
}
