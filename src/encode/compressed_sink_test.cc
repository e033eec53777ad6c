#include "encode/compressed_sink.h"

#include <arrow/io/compressed.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <string>
#include <tuple>

#include "encode/encode_testing.h"

namespace sluice {
namespace {

Options With(const std::string& compression) {
  return *ParseOptions({TextCompressionOption()},
                       RawOptionsFromPairs({{"compression", compression}}), "test");
}

TEST(CompressedSink, ReadsBackFromEveryCodec) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 379) + "\n";
  for (auto [name, type, extension] :
       {std::tuple("none", arrow::Compression::UNCOMPRESSED, ""),
        std::tuple("uncompressed", arrow::Compression::UNCOMPRESSED, ""),
        std::tuple("gzip", arrow::Compression::GZIP, ".gz"),
        std::tuple("zstd", arrow::Compression::ZSTD, ".zst"),
        std::tuple("bzip2", arrow::Compression::BZ2, ".bz2")}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(TextCompressionExtension(With(name)), extension);
    ASSERT_TRUE(CheckTextCompression(With(name)).ok());
    StringSink out;
    auto sink = *CompressedSink::Make(With(name), &out);
    ASSERT_TRUE(sink->Append(std::string_view(text).substr(0, 100'000)).ok());
    ASSERT_TRUE(sink->Append("").ok());
    ASSERT_TRUE(sink->Append(std::string_view(text).substr(100'000)).ok());
    ASSERT_TRUE(sink->Finish().ok());
    if (type == arrow::Compression::UNCOMPRESSED) {
      EXPECT_EQ(sink->held(), std::string().capacity());
      EXPECT_TRUE(out.bytes == text);
      continue;
    }
    EXPECT_LT(out.bytes.size(), text.size());
    auto codec = *arrow::util::Codec::Create(type);
    auto in = *arrow::io::CompressedInputStream::Make(
        codec.get(),
        std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(out.bytes)));
    EXPECT_TRUE((*in->Read(static_cast<std::int64_t>(text.size()) + 1))->ToString() == text);
  }
}

TEST(CompressedSink, CompressorsAreCounted) {
  std::string text;
  for (int i = 0; i < 500'000; ++i) text += std::to_string(i * 379) + "\n";
  const auto used = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  for (const char* name : {"gzip", "zstd", "bzip2"}) {
    SCOPED_TRACE(name);
    StringSink out;
    out.bytes.reserve(text.size());
    const auto before = used();
    auto sink = *CompressedSink::Make(With(name), &out);
    ASSERT_TRUE(sink->Append(text).ok());
    const auto grown = static_cast<double>(used() - before);
    if (grown == 0) GTEST_SKIP() << "this allocator does not tell what it holds";
    EXPECT_GT(static_cast<double>(sink->held()), 0.8 * grown) << grown;
    EXPECT_LT(static_cast<double>(sink->held()), 1.5 * grown) << grown;
  }
}

TEST(CompressedSink, ASinkThatFailsIsReportedAsItself) {
  StringSink out;
  out.limit = 0;
  auto sink = *CompressedSink::Make(With("gzip"), &out);
  auto appended = sink->Append("x");
  auto finished = appended.ok() ? sink->Finish() : std::move(appended);
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().code, "storage.full");
}

}  // namespace
}  // namespace sluice
