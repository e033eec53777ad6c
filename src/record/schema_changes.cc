#include "record/schema_changes.h"

#include <arrow/type.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "record/known_schema.h"

namespace sluice {
namespace {

using Fields = std::vector<std::shared_ptr<arrow::Field>>;

const arrow::Field* Find(const Fields& fields, const std::string& name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const auto& field) { return field->name() == name; });
  return found == fields.end() ? nullptr : found->get();
}

class Comparing {
 public:
  void Compare(const Fields& from, const Fields& to, const std::string& path) {
    for (const auto& field : to) {
      const std::string place = Below(path, field->name());
      if (const arrow::Field* old = Find(from, field->name())) {
        Compare(*old->type(), *field->type(), place);
      } else {
        changes_.push_back({place, "+ " + place + " " + FormatDdlType(*field->type())});
      }
    }
    for (const auto& field : from) {
      if (Find(to, field->name()) != nullptr) continue;
      const std::string place = Below(path, field->name());
      changes_.push_back({place, "- " + place + " " + FormatDdlType(*field->type())});
    }
  }

  std::vector<SchemaChange> Take() { return std::move(changes_); }

 private:
  static std::string Below(std::string path, const std::string& name) {
    AppendPathName(name, &path);
    return path;
  }

  void Compare(const arrow::DataType& from, const arrow::DataType& to, const std::string& place) {
    // By their notation: comments and nullability are no change.
    const std::string before = FormatDdlType(from);
    const std::string after = FormatDdlType(to);
    if (before == after) return;
    if (from.id() == to.id() && from.id() == arrow::Type::STRUCT) {
      return Compare(from.fields(), to.fields(), place);
    }
    if (from.id() == to.id() && from.id() == arrow::Type::LIST) {
      return Compare(*from.field(0)->type(), *to.field(0)->type(), place + "[]");
    }
    if (from.id() == to.id() && from.id() == arrow::Type::MAP) {
      const auto& old = static_cast<const arrow::MapType&>(from);
      const auto& now = static_cast<const arrow::MapType&>(to);
      if (old.key_type()->Equals(*now.key_type())) {
        return Compare(*old.item_type(), *now.item_type(), place + "[]");
      }
    }
    changes_.push_back({place, place + ": " + before + " -> " + after, MayWiden(from, to)});
  }

  std::vector<SchemaChange> changes_;
};

}  // namespace

std::vector<SchemaChange> SchemaChanges(const arrow::Schema& from, const arrow::Schema& to) {
  Comparing comparing;
  comparing.Compare(from.fields(), to.fields(), "");
  return comparing.Take();
}

}  // namespace sluice
