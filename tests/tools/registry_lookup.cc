/// Prints what schema ids and names resolve to, as JSON lines, for tests against real registries.
///
/// usage: registry_lookup [--id N | --guid UUID | --glue UUID | --latest NAME]... OPTION=VALUE...
/// One line for each question, in order: {"asked","seconds"} and either "schema": null or "type",
/// "text", "references", "name", "version". SIGTERM stops all waiting. The first error is a line
/// {"error","message"} and the end; exits as sluice would.
#include <pthread.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "registry/registry_options.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

void Print(const Json& line) {
  std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

SchemaId NumberId(const std::string& text) {
  SchemaId id;
  const unsigned long number = std::strtoul(text.c_str(), nullptr, 10);
  for (int i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return id;
}

SchemaId UuidId(SchemaId::Kind kind, const std::string& text) {
  SchemaId id{kind};
  std::string digits;
  for (const char c : text) {
    if (c != '-') digits += c;
  }
  for (std::size_t i = 0; i < 16 && 2 * i + 2 <= digits.size(); ++i) {
    id.bytes[i] =
        static_cast<std::uint8_t>(std::strtoul(digits.substr(2 * i, 2).c_str(), nullptr, 16));
  }
  return id;
}

Result<std::shared_ptr<const RegisteredSchema>> Ask(SchemaFinder& finder, const std::string& how,
                                                    const std::string& what) {
  if (how == "--latest") return finder.FindLatest(what);
  if (how == "--guid") return finder.Find(UuidId(SchemaId::Kind::kConfluentGuid, what));
  if (how == "--glue") return finder.Find(UuidId(SchemaId::Kind::kGlueVersion, what));
  return finder.Find(NumberId(what));
}

Result<void> Lookup(const std::vector<std::pair<std::string, std::string>>& questions,
                    const std::vector<std::pair<std::string, std::string>>& pairs,
                    const std::stop_token& stop) {
  TRY(auto options, ParseOptions(RegistryOptionSpecs(), RawOptionsFromPairs(pairs), "lookup"));
  RegistryContext context;
  context.stop = stop;
  TRY(auto finder, MakeSchemaFinder(options, context));
  if (finder == nullptr) return UserError("lookup.options", "no registry is named");
  for (const auto& [how, what] : questions) {
    const auto start = std::chrono::steady_clock::now();
    TRY(auto found, Ask(*finder, how, what));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    Json line{{"asked", what}, {"seconds", took.count()}};
    if (found == nullptr) {
      line["schema"] = nullptr;
    } else {
      line["type"] = std::array{"AVRO", "JSON", "PROTOBUF"}[static_cast<int>(found->type)];
      line["text"] = found->text;
      line["references"] = found->references;
      line["name"] = found->name;
      line["version"] = found->version;
    }
    Print(line);
  }
  return {};
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::stop_source stop;
  std::thread([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    stop.request_stop();
  }).detach();

  std::vector<std::pair<std::string, std::string>> questions;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--") && i + 1 < argc) {
      questions.emplace_back(word, argv[++i]);
    } else {
      const std::size_t equals = word.find('=');
      pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  auto result = sluice::Lookup(questions, pairs, stop.get_token());
  if (result.ok()) std::exit(0);
  sluice::Print({{"error", result.error().code}, {"message", result.error().message}});
  std::exit(sluice::ExitCode(result.error()));
}
