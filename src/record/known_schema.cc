#include "record/known_schema.h"

#include <arrow/type.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "record/made_columns.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using TypePtr = std::shared_ptr<arrow::DataType>;
using FieldPtr = std::shared_ptr<arrow::Field>;
using Fields = std::vector<FieldPtr>;

constexpr std::size_t kNameBytes = 255;
using Made = std::map<std::string, std::string>;

constexpr char kOtherCase[] =
    "the name differs from another only in case, which tables do not tell apart";

std::size_t ColumnsOf(const arrow::DataType& type) {
  std::size_t columns = 0;
  if (type.id() == arrow::Type::MAP) {
    return ColumnsOf(*static_cast<const arrow::MapType&>(type).item_type());
  }
  for (const auto& field : type.fields()) {
    columns += (type.id() == arrow::Type::STRUCT ? 1 : 0) + ColumnsOf(*field->type());
  }
  return columns;
}

FieldPtr FindField(const Fields& fields, std::string_view name) {
  for (const FieldPtr& field : fields) {
    if (field->name() == name) return field;
  }
  return nullptr;
}

TypePtr WithElement(const arrow::DataType& type, TypePtr element) {
  if (type.id() == arrow::Type::LIST) return arrow::list(type.field(0)->WithType(element));
  const auto& map = static_cast<const arrow::MapType&>(type);
  return std::make_shared<arrow::MapType>(map.key_field(), map.item_field()->WithType(element));
}

TypePtr ElementOf(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST ? type.field(0)->type()
                                        : static_cast<const arrow::MapType&>(type).item_type();
}

bool HasElement(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST || type.id() == arrow::Type::MAP;
}

/// One merge: walks over what is known and what was seen side by side.
class Merging {
 public:
  using Change = KnownSchema::Change;
  Merging(const SchemaCaps& caps, std::size_t columns, bool first, Made* made, Change* change)
      : caps_(caps), columns_(columns), first_(first), made_(made), change_(change) {}

  Fields MergeColumns(const Fields& known, const Fields& written, const ObservedType& seen) {
    Fields out = MergeFields(known, &written, seen, "", 0);
    if (caps_.make_cols) MakeColumns(written, seen, &out);
    return out;
  }

 private:
  /// `written`: the part of `known` that was; null: nothing of it.
  Fields MergeFields(const Fields& known, const Fields* written, const ObservedType& seen,
                     const std::string& path, int depth) {
    Fields out;
    std::set<std::string> folded;
    for (const FieldPtr& field : known) {
      folded.insert(FoldedName(field->name()));
      const auto found = seen.fields().find(field->name());
      const FieldPtr of_written = written == nullptr ? nullptr : FindField(*written, field->name());
      const auto made = path.empty() ? made_->find(field->name()) : made_->end();
      if (made != made_->end()) {
        out.push_back(MergeMade(field, made->second, of_written, seen));
        continue;
      }
      if (found == seen.fields().end() || (path.empty() && caps_.kept.count(field->name()) != 0)) {
        out.push_back(field);
        continue;
      }
      const TypePtr type =
          MergeType(field->type(), of_written == nullptr ? nullptr : of_written->type(),
                    found->second->type, Below(path, field->name()), depth + 1);
      out.push_back(field->WithType(type));
    }
    for (const std::string* name : NewNames(known, seen, path)) {
      const std::string at = Below(path, *name);
      const std::string reason = WhyNot(*name, folded, path.empty());
      if (!reason.empty()) {
        change_->refused.push_back(at + ": " + reason);
        continue;
      }
      const ObservedType& of = seen.fields().find(*name)->second->type;
      if (!MakeRoom(1, at)) continue;
      const TypePtr type = NewType(of, at, depth + 1);
      if (type == nullptr) {
        GiveRoom(1);
        continue;
      }
      folded.insert(FoldedName(*name));
      out.push_back(arrow::field(*name, type));
      change_->what.push_back("+ " + at + " " + FormatDdlType(*type));
    }
    return out;
  }

  FieldPtr MergeMade(const FieldPtr& field, const std::string& of, const FieldPtr& written,
                     const ObservedType& seen) {
    if (seen.fields().find(field->name()) != seen.fields().end()) {
      change_->refused.push_back(Below("", field->name()) + ": the column of that name is for " +
                                 "values of " + Below("", of));
    }
    const auto found = seen.fields().find(of);
    const MadeKind* kind = FindMadeKind(field->name(), of);
    if (found == seen.fields().end() || kind == nullptr || caps_.kept.count(field->name()) != 0) {
      return field;
    }
    const ObservedType only = found->second->type.Only(kind->kinds);
    if (only.empty()) return field;
    return field->WithType(MergeType(field->type(), written == nullptr ? nullptr : written->type(),
                                     only, Below("", field->name()), 1));
  }

  /// For what the written columns in `out` do not take.
  void MakeColumns(const Fields& written, const ObservedType& seen, Fields* out) {
    std::set<std::string> folded;
    for (const FieldPtr& field : *out) folded.insert(FoldedName(field->name()));
    const Fields columns = *out;
    for (const FieldPtr& column : columns) {
      const auto found = seen.fields().find(column->name());
      if (found == seen.fields().end() || made_->count(column->name()) != 0 ||
          caps_.kept.count(column->name()) != 0 || FindField(written, column->name()) == nullptr) {
        continue;
      }
      for (const MadeKind& kind : MadeKinds()) {
        const ObservedType only = found->second->type.Only(kind.kinds);
        const std::string name = column->name() + kind.suffix;
        if (only.empty() || TakesKinds(*column->type(), only) || made_->count(name) != 0) continue;
        const std::string at = Below("", name);
        if (const std::string reason = WhyNot(name, folded, /*root=*/true); !reason.empty()) {
          const bool taken = FindField(columns, name) != nullptr;
          change_->refused.push_back(at + ": " + (taken ? "the records have that column" : reason));
          continue;
        }
        if (!MakeRoom(1, at)) continue;
        const TypePtr type = kind.type != nullptr ? kind.type : NewType(only, at, 1);
        if (type == nullptr) {
          GiveRoom(1);
          continue;
        }
        folded.insert(FoldedName(name));
        made_->emplace(name, column->name());
        out->push_back(arrow::field(name, type));
        change_->what.push_back("+ " + at + " " + FormatDdlType(*type) + " for values of " +
                                Below("", column->name()));
      }
    }
  }

  /// Fields that are not known, in the order of their columns. Where they are more than there is
  /// room for, those that were seen most often: what is in every record comes before what is in
  /// one.
  std::vector<const std::string*> NewNames(const Fields& known, const ObservedType& seen,
                                           const std::string& path) {
    std::vector<const std::string*> names;
    const std::vector<const std::string*> columns = seen.ColumnNames();
    for (const std::string* name : seen.FieldNames()) {
      if (FindField(known, *name) != nullptr) continue;
      if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
        change_->refused.push_back(Below(path, *name) + ": " + kOtherCase);
      } else {
        names.push_back(name);
      }
    }
    const std::size_t room = Room();
    if (names.size() <= room) return names;
    const auto times = [&](const std::string* name) {
      return seen.fields().find(*name)->second->type.total();
    };
    std::vector<const std::string*> often = names;
    std::stable_sort(often.begin(), often.end(),
                     [&](const auto* a, const auto* b) { return times(a) > times(b); });
    SayFull(columns_ + names.size() > caps_.columns, Below(path, *often[room]));
    often.resize(room);
    const std::set<const std::string*> kept(often.begin(), often.end());
    std::erase_if(names, [&](const std::string* name) { return kept.count(name) == 0; });
    return names;
  }

  std::size_t Room() const {
    const std::size_t left = caps_.columns - std::min(caps_.columns, columns_);
    return first_ ? left
                  : std::min(left, caps_.new_columns - std::min(caps_.new_columns, new_columns_));
  }

  static std::string Below(std::string path, std::string_view name) {
    AppendPathName(name, &path);
    return path;
  }

  std::string WhyNot(const std::string& name, const std::set<std::string>& folded,
                     bool root) const {
    if (name.empty()) return "a column's name cannot be empty";
    if (name.size() > kNameBytes) return "the name is longer than 255 bytes";
    if (name.find('\0') != std::string::npos) return "the name holds a NUL";
    if (root && FoldedName(name) == kRescuedColumn) return "the name stands for what does not fit";
    for (std::size_t i = 0; root && i < caps_.reserved.size(); ++i) {
      if (FoldedName(name) == FoldedName(caps_.reserved[i]))
        return "the source has a column of that name";
    }
    if (root && caps_.kept.count(name) != 0) return "the job cannot take that column";
    if (folded.count(FoldedName(name)) != 0) {
      return kOtherCase;
    }
    return {};
  }

  bool MakeRoom(std::size_t columns, const std::string& at) {
    if (columns > Room()) {
      SayFull(columns_ + columns > caps_.columns, at);
      return false;
    }
    columns_ += columns;
    new_columns_ += columns;
    return true;
  }
  void SayFull(bool all, const std::string& at) {
    if (full_said_) return;
    full_said_ = true;
    change_->refused.push_back(
        at + (all ? ": there are " + std::to_string(caps_.columns) + " columns, the limit"
                  : ": " + std::to_string(caps_.new_columns) +
                        " columns are new, the limit of one change"));
  }
  void GiveRoom(std::size_t columns) {
    columns_ -= columns;
    new_columns_ -= columns;
  }

  /// Of a place that has no type yet. Null: it has none now either.
  TypePtr NewType(const ObservedType& seen, const std::string& path, int depth) {
    return Bounded(ResolveType(seen), path, depth);
  }

  /// `type` without what has no room.
  TypePtr Bounded(const TypePtr& type, const std::string& path, int depth) {
    if (type == nullptr) return nullptr;
    if (depth > caps_.depth) {
      change_->refused.push_back(path + ": nested more than " + std::to_string(caps_.depth) +
                                 " deep");
      return nullptr;
    }
    if (HasElement(*type)) {
      const TypePtr element = Bounded(ElementOf(*type), path + "[]", depth + 1);
      return element == nullptr ? nullptr : WithElement(*type, element);
    }
    if (type->id() != arrow::Type::STRUCT) return type;
    Fields fields;
    std::set<std::string> folded;
    for (const FieldPtr& field : type->fields()) {
      const std::string at = Below(path, field->name());
      if (const std::string reason = WhyNot(field->name(), folded, false); !reason.empty()) {
        change_->refused.push_back(at + ": " + reason);
        continue;
      }
      if (!MakeRoom(1, at)) continue;
      const TypePtr of = Bounded(field->type(), at, depth + 1);
      if (of == nullptr) {
        GiveRoom(1);
        continue;
      }
      folded.insert(FoldedName(field->name()));
      fields.push_back(field->WithType(of));
    }
    return fields.empty() ? nullptr : arrow::struct_(std::move(fields));
  }

  TypePtr MergeType(const TypePtr& known, const TypePtr& written, const ObservedType& seen,
                    const std::string& path, int depth) {
    if (written == nullptr) {
      ObservedType all;
      all.SeeType(*known);
      all.Merge(seen);
      const TypePtr type = JoinTypes(known, ResolveType(all));
      // A type of its own kind may still have grown: that is for the walk, which counts columns.
      if (type->id() != known->id()) return Retype(known, type, path, depth);
    }
    if (known->id() == arrow::Type::STRUCT) {
      const Fields* of_written = written == nullptr ? nullptr : &written->fields();
      return arrow::struct_(MergeFields(known->fields(), of_written, seen, path, depth));
    }
    if (HasElement(*known)) {
      if (seen.element() == nullptr) return known;
      const TypePtr element =
          MergeType(ElementOf(*known), written == nullptr ? nullptr : ElementOf(*written),
                    *seen.element(), path + "[]", depth + 1);
      return WithElement(*known, element);
    }
    if (written == nullptr) {
      ObservedType all;
      all.SeeType(*known);
      all.Merge(seen);
      return Retype(known, ResolveType(all), path, depth);
    }
    return Widen(known, seen, path);
  }

  /// Before it was written a place may become any type.
  TypePtr Retype(const TypePtr& known, const TypePtr& wanted, const std::string& path, int depth) {
    if (wanted->Equals(*known)) return known;
    const std::size_t had = ColumnsOf(*known);
    columns_ -= std::min(columns_, had);
    const TypePtr type = Bounded(wanted, path, depth);
    if (type == nullptr) {
      columns_ += had;
      return known;
    }
    change_->retypes = true;
    change_->what.push_back(path + ": " + FormatDdlType(*known) + " -> " + FormatDdlType(*type));
    return type;
  }

  /// Takes the kinds one by one, in their order, as far as files stay readable together.
  TypePtr Widen(const TypePtr& known, const ObservedType& seen, const std::string& path) {
    TypePtr type = known;
    for (std::size_t i = 0; i < kNumSeenKinds; ++i) {
      const TypePtr joined = JoinTypes(type, TypeOfKind(seen, static_cast<SeenKind>(i)));
      if (!joined->Equals(*type) && MayWiden(*known, *joined)) type = joined;
    }
    if (!type->Equals(*known)) {
      change_->what.push_back(path + ": " + FormatDdlType(*known) + " -> " + FormatDdlType(*type));
    }
    return type;
  }

  const SchemaCaps& caps_;
  std::size_t columns_;
  std::size_t new_columns_ = 0;
  const bool first_;
  bool full_said_ = false;
  Made* const made_;
  Change* const change_;
};

}  // namespace

SchemaCaps CapsFor(const std::vector<FieldPtr>& extra, bool make_cols) {
  SchemaCaps caps;
  caps.make_cols = make_cols;
  for (const FieldPtr& field : extra) caps.reserved.push_back(field->name());
  return caps;
}

bool MayWiden(const arrow::DataType& from, const arrow::DataType& to) {
  const auto rank = [](const arrow::DataType& type) {
    switch (type.id()) {
      case arrow::Type::INT8:
        return 1;
      case arrow::Type::INT16:
        return 2;
      case arrow::Type::INT32:
        return 3;
      case arrow::Type::INT64:
        return 4;
      default:
        return 0;
    }
  };
  if (rank(from) > 0 && rank(to) > rank(from)) return true;
  if (to.id() == arrow::Type::DOUBLE) {
    return from.id() == arrow::Type::FLOAT || (rank(from) > 0 && rank(from) < 4);
  }
  return from.id() == arrow::Type::DATE32 && to.id() == arrow::Type::TIMESTAMP &&
         static_cast<const arrow::TimestampType&>(to).timezone().empty();
}

void AppendPathName(std::string_view name, std::string* path) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c >= 0x80 || c == '_' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
  });
  if (plain) {
    if (!path->empty()) path->push_back('.');
    path->append(name);
    return;
  }
  path->append("['");
  for (const char c : name) {
    if (c == '\'' || c == '\\') path->push_back('\\');
    path->push_back(c);
  }
  path->append("']");
}

KnownSchema::KnownSchema() : schema_(arrow::schema({})), written_(schema_) {}

SchemaPtr KnownSchema::keyed() const {
  Fields fields = schema_->fields();
  std::erase_if(fields, [&](const FieldPtr& field) { return made_.count(field->name()) != 0; });
  return arrow::schema(std::move(fields));
}

KnownSchema KnownSchema::Written() const {
  KnownSchema out = *this;
  out.written_ = schema_;
  return out;
}

KnownSchema KnownSchema::Pinned(bool pinned) const {
  KnownSchema out = *this;
  out.pinned_ = pinned;
  return out;
}

KnownSchema::Change KnownSchema::Merge(const ObservedType& unseen, const SchemaCaps& caps) const {
  Change change{*this, {}, false, {}};
  if (pinned_) {
    change.refused.push_back("the schema is pinned");
    return change;
  }
  Made made = made_;
  Merging merging(caps, ColumnsOf(*arrow::struct_(schema_->fields())), version_ == 0, &made,
                  &change);
  Fields fields = merging.MergeColumns(schema_->fields(), written_->fields(), unseen);
  if (!change.changed()) return change;
  ++change.schema.version_;
  change.schema.schema_ = arrow::schema(std::move(fields));
  change.schema.made_ = std::move(made);
  return change;
}

std::string KnownSchema::ToText() const {
  Json json = {{"version", version_}, {"columns", FormatDdl(*schema_)}};
  if (!written_->Equals(*schema_)) json["written"] = FormatDdl(*written_);
  if (pinned_) json["pinned"] = true;
  if (!made_.empty()) json["made"] = made_;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<KnownSchema> KnownSchema::Parse(std::string_view text) {
  const auto wrong = [](const std::string& why) {
    return UserError("schema.learned",
                     "what was learned of a source's columns cannot be read: " + why);
  };
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return wrong("it is no JSON object");
  const auto text_of = [&](const char* key) -> const std::string* {
    const auto found = json.find(key);
    return found == json.end() ? nullptr : found->get_ptr<const std::string*>();
  };
  const auto version = json.find("version");
  const std::string* columns = text_of("columns");
  if (version == json.end() || !version->is_number_integer() || columns == nullptr) {
    return wrong("it has no version or no columns");
  }
  KnownSchema known;
  known.version_ = version->get<std::int64_t>();
  if (known.version_ < 0) return wrong("its version is negative");
  const auto parse = [](const std::string& ddl) -> Result<SchemaPtr> {
    if (ddl.empty()) return arrow::schema({});
    return ParseDdl(ddl);
  };
  TRY(known.schema_, parse(*columns));
  known.written_ = known.schema_;
  if (json.contains("written")) {
    const std::string* written = text_of("written");
    if (written == nullptr) return wrong("`written` is no text");
    TRY(known.written_, parse(*written));
  }
  if (const auto pinned = json.find("pinned"); pinned != json.end()) {
    if (!pinned->is_boolean()) return wrong("`pinned` is no truth value");
    known.pinned_ = pinned->get<bool>();
  }
  if (const auto made = json.find("made"); made != json.end()) {
    if (!made->is_object()) return wrong("`made` is no object");
    for (const auto& [name, of] : made->items()) {
      if (!of.is_string() || known.schema_->GetFieldByName(name) == nullptr) {
        return wrong("`made` names a column that there is not");
      }
      known.made_.emplace(name, of.get<std::string>());
    }
  }
  return known;
}

}  // namespace sluice
