# Spark, for the tests that read lakes as it does; put the folder into PYTHONPATH. Needs java.
# shellcheck shell=bash disable=SC2154
dep_version=4.3
dep_pins="$(cat "$deps_here/spark.txt") $SETUPTOOLS_SHA256"

dep_fetch() {
  echo "setuptools==$SETUPTOOLS_VERSION --hash=sha256:$SETUPTOOLS_SHA256" >builders.txt
  /usr/bin/python3 -m pip install --no-deps --only-binary :all: --require-hashes \
    --target builders -r builders.txt
  # There is only a source archive, which holds the jars. It is unpacked instead of built: a wheel
  # of half a gigabyte would be packed only to be unpacked again.
  PYTHONPATH="$PWD/builders" /usr/bin/python3 -m pip download --no-deps --no-cache-dir \
    --no-build-isolation --require-hashes -d . -r "$deps_here/spark.txt"
  mkdir out
  tar -xzf pyspark-*.tar.gz
  mv pyspark-*/pyspark out/
  mv pyspark-*/deps/jars pyspark-*/deps/bin out/pyspark/
  /usr/bin/python3 -m zipfile -e py4j-*.whl out
}
