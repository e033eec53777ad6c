/// Options: declared once, then parsed, validated, documented and completed from that declaration.
///
/// A component (source, format, sink) exports a `std::vector<OptionSpec>`. The job file's values,
/// always text at first (Glue writes numbers and booleans as strings), become `Options` through
/// `ParseOptions`, which refuses unknown names with the nearest known one. Immutable afterwards,
/// and safe to read from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/units.h"

namespace sluice {

enum class OptionType {
  kString,
  kBool,  ///< true | false, any case
  kInt,   ///< 64-bit signed
  kDouble,
  kDuration,  ///< "100 seconds", "5 min", "250 ms"; a bare number is seconds. Held in microseconds.
  kBytes,     ///< "128 MiB", "1 GB", "4096". Held in bytes.
  kList,      ///< a YAML list, or text separated by commas
  kMap,       ///< a YAML map, or a JSON object as text
};

struct OptionSpec {
  std::string name = {};
  OptionType type = OptionType::kString;
  std::string default_value = {};  ///< Text form; empty means none (see `required`).
  std::string help = {};           ///< A sentence or two.
  std::string example = {};
  bool required = false;
  bool secret = false;                    ///< Never printed, logged or stored in a decision.
  std::vector<std::string> choices = {};  ///< For kString: the allowed values; empty means any.
  std::vector<std::string> aliases =
      {};  ///< Other accepted names (Spark's `subscribe` for `topicName`).
  std::optional<std::int64_t> min = {};  ///< For kInt, kDuration (microseconds), kBytes.
  std::optional<std::int64_t> max = {};
};

/// Where a value was written, for messages: "clicks.yaml:7:5". Lines and columns count from 1.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
  std::string ToString() const;
};

/// One value of the job file before it is typed. Lists and maps keep their entries.
struct RawValue {
  std::string text;                                       ///< For scalars.
  std::vector<RawValue> items;                            ///< For lists.
  std::vector<std::pair<std::string, RawValue>> entries;  ///< For maps, in file order.
  enum class Kind { kScalar, kList, kMap } kind = Kind::kScalar;
  Place place;          ///< Of the value.
  Place key_place;      ///< Of the key, where there is one.
  bool hidden = false;  ///< Came by reference (${ENV:NAME}, ${file:...}): messages never show it.
};
using RawOptions = std::vector<std::pair<std::string, RawValue>>;

/// Typed values of one component. Getters of an undeclared or differently typed option end the
/// process (a bug of ours); getters of an option without value or default give nullopt or the zero
/// value as stated.
class Options {
 public:
  bool Has(std::string_view name) const;                         ///< Given, or has a default.
  bool Given(std::string_view name) const;                       ///< Given by the user.
  std::string String(std::string_view name) const;               ///< "" if absent.
  bool Bool(std::string_view name) const;                        ///< false if absent.
  std::optional<std::int64_t> Int(std::string_view name) const;  ///< kInt, kDuration, kBytes.
  std::optional<double> Double(std::string_view name) const;
  std::vector<std::string> List(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> Map(std::string_view name) const;
  /// The value as written, with places; nullptr if not given.
  const RawValue* Raw(std::string_view name) const;
  /// Options given under a `prefix.` for which a spec named "prefix.*" exists: WithPrefix("kafka.")
  /// of a spec "kafka.*" gives {"fetch.min.bytes", "1"} for `kafka.fetch.min.bytes: 1`, in file
  /// order.
  std::vector<std::pair<std::string, std::string>> WithPrefix(std::string_view prefix) const;

  /// The given values as a JSON object with sorted keys; secrets are left out. What a decision
  /// stores. Scalars are JSON strings, as written; RawOptionsFromJson turns it back into what was
  /// parsed.
  std::string ToJson() const;

 private:
  friend class OptionParser;
  struct Value {
    OptionSpec spec = {};
    bool given = false;
    RawValue raw = {};
    std::string text = {};
    std::int64_t number = 0;
    double real = 0;
    std::vector<std::string> list = {};
    std::vector<std::pair<std::string, std::string>> map = {};
  };
  const Value& Find(std::string_view name, bool* present) const;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<Value> prefixed_;  ///< `spec.name` is the full name given.
};

/// Types and checks `raw` against `specs`. `owner` names the component in messages
/// ("source clicks (kafka)"). All errors are Blame::kUser with the place in front.
Result<Options> ParseOptions(const std::vector<OptionSpec>& specs, const RawOptions& raw,
                             const std::string& owner);

/// The inverse of Options::ToJson, for any JSON object: numbers and booleans become their text.
Result<RawOptions> RawOptionsFromJson(std::string_view json);

/// Options written in code or on the command line (`--set key=value`), with no place.
RawOptions RawOptionsFromPairs(const std::vector<std::pair<std::string, std::string>>& pairs);

/// The entry of `names` nearest to `name` by edit distance, if it is near enough to be a typo.
std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& names);

}  // namespace sluice
