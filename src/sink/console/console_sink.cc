#include "sink/console/console_sink.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/logging.h"
#include "sink/console/console_epoch.h"
#include "sink/console/console_output.h"

namespace sluice {
namespace {

constexpr std::size_t kSparkWidth = 20;
constexpr std::size_t kWidest = 10'000;

std::vector<OptionSpec> ConsoleOptionSpecs() {
  OptionSpec rows;
  rows.name = "numRows";
  rows.type = OptionType::kInt;
  rows.default_value = "20";
  rows.help =
      "Rows that are printed of each epoch, at most; all are counted. At most as many as fit in "
      "64 KiB.";
  rows.example = "5";
  rows.min = 0;
  rows.max = 10'000;
  OptionSpec truncate;
  truncate.name = "truncate";
  truncate.default_value = "true";
  truncate.help =
      "Whether a table's cells are cut to 20 characters; a number cuts them to as many. JSON is "
      "never cut.";
  truncate.example = "40";
  OptionSpec format;
  format.name = "format";
  format.default_value = "table";
  format.help = "A table with a header for each epoch, or one JSON object a line and nothing else.";
  format.choices = {"table", "json"};
  return {rows, truncate, format};
}

/// 0 for any width.
Result<std::size_t> ParseWidth(const Options& options, const std::string& owner) {
  std::string text = options.String("truncate");
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text == "true") return kSparkWidth;
  if (text == "false") return std::size_t{0};
  std::size_t width = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, width);
  if (code == std::errc() && stop == end && width >= 1 && width <= kWidest) return width;
  Error error =
      UserError("console.truncate",
                owner + ": truncate is true, false, or a number of characters from 1 to " +
                    std::to_string(kWidest) + ", not '" + text.substr(0, 60) + "'");
  const RawValue* raw = options.Raw("truncate");
  return raw == nullptr || raw->place.line == 0 ? error
                                                : std::move(error).At(raw->place.ToString());
}

class ConsoleWriter final : public SinkWriter {
 public:
  explicit ConsoleWriter(const ConsoleView& view) : epoch_(view) {}

  Result<std::vector<SinkRefusal>> Write(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    epoch_.Add(*rows);
    return std::vector<SinkRefusal>();
  }
  Result<Prepared> Prepare() override {
    Prepared prepared;
    prepared.token = epoch_.ToJson();
    prepared.rows = epoch_.rows();
    return prepared;
  }
  std::int64_t bytes_staged() const override { return 0; }
  std::size_t memory() const override { return epoch_.memory(); }

 private:
  ConsoleEpoch epoch_;
};

class ConsoleSink final : public Sink {
 public:
  ConsoleSink(const ConsoleView& view, int output, std::string name)
      : view_(view), output_(output), name_(std::move(name)) {}

  Result<void> Probe(std::int64_t) override { return ProbeOutput(output_); }

  Result<std::unique_ptr<SinkWriter>> Open(std::int64_t, const AttemptId&) override {
    return std::unique_ptr<SinkWriter>(std::make_unique<ConsoleWriter>(view_));
  }

  Result<void> Commit(std::int64_t epoch, const std::string& token) override {
    TRY(const ConsoleEpoch shown, ConsoleEpoch::FromJson(token));
    TRY(WriteOutput(output_, shown.Text(epoch, name_)));
    // A table says it itself; what reads JSON would take such a line for a row.
    if (shown.json() && shown.shown() < shown.rows()) {
      Log(LogLevel::kInfo, "the console shows only the first rows of the epoch",
          {{"sink", name_},
           {"epoch", std::to_string(epoch)},
           {"shown", std::to_string(shown.shown())},
           {"of", std::to_string(shown.rows())},
           {"hint", shown.full() ? "no more fit in 64 KiB; a files sink writes all"
                                 : "numRows shows more; a files sink writes all"}});
    }
    return {};
  }

  Result<void> Forget(std::int64_t, const std::string&) override { return {}; }
  Result<void> Sweep(const AttemptId&, const std::vector<std::string>&) override { return {}; }

 private:
  const ConsoleView view_;
  const int output_;
  const std::string name_;
};

}  // namespace

SinkEntry ConsoleSinkEntry(int output) {
  SinkEntry entry;
  entry.name = "console";
  entry.summary = "The first rows of each epoch on standard output, for looking";
  entry.options = ConsoleOptionSpecs();
  entry.make = [output](const Options& options, SchemaPtr,
                        const SinkContext& context) -> Result<std::unique_ptr<Sink>> {
    ConsoleView view;
    view.json = options.String("format") == "json";
    view.num_rows = *options.Int("numRows");
    TRY(view.width, ParseWidth(options, "sink " + context.name));
    return std::unique_ptr<Sink>(std::make_unique<ConsoleSink>(view, output, context.name));
  };
  return entry;
}

}  // namespace sluice
