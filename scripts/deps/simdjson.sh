# simdjson, built static from the source inside the pysimdjson archive.
# shellcheck shell=bash disable=SC2154
dep_version="$SIMDJSON_VERSION"
dep_pins="$SIMDJSON_SHA256 $SETUPTOOLS_SHA256 $CYTHON_SHA256"

dep_fetch() {
  {
    echo "setuptools==$SETUPTOOLS_VERSION --hash=sha256:$SETUPTOOLS_SHA256"
    echo "Cython==$CYTHON_VERSION --hash=sha256:$CYTHON_SHA256"
  } >builders.txt
  /usr/bin/python3 -m pip install --no-deps --only-binary :all: --require-hashes \
    --target builders -r builders.txt
  echo "pysimdjson==$SIMDJSON_VERSION --hash=sha256:$SIMDJSON_SHA256" >pins.txt
  PYTHONPATH="$PWD/builders" /usr/bin/python3 -m pip download --no-deps --no-binary :all: \
    --no-build-isolation --require-hashes -d . -r pins.txt
  tar -xzf pysimdjson-*.tar.gz
  mkdir -p out/include out/lib
  cp pysimdjson-*/simdjson/simdjson.h out/include/
  cp pysimdjson-*/LICENSE out/
  # Hidden, because the wheel's libparquet exports another version's symbols of the same names.
  # No -march: all x86-64 implementations are compiled in and one is chosen at run time.
  cd pysimdjson-*/simdjson
  g++ -std=c++17 -O3 -g1 -DNDEBUG -fPIC -fno-omit-frame-pointer -fvisibility=hidden \
    -fvisibility-inlines-hidden "-ffile-prefix-map=$PWD=simdjson" -I. -c simdjson.cpp -o simdjson.o
  cd - >/dev/null
  ar rcs out/lib/libsimdjson.a pysimdjson-*/simdjson/simdjson.o
}
