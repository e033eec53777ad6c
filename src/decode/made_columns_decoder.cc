#include "decode/made_columns_decoder.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/table.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/json_text.h"
#include "decode/convert.h"
#include "decode/text_kind.h"
#include "record/arrow_error.h"
#include "record/made_columns.h"

namespace sluice {

struct MadeColumnsDecoder::MadeColumn {
  std::string path;  ///< Of the column whose values it takes, as `_rescued` has it.
  std::string key;   ///< Its name in JSON.
  const MadeKind* kind = nullptr;
  arrow::Type::type type = arrow::Type::NA;
  int index = 0;  ///< Its place in the schema.
};

/// A rescued value, as the record of one made column.
struct MadeColumnsDecoder::Try {
  std::int64_t row = 0;
  std::size_t value = 0;  ///< Index in the row's text.
  std::size_t column = 0;
  std::string message;
  std::int64_t found = -1;  ///< Row of the values' batch; -1: it does not fit.
};

namespace {

bool IsIntegral(std::string_view number) {
  return number.find_first_of(".eE") == std::string_view::npos;
}

bool IsHuge(std::string_view number) {
  std::int64_t value;
  return ParseInteger(number, &value) != Conversion::kOk;
}

bool HasKind(const MadeKind& made, SeenKind kind) {
  return std::find(made.kinds.begin(), made.kinds.end(), kind) != made.kinds.end();
}

/// The rows of `from` with null where `index` is -1.
Result<std::shared_ptr<arrow::Array>> TakeRows(const arrow::Array& from,
                                               const std::vector<std::int64_t>& index) {
  arrow::Int64Builder builder;
  TRY(builder.Reserve(static_cast<std::int64_t>(index.size())));
  for (const std::int64_t i : index) {
    if (i < 0) {
      builder.UnsafeAppendNull();
    } else {
      builder.UnsafeAppend(i);
    }
  }
  TRY(const auto indices, builder.Finish());
  TRY(auto out, arrow::compute::Take(from, *indices));
  return out;
}

}  // namespace

Result<std::unique_ptr<Decoder>> MadeColumnsDecoder::Make(std::unique_ptr<Decoder> base,
                                                          const FormatEntry& values,
                                                          const KnownSchema& known, bool texts,
                                                          const DecodeLimits& limits) {
  std::unique_ptr<MadeColumnsDecoder> out(new MadeColumnsDecoder);
  for (const MadeKind& kind : MadeKinds()) {
    for (const auto& [name, of] : known.made()) {
      if (FindMadeKind(name, of) != &kind) continue;
      MadeColumn made;
      std::string path;
      AppendPathName(of, &path);
      AppendJsonString(path, &made.path);
      AppendJsonString(name, &made.key);
      made.kind = &kind;
      made.index = known.schema()->GetFieldIndex(name);
      made.type = known.schema()->field(made.index)->type()->id();
      out->made_.push_back(std::move(made));
    }
  }
  for (std::size_t k = 0; k < out->made_.size(); ++k) {
    out->made_of_path_[out->made_[k].path].push_back(k);
  }
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const MadeColumn& made : out->made_) fields.push_back(known.schema()->field(made.index));
  TRY(const Options options, ParseOptions(values.options, {}, values.name));
  TRY(out->values_, values.make_detecting(options, arrow::schema(std::move(fields)), limits));
  TRY(out->schema_, WithRescued(known.schema()));
  out->base_ = std::move(base);
  out->texts_ = texts;
  return std::unique_ptr<Decoder>(std::move(out));
}

/// What stands for the value in a record that only this column has; "" if it cannot be of its kind.
std::string MadeColumnsDecoder::TokenFor(const MadeColumn& column, std::string_view value) const {
  const arrow::Type::type type = column.type;
  bool fits = false;
  switch (value.front()) {
    case '{':
      fits = type == arrow::Type::STRUCT || type == arrow::Type::MAP;
      break;
    case '[':
      fits = type == arrow::Type::LIST;
      break;
    case 't':
    case 'f':
      fits = type == arrow::Type::BOOL;
      break;
    case '"': {
      const std::string_view text = value.substr(1, value.size() - 2);
      if (!texts_) {
        fits = type == arrow::Type::DATE32 || type == arrow::Type::TIMESTAMP ||
               type == arrow::Type::STRING || type == arrow::Type::BINARY;
        break;
      }
      // The last to be asked is `_string`, which holds whatever a text says.
      if (type != arrow::Type::STRING && !HasKind(*column.kind, KindOfText(text))) return {};
      if (type == arrow::Type::BOOL || type == arrow::Type::INT64 || type == arrow::Type::DOUBLE) {
        return std::string(TrimBlanks(text));
      }
      fits = true;
      break;
    }
    default:
      if (type == arrow::Type::DECIMAL128) fits = true;
      if (type == arrow::Type::INT64) fits = IsIntegral(value);
      if (type == arrow::Type::DOUBLE) fits = !IsIntegral(value);
      if (type == arrow::Type::STRING) fits = IsIntegral(value) && IsHuge(value);
  }
  return fits ? std::string(value) : std::string();
}

std::vector<MadeColumnsDecoder::Try> MadeColumnsDecoder::FindTries(
    const arrow::StringArray& rescued) const {
  std::vector<Try> tries;
  // From the last value back: one whose key comes again behind it does not count.
  std::vector<bool> replaced;
  for (std::int64_t row = 0; row < rescued.length(); ++row) {
    if (rescued.IsNull(row)) continue;
    replaced.assign(made_.size(), false);
    const std::size_t first = tries.size();
    const std::vector<RescuedValue> values = SplitRescued(rescued.GetView(row));
    for (std::size_t i = values.size(); i-- > 0;) {
      const auto of = made_of_path_.find(values[i].path);
      if (of == made_of_path_.end()) continue;
      // The last made column first, since all of it is turned around below.
      for (auto at = of->second.rbegin(); at != of->second.rend(); ++at) {
        const std::size_t k = *at;
        if (values[i].reason == "key.repeated") replaced[k] = true;
        if (values[i].reason.substr(0, 8) != "convert." || replaced[k]) continue;
        const std::string token = TokenFor(made_[k], values[i].value);
        if (token.empty()) continue;
        tries.push_back({row, i, k, "{" + made_[k].key + ":" + token + "}"});
      }
    }
    std::reverse(tries.begin() + static_cast<std::ptrdiff_t>(first), tries.end());
  }
  return tries;
}

/// The made columns of those that fit, and which row of them each is.
Result<std::shared_ptr<arrow::RecordBatch>> MadeColumnsDecoder::ReadTries(std::vector<Try>* tries) {
  std::vector<Payload> payloads;
  for (std::size_t i = 0; i < tries->size(); ++i) {
    const std::string& message = (*tries)[i].message;
    payloads.push_back({message.data(), message.size(), static_cast<std::uint32_t>(i)});
  }
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::int64_t rows = 0;
  while (!payloads.empty()) {
    TRY(DecodedRows read, values_->Decode(payloads));
    const arrow::Array& misfits = *read.rows->columns().back();
    for (std::size_t i = 0; i < read.record_of_row.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      if (misfits.IsNull(row)) (*tries)[read.record_of_row[i]].found = rows + row;
    }
    rows += read.rows->num_rows();
    batches.push_back(std::move(read.rows));
    if (!read.stopped_at) break;
    std::erase_if(payloads, [&](const Payload& done) { return done.record < *read.stopped_at; });
  }
  TRY(auto all, arrow::ConcatenateRecordBatches(batches));
  return all;
}

Result<DecodedRows> MadeColumnsDecoder::Decode(const std::vector<Payload>& payloads) {
  TRY(DecodedRows out, base_->Decode(payloads));
  const std::int64_t count = out.rows->num_rows();
  arrow::ArrayVector columns = out.rows->columns();
  auto rescued = std::static_pointer_cast<arrow::StringArray>(columns.back());
  columns.pop_back();
  // By their place, so that each is put where it belongs.
  std::map<int, std::shared_ptr<arrow::Array>> made;
  std::vector<Try> tries;
  if (rescued->null_count() < count) tries = FindTries(*rescued);
  if (!tries.empty()) {
    TRY(const auto values, ReadTries(&tries));
    std::vector<std::vector<std::int64_t>> taken(
        made_.size(), std::vector<std::int64_t>(static_cast<std::size_t>(count), -1));
    std::map<std::int64_t, std::vector<std::size_t>> gone;  // Of each row the values.
    for (const Try& one : tries) {
      std::int64_t& place = taken[one.column][static_cast<std::size_t>(one.row)];
      if (one.found < 0 || place >= 0) continue;
      std::vector<std::size_t>& of_row = gone[one.row];
      if (!of_row.empty() && of_row.back() == one.value) continue;
      place = one.found;
      of_row.push_back(one.value);
    }
    for (std::size_t k = 0; k < made_.size(); ++k) {
      TRY(made[made_[k].index], TakeRows(*values->column(static_cast<int>(k)), taken[k]));
    }
    arrow::StringBuilder left;
    for (std::int64_t row = 0; row < count; ++row) {
      const auto of_row = gone.find(row);
      std::string text;
      if (rescued->IsValid(row)) {
        if (of_row == gone.end()) {
          text = rescued->GetString(row);
        } else {
          text = WithoutRescued(rescued->GetView(row), of_row->second);
        }
      }
      if (text.empty()) {
        TRY(left.AppendNull());
      } else {
        TRY(left.Append(text));
      }
    }
    TRY(const auto finished, left.Finish());
    rescued = std::static_pointer_cast<arrow::StringArray>(finished);
  } else {
    for (const MadeColumn& one : made_) {
      TRY(made[one.index], arrow::MakeArrayOfNull(schema_->field(one.index)->type(), count));
    }
  }
  for (auto& [index, column] : made) columns.insert(columns.begin() + index, std::move(column));
  columns.push_back(std::move(rescued));
  out.rows = arrow::RecordBatch::Make(schema_, count, std::move(columns));
  return out;
}

}  // namespace sluice
