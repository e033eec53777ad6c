#include "registry/confluent_registry.h"

#include <algorithm>
#include <set>

namespace sluice {
namespace {

constexpr std::int64_t kRequestTimeout = 10'000'000;
/// What one schema may refer to, over all levels.
constexpr std::size_t kMaxTexts = 200;
constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxBytes = 8 << 20;

/// Error codes that say there is no such subject, version or schema.
bool IsNothing(int code) { return code == 40401 || code == 40402 || code == 40403; }

std::string VersionPath(const std::string& subject, const std::string& version) {
  return "/subjects/" + PercentEncode(subject) + "/versions/" + version;
}

/// The meaning of an answer that is no schema.
Error Refused(const Url& server, int status, const std::string& path) {
  const std::string said = server.Origin() + " answers with status " + std::to_string(status);
  if (status == 401 || status == 403) {
    return UserError("registry.auth", said +
                                          ": check basic.auth.user.info or bearer.auth.token, and "
                                          "what that user may read");
  }
  if (status == 404 && path.starts_with("/schemas/guids/")) {
    return RemoteError("registry.guid",
                       said +
                           ": it does not know schemas by GUID, as registries of platform 8 and "
                           "later do",
                       Retry::kNo);
  }
  if (status >= 500 || status == 429 || status == 408) return RemoteError("registry.busy", said);
  return UserError("registry.url", said +
                                       ", which a schema registry does not: check "
                                       "schema.registry.url and its path");
}

}  // namespace

/// Collects what a schema refers to, each text after those it needs.
class ConfluentRegistry::References {
 public:
  References(ConfluentRegistry& registry, const Question& question)
      : registry_(registry), question_(question) {}

  Result<void> Add(const std::vector<SchemaReference>& references, std::size_t depth = 1) {
    for (const SchemaReference& reference : references) TRY(AddOne(reference, depth));
    return {};
  }

  std::vector<std::string> Take() { return std::move(texts_); }

 private:
  Result<void> AddOne(const SchemaReference& reference, std::size_t depth) {
    const auto key = std::make_pair(reference.subject, reference.version);
    if (done_.contains(key)) return {};
    if (!open_.insert(key).second) return Bad("in a circle");
    if (depth > kMaxDepth || done_.size() + open_.size() > kMaxTexts) return Bad("too far");
    TRY(auto found,
        registry_.Fetch(VersionPath(reference.subject, std::to_string(reference.version)),
                        question_));
    if (!found) return Bad("to a version that is not there");
    TRY(Add(found->references, depth + 1));
    bytes_ += found->schema.text.size();
    if (bytes_ > kMaxBytes) return Bad("to more than can be held");
    texts_.push_back(std::move(found->schema.text));
    open_.erase(key);
    done_.insert(key);
    return {};
  }

  static Error Bad(const std::string& how) {
    return RemoteError("registry.reference", "a schema of the registry refers " + how, Retry::kNo);
  }

  ConfluentRegistry& registry_;
  const Question& question_;
  std::set<std::pair<std::string, std::int64_t>> open_;
  std::set<std::pair<std::string, std::int64_t>> done_;
  std::vector<std::string> texts_;
  std::size_t bytes_ = 0;
};

ConfluentRegistry::ConfluentRegistry(ConfluentSettings settings)
    : settings_(std::move(settings)), http_(settings_.tls) {}

bool ConfluentRegistry::Understands(SchemaId::Kind kind) const {
  return kind == SchemaId::Kind::kConfluentId || kind == SchemaId::Kind::kConfluentGuid;
}

SchemaAnswer ConfluentRegistry::Ask(const SchemaId& id, std::int64_t timeout,
                                    const std::stop_token& stop) {
  const bool number = id.kind == SchemaId::Kind::kConfluentId;
  // Ids are Java's int: others do not exist, and asking for one gives a 404 without a code.
  if (!Understands(id.kind) || (number && id.bytes[0] > 0x7f)) {
    return std::shared_ptr<const RegisteredSchema>();
  }
  return Resolve((number ? "/schemas/ids/" : "/schemas/guids/") + ToString(id),
                 {settings_.clock->MonotonicMicros() + timeout, stop});
}

SchemaAnswer ConfluentRegistry::AskLatest(const std::string& name, std::int64_t timeout,
                                          const std::stop_token& stop) {
  return Resolve(VersionPath(name, "latest"), {settings_.clock->MonotonicMicros() + timeout, stop});
}

SchemaAnswer ConfluentRegistry::Resolve(const std::string& path, const Question& question) {
  TRY(auto found, Fetch(path, question));
  if (!found) return std::shared_ptr<const RegisteredSchema>();
  References references(*this, question);
  TRY(references.Add(found->references));
  found->schema.references = references.Take();
  return std::make_shared<const RegisteredSchema>(std::move(found->schema));
}

Result<std::optional<ConfluentSchema>> ConfluentRegistry::Fetch(const std::string& path,
                                                                const Question& question) {
  const std::size_t count = settings_.urls.size();
  const std::size_t first = first_.load(std::memory_order_relaxed);
  std::optional<Error> last;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t turn = (first + i) % count;
    auto found = FetchFrom(settings_.urls[turn], path, question);
    if (found.ok()) {
      first_.store(turn, std::memory_order_relaxed);
      return found;
    }
    // Those of the user are one server's too: a certificate, an address that is somebody else's.
    if (found.error().code == "net.stopped") return found;
    // What may mend outweighs what does not: another server may be away only for now.
    if (!last || last->retry == Retry::kNo) last = std::move(found).error();
  }
  return std::move(*last);
}

Result<std::optional<ConfluentSchema>> ConfluentRegistry::FetchFrom(const Url& server,
                                                                    const std::string& path,
                                                                    const Question& question) {
  HttpRequest request;
  request.url = server.Below(path);
  request.headers = {{"Accept", "application/vnd.schemaregistry.v1+json, application/json"}};
  if (!settings_.authorization.empty()) {
    request.headers.emplace_back("Authorization", settings_.authorization);
  }
  const std::int64_t left = question.deadline - settings_.clock->MonotonicMicros();
  if (left <= 0) return RemoteError("net.timeout", server.Origin() + " did not answer in time");
  request.timeout = std::min(kRequestTimeout, left);
  request.max_answer = kMaxSchemaAnswer;
  TRY(auto answer, http_.Send(request, question.stop));
  if (answer.status == 404 && IsNothing(ParseConfluentError(answer.body))) {
    return std::optional<ConfluentSchema>();
  }
  if (answer.status != 200) return Refused(server, answer.status, path);
  auto found = ParseConfluentSchema(answer.body);
  if (!found.ok()) return std::move(found).error().At(server.Origin());
  return std::optional(*std::move(found));
}

}  // namespace sluice
