#include "storage/s3/s3_storage.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/failpoint.h"
#include "core/random_id.h"
#include "net/xml_answer.h"
#include "storage/s3/bucket_lifecycle.h"
#include "storage/s3/s3_client.h"
#include "storage/s3/s3_list.h"
#include "storage/s3/s3_upload.h"
#include "storage/s3/upload_pool.h"

namespace sluice {
namespace {

constexpr std::size_t kThreads = 16;
/// S3's bound on a key, encoded as UTF-8.
constexpr std::size_t kMaxKey = 1024;
/// Of a slot: its positions and tokens may be many. A bound against servers that never end.
constexpr std::size_t kMaxRead = std::size_t{1} << 30;
/// A server that is still completing an upload whose answer was lost may show neither the upload
/// nor the object.
constexpr int kLooks = 5;
constexpr char kProbe[] = ".probe-";
constexpr std::int64_t kStaleMicros = 3'600'000'000;
constexpr std::chrono::milliseconds kBetweenLooks(500);

class S3Storage final : public Storage {
 public:
  S3Storage(const S3Settings& settings, const S3Place& place, const StorageUse& use)
      : client_(settings, place),
        location_(place.Text()),
        prefix_(place.prefix.empty() ? "" : place.prefix + "/"),
        use_(use),
        pool_(kThreads) {
    if (use_.spool_directory.empty()) {
      std::error_code ignored;
      use_.spool_directory = std::filesystem::temp_directory_path(ignored).string();
    }
  }

  const std::string& location() const override { return location_; }
  std::size_t longest_name() const override { return kMaxKey - prefix_.size(); }
  Result<Created> PutNew(const std::string& name, std::string_view bytes) override;
  Result<void> Overwrite(const std::string& name, std::string_view bytes) override;
  Result<std::optional<std::string>> Read(const std::string& name) override;
  Result<std::vector<ListedFile>> List(const std::string& prefix) override;
  Result<void> ForEachName(const std::string& prefix,
                           const std::function<void(const std::string&)>& visit) override;
  Result<void> Remove(const std::string& name) override;
  void RemoveEmptyFolders(const std::string&) override {}  // There are none.
  Result<std::unique_ptr<StagedWriter>> Stage(const std::string& staged_name,
                                              const std::string& final_name) override;
  Result<void> Publish(const std::vector<StagedFile>& files) override {
    return pool_.ForEach(files.size(), [&](std::size_t i) { return PublishOne(files[i]); });
  }
  Result<void> ForgetStaged(const std::vector<StagedFile>&) override { return {}; }
  Result<void> DropStaged(const std::vector<StagedFile>& files) override {
    return pool_.ForEach(files.size(), [&](std::size_t i) -> Result<void> {
      TRY(S3Receipt receipt, S3Receipt::FromJson(files[i].receipt));
      return AbortS3Upload(&client_, Key(files[i].final_name), receipt.upload);
    });
  }
  Result<std::vector<StagedLeftover>> ListStaged(const std::string& staged_prefix) override;
  Result<void> RemoveLeftover(const StagedLeftover& leftover) override {
    return AbortS3Upload(&client_, Key(leftover.final_name), leftover.receipt);
  }
  Result<void> Probe(bool staging) override;

 private:
  /// What an object says of itself.
  struct Head {
    std::string write_id;
    std::int64_t size = -1;
  };

  std::string Key(const std::string& name) const { return prefix_ + name; }
  Result<S3Answer> Put(const std::string& name, std::string_view bytes, HttpHeaders headers);
  Result<std::optional<Head>> Look(const std::string& name);
  Result<void> PublishOne(const StagedFile& file);
  Result<bool> Complete(const StagedFile& file, const S3Receipt& receipt);
  Result<void> CheckPublished(const StagedFile& file, const S3Receipt& receipt);
  static bool IsOwn(const Head& there, const StagedFile& file, const S3Receipt& receipt) {
    return there.write_id == receipt.write_id && there.size == file.size;
  }
  void RemoveStaleProbes();
  Result<void> ProbeSlot(const std::string& name);
  Result<void> ProbeStaging(const std::string& name);
  Error Unfit(const std::string& what) const {
    return UserError("storage.unfit", location_ + " cannot be used: " + what);
  }
  /// Of an answer that is no success.
  Error Refused(const S3Answer& answer, const S3Request& request, const std::string& what) const {
    return client_.Explain(answer.code, "", answer.status, request, what);
  }

  S3Client client_;
  const std::string location_;
  const std::string prefix_;
  StorageUse use_;
  UploadPool pool_;  ///< Last: its tasks use the client.
};

Result<void> CheckKey(const std::string& key) {
  if (key.size() <= kMaxKey && !key.empty()) return {};
  return BugError("the S3 key of " + std::to_string(key.size()) + " bytes is longer than " +
                  std::to_string(kMaxKey) + ": " + key.substr(0, 80) + "...");
}

Result<S3Answer> S3Storage::Put(const std::string& name, std::string_view bytes,
                                HttpHeaders headers) {
  TRY(CheckKey(Key(name)));
  S3Request request;
  request.method = "PUT";
  request.key = Key(name);
  request.headers = std::move(headers);
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  request.body = bytes;
  request.writes = true;
  TRY(S3Answer answer, client_.Send(request, "write"));
  if (answer.ok() || answer.status == 412) return answer;
  return Refused(answer, request, "write");
}

Result<Created> S3Storage::PutNew(const std::string& name, std::string_view bytes) {
  const std::string write_id = RandomHex(16);
  TRY(S3Answer answer, Put(name, bytes, {{"If-None-Match", "*"}, {kWriteIdHeader, write_id}}));
  if (auto lost = FAILPOINT_ERROR("M7"); !lost.ok()) return std::move(lost).error();
  if (answer.ok()) return Created::kYes;
  // It may be there by a try of this very call whose answer was lost.
  TRY(auto there, Look(name));
  return there && there->write_id == write_id ? Created::kYes : Created::kExists;
}

Result<void> S3Storage::Overwrite(const std::string& name, std::string_view bytes) {
  TRY(S3Answer answer, Put(name, bytes, {}));
  if (answer.ok()) return {};
  return RemoteError("storage.refused", "the server refused to replace " + location_ + "/" + name,
                     Retry::kNo);
}

Result<std::optional<std::string>> S3Storage::Read(const std::string& name) {
  TRY(CheckKey(Key(name)));
  S3Request request;
  request.key = Key(name);
  request.max_answer = kMaxRead;
  TRY(S3Answer answer, client_.Send(request, "read"));
  if (answer.status == 404) return std::optional<std::string>();
  if (!answer.ok()) return Refused(answer, request, "read");
  return std::optional<std::string>(std::move(answer.body));
}

Result<std::optional<S3Storage::Head>> S3Storage::Look(const std::string& name) {
  S3Request request;
  request.method = "HEAD";
  request.key = Key(name);
  TRY(S3Answer answer, client_.Send(request, "look at"));
  if (answer.status == 404) return std::optional<Head>();
  if (!answer.ok()) return Refused(answer, request, "look at");
  Head head;
  head.write_id = answer.Header(kWriteIdHeader);
  head.size = std::strtoll(answer.Header("Content-Length").c_str(), nullptr, 10);
  return std::optional<Head>(std::move(head));
}

Result<std::vector<ListedFile>> S3Storage::List(const std::string& prefix) {
  std::vector<ListedFile> files;
  TRY(ListS3Objects(&client_, prefix_ + (prefix.empty() ? "" : prefix + "/"), [&](S3Object object) {
    files.push_back({object.key.substr(prefix_.size()), object.size});
  }));
  std::sort(files.begin(), files.end(),
            [](const ListedFile& a, const ListedFile& b) { return a.name < b.name; });
  return files;
}

Result<void> S3Storage::ForEachName(const std::string& prefix,
                                    const std::function<void(const std::string&)>& visit) {
  return ListS3Objects(&client_, prefix_ + (prefix.empty() ? "" : prefix + "/"),
                       [&](const S3Object& object) { visit(object.key.substr(prefix_.size())); });
}

Result<void> S3Storage::Remove(const std::string& name) {
  TRY(CheckKey(Key(name)));
  S3Request request;
  request.method = "DELETE";
  request.key = Key(name);
  request.writes = true;
  TRY(S3Answer answer, client_.Send(request, "remove"));
  if (answer.ok() || answer.status == 404) return {};
  return Refused(answer, request, "remove");
}

Result<std::unique_ptr<StagedWriter>> S3Storage::Stage(const std::string&,
                                                       const std::string& final_name) {
  TRY(CheckKey(Key(final_name)));
  return OpenS3Upload(&client_, &pool_, Key(final_name), final_name, use_.spool_directory);
}

Result<std::vector<StagedLeftover>> S3Storage::ListStaged(const std::string&) {
  std::vector<StagedLeftover> leftovers;
  TRY(ListS3Uploads(&client_, prefix_, [&](S3OpenUpload upload) {
    leftovers.push_back({"", upload.key.substr(prefix_.size()), -1, std::move(upload.id),
                         upload.time > 0 ? upload.time : -1});
  }));
  return leftovers;
}

Result<void> S3Storage::PublishOne(const StagedFile& file) {
  TRY(S3Receipt receipt, S3Receipt::FromJson(file.receipt));
  auto completed = Complete(file, receipt);
  FAILPOINT("M3");
  if (auto lost = FAILPOINT_ERROR("M4"); !lost.ok()) return std::move(lost).error();
  if (completed.ok()) return *completed ? Result<void>() : CheckPublished(file, receipt);
  // Some servers have no clear word for an upload that is gone: the object may tell.
  if (completed.error().retry == Retry::kLater) {
    auto there = Look(file.final_name);
    if (there.ok() && *there && IsOwn(**there, file, receipt)) return {};
  }
  return std::move(completed).error();
}

/// False if there is no such upload, or the answer cannot be read: then the object tells.
Result<bool> S3Storage::Complete(const StagedFile& file, const S3Receipt& receipt) {
  S3Request request;
  request.method = "POST";
  request.key = Key(file.final_name);
  request.query = {{"uploadId", receipt.upload}};
  request.headers = {{"Content-Type", "application/xml"}};
  request.body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < receipt.parts.size(); ++i) {
    std::string etag;
    for (const char c : receipt.parts[i]) {
      etag += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
    }
    request.body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + etag +
                    "</ETag></Part>";
  }
  request.body += "</CompleteMultipartUpload>";
  request.writes = true;
  TRY(S3Answer answer, client_.Send(request, "publish"));
  if (answer.status == 404) return false;
  if (!answer.ok()) return Refused(answer, request, "publish");
  // A server that has begun to answer can tell of a failure only within its answer.
  auto xml = ParseXmlAnswer(answer.body);
  if (!xml.ok()) return false;
  if (xml->name == "CompleteMultipartUploadResult") return true;
  const std::string code = xml->ChildText("Code");
  if (code == "NoSuchUpload") return false;
  return client_.Explain(code.empty() ? "InternalError" : code, xml->ChildText("Message"),
                         answer.status, request, "publish");
}

Result<void> S3Storage::CheckPublished(const StagedFile& file, const S3Receipt& receipt) {
  const std::string url = location_ + "/" + file.final_name;
  std::optional<Head> there;
  for (int look = 0; look < kLooks && !there; ++look) {
    if (look > 0) std::this_thread::sleep_for(kBetweenLooks);
    TRY(there, Look(file.final_name));
  }
  if (!there) {
    // An answer that could not be read may have meant anything: then the upload is still there.
    bool open = false;
    TRY(ListS3Uploads(&client_, Key(file.final_name),
                      [&](const S3OpenUpload& upload) { open |= upload.id == receipt.upload; }));
    if (open) {
      return RemoteError("storage.unknown", "it is not known whether " + url + " was published");
    }
    return RemoteError("storage.staged_missing",
                       "neither " + url +
                           " nor the upload that was to become it is there: it was given up by "
                           "somebody, or a rule of the bucket let it expire",
                       Retry::kNo);
  }
  if (IsOwn(*there, file, receipt)) return {};
  return RemoteError("storage.conflict",
                     url + " holds something else than this epoch wants to publish there (" +
                         std::to_string(there->size) + " bytes, expected " +
                         std::to_string(file.size) +
                         "); it was put there by somebody else, and nothing is overwritten",
                     Retry::kNo);
}

Result<void> S3Storage::Probe(bool staging) {
  RemoveStaleProbes();
  const std::string name = kProbe + RandomHex(8);
  Result<void> result = ProbeSlot(name + "/slot");
  if (result.ok() && staging) result = ProbeStaging(name + "/file");
  static_cast<void>(Remove(name + "/slot"));
  if (staging) static_cast<void>(Remove(name + "/file"));
  if (result.ok()) WarnOfLifecycle(&client_, use_.owner_only);
  return result;
}

/// Those of processes that were killed while they probed. Best effort.
void S3Storage::RemoveStaleProbes() {
  const std::int64_t horizon = Clock::System().WallMicros() - kStaleMicros;
  const auto is_stale = [&](std::int64_t time) { return time != 0 && time < horizon; };
  std::vector<std::string> objects;
  static_cast<void>(ListS3Objects(&client_, Key(kProbe), [&](const S3Object& object) {
    if (is_stale(object.time)) objects.push_back(object.key.substr(prefix_.size()));
  }));
  for (const std::string& name : objects) static_cast<void>(Remove(name));
  std::vector<S3OpenUpload> uploads;
  static_cast<void>(ListS3Uploads(&client_, Key(kProbe), [&](const S3OpenUpload& upload) {
    if (is_stale(upload.time)) uploads.push_back(upload);
  }));
  for (const S3OpenUpload& upload : uploads) {
    static_cast<void>(AbortS3Upload(&client_, upload.key, upload.id));
  }
}

Result<void> S3Storage::ProbeSlot(const std::string& name) {
  TRY(Created first, PutNew(name, "first"));
  TRY(Created second, PutNew(name, "second"));
  TRY(auto bytes, Read(name));
  if (first != Created::kYes || second != Created::kExists || bytes != "first") {
    return Unfit(
        "the server lets an object be created twice under one name (it does not honour "
        "If-None-Match), and exactly-once needs that it does not");
  }
  TRY(auto files, List(name.substr(0, name.find('/'))));
  if (files.size() != 1 || files[0].name != name || files[0].size != 5) {
    return Unfit("a new object was not listed at once");
  }
  return {};
}

Result<void> S3Storage::ProbeStaging(const std::string& name) {
  TRY(auto writer, Stage("", name));
  TRY(writer->Write("probe"));
  TRY(StagedFile file, writer->Finish());
  TRY(auto early, Read(name));
  if (early) return Unfit("an upload was visible before it was completed");
  TRY(auto staged, ListStaged(""));
  if (std::none_of(staged.begin(), staged.end(),
                   [&](const StagedLeftover& one) { return one.final_name == name; })) {
    return Unfit("an open upload was not listed, so that leftovers could not be collected");
  }
  if (auto published = Publish({file}); !published.ok()) {
    if (published.error().blame == Blame::kUser) return published;
    return Unfit("an upload could not be completed (" + published.error().message + ")");
  }
  if (auto again = Publish({file}); !again.ok()) {
    return Unfit("an upload that was completed is not recognised as such (" +
                 again.error().message + ")");
  }
  TRY(auto bytes, Read(name));
  if (bytes != "probe") return Unfit("a published object was not read back");
  return {};
}

}  // namespace

StorageEntry S3StorageEntry() {
  StorageEntry entry;
  entry.name = "s3";
  entry.summary = "A bucket on Amazon S3 or any server that speaks its protocol";
  entry.options = S3OptionSpecs();
  entry.normal = [](const std::string& location) -> Result<std::string> {
    TRY(S3Place place, ParseS3Location(location));
    return place.Text();
  };
  entry.open = [](const std::string& location, const Options& options,
                  const StorageUse& use) -> Result<std::unique_ptr<Storage>> {
    TRY(S3Place place, ParseS3Location(location));
    TRY(S3Settings settings, MakeS3Settings(options, place, ProcessEnvironment()));
    return std::unique_ptr<Storage>(std::make_unique<S3Storage>(settings, place, use));
  };
  return entry;
}

}  // namespace sluice
