#include "table/postgresql/postgresql_options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

namespace sluice {
namespace {

constexpr char kSystemAuthorities[] = "/etc/ssl/certs/ca-certificates.crt";

Error BadUrl(const std::string& what) {
  return UserError("table.url", "url " + what +
                                    "; write jdbc:postgresql://HOST:PORT/DATABASE or "
                                    "postgresql://HOST:PORT/DATABASE");
}

bool IsPort(std::string_view text) {
  int port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failed == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

/// What is wrong is told without the URL: a password may stand in it.
Result<void> ReadUrl(std::string_view url, PostgresqlOptions* out) {
  if (url.starts_with("jdbc:")) url.remove_prefix(5);
  bool known = false;
  for (const std::string_view scheme : {"postgresql://", "postgres://"}) {
    known = url.starts_with(scheme);
    if (!known) continue;
    url.remove_prefix(scheme.size());
    break;
  }
  if (!known) return BadUrl("is no address of a PostgreSQL server");
  if (url.find('@') != url.npos) return BadUrl("names a user; give user and password as options");
  if (url.find('?') != url.npos) {
    return BadUrl("has parameters behind a '?'; give sslmode, sslrootcert and the like as options");
  }
  const std::size_t slash = url.find('/');
  if (slash == url.npos || slash + 1 == url.size()) return BadUrl("names no database");
  std::string_view address = url.substr(0, slash);
  out->database = url.substr(slash + 1);
  if (out->database.find_first_of("/%") != std::string::npos) {
    return BadUrl("has a '/' or '%' in the name of the database");
  }
  if (address.find(',') != address.npos) return BadUrl("names several hosts; one is possible");
  const std::size_t colon = address.rfind(':');
  const bool inside = address.rfind(']') != address.npos && colon < address.rfind(']');
  out->port = "5432";
  if (colon != address.npos && !inside) {
    out->port = address.substr(colon + 1);
    if (!IsPort(out->port)) return BadUrl("has a port that is none");
    address = address.substr(0, colon);
  }
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  if (address.empty()) return BadUrl("names no host");
  out->host = address;
  return {};
}

Error BadTable(const std::string& what) {
  return UserError("table.dbtable",
                   "dbtable " + what + "; write TABLE or SCHEMA.TABLE, of a table or a view");
}

/// An identifier as SQL has it: in small letters unless it is quoted.
Result<std::string> TakeName(std::string_view* text) {
  std::string name;
  if (!text->starts_with('"')) {
    const std::size_t end = std::min(text->find('.'), text->size());
    for (const char c : text->substr(0, end)) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) == 0 && c != '_' && c != '$' && byte < 128) {
        return BadTable(
            "has characters that want quotes (\"...\"); a query cannot stand there, "
            "make a view of it");
      }
      name += static_cast<char>(std::tolower(byte));
    }
    text->remove_prefix(end);
  } else {
    text->remove_prefix(1);
    while (!text->empty()) {
      const char c = text->front();
      text->remove_prefix(1);
      if (c != '"') {
        name += c;
      } else if (text->starts_with('"')) {
        name += '"';
        text->remove_prefix(1);
      } else {
        break;
      }
    }
  }
  if (name.empty() || name.find('\0') != name.npos) return BadTable("has an empty name");
  return name;
}

Result<void> ReadTable(std::string_view text, PostgresqlOptions* out) {
  TRY(out->table, TakeName(&text));
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    out->schema = out->table;
    TRY(out->table, TakeName(&text));
  }
  if (!text.empty()) return BadTable("has something behind the name of the table");
  return {};
}

}  // namespace

std::vector<OptionSpec> PostgresqlOptionSpecs() {
  return {
      {.name = "url",
       .help = "Address of the database, as JDBC or libpq write it, without user and parameters.",
       .example = "jdbc:postgresql://db.example.com:5432/shop",
       .required = true},
      {.name = "dbtable",
       .help = "The table or view, with its schema in front unless that is `public`. Names are in "
               "small letters unless quoted.",
       .example = "accounts",
       .required = true},
      {.name = "user", .help = "Who reads.", .example = "etl", .required = true},
      {.name = "password",
       .help = "The user's password.",
       .example = "${PGPASSWORD}",
       .secret = true},
      {.name = "sslmode",
       .default_value = "verify-full",
       .help = "Whether the connection is encrypted and the server's certificate checked, as in "
               "libpq. `disable` sends everything in plain text.",
       .choices = {"verify-full", "verify-ca", "require", "disable"}},
      {.name = "sslrootcert",
       .help = "File of the authorities that may have signed the server's certificate. Without it, "
               "those of the system.",
       .example = "/etc/sluice/db-ca.pem"},
      {.name = "connectTimeout",
       .type = OptionType::kDuration,
       .default_value = "10 seconds",
       .help = "How long connecting and logging in may take.",
       .example = "30 seconds",
       .min = 1000},
      {.name = "readTimeout",
       .type = OptionType::kDuration,
       .default_value = "60 seconds",
       .help = "How long the server may be silent while rows are read.",
       .example = "5 min",
       .min = 1000},
  };
}

Result<PostgresqlOptions> ParsePostgresqlOptions(const Options& options) {
  PostgresqlOptions out;
  TRY(ReadUrl(options.String("url"), &out));
  TRY(ReadTable(options.String("dbtable"), &out));
  out.user = options.String("user");
  out.password = options.String("password");
  out.sslmode = options.String("sslmode");
  if (out.sslmode.starts_with("verify")) {
    out.sslrootcert =
        options.Given("sslrootcert") ? options.String("sslrootcert") : kSystemAuthorities;
  } else if (options.Given("sslrootcert")) {
    return UserError("table.option", "sslrootcert is for sslmode verify-full and verify-ca");
  }
  out.connect_timeout = *options.Int("connectTimeout");
  out.read_timeout = *options.Int("readTimeout");
  return out;
}

std::string PostgresqlOptions::Location() const {
  const bool v6 = host.find(':') != std::string::npos;
  return "postgresql://" + (v6 ? "[" + host + "]" : host) + ":" + port + "/" + database + ", " +
         schema + "." + table;
}

std::string QuotedName(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace sluice
