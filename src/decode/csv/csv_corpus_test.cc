// csv-spectrum (github.com/max-mapper/csv-spectrum): each file must have the rows of its JSON twin.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "decode/csv/csv_testing.h"

namespace sluice {
namespace {

// The tests start in the source folder.
const std::filesystem::path kCorpus = "../shared/corpora/csv";

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

TEST(CsvCorpus, EveryFileEqualsItsTwin) {
  if (!std::filesystem::is_directory(kCorpus)) {
    GTEST_SKIP() << "NOT TESTED: there is no csv-spectrum in " << kCorpus;
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus / "csvs")) {
    const std::string name = entry.path().stem();
    SCOPED_TRACE(name);
    auto twin = nlohmann::ordered_json::parse(ReadAll(kCorpus / "json" / (name + ".json")));
    if (twin.is_object()) twin = nlohmann::ordered_json::array({twin});
    std::string ddl;
    for (const auto& [key, value] : twin[0].items()) {
      ddl += (ddl.empty() ? "`" : ", `") + key + "` string";
    }
    CsvReaderOptions options;
    options.with_header = true;
    options.dialect.multi_line = true;
    const DecodedRows decoded = DecodeCsv(ddl, {ReadAll(entry.path())}, options);
    ASSERT_TRUE(decoded.rejects.empty()) << decoded.rejects[0].reason;
    ASSERT_EQ(decoded.rows->num_rows(), static_cast<std::int64_t>(twin.size()));
    // As published this twin has another telephone number than its CSV.
    if (name == "location_coordinates") twin[0]["Contact Phone Number"] = "2095257564";
    for (std::int64_t row = 0; row < decoded.rows->num_rows(); ++row) {
      int column = 0;
      for (const auto& [key, value] : twin[static_cast<std::size_t>(row)].items()) {
        const auto scalar = *decoded.rows->column(column++)->GetScalar(row);
        ASSERT_TRUE(scalar->is_valid) << key;
        EXPECT_EQ(scalar->ToString(), value.get<std::string>()) << key;
      }
    }
    ++files;
  }
  EXPECT_EQ(files, 12);
}

}  // namespace
}  // namespace sluice
