#include "decode/avro/avro_program.h"

#include <arrow/type.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "decode/convert.h"
#include "record/schema.h"

namespace sluice {
namespace {

constexpr std::size_t kMaxInstructions = 100'000;
constexpr std::int64_t kManyBytes = 1 << 20;

bool IsTimestamp(AvroLogical logical) {
  return logical == AvroLogical::kTimestampMillis || logical == AvroLogical::kTimestampMicros ||
         logical == AvroLogical::kTimestampNanos;
}

bool IsLocalTimestamp(AvroLogical logical) {
  return logical == AvroLogical::kLocalTimestampMillis ||
         logical == AvroLogical::kLocalTimestampMicros ||
         logical == AvroLogical::kLocalTimestampNanos;
}

EpochUnit UnitOf(AvroLogical logical) {
  switch (logical) {
    case AvroLogical::kTimestampMillis:
    case AvroLogical::kLocalTimestampMillis:
      return EpochUnit::kMillis;
    case AvroLogical::kTimestampNanos:
    case AvroLogical::kLocalTimestampNanos:
      return EpochUnit::kNanos;
    default:
      return EpochUnit::kMicros;
  }
}

const char* LogicalName(AvroLogical logical) {
  static constexpr const char* kNames[] = {"",
                                           "decimal",
                                           "uuid",
                                           "date",
                                           "time-millis",
                                           "time-micros",
                                           "timestamp-millis",
                                           "timestamp-micros",
                                           "timestamp-nanos",
                                           "local-timestamp-millis",
                                           "local-timestamp-micros",
                                           "local-timestamp-nanos",
                                           "duration"};
  return kNames[static_cast<int>(logical)];
}

std::string Describe(const AvroNode& node) {
  std::string out = DescribeAvroType(node);
  if (node.logical == AvroLogical::kNone) return out;
  out += std::string(" (") + LogicalName(node.logical);
  if (node.logical == AvroLogical::kDecimal) {
    out += " " + std::to_string(node.precision) + "," + std::to_string(node.scale);
  }
  return out + ")";
}

/// The fewest bytes a datum can have. A type that contains itself counts as nothing there, which
/// keeps it a lower bound.
class LeastBytes {
 public:
  std::int64_t Of(const AvroNode& node) {
    switch (node.type) {
      case AvroType::kNull:
        return 0;
      case AvroType::kFloat:
        return 4;
      case AvroType::kDouble:
        return 8;
      case AvroType::kFixed:
        return node.size;
      case AvroType::kRecord: {
        const auto [known, fresh] = records_.emplace(&node, 0);
        if (!fresh) return known->second;
        std::int64_t sum = 0;
        for (const AvroField& field : node.fields) sum += Of(*field.type);
        return records_[&node] = std::min(sum, kManyBytes);
      }
      case AvroType::kUnion: {
        std::int64_t least = kManyBytes;
        for (const AvroNode* branch : node.branches) least = std::min(least, Of(*branch));
        return least + 1;
      }
      default:
        return 1;
    }
  }

 private:
  std::unordered_map<const AvroNode*, std::int64_t> records_;
};

std::uint32_t CountColumns(const ColumnBuilder& column) {
  std::uint32_t count = 1;
  if (column.kind() != ColumnKind::kStruct) return count;
  for (std::size_t i = 0; i < column.num_children(); ++i) count += CountColumns(*column.child(i));
  return count;
}

bool SameName(const AvroNode& writer, const AvroNode& reader, bool qualified) {
  const auto same = [&](const std::string& name) {
    return qualified ? name == writer.name : AvroShortName(name) == AvroShortName(writer.name);
  };
  return same(reader.name) || std::any_of(reader.aliases.begin(), reader.aliases.end(), same);
}

/// Whether the reader's type takes the writer's by the specification's table of promotions.
bool Promotes(AvroType writer, AvroType reader) {
  switch (writer) {
    case AvroType::kInt:
      return reader == AvroType::kLong || reader == AvroType::kFloat || reader == AvroType::kDouble;
    case AvroType::kLong:
      return reader == AvroType::kFloat || reader == AvroType::kDouble;
    case AvroType::kFloat:
      return reader == AvroType::kDouble;
    case AvroType::kString:
      return reader == AvroType::kBytes;
    case AvroType::kBytes:
      return reader == AvroType::kString;
    default:
      return false;
  }
}

}  // namespace

class AvroCompiler {
 public:
  AvroCompiler(AvroProgram* program, bool declared) : program_(*program), declared_(declared) {}

  Result<void> Compile(const AvroNode& writer, const AvroProgram::Target& target) {
    const AvroNode* reader = target.reader;
    program_.root_ = AvroRootOf(writer);
    const AvroRoot wanted = AvroRootOf(*reader);
    if (declared_ && program_.root_ == AvroRoot::kValue) {
      // DDL always makes a record; here its only column is the value.
      if (reader->fields.size() != 1) {
        return UserError("avro.resolution",
                         "the data is no record but " + Describe(writer) +
                             ", so the schema must be one column, for example: value " + "string");
      }
      return Only(writer, *reader->fields[0].type, target.rows);
    }
    if (!declared_ && (program_.root_ == AvroRoot::kValue) != (wanted == AvroRoot::kValue)) {
      return Mismatch(writer, *reader, "the root");
    }
    if (program_.root_ == AvroRoot::kValue) return Only(writer, *reader, target.rows);
    const AvroNode& row = program_.root_ == AvroRoot::kRecords ? writer.item() : writer;
    if (wanted == AvroRoot::kRecords) reader = &reader->item();
    program_.least_row_bytes_ = least_.Of(row);
    return Record(row, *reader, target.rows);
  }

 private:
  using Op = AvroOp;

  /// The root is the only column.
  Result<void> Only(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* rows) {
    program_.least_row_bytes_ = least_.Of(writer);
    TRY(Value(writer, reader, rows->child(0)));
    return Emit({.op = Op::kCloseStruct, .column = rows});
  }

  Result<void> Emit(const AvroInstruction& instruction) {
    // Those that are taken back count, too: what bounds the work is not what is left of it.
    if (++emitted_ > kMaxInstructions) {
      return UserError("avro.resolution",
                       "the Avro schema is too intricate: reading it would take "
                       "more than " +
                           std::to_string(kMaxInstructions) + " steps");
    }
    program_.code_.push_back(instruction);
    return {};
  }

  std::uint32_t Here() const { return static_cast<std::uint32_t>(program_.code_.size()); }

  static Error Mismatch(const AvroNode& writer, const AvroNode& reader, const std::string& where) {
    return UserError("avro.resolution", where + " is written as " + Describe(writer) +
                                            ", which cannot be read as " + Describe(reader));
  }

  Error Mismatch(const AvroNode& writer, const AvroNode& reader,
                 const ColumnBuilder& column) const {
    const std::string where = "column '" + column.path() + "'";
    if (!declared_) return Mismatch(writer, reader, where);
    return UserError("avro.resolution", where + " is written as " + Describe(writer) +
                                            ", which does not fit " +
                                            FormatDdlType(*column.type()));
  }

  Result<void> Value(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    if (writer.is(AvroType::kUnion)) return FromUnion(writer, reader, column);
    if (reader.is(AvroType::kUnion)) return ToUnion(writer, reader, column);
    return Single(writer, reader, column);
  }

  Result<void> FromUnion(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    const AvroNode* only = AvroNullable(writer);
    if (only != nullptr && writer.branches.size() == 2) {
      const std::uint32_t at = Here();
      TRY(Emit({.op = Op::kNullable,
                .flag = AvroHasNull(reader),
                .b = writer.branches[0]->is(AvroType::kNull) ? 0 : 1,
                .column = column,
                .cost = CountColumns(*column) - 1}));
      TRY(Value(*only, reader, column));
      program_.code_[at].a = Here();
      return {};
    }
    const bool members = IsMemberStruct(writer, reader);
    const std::uint32_t at = Here();
    TRY(Emit({.op = Op::kUnion, .b = static_cast<std::int64_t>(program_.unions_.size())}));
    program_.unions_.emplace_back();
    std::vector<AvroProgram::Branch> branches;
    Result<void> first_error;
    bool fits = false;
    std::size_t member = 0;
    for (const AvroNode* branch : writer.branches) {
      AvroProgram::Branch place{Here(), 0};
      Result<void> done;
      if (members && !branch->is(AvroType::kNull)) {
        const AvroNode& record = AvroNullable(reader) ? *AvroNullable(reader) : reader;
        done = Member(*branch, *record.fields[member].type, column, member);
        ++member;
      } else {
        done = Value(*branch, reader, column);
      }
      if (done.ok()) {
        fits = fits || !branch->is(AvroType::kNull);
      } else {
        if (emitted_ > kMaxInstructions) return done;
        if (first_error.ok()) first_error = std::move(done);
        program_.code_.resize(place.begin);
        TRY(Emit({.op = Op::kMismatch, .column = column, .node = branch}));
      }
      place.end = Here();
      branches.push_back(place);
    }
    if (!fits && !first_error.ok()) return first_error;
    program_.unions_[static_cast<std::size_t>(program_.code_[at].b)] = std::move(branches);
    program_.code_[at].a = Here();
    return {};
  }

  /// Whether declared columns spell out the struct that stands for this union.
  bool IsMemberStruct(const AvroNode& writer, const AvroNode& reader) const {
    const AvroNode& record = AvroNullable(reader) ? *AvroNullable(reader) : reader;
    if (!declared_ || !record.is(AvroType::kRecord)) return false;
    const auto count = static_cast<std::size_t>(
        std::count_if(writer.branches.begin(), writer.branches.end(),
                      [](auto* one) { return !one->is(AvroType::kNull); }));
    if (count < 2 || record.fields.size() != count) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (record.fields[i].name != "member" + std::to_string(i)) return false;
    }
    return true;
  }

  /// A value that is no union, for a reader's union.
  Result<void> ToUnion(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    if (writer.is(AvroType::kNull)) {
      if (!AvroHasNull(reader)) return Mismatch(writer, reader, *column);
      return Null(column);
    }
    if (const AvroNode* only = AvroNullable(reader)) return Single(writer, *only, column);
    // The best branch: of the same name, of the same name but for the namespace, or one that the
    // writer's type can be promoted to.
    std::size_t best = reader.branches.size();
    int best_rank = 0;
    for (std::size_t i = 0; i < reader.branches.size(); ++i) {
      const AvroNode& branch = *reader.branches[i];
      int rank = 0;
      if (branch.type == writer.type) {
        rank = !branch.has_name() || SameName(writer, branch, true) ? 3
               : SameName(writer, branch, false)                    ? 2
                                                                    : 0;
      } else if (Promotes(writer.type, branch.type)) {
        rank = 1;
      }
      if (rank > best_rank) {
        best = i;
        best_rank = rank;
      }
    }
    if (best_rank == 0) return Mismatch(writer, reader, *column);
    const auto member = std::count_if(reader.branches.begin(),
                                      reader.branches.begin() + static_cast<std::ptrdiff_t>(best),
                                      [](auto* one) { return !one->is(AvroType::kNull); });
    return Member(writer, *reader.branches[best], column, static_cast<std::size_t>(member));
  }

  /// One member of a struct gets the value, the others null.
  Result<void> Member(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column,
                      std::size_t member) {
    for (std::size_t i = 0; i < column->num_children(); ++i) {
      if (i == member) {
        TRY(Value(writer, reader, column->child(i)));
      } else {
        TRY(Null(column->child(i)));
      }
    }
    return Emit({.op = Op::kCloseStruct, .column = column});
  }

  Result<void> Null(ColumnBuilder* column) {
    return Emit({.op = Op::kNull, .column = column, .cost = CountColumns(*column)});
  }

  Result<void> Single(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    if (!declared_ && reader.has_name() && !reader.is(AvroType::kRecord)) {
      // Avro turns nothing else into an enum or a fixed.
      if (writer.type != reader.type || !SameName(writer, reader, false) ||
          writer.size != reader.size) {
        return Mismatch(writer, reader, *column);
      }
    }
    switch (writer.type) {
      case AvroType::kNull:
        if (!reader.is(AvroType::kNull)) break;
        return Null(column);
      case AvroType::kRecord:
        if (!reader.is(AvroType::kRecord)) break;
        return Record(writer, reader, column);
      case AvroType::kArray:
        if (!reader.is(AvroType::kArray)) break;
        return Items(writer, reader, Op::kArray, column, column->child(0));
      case AvroType::kMap:
        if (!reader.is(AvroType::kMap)) break;
        return Items(writer, reader, Op::kMap, column, column->child(1));
      case AvroType::kEnum:
        if (reader.is(AvroType::kEnum)) return Enum(writer, &reader, column);
        if (!declared_ || column->kind() != ColumnKind::kString) break;
        return Enum(writer, nullptr, column);
      case AvroType::kBoolean:
        if (!reader.is(AvroType::kBoolean)) break;
        return Emit({.op = Op::kBoolean, .column = column});
      case AvroType::kInt:
      case AvroType::kLong:
      case AvroType::kFloat:
      case AvroType::kDouble:
        return Number(writer, reader, column);
      case AvroType::kString:
      case AvroType::kBytes:
      case AvroType::kFixed:
        return Bytes(writer, reader, column);
      case AvroType::kUnion:
        break;
    }
    return Mismatch(writer, reader, *column);
  }

  Result<void> Number(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    const bool is_int = writer.is(AvroType::kInt);
    const bool is_long = writer.is(AvroType::kLong);
    const bool whole = is_int || is_long;
    // What the writer did not say, an Avro reader's schema may; DDL cannot, for it has no units.
    const AvroLogical logical =
        writer.logical != AvroLogical::kNone || declared_ ? writer.logical : reader.logical;
    switch (column->kind()) {
      case ColumnKind::kInt8:
        if (!is_int) break;
        return Emit({.op = Op::kInt8, .column = column});
      case ColumnKind::kInt16:
        if (!is_int) break;
        return Emit({.op = Op::kInt16, .column = column});
      case ColumnKind::kInt32:
        if (!is_int) break;
        return Emit({.op = Op::kInt32, .column = column});
      case ColumnKind::kInt64:
        if (!whole) break;
        return Emit({.op = is_int ? Op::kIntToInt64 : Op::kInt64, .column = column});
      case ColumnKind::kFloat:
        if (writer.is(AvroType::kDouble)) break;
        return Emit({.op = is_int    ? Op::kIntToFloat
                           : is_long ? Op::kLongToFloat
                                     : Op::kFloat,
                     .column = column});
      case ColumnKind::kDouble:
        return Emit({.op = is_int                        ? Op::kIntToDouble
                           : is_long                     ? Op::kLongToDouble
                           : writer.is(AvroType::kFloat) ? Op::kFloatToDouble
                                                         : Op::kDouble,
                     .column = column});
      case ColumnKind::kDate:
        if (!is_int || logical != AvroLogical::kDate) break;
        return Emit({.op = Op::kDate, .column = column});
      case ColumnKind::kTimestamp:
        if (!whole || !IsTimestamp(logical)) break;
        return Timestamp(logical, column);
      case ColumnKind::kTimestampNtz:
        if (!whole || !IsLocalTimestamp(logical)) break;
        return Timestamp(logical, column);
      default:
        break;
    }
    return Mismatch(writer, reader, *column);
  }

  Result<void> Timestamp(AvroLogical logical, ColumnBuilder* column) {
    return Emit(
        {.op = Op::kTimestamp, .a = static_cast<std::uint32_t>(UnitOf(logical)), .column = column});
  }

  Result<void> Bytes(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    const bool fixed = writer.is(AvroType::kFixed);
    const AvroLogical logical =
        writer.logical != AvroLogical::kNone || declared_ ? writer.logical : reader.logical;
    switch (column->kind()) {
      case ColumnKind::kString:
        // A uuid in 16 bytes is text; an enum's or null's column wants something else.
        if (!reader.is(AvroType::kString) && !reader.is(AvroType::kFixed)) break;
        if (fixed && logical == AvroLogical::kUuid) {
          return Emit({.op = Op::kUuid, .column = column});
        }
        if (fixed) break;
        return Emit({.op = Op::kString, .column = column});
      case ColumnKind::kBinary:
        if (fixed && !declared_ && !reader.is(AvroType::kFixed)) break;
        if (fixed) return Emit({.op = Op::kFixed, .b = writer.size, .column = column});
        return Emit({.op = Op::kBinary, .column = column});
      case ColumnKind::kDecimal:
        if (writer.is(AvroType::kString) || logical != AvroLogical::kDecimal) break;
        return Decimal(writer, reader, column);
      case ColumnKind::kStruct:
        if (!fixed || logical != AvroLogical::kDuration || !IsDuration(*column)) break;
        return Emit({.op = Op::kDuration, .column = column});
      default:
        break;
    }
    return Mismatch(writer, reader, *column);
  }

  static bool IsDuration(const ColumnBuilder& column) {
    static constexpr const char* kNames[] = {"months", "days", "milliseconds"};
    if (column.num_children() != 3) return false;
    for (std::size_t i = 0; i < 3; ++i) {
      if (column.child(i)->kind() != ColumnKind::kInt64) return false;
      if (column.type()->field(static_cast<int>(i))->name() != kNames[i]) return false;
    }
    return true;
  }

  Result<void> Decimal(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    const auto& type = static_cast<const arrow::DecimalType&>(*column->type());
    const int scale = writer.logical == AvroLogical::kDecimal ? writer.scale : reader.scale;
    if (scale > type.scale()) return Mismatch(writer, reader, *column);
    return Emit({.op = Op::kDecimal,
                 .a = writer.is(AvroType::kFixed) ? static_cast<std::uint32_t>(writer.size)
                                                  : AvroProgram::kAnySize,
                 .b = type.scale() - scale,
                 .column = column});
  }

  Result<void> Enum(const AvroNode& writer, const AvroNode* reader, ColumnBuilder* column) {
    std::vector<AvroProgram::Symbol> table;
    for (const std::string& symbol : writer.symbols) {
      if (reader == nullptr || std::find(reader->symbols.begin(), reader->symbols.end(), symbol) !=
                                   reader->symbols.end()) {
        table.push_back({symbol, true});
      } else if (reader->default_symbol >= 0) {
        table.push_back({reader->symbols[static_cast<std::size_t>(reader->default_symbol)], true});
      } else {
        table.push_back({symbol, false});
      }
    }
    const auto index = static_cast<std::uint32_t>(program_.enums_.size());
    program_.enums_.push_back(std::move(table));
    return Emit({.op = Op::kEnum, .a = index, .column = column});
  }

  Result<void> Items(const AvroNode& writer, const AvroNode& reader, Op op, ColumnBuilder* column,
                     ColumnBuilder* item) {
    const std::uint32_t at = Here();
    TRY(Emit({.op = op, .b = least_.Of(writer.item()), .column = column, .node = &writer.item()}));
    TRY(Value(writer.item(), reader.item(), item));
    program_.code_[at].a = Here();
    return {};
  }

  Result<void> Record(const AvroNode& writer, const AvroNode& reader, ColumnBuilder* column) {
    std::unordered_map<std::string_view, std::size_t> written;
    for (std::size_t i = 0; i < writer.fields.size(); ++i) written[writer.fields[i].name] = i;
    constexpr std::size_t kNobody = SIZE_MAX;
    std::vector<std::size_t> wanted(writer.fields.size(), kNobody);
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < reader.fields.size(); ++i) {
      const AvroField& field = reader.fields[i];
      auto found = written.find(field.name);
      for (const std::string& alias : field.aliases) {
        if (found != written.end()) break;
        found = written.find(alias);
        if (found != written.end() && wanted[found->second] != kNobody) found = written.end();
      }
      if (found == written.end()) {
        missing.push_back(i);
      } else {
        wanted[found->second] = i;
      }
    }
    for (std::size_t i = 0; i < writer.fields.size(); ++i) {
      const AvroNode& type = *writer.fields[i].type;
      if (wanted[i] == kNobody) {
        TRY(Skip(type));
      } else {
        TRY(Value(type, *reader.fields[wanted[i]].type, column->child(wanted[i])));
      }
    }
    for (const std::size_t i : missing) TRY(Default(reader.fields[i], column->child(i), writer));
    return Emit({.op = Op::kCloseStruct, .column = column});
  }

  Result<void> Default(const AvroField& field, ColumnBuilder* column, const AvroNode& writer) {
    if (!field.has_default) {
      return UserError("avro.resolution", "column '" + column->path() + "' is not in the data (" +
                                              DescribeAvroType(writer) + " has no field '" +
                                              field.name + "'), and " +
                                              (declared_ ? "it is NOT NULL" : "it has no default"));
    }
    const AvroNode& type = *field.type;
    if (type.is(AvroType::kNull)) return Null(column);
    if (type.is(AvroType::kUnion)) {
      // Whatever the branches, the index of one of the first 64 is a byte.
      const auto index = static_cast<unsigned char>(field.default_value[0]);
      if (index < 0x80 && index / 2 < type.branches.size() &&
          type.branches[index / 2]->is(AvroType::kNull)) {
        return Null(column);
      }
    }
    const std::uint32_t at = Here();
    TRY(Emit({.op = Op::kDefault,
              .b = static_cast<std::int64_t>(program_.defaults_.size()),
              .column = column,
              .cost = CountColumns(*column)}));
    program_.defaults_.push_back(field.default_value);
    TRY(Value(type, type, column));
    program_.code_[at].a = Here();
    return {};
  }

  Result<void> Skip(const AvroNode& node) {
    switch (node.type) {
      case AvroType::kNull:
        return {};
      case AvroType::kBoolean:
        return SkipFixed(1);
      case AvroType::kFloat:
        return SkipFixed(4);
      case AvroType::kDouble:
        return SkipFixed(8);
      case AvroType::kFixed:
        return SkipFixed(node.size);
      case AvroType::kInt:
      case AvroType::kLong:
      case AvroType::kEnum:
        return Emit({.op = Op::kSkipVarint});
      case AvroType::kBytes:
      case AvroType::kString:
        return Emit({.op = Op::kSkipBytes});
      default:
        return Emit({.op = Op::kSkip, .node = &node});
    }
  }

  Result<void> SkipFixed(std::int64_t size) { return Emit({.op = Op::kSkipFixed, .b = size}); }

  AvroProgram& program_;
  bool declared_;
  std::size_t emitted_ = 0;
  LeastBytes least_;
};

Result<std::unique_ptr<AvroProgram>> AvroProgram::Make(std::shared_ptr<const AvroSchema> writer,
                                                       const Target& target) {
  auto program = std::make_unique<AvroProgram>();
  TRY(AvroCompiler(program.get(), target.declared).Compile(writer->root(), target));
  program->writer_ = std::move(writer);
  return program;
}

}  // namespace sluice
