// Every form of stage 1 against a loop over the bytes.
#include "decode/csv/csv_index.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sluice {
namespace {

std::vector<std::uint32_t> MarksOf(const std::string& text, CsvSpecials specials) {
  std::vector<std::uint32_t> marks;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == specials.separator || c == specials.quote || c == specials.escaper || c == '\n' ||
        c == '\r') {
      marks.push_back(static_cast<std::uint32_t>(i));
    }
  }
  marks.push_back(static_cast<std::uint32_t>(text.size()));
  return marks;
}

bool IsUncleanText(const std::string& text) {
  for (const char c : text) {
    if (c == '\0' || static_cast<unsigned char>(c) > 0x7f) return true;
  }
  return false;
}

void Check(const CsvIndexerEntry& form, const std::string& text, CsvSpecials specials) {
  // Exactly as large as it is, so that a sanitizer sees any byte read beyond.
  auto block = std::make_unique<char[]>(text.size());
  text.copy(block.get(), text.size());
  std::vector<std::uint32_t> out(text.size() + kCsvIndexSlack);
  const CsvMarks marks = form.index(block.get(), text.size(), specials, out.data());
  out.resize(marks.count + 1);
  ASSERT_EQ(out, MarksOf(text, specials)) << form.name << ", " << text.size() << " bytes";
  ASSERT_EQ(marks.unclean, IsUncleanText(text)) << form.name << ", " << text.size() << " bytes";
}

TEST(CsvIndex, EveryFormFindsEverySpecialByte) {
  std::mt19937_64 random(11);
  const CsvSpecials kDialects[] = {
      {',', '"', '\\'}, {';', ';', ';'}, {'\t', '\'', '"'}, {'\x01', '~', '\x7f'}};
  for (const CsvIndexerEntry& form : CsvIndexers()) {
    for (int round = 0; round < 4000; ++round) {
      const CsvSpecials specials = kDialects[random() % 4];
      std::string text(random() % 300, 'x');
      const std::uint64_t rare = 1 + random() % 20;
      for (char& c : text) {
        if (random() % rare == 0) c = static_cast<char>(1 + random() % 127);
        if (random() % (4 * rare) == 0) c = "\r\n\"',;"[random() % 6];
        if (random() % 500 == 0) c = static_cast<char>(random());
      }
      Check(form, text, specials);
    }
  }
}

TEST(CsvIndex, EveryByteInEveryPlace) {
  for (const CsvIndexerEntry& form : CsvIndexers()) {
    for (const std::size_t size : {1UL, 63UL, 64UL, 65UL, 130UL}) {
      for (std::size_t at = 0; at < size; ++at) {
        for (int c = 0; c < 256; ++c) {
          std::string text(size, 'a');
          text[at] = static_cast<char>(c);
          Check(form, text, {',', '"', '\\'});
        }
      }
    }
  }
}

}  // namespace
}  // namespace sluice
