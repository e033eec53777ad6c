# The grok patterns of logstash-patterns-core (Apache-2.0), legacy and ECS, from the logprep wheel.
# Of logprep itself, which has another licence, nothing is taken.
# shellcheck shell=bash disable=SC2154
dep_version="$LOGPREP_VERSION"
dep_pins="$LOGPREP_SHA256"

dep_fetch() {
  echo "logprep==$LOGPREP_VERSION --hash=sha256:$LOGPREP_SHA256" >pins.txt
  /usr/bin/python3 -m pip download --no-deps --only-binary :all: --require-hashes \
    --platform any --python-version 311 -d . -r pins.txt
  /usr/bin/python3 -m zipfile -e logprep-*.whl wheel
  mkdir -p out/patterns
  mv wheel/logprep/util/grok/patterns/legacy out/patterns/legacy
  mv wheel/logprep/util/grok/patterns/ecs-v1 out/patterns/ecs
}
