// Files that Avro's own project publishes: read as its libraries read them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "decode/avro/avro_file.h"
#include "decode/avro/avro_testing.h"
#include "record/schema.h"

namespace sluice {
namespace {

// The tests start in the source folder.
const std::filesystem::path kCorpus = "../shared/corpora/avro";

class AvroCorpus : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::is_directory(kCorpus)) {
      GTEST_SKIP() << "NOT TESTED: there are no Avro files in " << kCorpus;
    }
  }

  static std::string Read(const std::string& name) {
    std::ifstream in(kCorpus / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  /// The rows of a file, read with its own schema.
  static DecodedRows Decode(const std::string& name) {
    const std::string file = Read(name);
    AvroFileHeader header;
    AvroFault fault;
    EXPECT_TRUE(BeginsAvroFile(file) && ReadAvroFileHeader(file, &header, &fault)) << name;
    DecodedRows out = DecodeAvro(WrittenAs(std::string(header.schema)), {file});
    EXPECT_EQ(Rejects(out), "") << name << (out.rejects.empty() ? "" : out.rejects[0].reason);
    return out;
  }
};

TEST_F(AvroCorpus, WeatherInEveryCodec) {
  for (const char* name :
       {"weather.avro", "weather-deflate.avro", "weather-snappy.avro", "weather-zstd.avro"}) {
    EXPECT_EQ(Rows(Decode(name)),
              "011990-99999 | -619524000000 | 0\n"
              "011990-99999 | -619506000000 | 22\n"
              "011990-99999 | -619484400000 | -11\n"
              "012650-99999 | -655531200000 | 111\n"
              "012650-99999 | -655509600000 | 78\n")
        << name;
  }
}

TEST_F(AvroCorpus, WeatherInAnotherOrder) {
  EXPECT_EQ(Rows(Decode("weather-sorted.avro")),
            "012650-99999 | -655531200000 | 111\n"
            "012650-99999 | -655509600000 | 78\n"
            "011990-99999 | -619524000000 | 0\n"
            "011990-99999 | -619506000000 | 22\n"
            "011990-99999 | -619484400000 | -11\n");
}

TEST_F(AvroCorpus, TheSyncMarkerMayStandInTheHeader) {
  const DecodedRows rows = Decode("syncInMeta.avro");
  EXPECT_EQ(FormatDdl(*rows.rows->schema()),
            "ID bigint NOT NULL, First string NOT NULL, Last string NOT NULL, "
            "Phone string NOT NULL, Age int NOT NULL");
  EXPECT_EQ(rows.rows->num_rows(), 6001);  // The sum of what its blocks declare.
}

TEST_F(AvroCorpus, FilesOfAvro12) {
  const DecodedRows rows = Decode("test.avro12");
  EXPECT_EQ(FormatDdl(*rows.rows->schema()),
            "stringField string NOT NULL, longField bigint NOT NULL");
  EXPECT_EQ(rows.rows->num_rows(), 100);
  EXPECT_EQ((*rows.rows->column(0)->GetScalar(0))->ToString(), "corftfdfvxvhyrxrktjjrfja");
}

TEST_F(AvroCorpus, SimpleAndUnion) {
  EXPECT_EQ(Rows(Decode("schemas/simple/data.avro")), "hello\nbonjour\nguten tag\n");
  const DecodedRows unions = Decode("schemas/withUnion/data.avro");
  EXPECT_EQ(FormatDdl(*unions.rows->schema()),
            "data1 struct<member0:string,member1:int> NOT NULL, "
            "data2 struct<d1:struct<member0:string,member1:int,member2:boolean>>");
  EXPECT_EQ(unions.rows->num_rows(), 3);
}

TEST_F(AvroCorpus, SingleObject) {
  EXPECT_EQ(Rows(DecodeAvro(WrittenAs(Read("messageV1/test_schema.avsc")),
                            {Read("messageV1/test_message.bin")})),
            "42 | Bill | list<element: string>[dog_lover, cat_hater]\n");
}

}  // namespace
}  // namespace sluice
