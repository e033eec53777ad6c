#include "decode/grok/grok_reader.h"

#include <arrow/status.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "decode/row_limits.h"
#include "decode/utf8_text.h"
#include "record/arrow_error.h"

namespace sluice {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
/// To find out how far a line got costs many times a match; a message of lines that do not match
/// shall not take long. The lines behind these are rejected without saying it.
constexpr int kMaxExplained = 20;
/// More lines than this that take too much work, and the message is rejected as a whole.
constexpr int kMaxExhausted = 10;
/// A line of one byte may stand for a thousand columns.
constexpr std::int64_t kMaxValues = 16'000'000;

}  // namespace

GrokReader::GrokReader(ColumnBuilder* rows, const ExpandedGrok* grok, GrokRegex* regex,
                       GrokColumns* columns, const DecodeLimits& limits)
    : rows_(rows), grok_(grok), regex_(regex), columns_(columns), limits_(limits) {}

void GrokReader::StartBatch(std::size_t messages) {
  record_of_row_.clear();
  record_of_row_.reserve(messages);
  row_in_message_.clear();
  rejects_.clear();
}

Result<void> GrokReader::ReadMessage(const Payload& payload) {
  std::string_view text(payload.data, payload.size);
  data_ = payload.data;
  record_ = payload.record;
  row_ = 0;
  first_row_ = rows_->length();
  first_reject_ = rejects_.size();
  explained_ = 0;
  exhausted_ = 0;
  if (__builtin_expect(!IsUtf8(text), 0)) {
    RejectMessage(FindInvalidUtf8(text), "grok.utf8", "the message is not valid UTF-8");
    return {};
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  while (!text.empty()) {
    const auto* feed = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    std::string_view line = text;
    if (feed != nullptr) line = text.substr(0, static_cast<std::size_t>(feed - text.data()));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    if (__builtin_expect(!ReadLine(line), 0)) {
      rows_->Truncate(first_row_);
      return FromArrow(arrow::Status::OutOfMemory("decoding a message with grok"));
    }
    if (exhausted_ > kMaxExhausted) {
      RejectMessage(line.data() - data_, "grok.work",
                    "more than " + std::to_string(kMaxExhausted) +
                        " lines of the message take too much work to match");
      return {};
    }
    if (rejects_.size() - first_reject_ > kMaxRowRejects) {
      RejectMessage(
          line.data() - data_, "limit.rejects",
          "more than " + std::to_string(kMaxRowRejects) + " lines of the message were rejected");
      return {};
    }
    ++row_;
    if (static_cast<std::size_t>(row_) > limits_.items) {
      RejectMessage(line.data() - data_, "limit.items",
                    "the message has more than " + std::to_string(limits_.items) + " lines");
      return {};
    }
    if (row_ * static_cast<std::int64_t>(rows_->num_children()) > kMaxValues) {
      RejectMessage(
          line.data() - data_, "limit.items",
          "the lines of the message are more than " + std::to_string(kMaxValues) + " values");
      return {};
    }
  }
  if (row_ == 0) {
    RejectMessage(0, "grok.empty", "the message holds nothing but line ends");
  } else if (row_ == 1 && rejects_.size() > first_reject_) {
    // A row reject repeats the row's bytes only where the message holds others.
    rejects_.back().bytes.clear();
  }
  return {};
}

bool GrokReader::ReadLine(std::string_view line) {
  const GrokRegex::Outcome outcome = regex_->Match(line);
  if (__builtin_expect(outcome != GrokRegex::Outcome::kMatch, 0)) {
    if (outcome == GrokRegex::Outcome::kNoMatch) {
      RejectUnmatched(line);
    } else {
      ++exhausted_;
      RejectLine(line, 0, "grok.work", "",
                 "the line takes too much work to match; make the pattern stricter: begin it with "
                 "^, and avoid one repetition inside another");
    }
    return true;
  }
  switch (columns_->Append(line, regex_->offsets(), &misfit_)) {
    case GrokColumns::Outcome::kRow:
      break;
    case GrokColumns::Outcome::kNoMemory:
      return false;
    case GrokColumns::Outcome::kMisfit:
      RejectLine(line, misfit_.byte, misfit_.code, misfit_.field, misfit_.reason);
      return true;
  }
  // As long as each message is one line, their indexes are all zero and not written down.
  if (__builtin_expect(row_ > 0 || !row_in_message_.empty(), 0)) {
    row_in_message_.resize(record_of_row_.size(), 0);
    row_in_message_.push_back(row_);
  }
  record_of_row_.push_back(record_);
  return true;
}

void GrokReader::RejectUnmatched(std::string_view line) {
  GrokReach reach;
  std::string reason = "the line does not match grokPattern";
  if (explained_ < kMaxExplained) {
    ++explained_;
    const bool sure = regex_->Reach(line, &reach);
    if (reach.seen) {
      reason += ": at byte " + std::to_string(reach.byte) + " of " + std::to_string(line.size()) +
                (sure ? " it has no match for " : ", or further, it was tried for ") +
                grok_->DescribePart(reach.part);
    }
  }
  RejectLine(line, reach.byte, "grok.mismatch", "", std::move(reason));
}

void GrokReader::RejectLine(std::string_view line, std::size_t byte, const char* code,
                            std::string field, std::string reason) {
  Reject reject;
  reject.record = record_;
  reject.row = row_;
  reject.byte = line.data() - data_ + static_cast<std::int64_t>(byte);
  reject.code = code;
  reject.field = std::move(field);
  reject.reason = std::move(reason);
  reject.bytes = line;
  rejects_.push_back(std::move(reject));
}

/// Takes back what the message gave so far.
void GrokReader::RejectMessage(std::int64_t byte, const char* code, std::string reason) {
  rows_->Truncate(first_row_);
  record_of_row_.resize(static_cast<std::size_t>(first_row_));
  if (!row_in_message_.empty()) row_in_message_.resize(static_cast<std::size_t>(first_row_));
  rejects_.resize(first_reject_);
  Reject reject;
  reject.record = record_;
  reject.byte = byte;
  reject.code = code;
  reject.reason = std::move(reason);
  rejects_.push_back(std::move(reject));
}

}  // namespace sluice
