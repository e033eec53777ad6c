# Arrow C++ and Parquet: headers and shared libraries from the pyarrow wheel.
# shellcheck shell=bash disable=SC2154
dep_version="$ARROW_VERSION"
dep_pins="$ARROW_SHA256"

dep_fetch() {
  echo "pyarrow==$ARROW_VERSION --hash=sha256:$ARROW_SHA256" >pins.txt
  /usr/bin/python3 -m pip download --no-deps --only-binary :all: --require-hashes \
    --platform manylinux_2_28_x86_64 --python-version 311 --implementation cp -d . -r pins.txt
  /usr/bin/python3 -m zipfile -e pyarrow-*.whl wheel
  mkdir -p out/lib
  mv wheel/pyarrow/include out/include
  local lib
  for lib in arrow parquet arrow_compute arrow_acero arrow_dataset; do
    mv "wheel/pyarrow/lib$lib.so.${ARROW_VERSION%%.*}00" out/lib/
    ln -s "lib$lib.so.${ARROW_VERSION%%.*}00" "out/lib/lib$lib.so"
  done
  cp wheel/pyarrow-*.dist-info/licenses/LICENSE.txt wheel/pyarrow-*.dist-info/licenses/NOTICE.txt out/
}
