// Any text as a mapping: one entry a line, its parts separated by '|'. What is accepted is applied.
#include <arrow/api.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transform/mapping/mapping_transform.h"

namespace {

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// A row of nulls and one of values; texts of several kinds, so that casts succeed and fail.
std::shared_ptr<arrow::RecordBatch> Rows(const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (const auto& field : schema->fields()) {
    auto builder = *arrow::MakeBuilder(field->type());
    if (!builder->AppendNull().ok() || !builder->AppendEmptyValue().ok()) std::abort();
    columns.push_back(*builder->Finish());
  }
  return arrow::RecordBatch::Make(schema, 2, columns);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto schema = *sluice::ParseDdl(
      "a bigint, `b.c` string, geo struct<lat:double,`l.on`:struct<x:int>>, tags array<string>, "
      "t timestamp, d decimal(12,3), day date, bin binary, m map<string,int>, ok boolean");
  static const auto rows = Rows(schema);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > 4096) return 0;
  std::vector<std::vector<std::string>> mapping;
  for (const std::string& line : Split(text, '\n')) {
    mapping.push_back(Split(line, '|'));
    auto path = sluice::ParseMappingPath(mapping.back()[0]);
    if (path.ok() && path->empty()) std::abort();
  }
  auto transform = sluice::MakeMappingTransform(mapping, {"in", schema});
  if (!transform.ok()) {
    if (transform.error().blame != sluice::Blame::kUser) std::abort();
    return 0;
  }
  auto row_transform = (*transform)->OpenRow();
  if (!row_transform.ok()) std::abort();
  auto out = (*row_transform)->Apply(rows, 0);
  if (!out.ok() || !out->rows->ValidateFull().ok()) std::abort();
  if (!out->rows->schema()->Equals(*(*transform)->output_schema(), true)) std::abort();
  if (out->row_of_output.size() + out->failures.size() != 2) std::abort();
  return 0;
}
