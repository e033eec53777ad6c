#include "cli/decode_command.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/fake_format.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class DecodeCommandTest : public testing::Test {
 protected:
  DecodeCommandTest() {
    std::string pattern = (fs::temp_directory_path() / "sluice_decode_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    options_.classification = "words";
  }
  ~DecodeCommandTest() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name) << text;
    options_.files.push_back((root_ / name).string());
    return options_.files.back();
  }

  Result<int> Run() {
    std::ostringstream out, err;
    auto code = DecodeFiles(options_, FakeFormats(), FakeEncoders(), out, err);
    rows_ = out.str();
    rejects_ = err.str();
    return code;
  }

  fs::path root_;
  DecodeFilesOptions options_;
  std::string rows_, rejects_;
};

TEST_F(DecodeCommandTest, EachFileIsOneRecord) {
  Write("a", "x y");
  const std::string b = Write("b", "?");
  Write("c", "z");
  auto code = Run();
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(*code, 3);
  EXPECT_EQ(rows_, "{\"word\":\"x\"}\n{\"word\":\"y\"}\n{\"word\":\"z\"}\n");
  EXPECT_EQ(rejects_, "{\"path\":\"" + b +
                          "\",\"byte\":0,\"code\":\"words.question\",\"field\":\"\","
                          "\"reason\":\"a message must not ask\"}\n");
}

TEST_F(DecodeCommandTest, EachLineIsOneRecordWithItsNumber) {
  options_.lines = true;
  const std::string a = Write("a", "x\r\n\ny !z\nlast");
  auto code = Run();
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(*code, 3);
  EXPECT_EQ(rows_, "{\"word\":\"x\"}\n{\"word\":\"y\"}\n{\"word\":\"last\"}\n");
  EXPECT_EQ(rejects_, "{\"path\":\"" + a +
                          "\",\"line\":3,\"row\":2,\"byte\":2,\"code\":\"words.shout\","
                          "\"field\":\"word\",\"reason\":\"a word must not shout\"}\n");
}

TEST_F(DecodeCommandTest, ManyLinesAcrossChunksAndBatches) {
  options_.lines = true;
  std::string text, rows;
  for (int i = 0; i < 20'000; ++i) {
    text += "w" + std::to_string(i) + "\n";
    rows += "{\"word\":\"w" + std::to_string(i) + "\"}\n";
  }
  Write("a", text);
  auto code = Run();
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(*code, 0);
  EXPECT_EQ(rows_, rows);
  EXPECT_EQ(rejects_, "");
}

TEST_F(DecodeCommandTest, OversizedRecordIsARejectAndItsNeighboursAreNot) {
  options_.lines = true;
  Write("a", "x\n" + std::string(17u << 20, 'y') + "\nz\n");
  auto code = Run();
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(*code, 3);
  EXPECT_EQ(rows_, "{\"word\":\"x\"}\n{\"word\":\"z\"}\n");
  EXPECT_NE(rejects_.find("\"line\":2,"), std::string::npos) << rejects_;
}

TEST_F(DecodeCommandTest, OptionsReachTheFormat) {
  options_.set = {{"prefix", ">"}};
  Write("a", "x");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(rows_, "{\"word\":\">x\"}\n");
}

TEST_F(DecodeCommandTest, MistakesAreTheUsers) {
  options_.files = {(root_ / "nowhere").string()};
  auto code = Run();
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(ExitCode(code.error()), 2);
  options_.files = {root_.string()};
  code = Run();
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(ExitCode(code.error()), 2);
  options_.schema = "id bigit";
  code = Run();
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(code.error().message.substr(0, 10), "--schema: ");
  options_.classification = "wrods";
  code = Run();
  ASSERT_FALSE(code.ok());
  EXPECT_NE(code.error().message.find("did you mean 'words'"), std::string::npos);
}

}  // namespace
}  // namespace sluice
