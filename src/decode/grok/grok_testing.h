/// What the tests of the grok decoder share.
#pragma once

#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

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
  std::vector<Payload> payloads;
  // Each on a heap block of exactly its size, so that a sanitizer sees any byte read beyond.
  std::vector<std::unique_ptr<char[]>> blocks;
  for (const std::string& message : messages) {
    blocks.push_back(std::make_unique<char[]>(message.size()));
    message.copy(blocks.back().get(), message.size());
    payloads.push_back(
        {blocks.back().get(), message.size(), static_cast<std::uint32_t>(payloads.size())});
  }
  auto decoded = (*decoder)->Decode(payloads);
  EXPECT_TRUE(decoded.ok()) << decoded.error().message;
  if (!decoded.ok()) return {};
  const auto valid = decoded->rows->ValidateFull();
  EXPECT_TRUE(valid.ok()) << valid.ToString();
  EXPECT_EQ(static_cast<std::int64_t>(decoded->record_of_row.size()), decoded->rows->num_rows());
  EXPECT_TRUE(decoded->row_in_message.empty() ||
              decoded->row_in_message.size() == decoded->record_of_row.size());
  return std::move(*decoded);
}

/// The rows, one a line, columns separated by " | ".
inline std::string Rows(const DecodedRows& decoded) {
  std::string out;
  for (std::int64_t row = 0; row < decoded.rows->num_rows(); ++row) {
    for (int i = 0; i < decoded.rows->num_columns(); ++i) {
      if (i > 0) out += " | ";
      out += (*decoded.rows->column(i)->GetScalar(row))->ToString();
    }
    out += "\n";
  }
  return out;
}

/// "code field @byte #message.row" of every reject, one a line.
inline std::string Rejects(const DecodedRows& decoded) {
  std::string out;
  for (const Reject& reject : decoded.rejects) {
    out += reject.code + " " + reject.field + "@" + std::to_string(reject.byte) + " #" +
           std::to_string(reject.record);
    if (reject.row != Reject::kWholeMessage) out += "." + std::to_string(reject.row);
    out += "\n";
  }
  return out;
}

}  // namespace sluice
