#include "decode/grok/grok_columns.h"

#include <arrow/type.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/options.h"
#include "decode/grok/grok_regex.h"

namespace sluice {
namespace {

std::shared_ptr<arrow::DataType> TypeOf(const GrokField& field) {
  switch (field.type.value_or(ColumnKind::kString)) {
    case ColumnKind::kInt8:
      return arrow::int8();
    case ColumnKind::kInt16:
      return arrow::int16();
    case ColumnKind::kInt32:
      return arrow::int32();
    case ColumnKind::kInt64:
      return arrow::int64();
    case ColumnKind::kFloat:
      return arrow::float32();
    case ColumnKind::kDouble:
      return arrow::float64();
    case ColumnKind::kBool:
      return arrow::boolean();
    default:
      return arrow::utf8();
  }
}

/// The fields of `fields` at level `depth` of their paths as Arrow fields; those of one name are
/// one struct.
arrow::FieldVector FieldsAt(const std::vector<const GrokField*>& fields, std::size_t depth) {
  arrow::FieldVector out;
  std::vector<std::string> names;
  for (const GrokField* field : fields) {
    const std::string& name = field->path[depth];
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
    if (field->path.size() == depth + 1) {
      out.push_back(arrow::field(name, TypeOf(*field)));
      continue;
    }
    std::vector<const GrokField*> inside;
    for (const GrokField* other : fields) {
      if (other->path.size() > depth && other->path[depth] == name) inside.push_back(other);
    }
    out.push_back(arrow::field(name, arrow::struct_(FieldsAt(inside, depth + 1))));
  }
  return out;
}

bool SameWithoutCase(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const std::string& x, const std::string& y) {
                      return std::equal(x.begin(), x.end(), y.begin(), y.end(), same);
                    });
}

Result<const GrokField*> FindField(const std::vector<std::string>& path, const std::string& name,
                                   const std::vector<GrokField>& fields) {
  for (const GrokField& field : fields) {
    if (field.path == path) return &field;
  }
  const GrokField* found = nullptr;
  std::vector<std::string> known;
  for (const GrokField& field : fields) {
    known.push_back(field.name);
    if (!SameWithoutCase(field.path, path)) continue;
    if (found != nullptr) {
      return UserError("grok.schema", "column '" + name + "' may be the field '" + found->name +
                                          "' or '" + field.name + "' of grokPattern");
    }
    found = &field;
  }
  if (found != nullptr) return found;
  std::string message = "grokPattern captures no field for the column '" + name + "'";
  if (auto near = NearestName(name, known)) message += "; did you mean '" + *near + "'?";
  message += message.ends_with('?') ? " It captures" : "; it captures";
  if (known.empty()) message += " none";
  for (std::size_t i = 0; i < known.size() && i < 20; ++i)
    message += (i == 0 ? " " : ", ") + known[i];
  if (known.size() > 20) message += ", ...";
  return UserError("grok.schema", message);
}

}  // namespace

Result<SchemaPtr> SchemaOfGrok(const std::vector<GrokField>& fields) {
  if (fields.empty()) {
    return UserError("grok.fields",
                     "grokPattern captures no field, so there would be no column; name what you "
                     "want, as in %{IP:client} or %{NUMBER:bytes:long}");
  }
  std::vector<const GrokField*> all;
  for (const GrokField& field : fields) all.push_back(&field);
  return arrow::schema(FieldsAt(all, 0));
}

Result<GrokColumns::Column> GrokColumns::Bind(ColumnBuilder* builder,
                                              const std::vector<std::string>& path,
                                              const std::vector<GrokField>& fields,
                                              const std::vector<int>& slots) {
  Column column;
  column.builder = builder;
  if (builder->kind() == ColumnKind::kStruct) {
    for (std::size_t i = 0; i < builder->num_children(); ++i) {
      std::vector<std::string> inner = path;
      inner.push_back(builder->type()->field(static_cast<int>(i))->name());
      TRY(Column child, Bind(builder->child(i), inner, fields, slots));
      column.children.push_back(std::move(child));
    }
    return column;
  }
  TRY(column.text, TextColumn::Make(builder, std::nullopt));
  TRY(const GrokField* field, FindField(path, builder->path(), fields));
  column.slot = slots[static_cast<std::size_t>(field->groups[0])];
  for (std::size_t i = 1; i < field->groups.size(); ++i) {
    column.more_slots.push_back(slots[static_cast<std::size_t>(field->groups[i])]);
  }
  return column;
}

Result<std::unique_ptr<GrokColumns>> GrokColumns::Make(ColumnBuilder* rows,
                                                       const std::vector<GrokField>& fields,
                                                       const std::vector<int>& slots) {
  std::unique_ptr<GrokColumns> columns(new GrokColumns(rows));
  for (std::size_t i = 0; i < rows->num_children(); ++i) {
    TRY(Column column,
        Bind(rows->child(i), {rows->type()->field(static_cast<int>(i))->name()}, fields, slots));
    columns->columns_.push_back(std::move(column));
  }
  return columns;
}

/// The first group of the column's field that took part.
inline bool GrokColumns::Captured(const Column& column, const std::size_t* offsets,
                                  std::size_t* begin, std::size_t* end) {
  *begin = offsets[2 * column.slot];
  *end = offsets[2 * column.slot + 1];
  if (__builtin_expect(*begin != GrokRegex::kUnset, 1)) return true;
  for (int slot : column.more_slots) {
    *begin = offsets[2 * slot];
    *end = offsets[2 * slot + 1];
    if (*begin != GrokRegex::kUnset) return true;
  }
  return false;
}

bool GrokColumns::AnyCaptured(const Column& column, const std::size_t* offsets) {
  std::size_t begin;
  std::size_t end;
  if (column.text.has_value()) return Captured(column, offsets, &begin, &end);
  return std::any_of(column.children.begin(), column.children.end(),
                     [&](const Column& child) { return AnyCaptured(child, offsets); });
}

/// Cold: what to say of a capture that does not fit.
__attribute__((noinline)) TextFit GrokColumns::Refuse(const Column& column, TextFit fit,
                                                      std::string_view text, std::size_t at) {
  if (fit == TextFit::kNoMemory) return fit;
  misfit_->code = TextColumn::CodeOf(fit);
  misfit_->field = column.builder->path();
  misfit_->byte = at;
  misfit_->reason = column.text->ReasonFor(fit, text);
  return fit;
}

GrokColumns::Outcome GrokColumns::Append(std::string_view line, const std::size_t* offsets,
                                         Misfit* misfit) {
  line_ = line;
  offsets_ = offsets;
  misfit_ = misfit;
  const std::int32_t row = rows_->length();
  for (Column& column : columns_) {
    const TextFit fit = AppendColumn(column);
    if (__builtin_expect(fit == TextFit::kOk, 1)) continue;
    rows_->Truncate(row);
    return fit == TextFit::kNoMemory ? Outcome::kNoMemory : Outcome::kMisfit;
  }
  rows_->CloseStruct();
  return Outcome::kRow;
}

/// A struct, which is null if nothing of it was captured.
TextFit GrokColumns::AppendGroup(Column& column) {
  if (column.builder->nullable() && !AnyCaptured(column, offsets_)) {
    return column.builder->AppendNull() ? TextFit::kOk : TextFit::kNoMemory;
  }
  for (Column& child : column.children) {
    const TextFit fit = AppendColumn(child);
    if (fit != TextFit::kOk) return fit;
  }
  column.builder->CloseStruct();
  return TextFit::kOk;
}

inline TextFit GrokColumns::AppendColumn(Column& column) {
  if (__builtin_expect(!column.text.has_value(), 0)) return AppendGroup(column);
  TextColumn& to = *column.text;
  const char* const line_end = line_.data() + line_.size();
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view text(line_.data(), 0);
  TextFit fit;
  const bool captured = Captured(column, offsets_, &begin, &end);
  // \K in a look-ahead could let a group end before it begins.
  if (__builtin_expect(captured && begin < end, 1)) {
    text = {line_.data() + begin, end - begin};
    fit = to.Append(text, line_end);
  } else if (captured && to.holds_text()) {
    fit = to.Append(text, line_end);
  } else {
    // Nothing is no number, date or truth value.
    fit = to.AppendNull();
  }
  if (__builtin_expect(fit == TextFit::kOk, 1)) return fit;
  return Refuse(column, fit, text, captured ? begin : 0);
}

}  // namespace sluice
