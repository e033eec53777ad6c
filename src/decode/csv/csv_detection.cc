// CsvReader: columns that are detected. Cells that no column holds are noted and rescued.
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "decode/csv/csv_reader.h"
#include "decode/text_kind.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

constexpr char kUnknown[] = "column.unknown";
constexpr char kForm[] = "convert.format";

bool IsNumbered(std::string_view name) {
  return name.size() > 3 && name.substr(0, 3) == "col" &&
         name.find_first_not_of("0123456789", 3) == std::string_view::npos;
}

}  // namespace

/// Columns of messages without a header: those that were declared, from the left, then `colN`.
void CsvReader::StartDetection() {
  detection_ = std::make_unique<Detection>(rows_);
  if (options_.with_header) return;
  for (std::size_t i = 0; i + 1 < rows_->num_children(); ++i) {
    const std::string& name = rows_->child(i)->path();
    if (!IsNumbered(name)) names_.push_back(name);
  }
  std::size_t cells = names_.size();
  for (std::size_t i = 0; i + 1 < rows_->num_children(); ++i) {
    const std::string& name = rows_->child(i)->path();
    if (!IsNumbered(name) || name.size() > 8) continue;
    cells = std::max(cells, static_cast<std::size_t>(std::stoul(name.substr(3))) + 1);
  }
  while (names_.size() < cells) names_.push_back("col" + std::to_string(names_.size()));
  header_.TakeNames(names_);
}

std::shared_ptr<const ObservedType> CsvReader::TakeUnseen() {
  return detection_ == nullptr ? nullptr : detection_->TakeUnseen();
}

/// The name of a cell that the header, or the columns known so far, do not reach.
std::string CsvReader::NameOf(std::size_t cell) const {
  return cell < names_.size() ? names_[cell] : "col" + std::to_string(cell);
}

/// A cell that has no column.
void CsvReader::RescueUnknown(std::size_t index, const CsvCell& cell) {
  if (failure_.code != nullptr || cell.text.empty() ||
      (!cell.quoted && cell.text == options_.null_text)) {
    return;
  }
  const std::string_view text = TextOf(cell);
  const std::string name = NameOf(index);
  ObservedType* at = detection_->OfMessage()->Field(name, static_cast<std::uint32_t>(index));
  if (at != nullptr) at->See(cell.quoted ? SeenKind::kString : KindOfText(text));
  std::string path;
  AppendPathName(name, &path);
  detection_->rescued.AddText(path, text, kUnknown);
}

/// A text that its column does not take, or not all that it says. False: memory ran out.
bool CsvReader::RescueCell(TextColumn& column, std::string_view text) {
  const std::string& name = column.builder()->path();
  ObservedType* at = detection_->OfMessage()->Field(name, 0);
  if (at != nullptr) at->See(KindOfText(text));
  std::string path;
  AppendPathName(name, &path);
  detection_->rescued.AddText(path, text, kForm);
  if (column.AppendNull() != TextFit::kNoMemory) return true;
  out_of_memory_ = true;
  return false;
}

std::string_view CsvReader::TextOf(const CsvCell& cell) {
  if (!cell.escaped) return cell.text;
  scratch_.resize(cell.text.size());
  return {scratch_.data(), cursor_.Unescape(cell, scratch_.data())};
}

bool CsvReader::FinishRescued(const char* begin, bool usable) {
  RescuedColumn& rescued = detection_->rescued;
  if (rescued.TooMuch()) {
    return Refuse(begin, kTooMuchRescued, WhyTooMuchRescued());
  }
  if (!usable) {
    rescued.DropRow();
    return true;
  }
  if (rescued.FinishRow()) return true;
  out_of_memory_ = true;
  return false;
}

}  // namespace sluice
