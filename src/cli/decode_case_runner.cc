#include "cli/decode_case_runner.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cli/json_rows.h"
#include "cli/memory_batch.h"
#include "decode/message_decoder.h"

namespace sluice {
namespace {

Result<std::unique_ptr<MessageDecoder>> MakeDecoder(const DecodeCase& test,
                                                    const FormatRegistry& formats) {
  TRY(const FormatEntry* format, formats.Find(test.classification));
  std::vector<OptionSpec> specs = format->options;
  specs.push_back(CompressionOption());
  TRY(const Options options,
      ParseOptions(specs, RawOptionsFromPairs(test.options), "format " + test.classification));
  SchemaPtr schema;
  if (test.schema.has_value()) {
    TRY(schema, ParseSchemaFor(*format, *test.schema));
  } else if (format->infer_schema && !test.messages.empty()) {
    TRY(const std::string text, format->infer_schema(options, test.messages[0].bytes));
    if (!text.empty()) {
      TRY(schema, ParseSchemaFor(*format, text));
    }
  }
  const DecodeLimits limits;
  TRY(auto decoder, format->make(options, schema, limits));
  return MessageDecoder::Make(std::move(decoder), {}, limits,
                              MakeCompression(options.String("compression")));
}

Result<void> Take(const DecodedBatch& piece, const EncoderRegistry& encoders, std::int64_t first,
                  DecodedCase* result) {
  if (piece.delivered != piece.decoded_messages + piece.rejected_whole + piece.tombstones) {
    return BugError(std::to_string(piece.delivered) + " messages were delivered, but " +
                    std::to_string(piece.decoded_messages) + " decoded, " +
                    std::to_string(piece.rejected_whole) + " rejected and " +
                    std::to_string(piece.tombstones) + " tombstones counted");
  }
  TRY(std::vector<std::string> rows, RowsToJson(encoders, piece.decoded.rows));
  for (std::string& row : rows) result->rows.push_back(std::move(row));
  for (const std::uint32_t record : piece.decoded.record_of_row) {
    result->message_of_row.push_back(first + record);
  }
  for (const Reject& reject : piece.decoded.rejects) {
    ObservedReject observed;
    observed.message = first + reject.record;
    observed.row = reject.row == Reject::kWholeMessage ? -1 : reject.row + 1;
    observed.text = RejectText(reject);
    result->rejects.push_back(std::move(observed));
  }
  return {};
}

}  // namespace

std::string RejectText(const Reject& reject) {
  std::string text = reject.code;
  if (!reject.field.empty()) text += " " + reject.field;
  return text + ": " + reject.reason + " (byte " + std::to_string(reject.byte) + ")";
}

Result<DecodedCase> RunDecodeCase(const DecodeCase& test, const FormatRegistry& formats,
                                  const EncoderRegistry& encoders, bool one_per_batch) {
  DecodedCase result;
  auto decoder = MakeDecoder(test, formats);
  if (!decoder.ok()) {
    result.error = decoder.error();
    return result;
  }
  auto batch = std::make_shared<MemoryBatch>();
  std::int64_t first = 1;
  for (std::size_t i = 0; i < test.messages.size(); ++i) {
    const CaseMessage& message = test.messages[i];
    batch->Add(test.path, message.line,
               message.tombstone ? std::nullopt : std::optional(message.bytes));
    if (!one_per_batch && i + 1 < test.messages.size()) continue;
    const auto count = static_cast<std::int64_t>(batch->records.size());
    TRY((*decoder)->Decode(
        batch, [&](const DecodedBatch& piece) { return Take(piece, encoders, first, &result); }));
    first += count;
    batch = std::make_shared<MemoryBatch>();
  }
  return result;
}

std::vector<CaseFailure> CheckDecodeCase(const DecodeCase& test, const DecodedCase& decoded) {
  std::vector<CaseFailure> failures;
  if (decoded.error.has_value()) {
    const std::string text = ToString(*decoded.error);
    if (!test.error.has_value()) {
      failures.push_back({1, "", "the decoder cannot be made", "", text});
    } else if (text.find(test.error->text) == std::string::npos) {
      failures.push_back({test.error->line, "", "the error differs", test.error->text, text});
    }
    return failures;
  }
  if (test.error.has_value()) {
    failures.push_back({test.error->line, "", "the error is missing", test.error->text, ""});
  }
  const int end = test.lines.empty() ? 1 : test.lines.back().last;
  CheckRows(test.rows, decoded.rows, /*ordered=*/true, end, "row", &failures);
  CheckRejects(test.rejects, decoded.rejects, end, &failures);
  return failures;
}

std::string RebaselineDecodeCase(std::string_view text, const DecodeCase& test,
                                 const DecodedCase& decoded) {
  std::vector<CaseLine> dropped;
  // Results stand behind the message they came from if they did so before, else at the end.
  bool beside = false;
  int last = 0;
  std::vector<int> message_ends;
  for (const CaseLine& line : test.lines) {
    last = line.last;
    if (line.key == "out" || line.key == "reject" || line.key == "error") {
      dropped.push_back(line);
    } else if (line.key == "in" || line.key.starts_with("in.")) {
      beside = beside || !dropped.empty();
      message_ends.push_back(line.last);
    }
  }
  std::vector<std::pair<int, std::string>> inserted;
  if (decoded.error.has_value()) {
    inserted.emplace_back(last, "error  " + ToString(*decoded.error) + "\n");
    return RewriteCase(text, dropped, inserted);
  }
  const auto place = [&](std::int64_t message) {
    return beside ? message_ends[static_cast<std::size_t>(message - 1)] : last;
  };
  for (std::size_t i = 0; i < decoded.rows.size(); ++i) {
    inserted.emplace_back(place(decoded.message_of_row[i]),
                          "out    " + SpacedJson(decoded.rows[i]) + "\n");
  }
  for (const ObservedReject& reject : decoded.rejects) {
    // A text that still holds may say less, and so outlive more.
    std::string line = RejectLine(reject);
    for (const CaseReject& old : test.rejects) {
      if (old.message == reject.message && reject.text.find(old.text) != std::string::npos &&
          (old.row < 0 || old.row == reject.row)) {
        line = RejectLine({old.message, old.row, old.text});
      }
    }
    inserted.emplace_back(place(reject.message), "reject " + line + "\n");
  }
  std::stable_sort(inserted.begin(), inserted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return RewriteCase(text, dropped, inserted);
}

}  // namespace sluice
