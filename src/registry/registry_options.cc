#include "registry/registry_options.h"

#include "core/base64.h"
#include "registry/cached_registry.h"
#include "registry/confluent_registry.h"
#include "registry/glue_registry.h"

namespace sluice {
namespace {

std::vector<OptionSpec> CommonSpecs() {
  return {
      {.name = "registry",
       .help = "Where the schemas are that messages name by an id: AWS Glue's registry, or "
               "Confluent's and those that answer like it. schema.registry.url alone means "
               "confluent.",
       .example = "confluent",
       .choices = {"confluent", "glue"}},
      {.name = "registryTimeout",
       .type = OptionType::kDuration,
       .default_value = "60 seconds",
       .help = "How long a registry that does not answer is asked again before that is an error.",
       .example = "5 minutes",
       .min = 1'000'000},
      {.name = "registryMissingTtl",
       .type = OptionType::kDuration,
       .default_value = "30 seconds",
       .help = "How long the registry is not asked again for an id that it did not know.",
       .example = "5 minutes",
       .aliases = {"missing.id.cache.ttl.sec"}},
      {.name = "registryLatestTtl",
       .type = OptionType::kDuration,
       .default_value = "60 seconds",
       .help = "How long the newest version of a schema is taken for the newest.",
       .example = "5 minutes",
       .aliases = {"latest.cache.ttl.sec"}},
      {.name = "registryAllowHttp",
       .type = OptionType::kBool,
       .default_value = "false",
       .help = "Talk to a registry on another machine without TLS, if its URL says http. "
               "Passwords can then be read on the way.",
       .example = "true"},
      {.name = "schema.registry.ssl.ca.location",
       .help = "PEM file of the authorities that may sign the registry's certificate. Without it, "
               "those that the system trusts.",
       .example = "/etc/sluice/ca.pem"},
      {.name = "schema.registry.ssl.certificate.location",
       .help = "PEM file of the job's own certificate, where the registry asks for one.",
       .example = "/etc/sluice/client.pem"},
      {.name = "schema.registry.ssl.key.location",
       .help = "PEM file of the key of schema.registry.ssl.certificate.location.",
       .example = "/etc/sluice/client.key"},
      {.name = "schema.registry.ssl.key.password",
       .help = "Password of schema.registry.ssl.key.location.",
       .example = "${REGISTRY_KEY_PASSWORD}",
       .secret = true},
  };
}

std::vector<OptionSpec> ConfluentSpecs() {
  return {
      {.name = "schema.registry.url",
       .type = OptionType::kList,
       .help = "URLs of the registry's servers, separated by commas; where one does not answer, "
               "the next is asked.",
       .example = "https://registry-1:8081,https://registry-2:8081",
       .aliases = {"schemaRegistryUrl"}},
      {.name = "basic.auth.user.info",
       .help = "User and password for the registry, as USER:PASSWORD.",
       .example = "${REGISTRY_LOGIN}",
       .secret = true,
       .aliases = {"schema.registry.basic.auth.user.info"}},
      {.name = "basic.auth.credentials.source",
       .help = "Where user and password are: in basic.auth.user.info.",
       .example = "USER_INFO",
       .choices = {"USER_INFO"}},
      {.name = "bearer.auth.token",
       .help = "Token for the registry, instead of user and password.",
       .example = "${REGISTRY_TOKEN}",
       .secret = true,
       .aliases = {"schema.registry.bearer.auth.token"}},
      {.name = "bearer.auth.credentials.source",
       .help = "Where the token is: in bearer.auth.token.",
       .example = "STATIC_TOKEN",
       .choices = {"STATIC_TOKEN"}},
  };
}

std::vector<OptionSpec> GlueSpecs() {
  return {
      {.name = "registryName",
       .default_value = "default-registry",
       .help = "Registry in AWS Glue of schemas that are named without one.",
       .example = "clicks",
       .aliases = {"registry.name"}},
      {.name = "region",
       .help = "AWS region of the registry. Without it AWS_REGION, AWS_DEFAULT_REGION or the "
               "profile's.",
       .example = "eu-central-1"},
      {.name = "registryEndpointUrl",
       .help = "URL of AWS Glue, if it is not the region's own. Without it AWS_ENDPOINT_URL_GLUE "
               "or AWS_ENDPOINT_URL.",
       .example = "https://vpce-0123.glue.eu-central-1.vpce.amazonaws.com"},
      {.name = "awsProfile",
       .help = "Profile in the shared AWS files to take credentials and region from.",
       .example = "etl"},
      {.name = "awsAccessKeyId",
       .help = "Access key for AWS. Without it credentials come from the surroundings: "
               "environment, web identity, profile, container or machine.",
       .example = "${AWS_KEY_ID}",
       .secret = true},
      {.name = "awsSecretAccessKey",
       .help = "Secret of awsAccessKeyId.",
       .example = "${AWS_SECRET}",
       .secret = true,
       .aliases = {"awsSecretKey"}},
      {.name = "awsSessionToken",
       .help = "Session token of awsAccessKeyId, where it has one.",
       .example = "${AWS_TOKEN}",
       .secret = true},
  };
}

Error Wrong(const std::string& what) { return UserError("registry.options", what); }

/// The URL of a server, if a password may be sent there.
Result<Url> ServerUrl(const std::string& option, const std::string& text, bool allow_http) {
  auto url = ParseUrl(text);
  if (!url.ok()) return Wrong(option + ": " + url.error().message);
  if (!url->user.empty() || !url->password.empty()) {
    return Wrong(option +
                 ": no user and password in a URL, which is shown and stored; put them "
                 "into basic.auth.user.info");
  }
  if (!url->query.empty()) return Wrong(option + ": a URL of a server has no query");
  const bool here =
      url->host == "localhost" || url->host.starts_with("127.") || url->host == "[::1]";
  if (url->scheme == "http" && !here && !allow_http) {
    return Wrong(option + ": " + url->Origin() +
                 " is not encrypted; use https, or set registryAllowHttp: true");
  }
  return url;
}

Result<TlsFiles> TlsOf(const Options& options) {
  const std::string prefix = "schema.registry.ssl.";
  TlsFiles tls{options.String(prefix + "ca.location"),
               options.String(prefix + "certificate.location"),
               options.String(prefix + "key.location"), options.String(prefix + "key.password")};
  if (tls.certificate.empty() && !tls.key.empty()) {
    return Wrong("schema.registry.ssl.key.location needs schema.registry.ssl.certificate.location");
  }
  return tls;
}

Result<std::string> AuthorizationOf(const Options& options) {
  const std::string login = options.String("basic.auth.user.info");
  const std::string token = options.String("bearer.auth.token");
  if (!login.empty() && !token.empty()) {
    return Wrong("only one of basic.auth.user.info and bearer.auth.token can be used");
  }
  if (options.Given("basic.auth.credentials.source") && login.empty()) {
    return Wrong("basic.auth.credentials.source needs basic.auth.user.info");
  }
  if (options.Given("bearer.auth.credentials.source") && token.empty()) {
    return Wrong("bearer.auth.credentials.source needs bearer.auth.token");
  }
  if (!token.empty()) return "Bearer " + token;
  if (login.empty()) return std::string();
  if (login.find(':') == std::string::npos) {
    return Wrong("basic.auth.user.info has to be USER:PASSWORD");
  }
  return "Basic " + Base64Encode(login);
}

Result<std::unique_ptr<SchemaClient>> MakeConfluent(const Options& options,
                                                    const RegistryContext& context) {
  ConfluentSettings settings;
  settings.clock = context.clock;
  for (const std::string& text : options.List("schema.registry.url")) {
    TRY(auto url, ServerUrl("schema.registry.url", text, options.Bool("registryAllowHttp")));
    settings.urls.push_back(std::move(url));
  }
  if (settings.urls.empty()) return Wrong("registry: confluent needs schema.registry.url");
  TRY(settings.authorization, AuthorizationOf(options));
  TRY(settings.tls, TlsOf(options));
  return std::make_unique<ConfluentRegistry>(std::move(settings));
}

Result<std::unique_ptr<SchemaClient>> MakeGlue(const Options& options,
                                               const RegistryContext& context) {
  GlueSettings settings;
  settings.clock = context.clock;
  settings.environment = context.environment;
  settings.registry_name = options.String("registryName");
  settings.aws = {options.String("awsAccessKeyId"), options.String("awsSecretAccessKey"),
                  options.String("awsSessionToken"), options.String("awsProfile"),
                  options.String("region")};
  TRY(settings.tls, TlsOf(options));
  HttpClient none;
  TRY(settings.region, AwsCredentialsChain(settings.aws, &none, context.environment).Region());
  std::string text = options.String("registryEndpointUrl");
  if (text.empty()) text = context.environment("AWS_ENDPOINT_URL_GLUE");
  if (text.empty()) text = context.environment("AWS_ENDPOINT_URL");
  if (text.empty()) {
    const bool china = settings.region.starts_with("cn-");
    text = "https://glue." + settings.region + (china ? ".amazonaws.com.cn" : ".amazonaws.com");
  }
  TRY(settings.endpoint, ServerUrl("registryEndpointUrl", text, options.Bool("registryAllowHttp")));
  return std::make_unique<GlueRegistry>(std::move(settings));
}

/// Whether a source may have this one for itself, with another registry or none.
bool IsShared(const std::string& name) { return name == "region" || name.starts_with("aws"); }

/// An option that only the other kind of registry has.
Result<void> RefuseOthers(const Options& options, const std::string& kind) {
  for (const OptionSpec& spec : kind == "glue" ? ConfluentSpecs() : GlueSpecs()) {
    if (IsShared(spec.name) || !options.Given(spec.name)) continue;
    return Wrong(spec.name + " has no meaning with registry: " + kind);
  }
  return {};
}

}  // namespace

std::vector<OptionSpec> RegistryOptionSpecs() {
  std::vector<OptionSpec> specs = CommonSpecs();
  for (auto& more : {ConfluentSpecs(), GlueSpecs()}) {
    specs.insert(specs.end(), more.begin(), more.end());
  }
  return specs;
}

Result<std::unique_ptr<SchemaFinder>> MakeSchemaFinder(const Options& options,
                                                       const RegistryContext& context) {
  std::string kind = options.String("registry");
  if (kind.empty() && options.Given("schema.registry.url")) kind = "confluent";
  if (kind.empty()) {
    for (const OptionSpec& spec : RegistryOptionSpecs()) {
      if (IsShared(spec.name) || !options.Given(spec.name)) continue;
      return Wrong(spec.name + " needs the option registry");
    }
    return std::unique_ptr<SchemaFinder>();
  }
  TRY(RefuseOthers(options, kind));
  std::unique_ptr<SchemaClient> client;
  if (kind == "glue") {
    TRY(client, MakeGlue(options, context));
  } else {
    TRY(client, MakeConfluent(options, context));
  }
  CacheSettings cache;
  cache.timeout = *options.Int("registryTimeout");
  cache.missing_ttl = *options.Int("registryMissingTtl");
  cache.latest_ttl = *options.Int("registryLatestTtl");
  cache.stop = context.stop;
  cache.clock = context.clock;
  return std::make_unique<CachedRegistry>(std::move(client), std::move(cache));
}

}  // namespace sluice
