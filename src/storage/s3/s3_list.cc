#include "storage/s3/s3_list.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/clock.h"
#include "net/url.h"
#include "net/xml_answer.h"

namespace sluice {
namespace {

Error BadList(const std::string& why) {
  return RemoteError("storage.busy", "the server's list cannot be read: " + why);
}

/// Keys come encoded if the server says so: as in a form, where a space is a plus.
class KeyReader {
 public:
  explicit KeyReader(const XmlElement& list) : encoded_(list.ChildText("EncodingType") == "url") {}

  std::string operator()(std::string text) const {
    if (!encoded_) return text;
    std::replace(text.begin(), text.end(), '+', ' ');
    return PercentDecode(text);
  }

 private:
  const bool encoded_;
};

std::int64_t TimeIn(const XmlElement& element, std::string_view name) {
  auto time = ParseTimestamp(element.ChildText(name));
  return time.ok() ? *time : 0;
}

Result<XmlElement> ParseList(std::string_view body, const char* root) {
  auto xml = ParseXmlAnswer(body);
  if (!xml.ok()) return BadList(xml.error().message);
  if (xml->name != root) return BadList("it is no " + std::string(root));
  return xml;
}

using ReadPage = std::function<Result<S3Query>(std::string_view)>;

Result<void> ReadPages(S3Client* client, S3Query query, const std::string& what,
                       const ReadPage& read) {
  const std::size_t fixed = query.size();
  for (;;) {
    S3Request request;
    request.query = query;
    TRY(S3Answer answer, client->Send(request, what));
    if (!answer.ok()) return client->Explain(answer.code, "", answer.status, request, what);
    TRY(S3Query next, read(answer.body));
    if (next.empty()) return {};
    const S3Query last(query.begin() + static_cast<std::ptrdiff_t>(fixed), query.end());
    if (next == last) return BadList("its next page is the same again");
    query.resize(fixed);
    query.insert(query.end(), next.begin(), next.end());
  }
}

}  // namespace

Result<S3Query> ReadS3ObjectPage(std::string_view body,
                                 const std::function<void(S3Object)>& visit) {
  TRY(XmlElement list, ParseList(body, "ListBucketResult"));
  const KeyReader key(list);
  for (const XmlElement& element : list.children) {
    if (element.name != "Contents") continue;
    S3Object object;
    object.key = key(element.ChildText("Key"));
    const std::string size = element.ChildText("Size");
    const auto read = std::from_chars(size.data(), size.data() + size.size(), object.size);
    object.time = TimeIn(element, "LastModified");
    if (object.key.empty() || read.ec != std::errc()) return BadList("an entry has no key or size");
    visit(std::move(object));
  }
  if (list.ChildText("IsTruncated") != "true") return S3Query();
  const std::string token = list.ChildText("NextContinuationToken");
  if (token.empty()) return BadList("it says that there is more and not where");
  return S3Query{{"continuation-token", token}};
}

Result<S3Query> ReadS3UploadPage(std::string_view body,
                                 const std::function<void(S3OpenUpload)>& visit) {
  TRY(XmlElement list, ParseList(body, "ListMultipartUploadsResult"));
  const KeyReader key(list);
  for (const XmlElement& element : list.children) {
    if (element.name != "Upload") continue;
    S3OpenUpload upload{key(element.ChildText("Key")), element.ChildText("UploadId"),
                        TimeIn(element, "Initiated")};
    if (upload.key.empty() || upload.id.empty()) return BadList("an upload has no key or id");
    visit(std::move(upload));
  }
  if (list.ChildText("IsTruncated") != "true") return S3Query();
  const std::string next = key(list.ChildText("NextKeyMarker"));
  if (next.empty()) return BadList("it says that there is more and not where");
  return S3Query{{"key-marker", next}, {"upload-id-marker", list.ChildText("NextUploadIdMarker")}};
}

Result<void> ListS3Objects(S3Client* client, const std::string& prefix,
                           const std::function<void(S3Object)>& visit) {
  return ReadPages(client, {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", prefix}},
                   "list the objects of",
                   [&](std::string_view body) { return ReadS3ObjectPage(body, visit); });
}

Result<void> ListS3Uploads(S3Client* client, const std::string& prefix,
                           const std::function<void(S3OpenUpload)>& visit) {
  return ReadPages(client, {{"uploads", ""}, {"encoding-type", "url"}, {"prefix", prefix}},
                   "list the open uploads of",
                   [&](std::string_view body) { return ReadS3UploadPage(body, visit); });
}

}  // namespace sluice
