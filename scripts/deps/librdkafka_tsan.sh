# librdkafka as in librdkafka.sh, instrumented for ThreadSanitizer: without that its locks order nothing
# in the sanitizer's eyes, and a race between it and us is neither shown nor excluded.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=/dev/null
source "$deps_here/librdkafka.sh"
dep_pins="$dep_pins $(sha256sum <"$deps_here/librdkafka.sh")"
# Its configure script takes these from the environment.
export CPPFLAGS=-fsanitize=thread LDFLAGS=-fsanitize=thread
