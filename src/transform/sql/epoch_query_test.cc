// SQL that stays open for the epoch: the same rows as a batch run, one caller's thread is enough,
// errors of the inputs, cancelling, spilling.

#include <duckdb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "transform/sql/transform_fixture.h"

namespace sluice {
namespace {

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

InputSchema Clicks() {
  return {"clicks", Ddl("id bigint, parent bigint, event string, price int")};
}
InputSchema Users() { return {"users", Ddl("id bigint, name string")}; }

/// Rows as SQL values and as batches of uneven sizes.
struct Data {
  std::string values;
  Batches batches;
};

Data Generate(const InputSchema& input, int rows, int seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  Data data;
  std::string json;
  const char* events[] = {"view", "cart", "a rather longer event", "pay"};
  int in_batch = 0;
  int size = 1;
  for (int i = 0; i < rows; ++i) {
    std::string row = std::to_string(i);
    if (input.name == "clicks") {
      row += "," + (random() % 9 == 0 ? "null" : std::to_string(random() % 700));
      row += std::string(",'") + events[random() % 4] + "'," +
             (random() % 11 == 0 ? "null" : std::to_string(random() % 1000));
    } else {
      row += ",'user number " + std::to_string(random() % 50) + "'";
    }
    data.values += (data.values.empty() ? "(" : ",(") + row + ")";
    std::replace(row.begin(), row.end(), '\'', '"');
    json += (json.empty() ? "[" : ",[") + row + "]";
    if (++in_batch < size && i + 1 < rows) continue;
    data.batches.push_back(Rows(input.schema, "[" + json + "]"));
    json.clear();
    in_batch = 0;
    size = static_cast<int>(random() % 900) + 1;
  }
  return data;
}

/// What plain DuckDB answers over tables, every value as text, rows sorted.
std::vector<std::string> Oracle(const std::string& sql, const Data& clicks, const Data& users) {
  duckdb_database database;
  duckdb_connection connection;
  EXPECT_EQ(duckdb_open(nullptr, &database), DuckDBSuccess);
  EXPECT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
  duckdb_query(connection,
               "CREATE TABLE clicks(id BIGINT, parent BIGINT, event VARCHAR, price INT); "
               "CREATE TABLE users(id BIGINT, name VARCHAR)",
               nullptr);
  duckdb_query(connection, ("INSERT INTO clicks VALUES " + clicks.values).c_str(), nullptr);
  duckdb_query(connection, ("INSERT INTO users VALUES " + users.values).c_str(), nullptr);
  duckdb_result result;
  EXPECT_EQ(duckdb_query(connection, sql.c_str(), &result), DuckDBSuccess)
      << duckdb_result_error(&result);
  std::vector<std::string> rows;
  while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
    for (idx_t r = 0; r < duckdb_data_chunk_get_size(chunk); ++r) {
      std::string row;
      for (idx_t c = 0; c < duckdb_data_chunk_get_column_count(chunk); ++c) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
        auto* text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector)) + r;
        std::uint64_t* valid = duckdb_vector_get_validity(vector);
        row += valid != nullptr && !duckdb_validity_row_is_valid(valid, r)
                   ? "null|"
                   : std::string(duckdb_string_t_data(text), duckdb_string_t_length(*text)) + "|";
      }
      rows.push_back(row);
    }
    duckdb_destroy_data_chunk(&chunk);
  }
  duckdb_destroy_result(&result);
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::string> Texts(const arrow::RecordBatch& batch) {
  std::vector<std::string> rows(static_cast<std::size_t>(batch.num_rows()));
  for (int c = 0; c < batch.num_columns(); ++c) {
    const auto& column = static_cast<const arrow::StringArray&>(*batch.column(c));
    for (std::int64_t r = 0; r < batch.num_rows(); ++r) {
      rows[static_cast<std::size_t>(r)] +=
          column.IsNull(r) ? "null|" : std::string(column.GetView(r)) + "|";
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

/// Notes that it was asked.
class NotingStream : public BatchStream {
 public:
  NotingStream(std::string name, std::vector<std::string>* asked, Batches batches)
      : name_(std::move(name)), asked_(asked), list_(std::move(batches)) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (asked_->empty() || asked_->back() != name_) asked_->push_back(name_);
    return list_.Next();
  }

 private:
  std::string name_;
  std::vector<std::string>* asked_;
  ListStream list_;
};

std::vector<InputSchema> WithTable() {
  InputSchema users = Users();
  users.table = true;
  return {Clicks(), users};
}

TEST(EpochQuery, ATableIsReadBeforeTheRowsThatPassIt) {
  for (const char* sql : {"SELECT c.id, u.name FROM clicks c JOIN users u ON c.id = u.id",
                          "SELECT c.id, u.name FROM users u JOIN clicks c ON c.id = u.id",
                          "SELECT c.id, u.name FROM clicks c LEFT JOIN users u ON c.id = u.id",
                          "SELECT c.id, u.name FROM users u RIGHT JOIN clicks c ON c.id = u.id"}) {
    auto step = Make(sql, WithTable());
    ASSERT_NE(step, nullptr);
    std::vector<std::string> asked;
    std::vector<std::shared_ptr<BatchStream>> streams;
    for (const Scan& scan : step->scans()) {
      const std::string& name = step->inputs()[scan.input];
      const Data data = Generate(name == "users" ? Users() : Clicks(), 3000, 3);
      streams.push_back(std::make_shared<NotingStream>(name, &asked, data.batches));
    }
    auto query = step->OpenEpoch(std::move(streams), 0);
    ASSERT_TRUE(query.ok());
    ASSERT_TRUE(Drain(step->output_schema(), query->get()).ok());
    EXPECT_EQ(asked, (std::vector<std::string>{"users", "clicks"})) << sql;
  }
}

TEST(EpochQuery, KnowsWhetherATableAloneGivesRows) {
  const std::vector<std::pair<const char*, bool>> cases = {
      {"SELECT c.id, u.name FROM clicks c JOIN users u ON c.id = u.id", false},
      {"SELECT c.id, u.name FROM clicks c LEFT JOIN users u ON c.id = u.id", false},
      {"SELECT c.id, u.name FROM users u RIGHT JOIN clicks c ON c.id = u.id", false},
      {"SELECT c.id, u.name FROM users u JOIN clicks c ON c.price < u.id WHERE c.id > 3 "
       "ORDER BY c.id LIMIT 5",
       false},
      {"SELECT id FROM clicks WHERE id IN (SELECT id FROM users)", false},
      {"SELECT id FROM clicks c WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = c.id)", false},
      {"SELECT c.id, u.name FROM clicks c CROSS JOIN users u", false},
      {"SELECT id FROM users WHERE id NOT IN (SELECT id FROM clicks WHERE id IS NOT NULL)", true},
      {"SELECT c.id, u.name FROM clicks c RIGHT JOIN users u ON c.id = u.id", true},
      {"SELECT c.id, u.name FROM clicks c FULL JOIN users u ON c.id = u.id", true},
      {"SELECT id FROM clicks UNION ALL SELECT id FROM users", true},
      {"SELECT count(*) AS n FROM clicks c JOIN users u ON c.id = u.id", true},
      {"SELECT count(*) AS n FROM clicks", true},
  };
  for (const auto& [sql, may_emit] : cases) {
    auto step = Make(sql, WithTable());
    ASSERT_NE(step, nullptr);
    EXPECT_EQ(step->may_emit_when_idle(), may_emit) << sql << "\n" << step->plan();
    // What it says is so.
    std::vector<Batches> inputs;
    for (const auto& name : step->inputs()) {
      inputs.push_back(name == "users" ? Generate(Users(), 100, 4).batches : Batches());
    }
    auto out = RunEpoch(step, inputs);
    ASSERT_TRUE(out.ok()) << ToString(out.error());
    EXPECT_TRUE(may_emit || (*out)->num_rows() == 0) << sql;
  }
}

class EpochQueryOracle : public testing::TestWithParam<const char*> {};

TEST_P(EpochQueryOracle, EqualsABatchRunOverTheSameRows) {
  // Text of every value, so that both sides compare alike.
  const std::string sql =
      std::string("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (") + GetParam() + ")";
  const Data clicks = Generate(Clicks(), 5000, 1);
  const Data users = Generate(Users(), 800, 2);
  auto step = Make(sql, {Clicks(), Users()});
  ASSERT_NE(step, nullptr);
  std::vector<Batches> inputs;
  for (const auto& name : step->inputs()) {
    inputs.push_back(name == "clicks" ? clicks.batches : users.batches);
  }
  auto out = RunEpoch(step, inputs);
  ASSERT_TRUE(out.ok()) << ToString(out.error());
  const std::vector<std::string> expected = Oracle(sql, clicks, users);
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(Texts(**out), expected) << step->plan();
}

INSTANTIATE_TEST_SUITE_P(
    Sql, EpochQueryOracle,
    testing::Values(
        "SELECT event, count(*) AS n, sum(price) AS s, avg(price) AS a FROM clicks GROUP BY event",
        "SELECT count(*) AS n FROM clicks",
        "SELECT a.id, b.id AS other, b.event FROM clicks a JOIN clicks b ON a.id = b.parent",
        "SELECT a.id, b.id AS other FROM clicks a LEFT JOIN clicks b ON a.id = b.parent",
        "SELECT id FROM clicks WHERE price > 500 UNION ALL SELECT parent FROM clicks WHERE price < "
        "100",
        "SELECT * FROM clicks UNION ALL SELECT * FROM clicks",
        "SELECT event FROM clicks UNION SELECT name FROM users",
        "SELECT id, sum(price) OVER (PARTITION BY event ORDER BY id) AS s, lag(id) OVER (ORDER BY "
        "id) AS l, "
        "row_number() OVER (ORDER BY price, id) AS r FROM clicks",
        "SELECT id, event FROM clicks QUALIFY row_number() OVER (PARTITION BY event ORDER BY price "
        "DESC, id) < 4",
        "WITH x AS (SELECT * FROM clicks WHERE price > 300) SELECT a.id, b.n FROM x a JOIN "
        "(SELECT event, count(*) AS n FROM x GROUP BY event) b USING (event)",
        "WITH x AS MATERIALIZED (SELECT * FROM clicks) SELECT * FROM x UNION ALL SELECT * FROM x",
        "WITH x AS NOT MATERIALIZED (SELECT * FROM clicks) SELECT * FROM x WHERE id < (SELECT "
        "max(id) FROM x)",
        "WITH clicks AS (SELECT * FROM clicks WHERE price > 1) SELECT count(*) AS n FROM clicks",
        "SELECT c.id, u.name FROM clicks c JOIN users u ON c.parent = u.id",
        "SELECT c.id, u.name FROM clicks c FULL JOIN users u ON c.parent = u.id",
        "SELECT u.* FROM users u ANTI JOIN clicks c ON c.parent = u.id",
        "SELECT id FROM clicks WHERE parent IN (SELECT id FROM users WHERE name LIKE '%7')",
        "SELECT id FROM clicks c WHERE EXISTS (SELECT 1 FROM clicks d WHERE d.parent = c.id AND "
        "d.price > c.price)",
        "SELECT id, (SELECT count(*) FROM users u WHERE u.id = c.parent) AS n FROM clicks c",
        "SELECT id, price FROM clicks WHERE price > (SELECT avg(price) FROM clicks)",
        "SELECT id FROM clicks ORDER BY price DESC NULLS LAST, id LIMIT 17 OFFSET 3",
        "SELECT DISTINCT event, price FROM clicks",
        "SELECT parent FROM clicks EXCEPT SELECT id FROM users",
        "SELECT event, price, count(*) AS n FROM clicks GROUP BY ROLLUP (event, price)",
        "SELECT count(DISTINCT parent) AS n, max_by(id, price * 10000 + id) AS m, list(id ORDER BY "
        "id) AS l FROM clicks",
        "SELECT id, i FROM clicks, range(3) r(i)",
        "SELECT * FROM (SELECT event, price FROM clicks) PIVOT (sum(price) FOR event IN ('view', "
        "'cart'))",
        "SELECT c.id, u.id AS uid FROM clicks c ASOF JOIN users u ON c.price >= u.id"));

TEST(EpochQuery, ScansSayHowOftenAnInputIsRead) {
  auto step = Make(
      "SELECT a.id, b.name FROM clicks a JOIN users b ON a.id = b.id JOIN clicks c ON c.id = b.id",
      {Users(), Clicks()});
  EXPECT_EQ(step->inputs(), (std::vector<std::string>{"users", "clicks"}));
  std::vector<std::size_t> scans;
  for (const Scan& scan : step->scans()) scans.push_back(scan.input);
  std::sort(scans.begin(), scans.end());
  EXPECT_EQ(scans, (std::vector<std::size_t>{0, 1, 1}));
  EXPECT_EQ(step->plan(), "open for the epoch: HASH_JOIN; scans clicks 2 times");
}

TEST(EpochQuery, RowByRowIsOnlyWhatIsKnownToBe) {
  for (const char* sql :
       {"SELECT id FROM clicks LIMIT 3", "SELECT id FROM clicks ORDER BY id",
        "SELECT DISTINCT id FROM clicks", "SELECT id FROM clicks USING SAMPLE 10%",
        "SELECT sum(id) AS s FROM clicks", "SELECT row_number() OVER () AS r FROM clicks",
        "SELECT id FROM clicks WHERE id = (SELECT max(id) FROM clicks)",
        "SELECT id FROM clicks CROSS JOIN (VALUES (1), (2)) v(x)"}) {
    auto step = Make(sql, {Clicks()});
    EXPECT_FALSE(step->row_by_row()) << sql;
  }
}

TEST(EpochQuery, NowIsTheEpochs) {
  auto step = Make("SELECT now() AS a, count(*) AS n, current_date AS d FROM clicks", {Clicks()});
  for (const std::int64_t now : {1'600'000'000'000'001, 1'700'000'000'000'000}) {
    auto out = RunEpoch(step, {Generate(Clicks(), 10, 1).batches}, now);
    ASSERT_TRUE(out.ok()) << ToString(out.error());
    EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*(*out)->column(0)).Value(0), now);
    EXPECT_EQ(static_cast<const arrow::Date32Array&>(*(*out)->column(2)).Value(0),
              now / 86'400'000'000);
  }
}

TEST(EpochQuery, AStreamsErrorIsPassedOnAsItIs) {
  class Failing : public BatchStream {
   public:
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      if (given_++ == 0) return Rows(Clicks().schema, R"([[1, 2, "a", 3]])");
      return RemoteError("aborted", "the epoch was abandoned", Retry::kNo);
    }
    int given_ = 0;
  };
  auto step = Make("SELECT sum(id) AS s FROM clicks", {Clicks()});
  auto query = step->OpenEpoch({std::make_shared<Failing>()}, 0);
  ASSERT_TRUE(query.ok());
  for (int i = 0; i < 2; ++i) {
    auto batch = (*query)->Next();
    ASSERT_FALSE(batch.ok());
    EXPECT_EQ(batch.error().code, "aborted");
    EXPECT_EQ(batch.error().message, "the epoch was abandoned");
  }
}

TEST(EpochQuery, ARowThatFailsFailsTheQueryAndSaysWhatToDo) {
  const InputSchema input{"t", Ddl("s string")};
  auto out = RunEpoch(Make("SELECT sum(s::INT) AS s FROM t", {input}),
                      {{Rows(input.schema, R"([["n/a"]])")}});
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, "sql.row");
  EXPECT_EQ(ExitCode(out.error()), 1);
  EXPECT_EQ(out.error().retry, Retry::kNo);
  // Nothing else leads to the row.
  EXPECT_NE(out.error().message.find("Could not convert string 'n/a' to INT32"), std::string::npos)
      << out.error().message;
  EXPECT_NE(out.error().message.find("TRY_CAST"), std::string::npos);
}

TEST(EpochQuery, AnErrorQuotesNoMoreThanTheBeginningOfAValue) {
  const InputSchema input{"t", Ddl("s string")};
  const std::string value = std::string(10'000, 'x');
  auto out = RunEpoch(Make("SELECT sum(s::INT) AS s FROM t", {input}),
                      {{Rows(input.schema, "[[\"" + value + "\"]]")}});
  ASSERT_FALSE(out.ok());
  EXPECT_LT(out.error().message.size(), 700u);
}

/// Never ends; counts what was taken.
class Endless : public BatchStream {
 public:
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    ++taken;
    return batch_;
  }
  std::atomic<int> taken = 0;

 private:
  std::shared_ptr<arrow::RecordBatch> batch_ = Generate(Clicks(), 500, 3).batches.back();
};

TEST(EpochQuery, GivesRowsWhileInputArrivesAndCanBeDropped) {
  auto step =
      Make("SELECT c.id, u.name, c.event FROM clicks c LEFT JOIN users u ON c.parent = u.id",
           {Clicks(), Users()});
  std::vector<std::shared_ptr<BatchStream>> streams;
  auto endless = std::make_shared<Endless>();
  for (const Scan& scan : step->scans()) {
    if (scan.input == 0) {
      streams.push_back(endless);
    } else {
      streams.push_back(std::make_shared<ListStream>(Generate(Users(), 100, 1).batches));
    }
  }
  auto query = step->OpenEpoch(streams, 0);
  ASSERT_TRUE(query.ok());
  for (int i = 0; i < 3; ++i) {
    auto batch = (*query)->Next();
    ASSERT_TRUE(batch.ok()) << ToString(batch.error());
    EXPECT_GT((*batch)->num_rows(), 0);
  }
  const int taken = endless->taken;
  query->reset();
  EXPECT_EQ(endless->taken, taken);
  // The engine is still fit for use.
  EXPECT_TRUE(RunEpoch(step, {Generate(Clicks(), 10, 1).batches, {}}).ok());
}

TEST(EpochQuery, CanBeDroppedBeforeItStarts) {
  auto step = Make("SELECT count(*) AS n FROM clicks", {Clicks()});
  EXPECT_TRUE(step->OpenEpoch({std::make_shared<Endless>()}, 0).ok());
}

TEST(EpochQuery, FiveOpenQueriesFinishThoughEachWaitsForTheOthers) {
  constexpr int kQueries = 5;
  // Nobody gets a second batch before everybody has taken a first one.
  class Meeting : public BatchStream {
   public:
    explicit Meeting(std::barrier<>* barrier) : barrier_(barrier) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      if (given_ == 20) return std::shared_ptr<arrow::RecordBatch>();
      barrier_->arrive_and_wait();
      ++given_;
      return Rows(Clicks().schema, R"([[1, 2, "a", 3], [1, 2, "b", 3]])");
    }
    std::barrier<>* barrier_;
    int given_ = 0;
  };
  std::barrier<> barrier(kQueries);
  auto engine = Engine();
  // Two are epochs of one step, as when one epoch finishes while the next is open.
  auto first = Make("SELECT event, count(*) AS n FROM clicks GROUP BY event ORDER BY event",
                    {Clicks()}, engine);
  auto second = Make(
      "SELECT event, sum(n) OVER () AS n FROM (SELECT event, count(*) AS n FROM clicks GROUP BY "
      "event) ORDER BY 1",
      {Clicks()}, engine);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < kQueries; ++i) {
    threads.emplace_back([&, i] {
      auto& step = i < 2 ? first : second;
      auto query = step->OpenEpoch({std::make_shared<Meeting>(&barrier)}, i);
      auto out = Drain(step->output_schema(), query->get());
      good += out.ok() && (*out)->num_rows() == 2;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, kQueries);
}

/// `rows` rows of a scattered key and 100 bytes of text.
class Wide : public BatchStream {
 public:
  explicit Wide(int rows) : rows_(rows) {}
  static InputSchema Input() { return {"wide", Ddl("k bigint, s string")}; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (next_ >= rows_) return std::shared_ptr<arrow::RecordBatch>();
    arrow::Int64Builder keys;
    arrow::StringBuilder texts;
    for (int i = 0; i < 1000; ++i, ++next_) {
      const std::int64_t key = static_cast<std::int64_t>(next_) * 7919 % 10'000'019;
      EXPECT_TRUE(keys.Append(key).ok());
      EXPECT_TRUE(texts.Append(std::to_string(key) + std::string(100, 'x')).ok());
    }
    return arrow::RecordBatch::Make(Input().schema, 1000, {*keys.Finish(), *texts.Finish()});
  }

 private:
  int rows_;
  int next_ = 0;
};

std::string TemporaryFolder() {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-spool-XXXXXX").string();
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

TEST(EpochQuery, ASortTenTimesTheMemorySpills) {
  const std::string spool = TemporaryFolder();
  constexpr int kRows = 6'000'000;  // 660 MB of text.
  {
    auto step = Make("SELECT * FROM wide ORDER BY k", {Wide::Input()}, Engine(64 << 20, spool));
    auto query = step->OpenEpoch({std::make_shared<Wide>(kRows)}, 0);
    ASSERT_TRUE(query.ok());
    std::int64_t rows = 0;
    std::uintmax_t spilled = 0;
    std::int64_t last = -1;
    while (true) {
      auto batch = (*query)->Next();
      ASSERT_TRUE(batch.ok()) << ToString(batch.error());
      if (*batch == nullptr) break;
      if (rows == 0) {
        for (const auto& file : std::filesystem::directory_iterator(spool))
          spilled += file.file_size();
      }
      const auto& keys = static_cast<const arrow::Int64Array&>(*(*batch)->column(0));
      for (std::int64_t i = 0; i < keys.length(); ++i) {
        ASSERT_LT(last, keys.Value(i));
        last = keys.Value(i);
      }
      rows += (*batch)->num_rows();
    }
    EXPECT_EQ(rows, kRows);
    EXPECT_GT(spilled, 100u << 20);
  }
  EXPECT_TRUE(std::filesystem::is_empty(spool));
  std::filesystem::remove_all(spool);
}

TEST(EpochQuery, AFullSpoolIsAnErrorThatSaysSo) {
  const std::string spool = TemporaryFolder();
  SqlEngine::Settings settings;
  settings.memory = 40 << 20;
  settings.spool_directory = spool;
  settings.max_spool = 50 << 20;
  auto engine = SqlEngine::Make(settings);
  ASSERT_TRUE(engine.ok());
  auto step = Make("SELECT * FROM wide ORDER BY k", {Wide::Input()}, *engine);
  auto query = step->OpenEpoch({std::make_shared<Wide>(4'000'000)}, 0);
  const auto batch = Drain(step->output_schema(), query->get());
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code, "sql.memory") << ToString(batch.error());
  std::filesystem::remove_all(spool);
}

}  // namespace
}  // namespace sluice
