// What a user would take otherwise, written as well as its documentation teaches.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <arrow/array.h>
#include <arrow/builder.h>
#include <duckdb.h>
#include <pcre2.h>
#include <simdjson.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cpu_clock.h"
#include "decode/convert.h"
#include "decode/grok/grok_expander.h"
#include "decode/grok/grok_library.h"
#include "decode_forms.h"

namespace sluice_bench {
namespace {

constexpr std::size_t kBatch = 4096;

class JsonRival {
 public:
  explicit JsonRival(const Messages& messages)
      : bytes_(messages.bytes()), size_(messages.bytes().size()) {
    bytes_.reserve(size_ + simdjson::SIMDJSON_PADDING);
    std::size_t at = 0;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      starts_.push_back(at);
      at += messages[i].size();
    }
    starts_.push_back(at);
  }

  double Run() {
    const double begin = ThreadCpuSeconds();
    for (std::size_t i = 0; i + 1 < starts_.size(); ++i) {
      const simdjson::padded_string_view view(
          bytes_.data() + starts_[i], starts_[i + 1] - starts_[i], bytes_.capacity() - starts_[i]);
      try {
        Read(view);
      } catch (const simdjson::simdjson_error& error) {
        std::fprintf(stderr, "simdjson: %s\n", error.what());
        return -1;
      }
      if (((i + 1) % kBatch == 0 || i + 2 == starts_.size()) && !Finish()) return -1;
    }
    return ThreadCpuSeconds() - begin;
  }

 private:
  static void Check(const arrow::Status& status) {
    if (!status.ok()) std::abort();
  }

  void Read(const simdjson::padded_string_view& view) {
    simdjson::ondemand::document document = parser_.iterate(view);
    simdjson::ondemand::object object = document.get_object();
    Text(&event_id_, object["event_id"]);
    std::int64_t micros = 0;
    const std::string_view time = object["ts"];
    if (sluice::ParseTimestamp(time, sluice::ZonePolicy::kOptional, &micros) !=
        sluice::Conversion::kOk) {
      std::abort();
    }
    Check(ts_.Append(micros));
    Check(user_id_.Append(object["user_id"].get_int64()));
    Text(&session_, object["session"]);
    Text(&event_, object["event"]);
    Check(price_.Append(object["price"].get_double()));
    Check(quantity_.Append(static_cast<std::int32_t>(object["quantity"].get_int64().value())));
    Text(&city_, object["city"]);
    simdjson::ondemand::object geo = object["geo"].get_object();
    Check(lat_.Append(geo["lat"].get_double()));
    Check(lon_.Append(geo["lon"].get_double()));
    Text(&ua_, object["ua"]);
    Check(tags_.Append());
    for (std::string_view tag : object["tags"].get_array()) Check(tag_->Append(tag));
    Check(ok_.Append(object["ok"].get_bool()));
  }

  static void Text(arrow::StringBuilder* builder, std::string_view text) {
    Check(builder->Append(text));
  }

  bool Finish() {
    for (arrow::ArrayBuilder* builder :
         {static_cast<arrow::ArrayBuilder*>(&event_id_), static_cast<arrow::ArrayBuilder*>(&ts_),
          static_cast<arrow::ArrayBuilder*>(&user_id_),
          static_cast<arrow::ArrayBuilder*>(&session_), static_cast<arrow::ArrayBuilder*>(&event_),
          static_cast<arrow::ArrayBuilder*>(&price_), static_cast<arrow::ArrayBuilder*>(&quantity_),
          static_cast<arrow::ArrayBuilder*>(&city_), static_cast<arrow::ArrayBuilder*>(&lat_),
          static_cast<arrow::ArrayBuilder*>(&lon_), static_cast<arrow::ArrayBuilder*>(&ua_),
          static_cast<arrow::ArrayBuilder*>(&tags_), static_cast<arrow::ArrayBuilder*>(&ok_)}) {
      std::shared_ptr<arrow::Array> array;
      if (!builder->Finish(&array).ok()) return false;
    }
    return true;
  }

  std::string bytes_;
  std::size_t size_;
  std::vector<std::size_t> starts_;
  simdjson::ondemand::parser parser_;
  arrow::StringBuilder event_id_, session_, event_, city_, ua_;
  arrow::TimestampBuilder ts_{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                              arrow::default_memory_pool()};
  arrow::Int64Builder user_id_;
  arrow::Int32Builder quantity_;
  arrow::DoubleBuilder price_, lat_, lon_;
  std::shared_ptr<arrow::StringBuilder> tag_ = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder tags_{arrow::default_memory_pool(), tag_};
  arrow::BooleanBuilder ok_;
};

class DuckDbRival {
 public:
  explicit DuckDbRival(const Messages& messages) : rows_(messages.size()) {
    const int file = mkstemp(path_);
    good_ = file >= 0 && write(file, messages.bytes().data(), messages.bytes().size()) ==
                             static_cast<ssize_t>(messages.bytes().size());
    if (file >= 0) close(file);
    good_ = good_ && duckdb_open(nullptr, &database_) == DuckDBSuccess &&
            duckdb_connect(database_, &connection_) == DuckDBSuccess &&
            duckdb_query(connection_, "SET threads = 1", nullptr) == DuckDBSuccess;
  }
  ~DuckDbRival() {
    duckdb_disconnect(&connection_);
    duckdb_close(&database_);
    unlink(path_);
  }

  double Run() {
    if (!good_) return -1;
    const std::string sql =
        std::string("SELECT * FROM read_csv('") + path_ +
        "', auto_detect = false, header = false, delim = ',', quote = '\"', columns = {event_id: "
        "'VARCHAR', ts: 'TIMESTAMP', user_id: 'BIGINT', session: 'VARCHAR', event: 'VARCHAR', "
        "price: 'DOUBLE', quantity: 'INTEGER', city: 'VARCHAR', lat: 'DOUBLE', lon: 'DOUBLE', ua: "
        "'VARCHAR', tags: 'VARCHAR', ok: 'BOOLEAN'})";
    duckdb_result result;
    // One thread: the caller's own.
    const double begin = ThreadCpuSeconds();
    const bool good = duckdb_query(connection_, sql.c_str(), &result) == DuckDBSuccess;
    const double seconds = ThreadCpuSeconds() - begin;
    if (!good) std::fprintf(stderr, "%s\n", duckdb_result_error(&result));
    const std::size_t count = good ? duckdb_row_count(&result) : 0;
    duckdb_destroy_result(&result);
    return count == rows_ ? seconds : -1;
  }

 private:
  std::size_t rows_;
  char path_[32] = "/tmp/decode_bench_XXXXXX";
  bool good_ = false;
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

class Pcre2Rival {
 public:
  Pcre2Rival(const Messages& messages, const std::string& pattern) : messages_(messages) {
    const auto expanded =
        sluice::ExpandGrok(pattern, {nullptr, &sluice::GrokLibrary::Legacy()}, {});
    if (!expanded.ok()) std::abort();
    const std::string& regex = expanded->regex();
    int error = 0;
    std::size_t where = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(),
                          PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE, &error, &where, nullptr);
    if (code_ == nullptr || pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE) != 0) std::abort();
    data_ = pcre2_match_data_create_from_pattern(code_, nullptr);
    context_ = pcre2_match_context_create(nullptr);
  }
  ~Pcre2Rival() {
    pcre2_match_context_free(context_);
    pcre2_match_data_free(data_);
    pcre2_code_free(code_);
  }

  double Run() {
    const double begin = ThreadCpuSeconds();
    std::size_t matched = 0;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const std::string_view line = messages_[i];
      matched += pcre2_jit_match(code_, reinterpret_cast<PCRE2_SPTR>(line.data()), line.size(), 0,
                                 0, data_, context_) > 0;
    }
    return matched == messages_.size() ? ThreadCpuSeconds() - begin : -1;
  }

 private:
  const Messages& messages_;
  pcre2_code* code_ = nullptr;
  pcre2_match_data* data_ = nullptr;
  pcre2_match_context* context_ = nullptr;
};

template <typename Reader>
std::unique_ptr<Rival> AsRival(const char* name, std::shared_ptr<Reader> reader) {
  return std::make_unique<Rival>(Rival{name, [reader] { return reader->Run(); }});
}

}  // namespace

std::unique_ptr<Rival> JsonByHand(const Messages& messages) {
  return AsRival("simdjson On-Demand and Arrow's builders", std::make_shared<JsonRival>(messages));
}
std::unique_ptr<Rival> CsvByDuckDb(const Messages& messages) {
  return AsRival("DuckDB's read_csv, one file", std::make_shared<DuckDbRival>(messages));
}
std::unique_ptr<Rival> GrokByPcre2(const Messages& messages, const std::string& pattern) {
  return AsRival("PCRE2 alone, nothing taken out", std::make_shared<Pcre2Rival>(messages, pattern));
}

}  // namespace sluice_bench
