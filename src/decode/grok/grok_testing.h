/// What the tests of the grok decoder share.
#pragma once

#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "decode/decode_testing.h"
#include "decode/grok/grok_format.h"

namespace sluice {

inline GrokDecoderOptions Grok(std::string pattern, std::string custom = "") {
  GrokDecoderOptions options;
  options.pattern = std::move(pattern);
  options.custom_patterns = std::move(custom);
  return options;
}

/// The error of a pattern that cannot be used; "" if it can.
inline std::string ErrorOf(const GrokDecoderOptions& options) {
  auto decoder = MakeGrokDecoder(options, nullptr, arrow::default_memory_pool());
  return decoder.ok() ? "" : decoder.error().message;
}

inline DecodedRows DecodeLines(const GrokDecoderOptions& options,
                               const std::vector<std::string>& messages) {
  auto decoder = MakeGrokDecoder(options, nullptr, arrow::default_memory_pool());
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
  if (!decoder.ok()) return {};
  return DecodeMessages(decoder->get(), messages);
}

}  // namespace sluice
