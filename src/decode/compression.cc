#include "decode/compression.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "decode/codec/codec_list.h"

namespace sluice {
namespace {

/// Words that stand for several forms, in the order in which they are tried.
struct Family {
  const char* name;
  std::vector<std::string_view> members;
};
const std::vector<Family>& Families() {
  static const std::vector<Family> families = {
      {"snappy", {"snappy-framed", "snappy-xerial", "snappy-hadoop", "snappy-raw"}},
      // Hadoop and HTTP call zlib streams so, Avro and zip files raw ones.
      {"deflate", {"zlib", "deflate-raw"}},
  };
  return families;
}

}  // namespace

std::vector<std::string> CodecNames() {
  std::vector<std::string> names;
  for (const Codec& codec : Codecs()) names.push_back(codec.name);
  return names;
}

OptionSpec CompressionOption() {
  OptionSpec spec;
  spec.name = "compression";
  spec.default_value = "auto";
  spec.help =
      "How each record is compressed, once. `auto` finds out record by record; `none` takes them "
      "as they are; a codec's name refuses every record that is not compressed so. `snappy` is any "
      "of its four forms, `deflate` is zlib or raw.";
  spec.choices = {"auto", "none"};
  for (const Codec& codec : Codecs()) spec.choices.push_back(codec.name);
  for (const Family& family : Families()) spec.choices.push_back(family.name);
  std::sort(spec.choices.begin() + 2, spec.choices.end());
  spec.example = "gzip";
  return spec;
}

Compression MakeCompression(const std::string& name) {
  Compression compression;
  compression.name = name;
  compression.detect = name == "auto";
  if (compression.detect || name == "none") return compression;
  std::vector<std::string_view> members = {name};
  for (const Family& family : Families()) {
    if (name == family.name) members = family.members;
  }
  for (std::string_view member : members) {
    const Codec* codec = FindCodec(member);
    if (codec == nullptr) std::abort();
    compression.expected.push_back(codec);
  }
  return compression;
}

}  // namespace sluice
