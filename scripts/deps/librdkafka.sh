# librdkafka, built static from the source inside the npm package of Confluent's JavaScript client.
# shellcheck shell=bash disable=SC2154
dep_version="$RDKAFKA_VERSION"
dep_pins="$RDKAFKA_PACKAGE $RDKAFKA_SHA512"

dep_fetch() {
  npm pack --ignore-scripts --silent "$RDKAFKA_PACKAGE@$RDKAFKA_VERSION"
  mv ./*.tgz package.tgz
  local got
  got="sha512-$(openssl dgst -sha512 -binary package.tgz | base64 -w0)"
  if [[ "$got" != "$RDKAFKA_SHA512" ]]; then
    echo "checksum of $RDKAFKA_PACKAGE $RDKAFKA_VERSION is $got, pinned is $RDKAFKA_SHA512"
    return 1
  fi
  tar -xzf package.tgz package/deps/librdkafka
  cd package/deps/librdkafka
  # pthreads instead of C11 threads: ThreadSanitizer does not know the latter and crashes in them.
  CC=gcc CXX=g++ CFLAGS="-fPIC -fno-omit-frame-pointer -ffile-prefix-map=$PWD=librdkafka" \
    ./configure --no-download --disable-syslog --enable-zlib --enable-zstd --enable-ssl \
    --enable-gssapi --enable-curl --enable-lz4-ext --disable-c11threads
  local feature
  for feature in SSL SASL_CYRUS SASL_SCRAM ZSTD ZLIB LZ4_EXT SNAPPY; do
    grep -q "WITH_$feature=.*y" Makefile.config || { echo "librdkafka lacks $feature"; return 1; }
  done
  make -j"$(nproc)" -C src librdkafka.a
  cd - >/dev/null
  local from=package/deps/librdkafka
  mkdir -p out/include/librdkafka out/lib
  cp "$from/src/rdkafka.h" "$from/src/rdkafka_mock.h" out/include/librdkafka/
  cp "$from/src/librdkafka.a" out/lib/
  cp "$from/LICENSES.txt" "$from/CONFIGURATION.md" out/
}
