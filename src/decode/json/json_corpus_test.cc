// The JSONTestSuite (github.com/nst/JSONTestSuite): n_ must be rejected, y_ accepted where the root
// is an object, and nothing may crash or take memory.
#include <arrow/memory_pool.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "decode/json/json_testing.h"

namespace sluice {
namespace {

// The tests start in the source folder.
const std::filesystem::path kCorpus = "../shared/corpora/json/test_parsing";

TEST(JsonCorpus, EveryFileIsJudgedRight) {
  if (!std::filesystem::is_directory(kCorpus)) {
    GTEST_SKIP() << "NOT TESTED: there is no JSONTestSuite in " << kCorpus;
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    const std::string name = entry.path().filename();
    std::ifstream in(entry.path(), std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    arrow::ProxyMemoryPool pool(arrow::default_memory_pool());
    auto decoder = MakeJsonDecoder(*ParseDdl("none_of_them_has_this string"), {}, &pool);
    auto decoded = (*decoder)->Decode({{text.data(), text.size(), 0}});
    ASSERT_TRUE(decoded.ok()) << name << ": " << decoded.error().message;
    EXPECT_TRUE(decoded->rows->ValidateFull().ok()) << name;
    EXPECT_LT(pool.max_memory(), 16 << 20) << name;
    const std::size_t root = text.find_first_not_of(" \t\r\n");
    const bool whole = !decoded->rejects.empty() && decoded->rejects[0].row < 0;
    if (name[0] == 'n') {
      ASSERT_TRUE(whole) << name;
      EXPECT_EQ(decoded->rejects.size(), 1U) << name;
      EXPECT_EQ(decoded->rows->num_rows(), 0) << name;
      EXPECT_GE(decoded->rejects[0].byte, 0) << name;
      EXPECT_LE(decoded->rejects[0].byte, static_cast<std::int64_t>(text.size())) << name;
      EXPECT_FALSE(decoded->rejects[0].reason.empty()) << name;
    } else if (name[0] == 'y' && text[root] == '{') {
      EXPECT_TRUE(decoded->rejects.empty()) << name << ": " << decoded->rejects[0].reason;
      EXPECT_EQ(decoded->rows->num_rows(), 1) << name;
    } else if (name[0] == 'y' && text[root] == '[') {
      EXPECT_FALSE(whole) << name << ": " << decoded->rejects[0].reason;
    } else if (name[0] == 'y') {
      ASSERT_TRUE(whole) << name;
      EXPECT_EQ(decoded->rejects[0].code, "json.root") << name;
    }
    ++files;
  }
  EXPECT_EQ(files, 318);
}

}  // namespace
}  // namespace sluice
