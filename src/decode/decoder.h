/// Turns messages into columns.
///
/// A decoder is a pure function of bytes and schema: no I/O, no clock, no state that one message
/// could leave behind for the next. Each instance belongs to one thread at a time; make one per
/// thread. Errors mean that decoding cannot go on at all (out of memory); whatever is wrong with a
/// message or a row is a Reject, and its neighbours are unharmed. A format is one folder, one entry
/// in src/main/.
#pragma once

#include <arrow/record_batch.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "core/registry.h"
#include "core/result.h"
#include "record/observed_type.h"
#include "record/raw_batch.h"
#include "record/registered_schema.h"
#include "record/reject.h"
#include "record/schema.h"

namespace sluice {

/// A message's bytes as the format sees them, after decompression. Not null-terminated, not padded,
/// and gone after the call.
struct Payload {
  const char* data = nullptr;
  std::size_t size = 0;
  std::uint32_t record = 0;  ///< Index of the message in its RawBatch.
  /// What it is written with, where the message names it (decode/framing.h). Stays for as long as
  /// the decoder does that is given it.
  const RegisteredSchema* schema = nullptr;
};

/// Rows and rejects of one batch. Counts satisfy: every payload is either rejected whole (one
/// reject with Reject::kWholeMessage) or decoded (any number of rows and row rejects).
struct DecodedRows {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Has the decoder's schema. Never null.
  std::vector<std::uint32_t> record_of_row;  ///< For each row its message; same length as rows.
  std::vector<std::int32_t>
      row_in_message;  ///< For each row its index in the message. Empty = all 0.
  std::vector<Reject> rejects;
  /// What the messages hold that the columns do not; null: they hold it all. Of detecting decoders.
  std::shared_ptr<const ObservedType> unseen = nullptr;
  /// Of a decoder of several formats: how many messages each of them read, in their order.
  std::vector<std::int64_t> messages_of_format = {};
  /// The first message that was not read, because the rows of those before it take enough memory:
  /// it and the others are for the next call. None: all were read. Never the first of them all.
  std::optional<std::uint32_t> stopped_at = std::nullopt;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual const SchemaPtr& schema() const = 0;
  virtual Result<DecodedRows> Decode(const std::vector<Payload>& payloads) = 0;

  /// Before Decode: the batch that its payloads are of, which stays until Decode returns. For those
  /// that need more of a message than its bytes.
  virtual void StartBatch(const RawBatch& raw) { (void)raw; }

  /// False only if Decode would certainly reject these bytes whole. Then they are tried as
  /// compressed by a codec that has no magic number (raw snappy, Hadoop's snappy, raw deflate), and
  /// what comes out is taken if this is true of it. Called for every message, so it must cost next
  /// to nothing: a look at the first bytes (JSON) or at all of them with SIMD
  /// (decode/codec/plain_text.h). Messages that pass and of which then no row can be used get the
  /// same chance, at the price of decoding their batch again; so a format that cannot tell keeps
  /// this default.
  virtual bool MayBeMessage(std::string_view bytes) {
    (void)bytes;
    return true;
  }
};

/// Limits for hostile input; see docs/limits.md. A message over a limit is a reject.
struct DecodeLimits {
  std::size_t message_bytes = 16u << 20;
  std::size_t string_bytes = 16u << 20;
  int depth = 100;
  std::size_t items = 1'000'000;  ///< Of one array or map.
  std::size_t decompressed_bytes = 64u << 20;
  /// Of the decompressed to the compressed size, for what decompresses to more than...
  std::size_t decompressed_ratio = 200;
  std::size_t decompressed_free = 1u << 20;  ///< ...this.
};

/// A format as the lists in src/main/ and `sluice describe` know it.
struct FormatEntry {
  std::string name;  ///< The `classification`: "json".
  std::string summary;
  std::vector<OptionSpec> options;
  /// `declared` is the source's schema, null if none was given. User errors say what is missing.
  std::function<Result<std::unique_ptr<Decoder>>(const Options&, SchemaPtr declared,
                                                 const DecodeLimits&)>
      make;
  /// A decoder that reads what is `known` of the columns, perhaps nothing yet, and reports in
  /// DecodedRows::unseen what it meets beside. Its schema is `known`, then `_rescued`
  /// (rescued_column.h), so that no value is lost. Null: the format cannot, its columns are
  /// declared or its options tell them.
  std::function<Result<std::unique_ptr<Decoder>>(const Options&, SchemaPtr known,
                                                 const DecodeLimits&)>
      make_detecting;
  /// DecodedRows::unseen counts the schemas that messages bring, not their values.
  bool observes_schemas = false;
  /// What its detecting decoders rescue are texts, whatever they stand for.
  bool rescues_texts = false;
  /// Whether these options tell the columns, so that there is nothing to detect. Null: never.
  std::function<bool(const Options&)> options_tell_columns;
  /// Reads a source's `schema` where the format has a notation of its own beside DDL; what it
  /// returns goes to make. Null: only DDL is read.
  std::function<Result<SchemaPtr>(std::string_view text)> parse_schema;
  /// The schema that `message` brings along, as a user would write it in `schema`; "" if the
  /// options say enough. User errors say why there is none. Null: messages of this format bring
  /// none.
  std::function<Result<std::string>(const Options&, std::string_view message)> infer_schema;
  /// As what a registry has the schemas of messages in this format. Empty: they name none.
  std::vector<RegisteredSchema::Type> registered_as;
};

/// A source's `schema` as `format` reads it.
inline Result<SchemaPtr> ParseSchemaFor(const FormatEntry& format, std::string_view text) {
  return format.parse_schema ? format.parse_schema(text) : ParseDdl(text);
}

using FormatRegistry = Registry<FormatEntry>;

}  // namespace sluice
