#include "storage/s3/bucket_lifecycle.h"

#include <cstdlib>

#include "core/logging.h"
#include "net/xml_answer.h"

namespace sluice {
namespace {

/// A job may be down over a long weekend with a decided epoch that is not published.
constexpr int kEnoughDays = 7;

int Days(const XmlElement* element, const char* name) {
  if (element == nullptr) return 0;
  if (element->Child("Date") != nullptr) return 1;
  return std::atoi(element->ChildText(name).c_str());
}

std::string PrefixOf(const XmlElement& rule) {
  if (const XmlElement* filter = rule.Child("Filter")) {
    const XmlElement* all = filter->Child("And");
    return (all == nullptr ? filter : all)->ChildText("Prefix");
  }
  return rule.ChildText("Prefix");
}

}  // namespace

Result<std::vector<LifecycleRule>> ReadLifecycle(std::string_view body) {
  TRY(XmlElement xml, ParseXmlAnswer(body));
  std::vector<LifecycleRule> rules;
  for (const XmlElement& element : xml.children) {
    if (element.name != "Rule" || element.ChildText("Status") != "Enabled") continue;
    LifecycleRule rule;
    rule.id = element.ChildText("ID");
    rule.prefix = PrefixOf(element);
    rule.expires_days = Days(element.Child("Expiration"), "Days");
    rule.gives_up_days =
        Days(element.Child("AbortIncompleteMultipartUpload"), "DaysAfterInitiation");
    if (rule.expires_days != 0 || rule.gives_up_days != 0) rules.push_back(std::move(rule));
  }
  return rules;
}

void WarnOfLifecycle(S3Client* client, bool checkpoint) {
  S3Request request;
  request.query = {{"lifecycle", ""}};
  auto answer = client->Send(request, "read the lifecycle rules of");
  if (!answer.ok() || !answer->ok()) return;
  auto rules = ReadLifecycle(answer->body);
  if (!rules.ok()) return;
  const std::string ours = client->place().prefix.empty() ? "" : client->place().prefix + "/";
  for (const LifecycleRule& rule : *rules) {
    if (!ours.starts_with(rule.prefix) && !rule.prefix.starts_with(ours)) continue;
    if (checkpoint && rule.expires_days != 0) {
      Log(LogLevel::kWarn,
          "a rule of the bucket removes old objects where the checkpoint lies; a checkpoint that "
          "lost its start or its newest slots cannot be used: exempt it",
          {{"location", client->place().Text()},
           {"rule", rule.id},
           {"days", std::to_string(rule.expires_days)}});
    }
    if (!checkpoint && rule.gives_up_days != 0 && rule.gives_up_days < kEnoughDays) {
      Log(LogLevel::kWarn,
          "a rule of the bucket gives up unfinished uploads soon; a decided epoch that waits "
          "longer to be published would be lost, and stop the job: allow a week at least",
          {{"location", client->place().Text()},
           {"rule", rule.id},
           {"days", std::to_string(rule.gives_up_days)}});
    }
  }
}

}  // namespace sluice
