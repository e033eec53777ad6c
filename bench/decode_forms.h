/// The forms in which the decode benchmark has its events, and what reads each.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decode/decoder.h"

namespace sluice_bench {

/// Messages in one piece of memory, as a fetch has them.
class Messages {
 public:
  void Add(std::string_view message) {
    bytes_ += message;
    ends_.push_back(bytes_.size());
  }
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }
  /// All of them, one behind the other.
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

/// What a user would take otherwise.
struct Rival {
  std::string name;
  /// Reads all the messages once; the CPU-seconds of this thread. Below 0: it failed.
  std::function<double()> run;
};

struct Form {
  std::string name;  ///< "csv, 256 rows a message"
  Messages messages;
  std::size_t events = 0;
  std::function<sluice::Result<std::unique_ptr<sluice::Decoder>>()> make;
  /// Whether each codec is measured over it too.
  bool with_codecs = false;
  /// nullptr if there is none.
  std::function<std::unique_ptr<Rival>(const Messages&)> rival;
  /// The format, where its columns can be detected.
  std::function<sluice::FormatEntry()> format;
};

/// A decoder that detects columns, once the messages have shown all of theirs.
sluice::Result<std::unique_ptr<sluice::Decoder>> MakeSettled(const Form& form);

/// All forms of the same `events` events. Only those whose name begins with `only` are filled.
std::vector<Form> MakeForms(std::size_t events, std::string_view only);

/// simdjson's On-Demand API into Arrow's builders.
std::unique_ptr<Rival> JsonByHand(const Messages& messages);
/// DuckDB's read_csv over all rows in one file, on one thread, into its own columns.
std::unique_ptr<Rival> CsvByDuckDb(const Messages& messages);
/// PCRE2's machine code of the expression that `pattern` stands for; matching alone, without a look
/// at what was captured.
std::unique_ptr<Rival> GrokByPcre2(const Messages& messages, const std::string& pattern);

}  // namespace sluice_bench
