#include "transform/mapping/mapping_transform.h"

#include <arrow/array/array_nested.h>
#include <arrow/compute/api_vector.h>
#include <arrow/type.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/options.h"
#include "record/arrow_error.h"
#include "transform/mapping/convert.h"
#include "transform/mapping/relax.h"
#include "transform/mapping/row_step.h"

namespace sluice {
namespace {

/// One value of the result: where it comes from and what it becomes.
struct Leaf {
  std::vector<int> path;  ///< Column, then fields of structs; empty: not known yet, so null.
  std::string name;       ///< The source as written, for failures.
  std::shared_ptr<arrow::DataType> from;
  std::shared_ptr<arrow::DataType> to;
};

/// The result's columns as a tree; an inner node is a struct.
struct Node {
  std::string name;
  int leaf = -1;
  std::vector<Node> children;
};

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// The field called `name`: exactly, else the only one without case; -1: there is none.
Result<int> FindField(const arrow::FieldVector& fields, const std::string& name,
                      const std::string& where) {
  int found = -1;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i]->name() == name) return static_cast<int>(i);
    if (Lower(fields[i]->name()) != Lower(name)) continue;
    if (found >= 0) {
      return UserError("mapping.source",
                       where + " has both " + fields[static_cast<std::size_t>(found)]->name() +
                           " and " + fields[i]->name() + "; write the one meant exactly");
    }
    found = static_cast<int>(i);
  }
  return found;
}

Error NoField(const arrow::FieldVector& fields, const std::string& name, const std::string& where) {
  std::vector<std::string> names;
  for (const auto& field : fields) names.push_back(field->name());
  std::string message = where + " has no column \"" + name + "\"";
  if (const auto near = NearestName(name, names)) message += "; did you mean \"" + *near + "\"?";
  return UserError("mapping.source", message);
}

Result<std::shared_ptr<arrow::DataType>> NamedType(const std::string& text,
                                                   const std::shared_ptr<arrow::DataType>& own) {
  const std::string lower = Lower(text);
  if (lower == "struct" && own->id() == arrow::Type::STRUCT) return own;
  if (lower == "array" && own->id() == arrow::Type::LIST) return own;
  if (lower == "map" && own->id() == arrow::Type::MAP) return own;
  TRY(auto type, ParseDdlType(text));
  return RelaxType(type);
}

/// Builds leaves and tree from the entries.
class Plan {
 public:
  Result<void> Add(const std::vector<std::string>& entry, const InputSchema& input) {
    if (entry.size() < 2 || entry.size() > 4) {
      return UserError(
          "mapping.entry",
          "an entry is [source, source type, target, target type], [source, target, target "
          "type] or [source, target], not " +
              std::to_string(entry.size()) + " values");
    }
    const std::string& target = entry.size() == 4 ? entry[2] : entry[1];
    Leaf leaf;
    leaf.name = entry[0];
    TRY(Resolve(entry[0], input, &leaf));
    if (leaf.path.empty()) return AddUnseen(entry, std::move(leaf));
    leaf.to = leaf.from;
    if (entry.size() == 4) {
      TRY(const auto declared, NamedType(entry[1], leaf.from));
      if (!declared->Equals(*leaf.from)) {
        return UserError("mapping.source", entry[0] + " is " + FormatDdlType(*leaf.from) +
                                               ", not " + entry[1] + "; correct the source type");
      }
    }
    if (entry.size() > 2) {
      TRY(leaf.to, NamedType(entry.back(), leaf.from));
    }
    if (!leaf.to->Equals(*leaf.from) && !CanConvert(*leaf.from, *leaf.to)) {
      return UserError("mapping.cast", entry[0] + " cannot be cast from " +
                                           FormatDdlType(*leaf.from) + " to " +
                                           FormatDdlType(*leaf.to) + "; do it in SQL");
    }
    TRY(const auto path, ParseMappingPath(target));
    TRY(Place(path, static_cast<int>(leaves.size()), target));
    leaves.push_back(std::move(leaf));
    return {};
  }

  /// A source that no record has shown: a null of the target's type, or no column where none says
  /// which.
  Result<void> AddUnseen(const std::vector<std::string>& entry, Leaf leaf) {
    unseen.push_back(entry[0]);
    if (entry.size() < 3) return {};
    TRY(leaf.to, NamedType(entry.back(), arrow::utf8()));
    leaf.from = leaf.to;
    const std::string& target = entry.size() == 4 ? entry[2] : entry[1];
    TRY(const auto path, ParseMappingPath(target));
    TRY(Place(path, static_cast<int>(leaves.size()), target));
    leaves.push_back(std::move(leaf));
    return {};
  }

  SchemaPtr Schema() const {
    return arrow::schema(static_cast<const arrow::StructType&>(*Type(root)).fields());
  }

  std::shared_ptr<arrow::DataType> Type(const Node& node) const {
    if (node.leaf >= 0) return leaves[static_cast<std::size_t>(node.leaf)].to;
    arrow::FieldVector fields;
    for (const Node& child : node.children) fields.push_back(arrow::field(child.name, Type(child)));
    return arrow::struct_(fields);
  }

  std::vector<Leaf> leaves;
  Node root;
  std::vector<std::string> unseen;  ///< Sources that the input does not have yet.

 private:
  static Result<void> Resolve(const std::string& source, const InputSchema& input, Leaf* leaf) {
    TRY(const auto path, ParseMappingPath(source));
    arrow::FieldVector fields = input.schema->fields();
    std::string where = "input " + input.name;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (i > 0 && leaf->from->id() != arrow::Type::STRUCT) {
        return UserError("mapping.source", path[i - 1] + " in " + source + " is " +
                                               FormatDdlType(*leaf->from) +
                                               ", which has no fields");
      }
      TRY(const int index, FindField(fields, path[i], where));
      if (index < 0 && input.open) {
        leaf->path.clear();
        return {};
      }
      if (index < 0) return NoField(fields, path[i], where);
      leaf->path.push_back(index);
      leaf->from = RelaxType(fields[static_cast<std::size_t>(index)]->type());
      where = "the struct " + path[i];
      fields = leaf->from->fields();
    }
    return {};
  }

  Result<void> Place(const std::vector<std::string>& path, int leaf, const std::string& target) {
    Node* node = &root;
    for (std::size_t i = 0; i < path.size(); ++i) {
      const auto found =
          std::find_if(node->children.begin(), node->children.end(),
                       [&](const Node& child) { return Lower(child.name) == Lower(path[i]); });
      const bool last = i + 1 == path.size();
      if (found != node->children.end()) {
        if (found->name != path[i]) {
          return UserError("mapping.target",
                           "the target " + target + " differs from " + found->name +
                               " only in case: SQL and most readers take them for one; give it "
                               "another name");
        }
        if (last || found->leaf >= 0) {
          return UserError("mapping.target", "the target " + target + " is there already");
        }
        node = &*found;
        continue;
      }
      node->children.push_back({path[i], last ? leaf : -1, {}});
      node = &node->children.back();
    }
    return {};
  }
};

class MappedRows : public RowTransform {
 public:
  MappedRows(SchemaPtr input, SchemaPtr output, std::shared_ptr<const Plan> plan)
      : input_(std::move(input)), output_(std::move(output)), plan_(std::move(plan)) {}

  Result<RowOutput> Apply(const std::shared_ptr<arrow::RecordBatch>& rows, std::int64_t) override {
    if (rows->schema() != input_ && !rows->schema()->Equals(*input_, false)) {
      return BugError("a step got a batch of another schema: " + rows->schema()->ToString());
    }
    RowOutput output;
    arrow::ArrayVector values;
    for (const Leaf& leaf : plan_->leaves) {
      TRY(auto value, Extract(leaf, *rows));
      if (!leaf.to->Equals(*leaf.from)) {
        failed_.clear();
        TRY(value, Convert(*value, leaf.to, &failed_));
        for (const std::int64_t row : failed_) {
          output.failures.push_back(
              {row, "mapping.convert", leaf.name,
               "a " + FormatDdlType(*leaf.from) + " cannot be cast to " + FormatDdlType(*leaf.to)});
        }
      }
      values.push_back(std::move(value));
    }
    KeepFirstFailures(&output.failures);
    arrow::ArrayVector columns;
    for (const Node& node : plan_->root.children) {
      columns.push_back(Build(node, values, rows->num_rows()));
    }
    output.rows = arrow::RecordBatch::Make(output_, rows->num_rows(), std::move(columns));
    output.row_of_output.resize(static_cast<std::size_t>(rows->num_rows()));
    std::iota(output.row_of_output.begin(), output.row_of_output.end(), 0);
    if (!output.failures.empty()) TRY(DropFailures(&output));
    return output;
  }

 private:
  static Result<std::shared_ptr<arrow::Array>> Extract(const Leaf& leaf,
                                                       const arrow::RecordBatch& rows) {
    if (leaf.path.empty()) {
      TRY(auto nulls, arrow::MakeArrayOfNull(leaf.to, rows.num_rows()));
      return nulls;
    }
    std::shared_ptr<arrow::Array> array = rows.column(leaf.path[0]);
    for (std::size_t i = 1; i < leaf.path.size(); ++i) {
      // A field of a null struct is null.
      TRY(array, static_cast<const arrow::StructArray&>(*array).GetFlattenedField(leaf.path[i]));
    }
    return WithRelaxedType(array, leaf.from);
  }

  std::shared_ptr<arrow::Array> Build(const Node& node, const arrow::ArrayVector& values,
                                      std::int64_t rows) const {
    if (node.leaf >= 0) return values[static_cast<std::size_t>(node.leaf)];
    arrow::ArrayVector children;
    for (const Node& child : node.children) children.push_back(Build(child, values, rows));
    return std::make_shared<arrow::StructArray>(plan_->Type(node), rows, std::move(children));
  }

  /// One failure for a row, that of the first entry; ascending.
  static void KeepFirstFailures(std::vector<RowFailure>* failures) {
    std::stable_sort(failures->begin(), failures->end(),
                     [](const RowFailure& a, const RowFailure& b) { return a.row < b.row; });
    failures->erase(
        std::unique(failures->begin(), failures->end(),
                    [](const RowFailure& a, const RowFailure& b) { return a.row == b.row; }),
        failures->end());
  }

  static Result<void> DropFailures(RowOutput* output) {
    std::vector<std::int64_t> good;
    auto failure = output->failures.begin();
    for (const std::int64_t row : output->row_of_output) {
      if (failure != output->failures.end() && failure->row == row) {
        ++failure;
      } else {
        good.push_back(row);
      }
    }
    const arrow::Int64Array indices(static_cast<std::int64_t>(good.size()),
                                    arrow::Buffer::Wrap(good.data(), good.size()));
    arrow::ArrayVector columns;
    for (const auto& column : output->rows->columns()) {
      TRY(auto taken, arrow::compute::Take(*column, indices));
      columns.push_back(std::move(taken));
    }
    output->rows =
        arrow::RecordBatch::Make(output->rows->schema(), indices.length(), std::move(columns));
    output->row_of_output = std::move(good);
    return {};
  }

  SchemaPtr input_;
  SchemaPtr output_;
  std::shared_ptr<const Plan> plan_;
  std::vector<std::int64_t> failed_;
};

class MappingTransform : public RowStep {
 public:
  MappingTransform(InputSchema input, std::shared_ptr<const Plan> plan)
      : RowStep(std::move(input), plan->Schema()), plan_(std::move(plan)) {}

  std::string plan() const override { return "renames and casts, no SQL"; }
  std::vector<std::string> unseen() const override { return plan_->unseen; }
  Result<std::unique_ptr<RowTransform>> OpenRow() override {
    return std::unique_ptr<RowTransform>(
        std::make_unique<MappedRows>(input_schema(), output_schema(), plan_));
  }

 private:
  std::shared_ptr<const Plan> plan_;
};

}  // namespace

Result<std::vector<std::string>> ParseMappingPath(const std::string& path) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (const char c : path) {
    if (c == '`') {
      quoted = !quoted;
    } else if (c == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (quoted) return UserError("mapping.path", "a back-tick in " + path + " is not closed");
  for (const auto& part : parts) {
    if (part.empty())
      return UserError("mapping.path", "the path \"" + path + "\" has an empty part");
  }
  return parts;
}

Result<std::shared_ptr<Transform>> MakeMappingTransform(
    const std::vector<std::vector<std::string>>& mapping, const InputSchema& input) {
  if (mapping.empty())
    return UserError("mapping.entry", "the mapping is empty: no column would be left");
  auto plan = std::make_shared<Plan>();
  for (std::size_t i = 0; i < mapping.size(); ++i) {
    auto added = plan->Add(mapping[i], input);
    if (!added.ok()) return std::move(added).error().At("entry " + std::to_string(i + 1));
  }
  if (plan->leaves.empty()) {
    return UserError("mapping.unseen",
                     "no record has shown any of the columns yet that the mapping "
                     "names; give one a type: [source, target, type]");
  }
  return std::shared_ptr<Transform>(std::make_shared<MappingTransform>(input, std::move(plan)));
}

}  // namespace sluice
