#include "cli/decode_command.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <istream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string_view>
#include <utility>

#include "cli/json_rows.h"
#include "cli/memory_batch.h"
#include "decode/message_decoder.h"

namespace sluice {
namespace {

constexpr std::size_t kBatchRecords = 4096;
constexpr std::size_t kBatchBytes = 4u << 20;
constexpr std::size_t kChunk = 64u << 10;

class StreamSink final : public ByteSink {
 public:
  explicit StreamSink(std::ostream& out) : out_(out) {}
  Result<void> Append(std::string_view bytes) override {
    out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out_) return RemoteError("decode.output", "cannot write the rows", Retry::kNo);
    return {};
  }

 private:
  std::ostream& out_;
};

class FileDecoder {
 public:
  FileDecoder(std::unique_ptr<MessageDecoder> decoder, std::unique_ptr<JsonRows> rows,
              std::ostream& err, std::size_t max_record)
      : decoder_(std::move(decoder)), rows_(std::move(rows)), err_(err), max_record_(max_record) {}

  /// The file is one record.
  Result<void> TakeWhole(const std::string& path, std::string bytes) {
    return Add(path, 0, std::move(bytes));
  }

  /// Empty lines are no records, as in a files source.
  Result<void> TakeLines(const std::string& path, std::istream& in) {
    std::string line;
    std::int64_t number = 1;
    char chunk[kChunk];
    while (in.read(chunk, sizeof chunk), in.gcount() > 0) {
      std::string_view rest(chunk, static_cast<std::size_t>(in.gcount()));
      while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::size_t room = max_record_ + 1 - line.size();
        line.append(rest.substr(0, end).substr(0, room));
        if (end == std::string_view::npos) break;
        TRY(AddLine(path, number++, std::exchange(line, {})));
        rest.remove_prefix(end + 1);
      }
    }
    return AddLine(path, number, std::move(line));
  }

  /// Decodes what is left. Returns the number of rejects.
  Result<std::int64_t> Finish() {
    TRY(Flush());
    TRY(rows_->Finish());
    return rejects_;
  }

 private:
  Result<void> AddLine(const std::string& path, std::int64_t number, std::string line) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) return {};
    return Add(path, number, std::move(line));
  }

  Result<void> Add(const std::string& path, std::int64_t line, std::string bytes) {
    batch_->Add(path, line, std::move(bytes));
    if (batch_->records.size() < kBatchRecords && batch_->bytes < kBatchBytes) return {};
    return Flush();
  }

  Result<void> Flush() {
    if (batch_->records.empty()) return {};
    const auto batch = std::exchange(batch_, std::make_shared<MemoryBatch>());
    return decoder_->Decode(batch, [&](const DecodedBatch& piece) -> Result<void> {
      TRY(rows_->Write(piece.decoded.rows));
      for (const Reject& reject : piece.decoded.rejects) Print(*batch, reject);
      rejects_ += static_cast<std::int64_t>(piece.decoded.rejects.size());
      return {};
    });
  }

  void Print(const MemoryBatch& batch, const Reject& reject) {
    nlohmann::ordered_json line;
    line["path"] = batch.path(reject.record);
    const std::int64_t number = batch.records[reject.record].sequence;
    if (number > 0) line["line"] = number;
    if (reject.row != Reject::kWholeMessage) line["row"] = reject.row + 1;
    line["byte"] = reject.byte;
    line["code"] = reject.code;
    line["field"] = reject.field;
    line["reason"] = reject.reason;
    err_ << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  }

  std::unique_ptr<MessageDecoder> decoder_;
  std::unique_ptr<JsonRows> rows_;
  std::ostream& err_;
  std::size_t max_record_;
  std::shared_ptr<MemoryBatch> batch_ = std::make_shared<MemoryBatch>();
  std::int64_t rejects_ = 0;
};

/// All of the stream, or as much as shows that it is too long.
std::string ReadWhole(std::istream& in, std::size_t max_record) {
  std::string bytes;
  char chunk[kChunk];
  while (bytes.size() <= max_record && (in.read(chunk, sizeof chunk), in.gcount() > 0)) {
    bytes.append(chunk, static_cast<std::size_t>(in.gcount()));
  }
  return bytes;
}

/// Calls `take(path, stream)` for the file or standard input.
template <typename Take>
Result<void> WithFile(const std::string& path, Take take) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    // A folder can be opened, but not read.
    if (file) file.peek();
    if (file.bad() || !file.is_open()) {
      return UserError("decode.file", "cannot read " + path + ": " + std::strerror(errno));
    }
    file.clear();
  }
  std::istream& in = path == "-" ? std::cin : file;
  TRY(take(in));
  if (in.bad()) {
    return RemoteError("decode.file", "cannot read " + path + " to its end", Retry::kNo);
  }
  return {};
}

}  // namespace

Result<int> DecodeFiles(const DecodeFilesOptions& options, const FormatRegistry& formats,
                        const EncoderRegistry& encoders, std::ostream& out, std::ostream& err) {
  TRY(const FormatEntry* format, formats.Find(options.classification));
  std::vector<OptionSpec> specs = format->options;
  specs.push_back(CompressionOption());
  TRY(const Options set,
      ParseOptions(specs, RawOptionsFromPairs(options.set), "format " + options.classification));
  const DecodeLimits limits;
  SchemaPtr declared;
  std::optional<std::string> first;  // The first file, if it had to be read for its schema.
  if (options.schema.has_value()) {
    auto parsed = ParseSchemaFor(*format, *options.schema);
    if (!parsed.ok()) return std::move(parsed).error().At("--schema");
    declared = *std::move(parsed);
  } else if (format->infer_schema && !options.lines && !options.files.empty()) {
    TRY(WithFile(options.files[0], [&](std::istream& in) -> Result<void> {
      first = ReadWhole(in, limits.message_bytes);
      return {};
    }));
    auto inferred = format->infer_schema(set, *first);
    if (!inferred.ok()) return std::move(inferred).error().At(options.files[0]);
    if (!inferred->empty()) {
      TRY(declared, ParseSchemaFor(*format, *inferred));
    }
  }
  TRY(auto made, format->make(set, declared, limits));
  TRY(auto decoder, MessageDecoder::Make(std::move(made), {}, limits,
                                         MakeCompression(set.String("compression"))));
  if (options.print_schema) {
    out << FormatDdl(*decoder->schema()) << "\n";
    return 0;
  }
  StreamSink sink(out);
  TRY(auto rows, JsonRows::Make(encoders, decoder->schema(), &sink));
  FileDecoder files(std::move(decoder), std::move(rows), err, limits.message_bytes);
  for (const std::string& path : options.files) {
    if (first.has_value()) {
      TRY(files.TakeWhole(path, *std::exchange(first, std::nullopt)));
      continue;
    }
    TRY(WithFile(path, [&](std::istream& in) -> Result<void> {
      if (options.lines) return files.TakeLines(path, in);
      return files.TakeWhole(path, ReadWhole(in, limits.message_bytes));
    }));
  }
  TRY(const std::int64_t rejects, files.Finish());
  out.flush();
  return rejects > 0 ? 3 : 0;
}

void AddDecodeCommand(CLI::App& app, CommandContext& context) {
  struct Args {
    DecodeFilesOptions options;
    std::vector<std::string> set;
  };
  auto args = std::make_shared<Args>();
  CLI::App* command = app.add_subcommand("decode", "Decode files and print their rows and rejects");
  command->add_option("--classification", args->options.classification, "The format, such as json")
      ->required();
  command->add_option("--schema", args->options.schema,
                      "The columns, as DDL, or in the format's own notation");
  command->add_option("--set", args->set, "An option of the format, as key=value (repeatable)")
      ->allow_extra_args(false);
  command->add_flag("--lines", args->options.lines, "Each line is a record, not each file");
  command->add_flag("--print-schema", args->options.print_schema,
                    "Print the columns as DDL, decode nothing");
  command->add_option("FILE", args->options.files, "Files; - is standard input")->required();
  command->footer(
      "Rows are JSON lines on standard output, rejects JSON lines on standard error. The exit code "
      "is\n"
      "3 if any record was rejected.\n"
      "Examples:\n"
      "  sluice decode --classification json --schema 'id bigint, name string' a.json\n"
      "  sluice generate --records 3 | sluice decode --classification json --lines \\\n"
      "      --schema 'user_id bigint, city string' -\n"
      "  sluice decode --classification avro --print-schema a.avro");
  command->callback([&context, args] {
    for (const std::string& text : args->set) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return Finish(context,
                      UserError("decode.set", "--set wants key=value, not '" + text + "'"));
      }
      args->options.set.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    Finish(context, DecodeFiles(args->options, context.parts.formats, context.parts.encoders,
                                context.out, context.err));
  });
}

}  // namespace sluice
