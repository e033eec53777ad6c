/// Runs decode cases.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/case_check.h"
#include "cli/case_file.h"
#include "decode/decoder.h"
#include "encode/encoder.h"

namespace sluice {

struct DecodedCase {
  std::vector<std::string> rows;             ///< JSON.
  std::vector<std::int64_t> message_of_row;  ///< From 1.
  std::vector<ObservedReject> rejects;
  std::optional<Error> error;  ///< The decoder could not be made.
};

/// Decodes the messages of `test` in one batch, or in one batch each. An error means that decoding
/// itself broke down, or that the decoder's counts do not add up.
Result<DecodedCase> RunDecodeCase(const DecodeCase& test, const FormatRegistry& formats,
                                  const EncoderRegistry& encoders, bool one_per_batch);

std::vector<CaseFailure> CheckDecodeCase(const DecodeCase& test, const DecodedCase& decoded);

/// `text`, of which `test` was read, with out, reject and error lines as they came out.
std::string RebaselineDecodeCase(std::string_view text, const DecodeCase& test,
                                 const DecodedCase& decoded);

/// "CODE FIELD: REASON (byte N)".
std::string RejectText(const Reject& reject);

}  // namespace sluice
