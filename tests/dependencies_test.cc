/// The third-party libraries live together in one program: none takes another's symbols, and each
/// has the parts sluice relies on.

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/io/api.h>
#include <dlfcn.h>
#include <duckdb.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <openssl/ssl.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/registry.h>
#include <simdjson.h>
#include <spdlog/spdlog.h>
#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace sluice {
namespace {

/// Runs SQL and returns the first column of its rows as text, or the error's message.
std::vector<std::string> Query(duckdb_connection connection, const char* sql) {
  duckdb_result result;
  std::vector<std::string> values;
  if (duckdb_query(connection, sql, &result) == DuckDBSuccess) {
    for (idx_t row = 0; row < duckdb_row_count(&result); ++row) {
      char* value = duckdb_value_varchar(&result, 0, row);
      values.emplace_back(value == nullptr ? "NULL" : value);
      duckdb_free(value);
    }
  } else {
    values.emplace_back(duckdb_result_error(&result));
  }
  duckdb_destroy_result(&result);
  return values;
}

class DuckDb : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(duckdb_open(nullptr, &database_), DuckDBSuccess);
    ASSERT_EQ(duckdb_connect(database_, &connection_), DuckDBSuccess);
  }
  void TearDown() override {
    duckdb_disconnect(&connection_);
    duckdb_close(&database_);
  }

  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

TEST(Simdjson, ParsesWithARuntimeChosenImplementation) {
  std::set<std::string> names;
  for (const auto* implementation : simdjson::get_available_implementations()) {
    names.insert(implementation->name());
  }
  EXPECT_TRUE(names.contains("haswell"));
  EXPECT_TRUE(names.contains("westmere"));
  EXPECT_TRUE(names.contains("icelake"));
  EXPECT_TRUE(names.contains("fallback"));

  simdjson::padded_string text(std::string(R"({"user": {"id": 42, "tags": ["a", "b"]}})"));
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  ASSERT_EQ(parser.parse(text).get(document), simdjson::SUCCESS);
  EXPECT_EQ(int64_t(document["user"]["id"]), 42);
  EXPECT_EQ(std::string_view(document["user"]["tags"].at(1)), "b");
  EXPECT_EQ(parser.parse(simdjson::padded_string(std::string("{\"a\": tru}"))).error(),
            simdjson::T_ATOM_ERROR);
}

TEST(Simdjson, StageOneFindsStructureByItself) {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stages;
  ASSERT_EQ(
      simdjson::get_active_implementation()->create_dom_parser_implementation(1024, 16, stages),
      simdjson::SUCCESS);
  simdjson::padded_string text(std::string(R"({"a":[1,2]})"));
  ASSERT_EQ(stages->stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                           simdjson::stage1_mode::regular),
            simdjson::SUCCESS);
  std::string structure;
  for (uint32_t i = 0; i < stages->n_structural_indexes; ++i) {
    structure += text.data()[stages->structural_indexes[i]];
  }
  EXPECT_EQ(structure, R"({":[1,2]})");
}

TEST(OpenSsl, IsTheSystemsAndNotTheOneInsideLibparquet) {
  Dl_info where{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&SSL_CTX_new), &where), 0);
  void* loaded = dlsym(RTLD_DEFAULT, "SSL_CTX_new");
  ASSERT_NE(dladdr(loaded, &where), 0);
  EXPECT_NE(std::string(where.dli_fname).find("libssl.so"), std::string::npos) << where.dli_fname;

  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION), 1);
  SSL* connection = SSL_new(context);
  EXPECT_NE(connection, nullptr);
  SSL_free(connection);
  SSL_CTX_free(context);
}

TEST(Parquet, WritesAndReadsBackEveryCodecOnOffer) {
  arrow::StringBuilder names;
  arrow::Int64Builder counts;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(names.Append("name " + std::to_string(i % 7)).ok());
    ASSERT_TRUE(counts.Append(i).ok());
  }
  auto schema =
      arrow::schema({arrow::field("name", arrow::utf8()), arrow::field("count", arrow::int64())});
  auto table = arrow::Table::Make(schema, {*names.Finish(), *counts.Finish()});
  for (auto codec :
       {parquet::Compression::UNCOMPRESSED, parquet::Compression::SNAPPY,
        parquet::Compression::ZSTD, parquet::Compression::GZIP, parquet::Compression::LZ4}) {
    auto sink = *arrow::io::BufferOutputStream::Create();
    auto properties = parquet::WriterProperties::Builder().compression(codec)->build();
    ASSERT_TRUE(
        parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, 300, properties)
            .ok());
    auto reader = *parquet::arrow::OpenFile(
        std::make_shared<arrow::io::BufferReader>(*sink->Finish()), arrow::default_memory_pool());
    auto back = reader->ReadTable();
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_TRUE((*back)->Equals(*table));
  }
}

TEST_F(DuckDb, IsRecentAndHasItsExtensionsBuiltIn) {
  std::string version = duckdb_library_version();
  EXPECT_GE(std::stoi(version.substr(version.find('.') + 1)), 5) << version;
  auto loaded =
      Query(connection_, "SELECT extension_name FROM duckdb_extensions() WHERE loaded ORDER BY 1");
  std::set<std::string> extensions(loaded.begin(), loaded.end());
  for (const char* name : {"core_functions", "icu", "json"}) {
    EXPECT_TRUE(extensions.contains(name)) << name;
  }
}

TEST_F(DuckDb, KnowsTimeZonesAndJson) {
  EXPECT_EQ(Query(connection_,
                  "SELECT strftime(TIMESTAMPTZ '2026-07-01 12:00:00+00' AT TIME ZONE "
                  "'Europe/Berlin', '%H:%M')"),
            std::vector<std::string>{"14:00"});
  EXPECT_EQ(Query(connection_,
                  "SELECT date_trunc('hour', TIMESTAMPTZ '2026-07-01 12:34:00+00') = "
                  "TIMESTAMPTZ '2026-07-01 12:00:00+00'"),
            std::vector<std::string>{"true"});
  EXPECT_EQ(Query(connection_, "SELECT '{\"a\": [1, 2]}'::JSON ->> '$.a[1]'"),
            std::vector<std::string>{"2"});
}

TEST_F(DuckDb, PullsRowsFromATableFunction) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, "squares");
  duckdb_table_function_set_bind(function, [](duckdb_bind_info info) {
    duckdb_logical_type bigint = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_bind_add_result_column(info, "square", bigint);
    duckdb_destroy_logical_type(&bigint);
  });
  duckdb_table_function_set_init(function, [](duckdb_init_info info) {
    duckdb_init_set_init_data(info, new int64_t(0),
                              [](void* data) { delete static_cast<int64_t*>(data); });
  });
  duckdb_table_function_set_function(
      function, [](duckdb_function_info info, duckdb_data_chunk output) {
        auto* next = static_cast<int64_t*>(duckdb_function_get_init_data(info));
        auto* values =
            static_cast<int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, 0)));
        idx_t count = 0;
        for (; *next < 5000 && count < duckdb_vector_size(); ++count, ++*next) {
          values[count] = *next * *next;
        }
        duckdb_data_chunk_set_size(output, count);
      });
  ASSERT_EQ(duckdb_register_table_function(connection_, function), DuckDBSuccess);
  duckdb_destroy_table_function(&function);
  EXPECT_EQ(Query(connection_, "SELECT sum(square) FROM squares()"),
            std::vector<std::string>{"41654167500"});
}

TEST(RdKafka, ProducesToItsMockClusterWithEverySecurityFeature) {
  char error[512];
  EXPECT_GE(rd_kafka_version(), 0x020c0000);
  rd_kafka_conf_t* features = rd_kafka_conf_new();
  char list[512];
  size_t size = sizeof(list);
  ASSERT_EQ(rd_kafka_conf_get(features, "builtin.features", list, &size), RD_KAFKA_CONF_OK);
  rd_kafka_conf_destroy(features);
  for (const char* feature : {"ssl", "sasl_plain", "sasl_scram", "sasl_gssapi", "sasl_oauthbearer",
                              "zstd", "lz4", "snappy", "gzip"}) {
    EXPECT_NE(std::string(list).find(feature), std::string::npos) << feature;
  }

  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  ASSERT_EQ(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", error, sizeof(error)),
            RD_KAFKA_CONF_OK);
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
  ASSERT_NE(producer, nullptr) << error;
  EXPECT_NE(rd_kafka_handle_mock_cluster(producer), nullptr);
  EXPECT_EQ(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("clicks"), RD_KAFKA_V_VALUE(error, 4),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(rd_kafka_flush(producer, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_destroy(producer);
}

TEST(RdKafka, OpensATlsHandle) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  ASSERT_EQ(rd_kafka_conf_set(conf, "security.protocol", "ssl", error, sizeof(error)),
            RD_KAFKA_CONF_OK);
  rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
  ASSERT_NE(consumer, nullptr) << error;
  rd_kafka_destroy(consumer);
}

TEST(Small, YamlJsonCommandLineLogAndMetrics) {
  EXPECT_EQ(YAML::Load("{a: [1, 2]}")["a"][1].as<int>(), 2);
  EXPECT_EQ(nlohmann::json::parse(R"({"a": 1})")["a"], 1);
  CLI::App app;
  int count = 0;
  app.add_option("-n", count);
  app.parse("-n 20");
  EXPECT_EQ(count, 20);
  spdlog::set_level(spdlog::level::off);
  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter().Name("records").Register(*registry).Add({}).Increment();
  prometheus::Exposer exposer("127.0.0.1:0");
  exposer.RegisterCollectable(registry);
  EXPECT_EQ(exposer.GetListeningPorts().size(), 1U);
}

}  // namespace
}  // namespace sluice
