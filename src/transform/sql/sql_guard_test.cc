// What a job's SQL may not do, and how mistakes are told.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "transform/sql/sql_session.h"
#include "transform/sql/transform_fixture.h"

namespace sluice {
namespace {

const std::vector<InputSchema>& Inputs() {
  static const std::vector<InputSchema> inputs = {
      {"clicks", Ddl("event_id string, price double, quantity int")},
      {"users", Ddl("id int, name string")}};
  return inputs;
}

Error Refused(const std::string& sql) {
  auto step = MakeSqlTransform(Engine(), sql, Inputs());
  EXPECT_FALSE(step.ok()) << sql;
  if (step.ok()) return BugError("accepted");
  EXPECT_EQ(step.error().blame, Blame::kUser) << sql << ": " << ToString(step.error());
  return step.error();
}

constexpr const char* kEscapes[] = {
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_json_auto('/etc/passwd')",
    "SELECT * FROM read_ndjson('/etc/passwd')",
    "SELECT * FROM read_json_objects('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/x.parquet')",
    "SELECT * FROM parquet_scan('/tmp/x.parquet')",
    "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
    "SELECT * FROM parquet_schema('/tmp/x.parquet')",
    "SELECT * FROM read_duckdb('/tmp/x.db')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'file.csv'",
    "SELECT * FROM \"file.parquet\"",
    "SELECT * FROM 'https://example.com/x.parquet'",
    "SELECT * FROM 's3://bucket/x.parquet'",
    "SELECT * FROM clicks, read_text('/etc/passwd')",
    "SELECT *, (SELECT content FROM read_text('/etc/passwd')) AS c FROM clicks",
    "SELECT * FROM clicks WHERE event_id IN (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM clicks, x",
    "SELECT * FROM clicks UNION ALL SELECT content, 1, 1 FROM read_text('/etc/passwd')",
    "SELECT * FROM clicks, LATERAL (SELECT * FROM read_text(event_id))",
    "COPY clicks TO '/tmp/out.csv'",
    "COPY (SELECT * FROM clicks) TO '/tmp/out.parquet' (FORMAT parquet)",
    "COPY clicks FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/out'",
    "IMPORT DATABASE '/tmp/out'",
    "ATTACH '/tmp/x.db' AS x",
    "ATTACH 'host=localhost' AS pg (TYPE postgres)",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "FORCE INSTALL spatial FROM community",
    "UPDATE EXTENSIONS",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "PRAGMA import_database('/tmp')",
    "SET enable_external_access = true",
    "SET GLOBAL memory_limit = '1TB'",
    "SET VARIABLE x = 1",
    "RESET lock_configuration",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE TABLE t AS SELECT * FROM clicks",
    "CREATE OR REPLACE MACRO now() AS 1",
    "CREATE TEMP VIEW clicks AS SELECT 1",
    "INSERT INTO clicks VALUES ('a', 1, 1)",
    "DELETE FROM clicks",
    "DROP VIEW clicks",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "EXPLAIN ANALYZE SELECT * FROM clicks",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "BEGIN TRANSACTION",
    "SELECT * FROM clicks; SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM clicks; COPY clicks TO '/tmp/out.csv'",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "DESCRIBE clicks",
    "SUMMARIZE clicks",
    "SELECT * FROM (SHOW TABLES)",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM which_secret('s3://x', 's3')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM query_table('clicks')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM arrow_scan(1::UBIGINT, 2::UBIGINT, 3::UBIGINT)",
    "SELECT * FROM arrow_scan_dumb(1::UBIGINT, 2::UBIGINT, 3::UBIGINT)",
    "SELECT * FROM seq_scan('clicks')",
    "SELECT * FROM test_all_types()",
    "SELECT * FROM __sluice_scan0()",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM force_checkpoint()",
    "SELECT getenv('HOME') AS h FROM clicks",
    "SELECT current_setting('temp_directory') AS s FROM clicks",
    "SELECT getvariable('x') AS s FROM clicks",
    "SELECT current_query() AS q FROM clicks",
    "SELECT write_log('x') AS l FROM clicks",
    "SELECT sleep_ms(1000) AS s FROM clicks",
    "SELECT setseed(0.5) AS s FROM clicks",
    "SELECT nextval('s') AS s FROM clicks",
    "SELECT main.now() AS n FROM clicks",
    "SELECT system.main.now() AS n FROM clicks",
    "SELECT pg_get_viewdef(1) AS n FROM clicks",
    "SELECT __sluice_now() AS n FROM clicks",
    "SELECT $1 AS n FROM clicks",
    "SELECT ? AS n FROM clicks",
    "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT * FROM r, clicks",
    "SELECT (SELECT count(*) FROM duckdb_settings()) AS n FROM clicks",
    "SELECT list_transform([1], lambda x: getenv('HOME')) AS n FROM clicks",
};

TEST(SqlGuard, RefusesEveryEscape) {
  static_assert(std::size(kEscapes) >= 60);
  for (const char* sql : kEscapes) EXPECT_NE(Refused(sql).code, "bug") << sql;
  EXPECT_FALSE(std::filesystem::exists("/tmp/out.csv"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/out.parquet"));
}

TEST(SqlGuard, TheInstanceRefusesThemEvenWithoutTheGuard) {
  auto engine = Engine();
  for (const char* sql :
       {"SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd.csv'",
        "SELECT * FROM glob('/etc/*')", "COPY (SELECT 1) TO '/tmp/out.csv'", "ATTACH '/tmp/x.db'",
        "INSTALL httpfs", "LOAD httpfs", "SET memory_limit = '1TB'",
        "SET enable_external_access = true", "SET lock_configuration = false",
        "RESET lock_configuration", "PRAGMA enable_profiling = 'json'",
        "SET temp_directory = '/tmp'", "EXPORT DATABASE '/tmp/out'",
        "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')"}) {
    auto session = SqlSession::Open(engine->core(), {}, false);
    ASSERT_TRUE(session.ok());
    EXPECT_FALSE(RunStatement((*session)->connection(), sql).ok()) << sql;
  }
}

TEST(SqlGuard, TellsWhereAMistakeIsAndWhatIsNear) {
  struct Case {
    const char* sql;
    const char* code;
    std::vector<const char*> says;
  };
  for (const Case& c : {
           Case{"SELEC 1", "sql.syntax", {"line 1, column 1: ", "SELEC"}},
           Case{"SELECT *\nFROM clicks\nWHERE (price > 2", "sql.syntax", {"line 3, column "}},
           Case{"SELECT event_idd FROM clicks", "sql.bind", {"line 1, column 8: ", "\"event_id\""}},
           Case{"SELECT price,\n  quantty\nFROM clicks",
                "sql.bind",
                {"line 2, column 3: ", "\"quantity\""}},
           Case{"SELECT * FROM click",
                "sql.bind",
                {"line 1, column 15: ", "did you mean \"clicks\"", "clicks, users"}},
           Case{"SELECT lenth(event_id) AS n FROM clicks",
                "sql.bind",
                {"line 1, column 8: ", "\"length\""}},
           Case{"SELECT 'ü' || event_id AS a, pricee FROM clicks",
                "sql.bind",
                {"line 1, column 30: "}},
           Case{"SELECT 1 AS x; SELECT 2 AS y", "sql.statement", {"2 statements"}},
           Case{"SELECT 1 AS x", "sql.statement", {"reads no source"}},
           Case{"", "sql.statement", {"one SELECT"}},
           Case{"DELETE FROM clicks", "sql.statement", {"one SELECT"}},
           Case{"SELECT price, price FROM clicks", "sql.name", {"\"price\"", "AS"}},
           Case{"SELECT price AS id, price AS ID FROM clicks", "sql.name", {"only in case", "AS"}},
           Case{"SELECT {'a': 1, 'b': [{'x': 1}]} AS price, price AS Price FROM clicks",
                "sql.name",
                {"\"price\" and \"Price\""}},
           Case{"SELECT price AS __sluice_row FROM clicks", "sql.name", {"reserved"}},
           Case{"SELECT *,\n read_text('x') FROM\n read_text('y')",
                "sql.forbidden",
                {"line 3, column 2", "read_text()"}},
           Case{"SELECT current_time AS t FROM clicks",
                "sql.type",
                {"column \"t\"", "TIME WITH TIME ZONE", "CAST("}},
           Case{"SELECT INTERVAL 1 DAY AS d FROM clicks", "sql.type", {"INTERVAL"}},
           Case{"SELECT {'a': [TIME '01:00:00']} AS s FROM clicks", "sql.type", {"s.a[]", "TIME"}},
           Case{
               "SELECT '2020-01-01'::TIMESTAMP_NS AS d FROM clicks", "sql.type", {"AS TIMESTAMP)"}},
           Case{"SELECT age(TIMESTAMP '2020-01-01')::VARCHAR AS a FROM clicks",
                "sql.forbidden",
                {"current_date"}},
       }) {
    const Error error = Refused(c.sql);
    EXPECT_EQ(error.code, c.code) << c.sql << ": " << error.message;
    for (const char* text : c.says) {
      EXPECT_NE(error.message.find(text), std::string::npos) << c.sql << "\n" << error.message;
    }
  }
}

TEST(SqlGuard, AColumnOfTheReservedNameIsRefused) {
  auto step =
      MakeSqlTransform(Engine(), "SELECT * FROM t", {{"t", Ddl("__SLUICE_row bigint, a int")}});
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().code, "sql.name");
}

TEST(SqlGuard, AnInputWhoseNamesDifferOnlyInCaseIsRefusedWhereItIsRead) {
  for (const char* ddl :
       {"id int, ID int", "s struct<a:int,A:int>", "l array<struct<a:int,A:int>>"}) {
    const std::vector<InputSchema> inputs = {{"t", Ddl(ddl)}, {"other", Ddl("a int")}};
    auto step = MakeSqlTransform(Engine(), "SELECT 1 AS one FROM t", inputs);
    ASSERT_FALSE(step.ok()) << ddl;
    EXPECT_EQ(step.error().code, "sql.name");
    EXPECT_TRUE(step.error().message.starts_with("input t")) << step.error().message;
    EXPECT_EQ(step.error().message.find("__sluice"), std::string::npos) << step.error().message;
    EXPECT_TRUE(MakeSqlTransform(Engine(), "SELECT a FROM other", inputs).ok());
  }
}

TEST(SqlGuard, NamesNeedNoPlainLetters) {
  auto step = Make("SELECT \"a \"\"b\" + 1 AS \"ü;--\" FROM \"od\"\"d name\"",
                   {{"od\"d name", Ddl("`a \"b` int")}});
  EXPECT_EQ(step->output_schema()->field(0)->name(), "ü;--");
}

TEST(SqlGuard, ASpoolDirectoryThatCannotBeMadeIsAUserError) {
  SqlEngine::Settings settings;
  settings.spool_directory = "/proc/no/such/folder";
  auto engine = SqlEngine::Make(settings);
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().blame, Blame::kUser);
  EXPECT_NE(engine.error().message.find("/proc/no/such/folder"), std::string::npos);
}

}  // namespace
}  // namespace sluice
