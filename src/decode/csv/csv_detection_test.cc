// CSV whose columns are detected: no cell is lost.
#include <arrow/array.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "decode/csv/csv_testing.h"
#include "record/known_schema.h"

namespace sluice {
namespace {

std::unique_ptr<Decoder> Detecting(const SchemaPtr& known, bool header) {
  const FormatEntry format = CsvFormat();
  auto options = ParseOptions(
      format.options, RawOptionsFromPairs({{"withHeader", header ? "true" : "false"}}), "source");
  EXPECT_TRUE(options.ok());
  auto decoder = format.make_detecting(*options, known, DecodeLimits());
  EXPECT_TRUE(decoder.ok());
  return *std::move(decoder);
}

std::string Cell(std::mt19937* random) {
  static const char* const kCells[] = {"",
                                       "1",
                                       "-42",
                                       "0042",
                                       "2.5",
                                       "1e3",
                                       "true",
                                       "False",
                                       "text",
                                       "NaN",
                                       "2026-11-23",
                                       "2026-11-23 10:00:00",
                                       "9007199254740993",
                                       "18446744073709551615",
                                       "0.1234567890123456789"};
  return kCells[(*random)() % 15];
}

/// Whether `value`, as a column has it, is what the cell says.
bool Says(const arrow::Scalar& value, const std::string& cell) {
  if (!value.is_valid) return false;
  const std::string text = value.ToString();
  if (text == cell || (cell == "NaN" && text == "nan")) return true;
  // 2.5 and 2.50 are one number, and a column of doubles may hold integers.
  char* end = nullptr;
  const double number = std::strtod(cell.c_str(), &end);
  if (*end == '\0' && end != cell.c_str()) return std::strtod(text.c_str(), nullptr) == number;
  return text.substr(0, cell.size()) == cell;  // A date where there are times.
}

TEST(CsvDetection, RowAndRescuedAreTheInput) {
  std::int64_t in_columns = 0;
  std::int64_t in_rescued = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const bool header = seed % 2 == 0;
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> messages;
    for (int i = 0; i < 40; ++i) {
      std::vector<std::string> cells;
      // An empty line is no row.
      cells.push_back("x");
      for (std::size_t c = random() % 5; c > 0; --c) cells.push_back(Cell(&random));
      std::string line, names;
      for (std::size_t c = 0; c < cells.size(); ++c) {
        line += (c == 0 ? "" : ",") + cells[c];
        names += (c == 0 ? "col" : ",col") + std::to_string(c);
      }
      messages.push_back(header ? names + "\n" + line : line);
      rows.push_back(std::move(cells));
    }
    KnownSchema known;
    for (const std::size_t upto : {2u, 8u, 20u}) {
      const auto decoded = DecodeMessages(Detecting(known.schema(), header).get(),
                                          {messages.begin(), messages.begin() + upto});
      if (decoded.unseen != nullptr) known = known.Merge(*decoded.unseen, SchemaCaps()).schema;
      if (seed % 3 == 0) known = known.Written();
    }
    const auto decoder = Detecting(known.schema(), header);
    const DecodedRows decoded = DecodeMessages(decoder.get(), messages);
    ASSERT_EQ(decoded.rows->num_rows(), 40) << Rejects(decoded);
    const auto& rescued = static_cast<const arrow::StringArray&>(
        *decoded.rows->column(decoded.rows->num_columns() - 1));
    for (int row = 0; row < 40; ++row) {
      nlohmann::json kept = nlohmann::json::object();
      if (!rescued.IsNull(row)) {
        for (const auto& one : nlohmann::json::parse(rescued.GetView(row))) {
          kept[one["path"].get<std::string>()] = one["value"];
        }
      }
      for (std::size_t c = 0; c < rows[row].size(); ++c) {
        const std::string& cell = rows[row][c];
        const std::string name = "col" + std::to_string(c);
        if (cell.empty()) {
          ASSERT_FALSE(kept.contains(name));
          continue;
        }
        const auto column = decoded.rows->GetColumnByName(name);
        if (column != nullptr && Says(**column->GetScalar(row), cell)) {
          ++in_columns;
          ASSERT_FALSE(kept.contains(name)) << seed;
          continue;
        }
        ++in_rescued;
        ASSERT_TRUE(kept.contains(name)) << seed << " " << cell;
        ASSERT_EQ(kept[name], cell);
      }
    }
  }
  EXPECT_GT(in_columns, 1000);
  EXPECT_GT(in_rescued, 1000);
}

}  // namespace
}  // namespace sluice
