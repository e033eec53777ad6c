#include "job/letter.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(LetterTest, Version1SaidLessOfItsBytes) {
  auto parse = [](const std::string& changes) {
    return *ParseLetter(R"({"version":1,"job":"j","epoch":4,"time":"t","origin":"{}","byte":null,)"
                        R"("code":"c","field":null,"reason":"r","base64":null,"truncated":false,)" +
                        changes + "}");
  };
  Letter whole = parse(R"("source":"s","step":"decode","row":null,"bytes":"b")");
  EXPECT_EQ(whole.about.holds, LetterBytes::kMessage);
  EXPECT_TRUE(whole.about.whole);
  EXPECT_TRUE(whole.of_decoder());
  EXPECT_EQ(whole.epoch, 4);
  Letter row = parse(R"("source":"s","step":"decode","row":2,"bytes":"b")");
  EXPECT_EQ(row.about.holds, LetterBytes::kRow);
  EXPECT_FALSE(row.about.whole);
  Letter step = parse(R"("source":"s","step":"clean","row":2,"bytes":"b")");
  EXPECT_EQ(step.about.holds, LetterBytes::kMessage);
  EXPECT_FALSE(step.of_decoder());
  Letter sink = parse(R"("source":null,"step":"lake","row":null,"bytes":"{}")");
  EXPECT_EQ(sink.about.holds, LetterBytes::kInput);
  EXPECT_EQ(sink.about.input, "{}");
  EXPECT_EQ(sink.about.bytes, "");
}

TEST(LetterTest, BytesThatAreNoText) {
  Letter letter =
      *ParseLetter(R"({"version":2,"source":"s","step":"decode","row":1,"code":"c","bytes":null,)"
                   R"("base64":"/wA=","holds":"row","message":"/wD/","columns":"{}"})");
  EXPECT_EQ(letter.about.bytes, std::string("\xff\0", 2));
  EXPECT_EQ(letter.about.message, std::string("\xff\0\xff", 3));
  EXPECT_EQ(letter.about.columns, "{}");
}

TEST(LetterTest, AStepMayBeCalledDecode) {
  Letter letter =
      *ParseLetter(R"({"version":2,"source":"s","step":"decode","code":"c","row":0,"bytes":"b",)"
                   R"("holds":"message","input":"{}"})");
  EXPECT_FALSE(letter.of_decoder());
}

TEST(LetterTest, WhatIsNoLetterIsSaid) {
  auto code = [](const std::string& line) { return ParseLetter(line).error().code; };
  EXPECT_EQ(code(""), "replay.damaged");
  EXPECT_EQ(code("[1]"), "replay.damaged");
  EXPECT_EQ(code("{\"version\":2,"), "replay.damaged");
  EXPECT_EQ(code(R"({"version":"2","step":"s","code":"c"})"), "replay.damaged");
  EXPECT_EQ(code(R"({"version":2,"step":"s","code":"c","holds":"else"})"), "replay.damaged");
  EXPECT_EQ(code(R"({"version":2,"code":"c","holds":"row"})"), "replay.damaged");
  EXPECT_EQ(code(R"({"version":1,"step":"s","code":"c","base64":"?"})"), "replay.damaged");
  EXPECT_EQ(code(R"({"version":3,"step":"s","code":"c"})"), "replay.version");
}

}  // namespace
}  // namespace sluice
