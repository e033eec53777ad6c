#include "job/job.h"

#include <arrow/type.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>

#include "core/crc32c.h"
#include "core/metrics.h"
#include "decode/made_columns_decoder.h"
#include "decode/mixed_format.h"
#include "job/job_options.h"
#include "job/memory_shares.h"
#include "job/option_place.h"
#include "job/references.h"
#include "job/yaml_loader.h"

namespace sluice {
namespace {

/// That of the values in `_rescued`.
constexpr char kRescuedFormat[] = "json";
constexpr std::size_t kLongestName = 255;
constexpr char kStorage[] = "storage";

Error Mistake(const Place& place, std::string code, const std::string& message) {
  return AtPlace(place, UserError(std::move(code), message));
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool IsIdentifier(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c < 128 && (std::isalnum(c) != 0 || c == '_'); });
}

/// The absolute, normal form of a path, links resolved as far as it exists, for comparing.
std::filesystem::path FullPath(const std::string& path) {
  // Of a remote one only the parts count, by which overlaps are seen.
  if (IsRemote(path)) return std::filesystem::path(path).lexically_normal();
  std::error_code status;
  std::filesystem::path absolute = std::filesystem::absolute(path, status);
  std::filesystem::path full = std::filesystem::weakly_canonical(absolute, status);
  if (status) full = absolute.lexically_normal();
  return full.has_filename() ? full : full.parent_path();
}

/// As a user writes it: what FullPath made of "s3://" has one slash.
std::string Shown(const std::filesystem::path& path) {
  std::string text = path.string();
  if (path.is_relative()) text.insert(text.find('/'), "/");
  return text;
}

/// True if one is the other or lies below it.
bool Overlap(const std::filesystem::path& a, const std::filesystem::path& b) {
  auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return left == a.end() || right == b.end();
}

/// The folders of a pattern that are no part of it.
std::string BeforePattern(const std::string& path) {
  const std::size_t special = path.find_first_of("*?[");
  if (special == std::string::npos) return path;
  const std::size_t slash = path.rfind('/', special);
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// A local folder of this user's and of this checkpoint alone, the same at every start.
std::string SpoolFor(const std::string& checkpoint) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%08x", Crc32c(checkpoint));
  std::error_code failed;
  std::filesystem::path folder = std::filesystem::temp_directory_path(failed);
  if (failed) folder = "/tmp";
  return folder / ("sluice-" + std::to_string(getuid()) + "-" + digits);
}

const RawValue* FindEntry(const RawOptions& entries, const std::string& name) {
  for (const auto& [key, value] : entries) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string Quoted(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return out;
}

/// Reads the sections one after the other into `job`.
class JobReader {
 public:
  JobReader(const Parts& parts, Job* job) : parts_(parts), job_(*job) {}

  /// Replaces references in `root` by what they mean.
  Result<void> Read(RawOptions* root) {
    for (auto& [name, value] : *root) {
      if (name == "transforms") TRY(CheckIsList(value));
      if (name == "sources" || name == "tables" || name == "sinks" || name == "transforms")
        continue;
      TRY(ResolveReferences("job", name, &value));
    }
    TRY(job_.options, Parse(JobOptionSpecs(), *root, "job", Place{job_.file, 1, 1}));
    TRY(ReadHead());
    TRY(ReadSources());
    TRY(ReadTables());
    TRY(ReadSteps());
    TRY(ReadSinks());
    TRY(CheckPaths());
    return {};
  }

 private:
  /// ParseOptions, with `place` where a required option is missing.
  static Result<Options> Parse(const std::vector<OptionSpec>& specs, const RawOptions& raw,
                               const std::string& owner, const Place& place) {
    Result<Options> options = ParseOptions(specs, raw, owner);
    if (!options.ok() && options.error().code == "job.missing_option") {
      return AtPlace(place, std::move(options).error());
    }
    return options;
  }

  Result<void> ReadHead() {
    job_.name = job_.options.String("name");
    if (job_.name.empty()) job_.name = std::filesystem::path(job_.file).stem().string();
    bool plain = std::none_of(job_.name.begin(), job_.name.end(), [](unsigned char c) {
      return std::iscntrl(c) != 0 || c == '/' || c == '\\';
    });
    if (!plain || job_.name.empty() || job_.name.size() > kLongestName) {
      const RawValue* raw = job_.options.Raw("name");
      return Mistake(raw == nullptr ? Place{job_.file, 1, 1} : raw->place, "job.name",
                     "job: name must be 1 to 255 bytes without slashes and control characters");
    }
    if (const RawValue* address = job_.options.Raw("metricsAddress")) {
      auto checked = Metrics::CheckAddress(job_.options.String("metricsAddress"));
      if (!checked.ok() && !address->text.empty()) {
        Error error = std::move(checked).error();
        if (address->hidden) error.message = "metricsAddress is neither a port nor HOST:PORT";
        return AtPlace(address->place, std::move(error).At("job"));
      }
    }
    job_.checkpoint_location = job_.options.String("checkpointLocation");
    auto below = [this](const char* option, const char* folder) {
      if (job_.options.Has(option)) return job_.options.String(option);
      return LocationBelow(job_.checkpoint_location, folder);
    };
    job_.spool_directory = below("spoolDirectory", "spool");
    job_.dead_letters = below("deadLetters", "dead-letters");
    if (!job_.options.Has("spoolDirectory") && IsRemote(job_.checkpoint_location)) {
      job_.spool_directory = SpoolFor(job_.checkpoint_location);
    }
    return ReadStorage();
  }

  Result<void> ReadStorage() {
    const std::vector<OptionSpec> specs = StorageOptionSpecs(parts_.storages);
    if (const RawValue* raw = job_.options.Raw(kStorage)) {
      TRY(Options options, Parse(specs, raw->entries, kStorage, raw->place));
      WarnOfLiteralSecrets(kStorage, specs, options);
      job_.storage = raw->entries;
    }
    for (const char* option : {"checkpointLocation", "deadLetters"}) {
      const RawValue* raw = job_.options.Raw(option);
      if (raw == nullptr) continue;
      auto normal = NormalLocation(parts_.storages, raw->text);
      if (!normal.ok()) return AtPlace(raw->place, std::move(normal).error().At(option));
    }
    return {};
  }

  /// The entries of `sources`, `tables` or `sinks`: a map of maps.
  Result<RawOptions> Section(const std::string& name) {
    const RawValue& raw = *job_.options.Raw(name);
    if (raw.kind != RawValue::Kind::kMap || raw.entries.empty()) {
      return Mistake(raw.place, "job.section",
                     name + " must be a map with at least one entry: a name, and below it options");
    }
    for (const auto& [key, entry] : raw.entries) {
      if (entry.kind == RawValue::Kind::kMap) continue;
      return Mistake(entry.key_place, "job.section",
                     name + ": '" + key.substr(0, kLongestName) +
                         "' must be a map of options (at least `type`)");
    }
    return raw.entries;
  }

  /// Names are SQL identifiers, which ignore case, and unique across all sections.
  Result<void> Claim(const std::string& kind, const std::string& name, const Place& place) {
    if (!IsIdentifier(name)) {
      return Mistake(place, "job.name",
                     kind + " name '" + name.substr(0, kLongestName) +
                         "' must be a plain SQL identifier: letters, digits and '_', not "
                         "beginning with a digit");
    }
    auto [other, fresh] = names_.emplace(Lower(name), kind + " at " + place.ToString());
    if (fresh) return {};
    return Mistake(
        place, "job.name",
        "the name '" + name + "' is taken already, by the " + other->second +
            "; sources, tables, transforms and sinks need names of their own (case is ignored)");
  }

  /// Looks `type` (or `classification`) up before the options can be typed.
  template <typename Entry>
  static Result<const Entry*> FindType(const Registry<Entry>& registry, const RawOptions& raw,
                                       const std::string& option, const std::string& owner,
                                       const Place& place) {
    const RawValue* value = FindEntry(raw, option);
    if (value == nullptr || value->text.empty()) {
      std::string known;
      for (const std::string& name : registry.names()) known += (known.empty() ? "" : ", ") + name;
      return Mistake(value == nullptr ? place : value->place, "job.missing_option",
                     owner + ": " + option + " is missing. Known: " + known);
    }
    Result<const Entry*> entry = registry.Find(value->text);
    if (!entry.ok()) return AtPlace(value->place, std::move(entry).error().At(owner));
    return entry;
  }

  void WarnOfLiteralSecrets(const std::string& owner, const std::vector<OptionSpec>& specs,
                            const Options& options) {
    for (const OptionSpec& spec : specs) {
      if (!spec.secret || spec.name.ends_with(".*")) continue;
      const RawValue* raw = options.Raw(spec.name);
      if (raw == nullptr || raw->hidden || raw->text.empty()) continue;
      job_.warnings.push_back(raw->place.ToString() + ": " + owner + ": " + spec.name +
                              " stands in the job file in plain text; better ${ENV:NAME} or "
                              "${file:/path}");
    }
  }

  Result<void> ReadSources() {
    TRY(RawOptions section, Section("sources"));
    for (auto& [name, value] : section) {
      JobSource source;
      source.name = name;
      source.place = value.key_place;
      std::string owner = "source " + name;
      TRY(Claim("source", name, source.place));
      TRY(ResolveReferences(owner, "", &value));
      TRY(source.type, FindType(parts_.sources, value.entries, "type", owner, source.place));
      owner += " (" + source.type->name + ")";
      TRY(const std::vector<const FormatEntry*> formats, FindFormats(value.entries, owner, source));
      for (RawEntry& entry : value.entries) {
        if (entry.name == "classification") entry.value = JoinedText(std::move(entry.value));
      }
      source.format = formats.front();
      std::vector<OptionSpec> specs = JoinSpecs(SourceOptionSpecs(), source.type->options);
      for (const FormatEntry* format : formats) {
        source.formats.push_back(format->name);
        specs = JoinSpecs(std::move(specs), format->options);
      }
      if (std::any_of(formats.begin(), formats.end(),
                      [](const FormatEntry* format) { return !format->registered_as.empty(); })) {
        specs = JoinSpecs(std::move(specs), parts_.registry_options);
      }
      TRY(source.options, Parse(specs, value.entries, owner, source.place));
      if (formats.size() > 1) TRY(Mix(formats, value.entries, owner, &source));
      TRY(MakeEnvelopes(owner, specs, &source));
      TRY(CheckSource(owner, &source));
      WarnOfLiteralSecrets(owner, specs, source.options);
      job_.sources.push_back(std::move(source));
    }
    return {};
  }

  Result<void> ReadTables() {
    const RawValue* given = job_.options.Raw("tables");
    if (given == nullptr || (given->kind == RawValue::Kind::kScalar && given->text.empty())) {
      return {};
    }
    TRY(RawOptions section, Section("tables"));
    for (auto& [name, value] : section) {
      JobTable table;
      table.name = name;
      table.place = value.key_place;
      std::string owner = "table " + name;
      TRY(Claim("table", name, table.place));
      TRY(ResolveReferences(owner, "", &value));
      TRY(table.type, FindType(parts_.tables, value.entries, "type", owner, table.place));
      owner += " (" + table.type->name + ")";
      const std::vector<OptionSpec> specs = JoinSpecs(TableOptionSpecs(), table.type->options);
      TRY(table.options, Parse(specs, value.entries, owner, table.place));
      WarnOfLiteralSecrets(owner, specs, table.options);
      job_.tables.push_back(std::move(table));
    }
    return {};
  }

  /// A list as the text that it could have been.
  static RawValue JoinedText(RawValue value) {
    if (value.kind != RawValue::Kind::kList) return value;
    std::string text;
    for (const RawValue& item : value.items) text += (text.empty() ? "" : ", ") + item.text;
    value.kind = RawValue::Kind::kScalar;
    value.items.clear();
    value.text = std::move(text);
    return value;
  }

  /// One name, or several as a list or with commas between them.
  Result<std::vector<const FormatEntry*>> FindFormats(const RawOptions& raw,
                                                      const std::string& owner,
                                                      const JobSource& source) const {
    std::vector<RawValue> names;
    const RawValue* given = FindEntry(raw, "classification");
    if (given != nullptr && given->kind == RawValue::Kind::kList) names = given->items;
    if (given != nullptr && given->text.find(',') != std::string::npos) {
      std::istringstream all(given->text);
      for (std::string name; std::getline(all, name, ',');) {
        std::erase_if(name, [](char c) { return c == ' '; });
        names.push_back(*given);
        names.back().text = name;
      }
    }
    std::vector<const FormatEntry*> formats;
    if (names.empty()) {
      TRY(const FormatEntry* only,
          FindType(parts_.formats, raw, "classification", owner, source.place));
      formats.push_back(only);
    }
    for (const RawValue& name : names) {
      TRY(const FormatEntry* format, FindType(parts_.formats, {{"classification", name}},
                                              "classification", owner, source.place));
      if (std::find(formats.begin(), formats.end(), format) != formats.end()) {
        return Mistake(name.place, "job.classification",
                       owner + ": classification names " + format->name + " twice");
      }
      formats.push_back(format);
    }
    return formats;
  }

  /// Formats may have options of one name with other defaults, so each has its own.
  static Result<void> Mix(const std::vector<const FormatEntry*>& formats, const RawOptions& raw,
                          const std::string& owner, JobSource* source) {
    std::vector<FormatUse> uses;
    for (const FormatEntry* format : formats) {
      RawOptions own;
      for (const RawEntry& entry : raw) {
        const bool known = std::any_of(
            format->options.begin(), format->options.end(), [&](const OptionSpec& spec) {
              return spec.name == entry.name || std::find(spec.aliases.begin(), spec.aliases.end(),
                                                          entry.name) != spec.aliases.end();
            });
        if (known) own.push_back(entry);
      }
      TRY(Options options, Parse(format->options, own, owner, source->place));
      uses.push_back({format, std::move(options)});
    }
    source->mixed = std::make_shared<const FormatEntry>(MixedFormat(std::move(uses)));
    source->format = source->mixed.get();
    return {};
  }

  /// Columns are detected if they are neither declared nor told by the options, or if they are to
  /// be.
  Result<void> CheckDetection(const std::string& owner, JobSource* source) const {
    const Options& options = source->options;
    const FormatEntry& format = *source->format;
    const bool wanted = options.Bool("inferSchema");
    if (!format.make_detecting) {
      const std::string name = wanted                          ? "inferSchema"
                               : options.Given("typeConflict") ? "typeConflict"
                                                               : "";
      if (name.empty()) return {};
      return Mistake(options.Raw(name)->place, "job.infer_schema",
                     owner + ": the columns of " + format.name +
                         " are told by its options; leave " + name + " out");
    }
    const bool told = options.Given("schema") ||
                      (source->envelopes != nullptr && source->envelopes->wants_latest()) ||
                      (format.options_tell_columns && format.options_tell_columns(options));
    source->detects = wanted || (!told && !options.Given("inferSchema"));
    if (!source->detects && options.Given("typeConflict")) {
      return Mistake(options.Raw("typeConflict")->place, "job.type_conflict",
                     owner +
                         ": typeConflict is for columns that are learned from the records, and "
                         "this source's are declared; leave it out, or add inferSchema: true");
    }
    if (!source->detects) return {};
    source->make_cols = options.String("typeConflict") == "make_cols";
    if (auto json = parts_.formats.Find(kRescuedFormat); json.ok()) source->rescued_format = *json;
    if (!options.Given("schema")) return {};
    auto declared = ParseSchemaFor(format, options.String("schema"));
    if (!declared.ok()) {
      return Mistake(options.Raw("schema")->place, "job.schema",
                     owner + ": " + declared.error().message);
    }
    ObservedType columns;
    columns.SeeType(*arrow::struct_((*declared)->fields()));
    const KnownSchema::Change change = KnownSchema().Merge(columns, SchemaCaps());
    if (!change.refused.empty()) {
      return Mistake(options.Raw("schema")->place, "job.schema",
                     owner + ": " + change.refused.front());
    }
    source->known = change.schema;
    return {};
  }

  /// Asks nothing yet: a registry that is away is no mistake of the job's.
  Result<void> MakeEnvelopes(const std::string& owner, const std::vector<OptionSpec>& specs,
                             JobSource* source) const {
    if (source->format->registered_as.empty() || !parts_.make_schema_finder) return {};
    auto made =
        Envelopes::Make(source->options, source->format->registered_as, parts_.make_schema_finder);
    if (!made.ok()) {
      return AtOption(source->options, specs, source->place, owner, std::move(made).error());
    }
    source->envelopes = *std::move(made);
    if (source->envelopes != nullptr && source->envelopes->wants_latest() &&
        source->mixed != nullptr) {
      return Mistake(source->options.Raw("readerSchema")->place, "job.registry",
                     owner +
                         ": a schema of the registry tells the columns of one format; with "
                         "several, declare `schema` or have them merged");
    }
    return {};
  }

  Result<void> CheckSource(const std::string& owner, JobSource* source) const {
    const Options& options = source->options;
    TRY(CheckDetection(owner, source));
    std::string bad = options.String("badRecords");
    source->bad_records = bad == "skip"   ? BadRecords::kSkip
                          : bad == "fail" ? BadRecords::kFail
                                          : BadRecords::kQuarantine;
    double rate = options.Double("maxBadRecordRate").value_or(1);
    if (rate < 0 || rate > 1) {
      return Mistake(options.Raw("maxBadRecordRate")->place, "job.option",
                     owner + ": maxBadRecordRate is a share from 0 to 1; 1 % is 0.01");
    }
    return {};
  }

  /// Names that a step or sink may read at this point.
  std::vector<std::string> Readable() const {
    std::vector<std::string> names;
    for (const JobSource& source : job_.sources) names.push_back(source.name);
    for (const JobStep& step : job_.steps) names.push_back(step.name);
    return names;
  }

  /// `from`, or what stands for it: the last step, or the only source.
  Result<std::string> From(const std::string& owner, const Options& options, const Place& place) {
    std::vector<std::string> names = Readable();
    if (!options.Given("from")) {
      if (!job_.steps.empty() || names.size() == 1) return names.back();
      return Mistake(place, "job.from",
                     owner + ": from is missing; there are several sources: " + Quoted(names));
    }
    std::string from = options.String("from");
    if (std::find(names.begin(), names.end(), from) != names.end()) return from;
    const bool is_table = std::any_of(job_.tables.begin(), job_.tables.end(),
                                      [&](const JobTable& table) { return table.name == from; });
    if (is_table) {
      return Mistake(options.Raw("from")->place, "job.from",
                     owner + ": '" + from +
                         "' is a table: its rows do not stream. Read it in a step of SQL, joined "
                         "with a source");
    }
    std::string message = owner + ": there is no source or earlier step '" + from + "'";
    if (auto near = NearestName(from, names)) {
      message += "; did you mean '" + *near + "'?";
    } else {
      message += ". Known here: " + Quoted(names);
    }
    return Mistake(options.Raw("from")->place, "job.from", message);
  }

  static Result<void> CheckIsList(const RawValue& steps) {
    const bool empty = steps.kind == RawValue::Kind::kScalar && steps.text.empty();
    if (steps.kind == RawValue::Kind::kList || empty) return {};
    const bool named = steps.kind == RawValue::Kind::kMap && !steps.entries.empty();
    const std::string name = named ? steps.entries[0].name.substr(0, 60) : "clean";
    return Mistake(steps.place, "job.section",
                   "transforms must be a list of steps, since their order counts; write '- name: " +
                       name + "' and below it 'sql: ...', in place of '" +
                       (named ? name + ":" : "transforms: ...") + "'");
  }

  Result<void> ReadSteps() {
    const RawValue* section = job_.options.Raw("transforms");
    if (section == nullptr || (section->kind == RawValue::Kind::kScalar && section->text.empty())) {
      return {};
    }
    for (const RawValue& entry : section->items) {
      if (entry.kind != RawValue::Kind::kMap) {
        return Mistake(entry.place, "job.section",
                       "an entry of transforms must be a map with name and sql or mapping");
      }
      TRY(ReadStep(entry));
    }
    return {};
  }

  Result<void> ReadStep(const RawValue& entry) {
    JobStep step;
    step.place = entry.place;
    const RawValue* name = FindEntry(entry.entries, "name");
    std::string owner = name == nullptr ? "transform" : "transform " + name->text.substr(0, 60);
    TRY(Options options, Parse(TransformOptionSpecs(), entry.entries, owner, entry.place));
    step.name = options.String("name");
    TRY(Claim("transform", step.name, name->place));
    const RawValue* sql = options.Raw("sql");
    const RawValue* mapping = options.Raw("mapping");
    if ((sql == nullptr) == (mapping == nullptr)) {
      return Mistake(entry.place, "job.transform", owner + ": give exactly one of sql and mapping");
    }
    if (sql != nullptr) {
      if (options.Given("from")) {
        return Mistake(options.Raw("from")->place, "job.transform",
                       owner + ": from belongs to mapping; sql names what it reads after FROM");
      }
      step.sql = options.String("sql");
      step.sql_text = *sql;
      if (step.sql.find_first_not_of(" \t\r\n") == std::string::npos) {
        return Mistake(sql->place, "job.transform", owner + ": sql is empty");
      }
    } else {
      TRY(step.from, From(owner, options, entry.place));
      step.mapping_place = mapping->place;
      for (const RawValue& item : mapping->items) step.entry_places.push_back(item.place);
      TRY(step.mapping, ReadMapping(owner, *mapping));
    }
    job_.steps.push_back(std::move(step));
    return {};
  }

  /// A comma ends a value of [...], so that an unquoted decimal(5,2) comes as two.
  static Result<void> CheckTypesAreWhole(const std::string& owner, const RawValue& item) {
    auto depth = [](const std::string& text) {
      auto count = [&](char c) { return std::count(text.begin(), text.end(), c); };
      return count('(') + count('<') - count(')') - count('>');
    };
    for (std::size_t i = 0; i < item.items.size(); ++i) {
      std::string whole = item.items[i].text;
      for (std::size_t j = i + 1; depth(whole) > 0 && j < item.items.size(); ++j) {
        whole += "," + item.items[j].text;
        if (depth(whole) != 0) continue;
        return Mistake(
            item.items[i].place, "job.mapping",
            owner + ": quote '" + whole.substr(0, 200) + "': without quotes a comma ends a value");
      }
    }
    return {};
  }

  /// Two, three or four parts, as ApplyMapping takes them.
  static Result<std::vector<MappingTuple>> ReadMapping(const std::string& owner,
                                                       const RawValue& mapping) {
    std::vector<MappingTuple> tuples;
    for (const RawValue& item : mapping.items) {
      MappingTuple tuple;
      bool flat = item.kind == RawValue::Kind::kList;
      for (const RawValue& part : item.items) {
        flat &= part.kind == RawValue::Kind::kScalar && !part.text.empty();
        tuple.push_back(part.text);
      }
      if (flat) TRY(CheckTypesAreWhole(owner, item));
      if (!flat || tuple.size() < 2 || tuple.size() > 4) {
        return Mistake(item.place, "job.mapping",
                       owner +
                           ": an entry of mapping is [source, sourceType, target, targetType], "
                           "[source, target, targetType] or [source, target]");
      }
      tuples.push_back(std::move(tuple));
    }
    if (tuples.empty()) {
      return Mistake(mapping.place, "job.mapping",
                     owner +
                         ": mapping must be a list with at least one [source, sourceType, "
                         "target, targetType]");
    }
    return tuples;
  }

  Result<void> ReadSinks() {
    TRY(RawOptions section, Section("sinks"));
    for (auto& [name, value] : section) {
      JobSink sink;
      sink.name = name;
      sink.place = value.key_place;
      std::string owner = "sink " + name;
      TRY(Claim("sink", name, sink.place));
      TRY(ResolveReferences(owner, "", &value));
      TRY(sink.type, FindType(parts_.sinks, value.entries, "type", owner, sink.place));
      owner += " (" + sink.type->name + ")";
      std::vector<OptionSpec> specs = JoinSpecs(SinkOptionSpecs(), sink.type->options);
      TRY(sink.options, Parse(specs, value.entries, owner, sink.place));
      TRY(sink.from, From(owner, sink.options, sink.place));
      WarnOfLiteralSecrets(owner, specs, sink.options);
      if (Declares(specs, kStorage) && sink.options.Given(kStorage)) {
        const RawValue& own = *sink.options.Raw(kStorage);
        const std::vector<OptionSpec> storage = StorageOptionSpecs(parts_.storages);
        TRY(Options options, Parse(storage, own.entries, owner + ": storage", own.place));
        WarnOfLiteralSecrets(owner + ": storage", storage, options);
      }
      job_.sinks.push_back(std::move(sink));
    }
    return {};
  }

  /// No two writers may share a folder, none may write where a source or a table reads, and what
  /// the job keeps for itself is no target. Whatever has an option `path` counts.
  Result<void> CheckPaths() {
    struct Folder {
      std::string what;
      std::filesystem::path path;
      Place place;
      bool target;
    };
    std::vector<Folder> folders = {{"checkpointLocation", FullPath(job_.checkpoint_location),
                                    job_.options.Raw("checkpointLocation")->place, false}};
    if (const RawValue* raw = job_.options.Raw("deadLetters")) {
      folders.push_back({"deadLetters", FullPath(job_.dead_letters), raw->place, true});
    }
    for (const JobSource& source : job_.sources) {
      if (!Declares(source.type->options, "path") || !source.options.Given("path")) continue;
      folders.push_back({"source " + source.name, FullPath(source.options.String("path")),
                         source.options.Raw("path")->place, false});
    }
    for (const JobTable& table : job_.tables) {
      if (!Declares(table.type->options, "path") || !table.options.Given("path")) continue;
      folders.push_back({"table " + table.name,
                         FullPath(BeforePattern(table.options.String("path"))),
                         table.options.Raw("path")->place, false});
    }
    for (const JobSink& sink : job_.sinks) {
      if (!Declares(sink.type->options, "path") || !sink.options.Given("path")) continue;
      folders.push_back({"sink " + sink.name, FullPath(sink.options.String("path")),
                         sink.options.Raw("path")->place, true});
    }
    for (std::size_t i = 0; i < folders.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Folder& a = folders[i];
        const Folder& b = folders[j];
        bool own_dead_letters =
            a.what == "deadLetters" && b.what == "checkpointLocation" && a.path != b.path;
        if ((!a.target && !b.target) || own_dead_letters || !Overlap(a.path, b.path)) continue;
        return Mistake(a.place, "job.paths",
                       a.what + " (" + Shown(a.path) + ") and " + b.what + " (" + Shown(b.path) +
                           ") overlap; each needs a folder that is not part of the other's");
      }
    }
    return {};
  }

  const Parts& parts_;
  Job& job_;
  std::map<std::string, std::string> names_;
};

}  // namespace

Result<Job> ParseJob(const std::string& text, const std::string& file, const Parts& parts) {
  Job job;
  job.file = file;
  job.text = text;
  TRY(RawOptions root, LoadYaml(text, file));
  TRY(JobReader(parts, &job).Read(&root));
  return job;
}

Result<Job> LoadJob(const std::string& path, const Parts& parts) {
  TRY(std::string text, ReadJobFile(path));
  return ParseJob(text, path, parts);
}

Result<std::unique_ptr<Source>> MakeSource(const Job& job, const JobSource& source,
                                           Metrics* metrics) {
  const auto memory = static_cast<std::size_t>(job.options.Int("maxMemory").value_or(0));
  SourceContext context;
  context.job = job.name;
  context.name = source.name;
  context.buffer_bytes = ShareMemory(memory, job.sources.size(), job.sinks.size()).each_source;
  context.metrics = metrics;
  return source.type->make(source.options, context);
}

Result<std::unique_ptr<Decoder>> MakeDecoder(const JobSource& source, SchemaPtr declared,
                                             std::int64_t patience_micros) {
  const DecodeLimits limits;
  std::unique_ptr<Decoder> decoder;
  if (source.detects) {
    TRY(decoder, source.format->make_detecting(source.options, source.known.keyed(), limits));
    if (!source.known.made().empty()) {
      if (source.rescued_format == nullptr) return BugError("there is no format for made columns");
      TRY(decoder, MadeColumnsDecoder::Make(std::move(decoder), *source.rescued_format,
                                            source.known, source.format->rescues_texts, limits));
    }
  } else {
    TRY(decoder, source.format->make(source.options, std::move(declared), limits));
  }
  if (source.envelopes == nullptr) return decoder;
  return source.envelopes->Wrap(std::move(decoder), limits, patience_micros);
}

const RawOptions& StorageOf(const Job& job, const std::string& sink) {
  for (const JobSink& one : job.sinks) {
    if (one.name != sink || !Declares(one.type->options, kStorage)) continue;
    if (const RawValue* own = one.options.Raw(kStorage)) return own->entries;
  }
  return job.storage;
}

Result<Options> ParseRecordedSink(const SinkEntry& type, const std::string& name,
                                  const std::string& settings) {
  TRY(RawOptions raw, RawOptionsFromJson(settings));
  return ParseOptions(JoinSpecs(SinkOptionSpecs(), type.options), raw,
                      "sink " + name + " (" + type.name + ", as recorded)");
}

}  // namespace sluice
