/// The columns of a source that declares none, as far as its records have told.
///
/// Immutable; a change makes another. A column's type follows JoinTypes (observed_type.h) as long
/// as nothing was written with it. From then on it may only become what Spark, pyarrow and DuckDB
/// read together with the old files: new columns and struct fields; tinyint -> smallint -> int ->
/// bigint; up to int -> double; float -> double; date -> timestamp_ntz. docs/detection.md has the
/// measured table. With SchemaCaps::make_cols a column of the records that can change no more gets
/// one beside it for each other kind of value, by Glue's names: `price_double`, `price_string`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "record/observed_type.h"
#include "record/schema.h"

namespace sluice {

/// The column that holds what no other does; docs/detection.md has its form.
inline constexpr char kRescuedColumn[] = "_rescued";

struct SchemaCaps {
  std::size_t columns = 1'000;    ///< Of a schema, nested ones included.
  std::size_t new_columns = 100;  ///< In one change, nested ones included. The first may fill up.
  int depth = 32;                 ///< Of nesting.
  /// Columns whose type cannot change any more get others beside them for the values that do not
  /// fit: `typeConflict: make_cols`.
  bool make_cols = false;
  std::vector<std::string> reserved = {};  ///< Names that the source's own columns have.
  std::set<std::string> kept = {};         ///< Columns that stay as they are, or stay away.
};

/// Of a source with these columns beside its records'.
SchemaCaps CapsFor(const std::vector<std::shared_ptr<arrow::Field>>& extra, bool make_cols);

class KnownSchema {
 public:
  KnownSchema();

  /// What ToText wrote. User errors: it did not.
  static Result<KnownSchema> Parse(std::string_view text);
  std::string ToText() const;

  /// Counts its changes; 0: nothing is known.
  std::int64_t version() const { return version_; }
  /// Without `_rescued`.
  const SchemaPtr& schema() const { return schema_; }
  /// The part of it that epochs were decided with.
  const SchemaPtr& written() const { return written_; }
  bool pinned() const { return pinned_; }
  /// Made columns, and the column whose values each takes: `price_double`, of `price`.
  const std::map<std::string, std::string>& made() const { return made_; }
  /// `schema` without those: what records have keys for.
  SchemaPtr keyed() const;

  /// As it is once an epoch with it was decided: all its columns are written.
  KnownSchema Written() const;
  /// The same, and no observation changes it any more (`sluice schema pin`); or undone.
  KnownSchema Pinned(bool pinned) const;

  struct Change;
  /// Takes in what was seen and does not fit. Values that still do not are for `_rescued`.
  Change Merge(const ObservedType& unseen, const SchemaCaps& caps) const;

 private:
  std::int64_t version_ = 0;
  SchemaPtr schema_;
  SchemaPtr written_;  ///< The part of it that was written.
  bool pinned_ = false;
  std::map<std::string, std::string> made_;
};

struct KnownSchema::Change {
  KnownSchema schema;             ///< With the next version, if anything changed.
  std::vector<std::string> what;  ///< For people: "+ price double", "qty: int -> bigint".
  /// A column that is in use and not written became another type: rows that were made with the old
  /// schema must not be written beside those made with the new one.
  bool retypes = false;
  std::vector<std::string> refused;  ///< Places, and why: "`ID`: differs from `id` only in case".

  bool changed() const { return !what.empty(); }
};

/// Whether old files with `from` and new ones with `to` are read together by the three readers.
bool MayWiden(const arrow::DataType& from, const arrow::DataType& to);

/// A place in a record for people and for `_rescued`: `geo.lat`, `tags[3]`, `['a.b'].c`.
void AppendPathName(std::string_view name, std::string* path);

}  // namespace sluice
