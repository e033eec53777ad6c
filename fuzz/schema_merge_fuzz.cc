// JSON messages, divided in two, as what a job learns from: merging goes in any order, what is
// known comes back from its text, and a column that is written only widens as files can be read
// together.
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "decode/json/json_format.h"
#include "record/known_schema.h"

namespace {

using sluice::KnownSchema;
using sluice::ObservedType;

void Require(bool holds) {
  if (!holds) std::abort();
}

/// What one message shows beside `known`.
ObservedType Unseen(const KnownSchema& known, std::string_view message) {
  static const sluice::FormatEntry format = sluice::JsonFormat();
  static const auto options =
      sluice::ParseOptions(format.options, sluice::RawOptionsFromPairs({}), "fuzz");
  auto decoder = format.make_detecting(*options, known.schema(), sluice::DecodeLimits());
  Require(decoder.ok());
  auto rows = (*decoder)->Decode({{message.data(), message.size(), 0}});
  Require(rows.ok() && rows->rows->ValidateFull().ok());
  ObservedType unseen;
  if (rows->unseen != nullptr) unseen.Merge(*rows->unseen);
  return unseen;
}

std::shared_ptr<arrow::DataType> Merged(const ObservedType& a, const ObservedType& b) {
  ObservedType both;
  both.Merge(a);
  both.Merge(b);
  return sluice::ResolveType(both);
}

bool Same(const std::shared_ptr<arrow::DataType>& a, const std::shared_ptr<arrow::DataType>& b) {
  return a == nullptr || b == nullptr ? a == b : a->Equals(*b);
}

/// Whether all of `from` is in `to`, in the same type or one that it may widen to.
bool Grew(const arrow::DataType& from, const arrow::DataType& to) {
  const bool nested = from.id() == arrow::Type::STRUCT || from.num_fields() > 0;
  if (!nested || from.id() != to.id()) {
    return from.Equals(to) || sluice::MayWiden(from, to);
  }
  if (from.num_fields() > to.num_fields()) return false;
  for (int i = 0; i < from.num_fields(); ++i) {
    if (from.field(i)->name() != to.field(i)->name()) return false;
    if (!Grew(*from.field(i)->type(), *to.field(i)->type())) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t half = std::min<std::size_t>(data[0] * size / 256, size);
  const KnownSchema nothing;
  const ObservedType a = Unseen(nothing, text.substr(0, half));
  const ObservedType b = Unseen(nothing, text.substr(half));
  Require(Same(Merged(a, b), Merged(b, a)));
  Require(Same(Merged(a, a), sluice::ResolveType(a)));
  const KnownSchema first = nothing.Merge(a, {}).schema;
  auto read = KnownSchema::Parse(first.ToText());
  Require(read.ok() && read->ToText() == first.ToText() && read->schema()->Equals(*first.schema()));
  const KnownSchema written = first.Written();
  const KnownSchema second = written.Merge(Unseen(written, text.substr(half)), {}).schema;
  Require(Grew(*arrow::struct_(written.schema()->fields()),
               *arrow::struct_(second.schema()->fields())));
  return 0;
}
