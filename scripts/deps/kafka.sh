# The jars of a Kafka broker for the integration tests.
# shellcheck shell=bash disable=SC2154
dep_version="$KAFKA_VERSION"
dep_pins="$(cat "$deps_here/kafka.sha256" "$deps_here/../../tests/kafka/pom.xml")"

dep_fetch() {
  mkdir -p out/jars
  mvn -B -q -Dstyle.color=never -Dmaven.repo.local="$PWD/repository" \
    -f "$deps_here/../../tests/kafka/pom.xml" \
    "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_VERSION:copy-dependencies" \
    -DincludeScope=runtime -DoutputDirectory="$PWD/out/jars"
  # Both ways: every pinned jar is there with its sum, and no other.
  (cd out/jars && sha256sum *.jar) >got.sha256
  diff "$deps_here/kafka.sha256" got.sha256
}
