#include "cli/sample_table.h"

#include <arrow/type.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/text_table.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

constexpr std::size_t kCellWidth = 60;
constexpr std::size_t kShownPlaces = 20;

/// "12.5 %"; neither 0 nor 100 % unless it is none or all.
std::string Share(std::int64_t part, std::int64_t all) {
  if (all == 0) return "";
  auto tenths = static_cast<std::int64_t>(
      std::lround(static_cast<double>(part) / static_cast<double>(all) * 1000));
  if (part > 0 && tenths == 0) return "under 0.1 %";
  if (part < all) tenths = std::min<std::int64_t>(tenths, 999);
  return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) +
         " %";
}

std::string Counted(std::int64_t count, const std::string& one, const std::string& more) {
  return std::to_string(count) + " " + (count == 1 ? one : more);
}

/// For people; "" for null, which is no value.
std::string KindName(const ObservedType& seen, SeenKind kind) {
  switch (kind) {
    case SeenKind::kNull:
      return "";
    case SeenKind::kEmptyList:
      return "empty array";
    case SeenKind::kEmptyStruct:
      return "empty object";
    case SeenKind::kHugeNumber:
      return "number beyond bigint";
    case SeenKind::kList:
      return "array";
    case SeenKind::kMap:
      return "map";
    case SeenKind::kStruct:
      return "object";
    default:
      return FormatDdlType(*TypeOfKind(seen, kind));
  }
}

/// "bigint 98.2 %, string 1.8 %", the most frequent first.
std::string Kinds(const ObservedType& seen) {
  struct Kind {
    std::string name;
    std::int64_t count;
  };
  std::vector<Kind> kinds;
  std::int64_t values = 0;
  for (std::size_t i = 0; i < kNumSeenKinds; ++i) {
    const auto kind = static_cast<SeenKind>(i);
    if (seen.count(kind) == 0) continue;
    std::string name = KindName(seen, kind);
    if (name.empty()) continue;
    values += seen.count(kind);
    kinds.push_back({std::move(name), seen.count(kind)});
  }
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const Kind& a, const Kind& b) { return a.count > b.count; });
  std::string out;
  for (const Kind& kind : kinds) {
    out += (out.empty() ? "" : ", ") + kind.name + " " + Share(kind.count, values);
  }
  return out;
}

class ColumnTable {
 public:
  ColumnTable(const SampleCounts& counts, bool kinds) : counts_(counts), kinds_(kinds) {
    table_.names = {"column", "type", "in rows"};
    table_.right = {false, false, true};
    if (kinds_) {
      table_.names.emplace_back("values");
      table_.right.push_back(false);
    }
    table_.types.assign(table_.names.size(), "");
  }

  void AddFields(const arrow::FieldVector& fields, const ObservedType* seen,
                 const std::string& path, bool once) {
    for (const auto& field : fields) {
      std::string place = path;
      AppendPathName(field->name(), &place);
      const ObservedType* of = nullptr;
      if (seen != nullptr) {
        const auto found = seen->fields().find(field->name());
        if (found != seen->fields().end()) of = &found->second->type;
      }
      Add(*field->type(), of, place, once);
    }
  }

  std::string Print() const { return PrintTable(table_, kCellWidth); }

 private:
  /// `once`: a row has at most one value there.
  void Add(const arrow::DataType& type, const ObservedType* seen, const std::string& place,
           bool once) {
    const bool is_struct = type.id() == arrow::Type::STRUCT;
    const bool is_list = type.id() == arrow::Type::LIST;
    const bool is_map = type.id() == arrow::Type::MAP;
    std::vector<std::string> row = {place,
                                    is_struct ? "struct"
                                    : is_list ? "array"
                                    : is_map  ? "map"
                                              : FormatDdlType(type),
                                    once ? Share(Filled(place), counts_.rows) : ""};
    if (kinds_) row.push_back(seen == nullptr ? "" : Kinds(*seen));
    table_.rows.push_back(std::move(row));
    if (is_struct) AddFields(type.fields(), seen, place, once);
    if (!is_list && !is_map) return;
    const auto& element =
        is_list ? *type.field(0)->type() : *static_cast<const arrow::MapType&>(type).item_type();
    Add(element, seen == nullptr ? nullptr : seen->element(), place + "[]", false);
  }

  /// A value that is rescued is a value all the same.
  std::int64_t Filled(const std::string& place) const {
    const auto found = counts_.filled.find(place);
    std::int64_t rows = found == counts_.filled.end() ? 0 : found->second;
    for (const auto& [key, times] : counts_.rescued) {
      if (key.first == place && key.second.starts_with("convert.")) rows += times;
    }
    return std::min(rows, counts_.rows);
  }

  const SampleCounts& counts_;
  const bool kinds_;
  TextTable table_;
};

std::string Head(const JobSource& source, const SampleCounts& counts) {
  std::string out = "source " + source.name + " (" + source.type->name + ", " +
                    source.format->name + "): " + Counted(counts.records, "record", "records") +
                    ", " + FormatBytes(counts.bytes) + ", " + Counted(counts.rows, "row", "rows");
  if (counts.tombstones > 0) out += ", " + Counted(counts.tombstones, "tombstone", "tombstones");
  out += "\n";
  const std::vector<std::string> codecs = CodecNames();
  std::string compressed;
  for (std::size_t i = 0; i < codecs.size(); ++i) {
    if (counts.decompressed[i] == 0) continue;
    compressed +=
        (compressed.empty() ? "" : ", ") + codecs[i] + " " + std::to_string(counts.decompressed[i]);
  }
  if (!compressed.empty()) out += "compressed: " + compressed + "\n";
  if (counts.rejects > 0) {
    const Reject& first = counts.first_reject;
    out += Counted(counts.rejects, "reject", "rejects") +
           ", the first: " + (first.field.empty() ? "" : first.field + ": ") + first.reason + " [" +
           first.code + "]\n";
  }
  return out;
}

std::string Rescued(const SampleCounts& counts) {
  if (counts.rescued_values == 0) return "nothing would be rescued\n";
  struct Place {
    const std::pair<std::string, std::string>* key;
    std::int64_t times;
  };
  std::vector<Place> places;
  for (const auto& [key, times] : counts.rescued) places.push_back({&key, times});
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.times > b.times; });
  std::string out = "would be rescued: " + Counted(counts.rescued_values, "value", "values") +
                    ", in " + Share(counts.rescued_rows, counts.rows) + " of the rows\n";
  TextTable table;
  table.names = {"values", "place", "reason"};
  table.types = {"", "", ""};
  table.right = {true, false, false};
  std::int64_t shown = 0;
  for (std::size_t i = 0; i < places.size() && i < kShownPlaces; ++i) {
    table.rows.push_back(
        {std::to_string(places[i].times), places[i].key->first, places[i].key->second});
    shown += places[i].times;
  }
  out += PrintTable(table, kCellWidth);
  if (shown < counts.rescued_values) {
    out += Counted(counts.rescued_values - shown, "value", "values") + " more at other places\n";
  }
  return out;
}

}  // namespace

std::string PrintSample(const JobSource& source, const ObservedSample& observed,
                        const SampleCounts& counts) {
  const bool kinds = !source.format->observes_schemas;
  std::string out = Head(source, counts) + "\n";
  ColumnTable table(counts, kinds);
  table.AddFields(observed.change.schema.schema()->fields(), &observed.seen, "", true);
  out += table.Print();
  if (!kinds) out += "the messages' schemas say the types; kinds of values are not counted\n";
  out += "\n" + Rescued(counts);
  const std::vector<std::string>& refused = observed.change.refused;
  if (refused.empty()) return out;
  out += "\nnot taken as columns\n";
  for (std::size_t i = 0; i < refused.size() && i < kShownPlaces; ++i) {
    out += "  " + refused[i] + "\n";
  }
  if (refused.size() > kShownPlaces) {
    out += "  and " + std::to_string(refused.size() - kShownPlaces) + " more\n";
  }
  return out;
}

}  // namespace sluice
