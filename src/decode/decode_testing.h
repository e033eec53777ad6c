/// What the tests of all decoders share.
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decode/decoder.h"

namespace sluice {

/// `more` behind `all`, which may be empty yet.
inline void Append(DecodedRows more, DecodedRows* all) {
  if (all->rows == nullptr) {
    *all = std::move(more);
    return;
  }
  all->rows = *arrow::ConcatenateRecordBatches({all->rows, more.rows});
  if (!all->row_in_message.empty() || !more.row_in_message.empty()) {
    all->row_in_message.resize(all->record_of_row.size());
    more.row_in_message.resize(more.record_of_row.size());
  }
  const auto append = [](auto& from, auto* to) { to->insert(to->end(), from.begin(), from.end()); };
  append(more.row_in_message, &all->row_in_message);
  append(more.record_of_row, &all->record_of_row);
  append(more.rejects, &all->rejects);
  if (more.unseen == nullptr) return;
  auto unseen = std::make_shared<ObservedType>();
  if (all->unseen != nullptr) unseen->Merge(*all->unseen);
  unseen->Merge(*more.unseen);
  all->unseen = std::move(unseen);
}

inline DecodedRows DecodeMessages(Decoder* decoder, const std::vector<std::string>& messages) {
  std::vector<Payload> payloads;
  // Each on a heap block of exactly its size, so that a sanitizer sees any byte read beyond.
  std::vector<std::unique_ptr<char[]>> blocks;
  for (const std::string& message : messages) {
    blocks.push_back(std::make_unique<char[]>(message.size()));
    message.copy(blocks.back().get(), message.size());
    payloads.push_back(
        {blocks.back().get(), message.size(), static_cast<std::uint32_t>(payloads.size())});
  }
  DecodedRows all;
  do {
    auto decoded = decoder->Decode(payloads);
    EXPECT_TRUE(decoded.ok()) << decoded.error().message;
    auto valid = decoded->rows->ValidateFull();
    EXPECT_TRUE(valid.ok()) << valid.ToString();
    EXPECT_EQ(static_cast<std::int64_t>(decoded->record_of_row.size()), decoded->rows->num_rows());
    EXPECT_TRUE(decoded->row_in_message.empty() ||
                decoded->row_in_message.size() == decoded->record_of_row.size());
    std::erase_if(payloads, [&](const Payload& payload) {
      return !decoded->stopped_at.has_value() || payload.record < *decoded->stopped_at;
    });
    Append(std::move(*decoded), &all);
  } while (!payloads.empty());
  return all;
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

/// "code field @byte #row" of every reject, one a line.
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
