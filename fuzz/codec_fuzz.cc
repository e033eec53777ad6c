// Any bytes as a compressed stream: the first byte picks the codec, the second the cap. What comes
// out stays below the cap and is the same twice; a failure leaves nothing behind.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "decode/codec/codec_list.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const sluice::Codec& codec = sluice::Codecs()[data[0] % sluice::kNumCodecs];
  const std::size_t cap = std::size_t{1} << (data[1] % 22);
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  static sluice::CodecBuffer out;
  out.Clear();
  const sluice::CodecResult result = codec.decompress(in, cap, &out);
  Require(out.size() <= cap);
  Require(result.byte <= in.size());
  const bool ok = result.status == sluice::CodecStatus::kOk;
  if (!ok) Require(out.size() == 0 && *result.reason != '\0');
  // A stream does not pass the codec's own look at its beginning, and then is no stream of it.
  if (ok && codec.begins != nullptr) Require(codec.begins(in));
  const std::string first(out.view());
  const sluice::CodecResult again = codec.decompress(in, cap, &out);
  Require(again.status == result.status && again.byte == result.byte);
  Require(out.view().substr(first.size()) == first);
  // A cap of exactly what comes out changes nothing; one byte less does.
  if (ok && !first.empty()) {
    Require(codec.decompress(in, first.size(), &out).status == sluice::CodecStatus::kOk);
    Require(codec.decompress(in, first.size() - 1, &out).status == sluice::CodecStatus::kTooLarge);
  }
  return 0;
}
