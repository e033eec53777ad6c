# Apicurio Registry for the integration tests: a real server with the API of Confluent's registry.
# shellcheck shell=bash disable=SC2154
dep_version="$APICURIO_VERSION"
dep_pins="$APICURIO_SHA256"

dep_fetch() {
  local archive="apicurio-registry-app-$APICURIO_VERSION-all.tar.gz"
  mvn -B -q -Dstyle.color=never -Dmaven.repo.local="$PWD/repository" \
    "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_VERSION:copy" \
    -Dartifact="io.apicurio:apicurio-registry-app:$APICURIO_VERSION:tar.gz:all" \
    -DoutputDirectory="$PWD" -Dmdep.overWriteReleases=true
  deps_sha256 "$archive" "$APICURIO_SHA256"
  mkdir out
  tar -xzf "$archive" -C out
}
