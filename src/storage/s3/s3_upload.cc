#include "storage/s3/s3_upload.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <utility>

#include "core/crc32c.h"
#include "core/failpoint.h"
#include "core/random_id.h"
#include "net/sigv4.h"
#include "net/xml_answer.h"

namespace sluice {
namespace {

/// Of one file; beyond it Write waits, and so the rows do.
constexpr std::size_t kMaxPartsOnTheirWay = 4;

Error SpoolError(int error_number, const std::string& doing, const std::string& folder) {
  const std::string text = "cannot " + doing + " in the spool folder " + folder +
                           ", where bytes for S3 wait: " + std::strerror(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return RemoteError("storage.full", text + "; free space there, or set spoolDirectory");
  }
  if (error_number == EMFILE || error_number == ENFILE) {
    return RemoteError("storage.too_many_files", text);
  }
  if (error_number == EIO) return RemoteError("storage.io", text);
  return UserError("storage.denied", text + "; set spoolDirectory to a folder of this user");
}

/// A file without a name, so that nothing is left of it however the process ends.
Result<int> OpenSpool(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    std::string name = folder + "/.s3-" + RandomHex(8);
    fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) ::unlink(name.c_str());
  }
  if (fd < 0) return SpoolError(errno, "create a file", folder);
  return fd;
}

/// What the parts' tasks share with the writer. Lives as long as either.
struct Upload {
  Upload(S3Client* upload_client, std::string object_key, int spool)
      : client(upload_client), key(std::move(object_key)), fd(spool), write_id(RandomHex(16)) {}
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  ~Upload() { ::close(fd); }

  struct Part {
    std::size_t number = 0;  ///< From 0.
    std::int64_t begin = 0;
    std::int64_t size = 0;
    std::string sha256;
  };

  void Create();
  void Send(const Part& part);
  void Fail(Error why) {
    std::lock_guard lock(mutex);
    if (!error) error = std::move(why);
  }

  S3Client* const client;
  const std::string key;
  const int fd;
  const std::string write_id;
  std::stop_source stop;

  std::mutex mutex;
  std::condition_variable changed;
  std::string id;                  ///< "" until created.
  std::vector<std::string> etags;  ///< By part.
  std::vector<Part> waiting;       ///< For the creation.
  std::size_t on_their_way = 0;    ///< Parts, and the creation.
  std::optional<Error> error;
};

Result<std::string> CreateUpload(Upload* upload) {
  S3Request request;
  request.method = "POST";
  request.key = upload->key;
  request.query = {{"uploads", ""}};
  request.headers = {{kWriteIdHeader, upload->write_id},
                     {"Content-Type", "application/octet-stream"}};
  request.writes = true;
  // Not cut short by a stop, or an upload would be left of which nobody knows the id.
  TRY(S3Answer answer, upload->client->Send(request, "begin an upload to"));
  if (!answer.ok()) {
    return upload->client->Explain(answer.code, "", answer.status, request, "begin an upload to");
  }
  TRY(XmlElement xml, ParseXmlAnswer(answer.body));
  std::string id = xml.ChildText("UploadId");
  if (id.empty()) {
    return RemoteError("storage.unknown",
                       "the server began an upload to " + upload->key + " without an id");
  }
  FAILPOINT("M1");
  if (auto lost = FAILPOINT_ERROR("M1"); !lost.ok()) return std::move(lost).error();
  return id;
}

void Upload::Create() {
  Result<std::string> created = CreateUpload(this);
  if (!created.ok()) return Fail(std::move(created).error());
  std::lock_guard lock(mutex);
  id = *std::move(created);
}

void Upload::Send(const Part& part) {
  S3Request request;
  request.method = "PUT";
  request.key = key;
  request.query = {{"partNumber", std::to_string(part.number + 1)}, {"uploadId", id}};
  request.stream = {part.size, [this, &part](std::int64_t offset, char* into, std::size_t size) {
                      std::size_t done = 0;
                      while (done < size) {
                        const ::ssize_t count =
                            ::pread(fd, into + done, size - done,
                                    part.begin + offset + static_cast<std::int64_t>(done));
                        if (count < 0 && errno == EINTR) continue;
                        if (count <= 0) break;
                        done += static_cast<std::size_t>(count);
                      }
                      return done;
                    }};
  request.stream_sha256 = part.sha256;
  request.writes = true;
  auto answer = client->Send(request, "send a part of", stop.get_token());
  if (answer.ok() && !answer->ok()) {
    answer = client->Explain(answer->code, "", answer->status, request, "send a part of");
  }
  if (!answer.ok()) return Fail(std::move(answer).error());
  FAILPOINT("M2");
  if (auto lost = FAILPOINT_ERROR("M2"); !lost.ok()) return Fail(std::move(lost).error());
  std::string etag = answer->Header("ETag");
  if (etag.empty()) {
    return Fail(RemoteError("storage.refused",
                            "the server took a part of " + key + " and gave no ETag for it",
                            Retry::kNo));
  }
  // Only to give the space back.
  static_cast<void>(
      ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, part.begin, part.size));
  std::lock_guard lock(mutex);
  etags[part.number] = std::move(etag);
}

class S3UploadWriter final : public StagedWriter {
 public:
  S3UploadWriter(UploadPool* pool, std::shared_ptr<Upload> upload, std::string final_name,
                 std::string spool)
      : pool_(pool), upload_(std::move(upload)), spool_(std::move(spool)) {
    file_.final_name = std::move(final_name);
  }

  ~S3UploadWriter() override {
    if (finished_) return;
    upload_->stop.request_stop();
    std::unique_lock lock(upload_->mutex);
    upload_->changed.wait(lock, [this] { return upload_->on_their_way == 0; });
    if (!upload_->id.empty()) {
      static_cast<void>(AbortS3Upload(upload_->client, upload_->key, upload_->id));
    }
  }

  Result<void> Write(std::string_view bytes) override;
  std::int64_t bytes_written() const override { return file_.size; }
  void Flush() override {}  // A part goes as soon as it is whole; S3 takes no smaller ones.
  void BeginFinish() override {
    if (begun_) return;
    begun_ = true;
    if (file_.size > part_begin_ || parts_ == 0) SendPart();
  }
  Result<StagedFile> Finish() override;

 private:
  void SendPart();
  void Submit(Upload::Part part);

  UploadPool* const pool_;
  const std::shared_ptr<Upload> upload_;
  const std::string spool_;
  StagedFile file_;
  Sha256Stream digest_;  ///< Of the part being written.
  std::int64_t part_begin_ = 0;
  std::size_t parts_ = 0;
  bool begun_ = false;
  bool finished_ = false;
};

Result<void> S3UploadWriter::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = static_cast<std::size_t>(part_begin_ + kPartBytes - file_.size);
    const std::string_view now = bytes.substr(0, room);
    for (std::string_view left = now; !left.empty();) {
      const ::ssize_t count = ::write(upload_->fd, left.data(), left.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SpoolError(errno, "write", spool_);
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    digest_.Add(now);
    file_.crc32c = Crc32c(now, file_.crc32c);
    file_.size += static_cast<std::int64_t>(now.size());
    bytes.remove_prefix(now.size());
    if (file_.size < part_begin_ + kPartBytes) continue;
    if (parts_ + 1 >= kMaxParts) {
      return UserError("storage.too_large", "a file on S3 may have at most " +
                                                std::to_string(kMaxParts) +
                                                " parts of 8 MiB; lower targetFileSize");
    }
    SendPart();
    std::unique_lock lock(upload_->mutex);
    upload_->changed.wait(lock, [this] {
      return upload_->error.has_value() || upload_->on_their_way <= kMaxPartsOnTheirWay;
    });
    if (upload_->error) return *upload_->error;
  }
  return {};
}

void S3UploadWriter::SendPart() {
  Submit({parts_++, part_begin_, file_.size - part_begin_, digest_.FinishHex()});
  part_begin_ = file_.size;
}

void S3UploadWriter::Submit(Upload::Part part) {
  std::lock_guard lock(upload_->mutex);
  if (upload_->error) return;  // Finish says so.
  const bool first = upload_->etags.empty();
  upload_->etags.emplace_back();
  ++upload_->on_their_way;
  const auto send = [upload = upload_](const Upload::Part& one) {
    if (!upload->stop.stop_requested()) upload->Send(one);
    std::lock_guard done(upload->mutex);
    --upload->on_their_way;
    upload->changed.notify_all();
  };
  if (first) {
    // The first part's task creates the upload, then the others may go.
    pool_->Submit([upload = upload_, pool = pool_, send, one = std::move(part)] {
      upload->Create();
      std::vector<Upload::Part> others;
      {
        std::lock_guard created(upload->mutex);
        others.swap(upload->waiting);
        if (upload->id.empty()) {
          upload->on_their_way -= others.size() + 1;
          upload->changed.notify_all();
          return;
        }
      }
      for (Upload::Part& other : others) {
        pool->Submit([send, other = std::move(other)] { send(other); });
      }
      send(one);
    });
  } else if (upload_->id.empty()) {
    upload_->waiting.push_back(std::move(part));
  } else {
    pool_->Submit([send, one = std::move(part)] { send(one); });
  }
}

Result<StagedFile> S3UploadWriter::Finish() {
  BeginFinish();
  S3Receipt receipt;
  {
    std::unique_lock lock(upload_->mutex);
    upload_->changed.wait(lock, [this] { return upload_->on_their_way == 0; });
    if (upload_->error) return *upload_->error;
    receipt = {upload_->id, upload_->write_id, upload_->etags};
  }
  file_.receipt = receipt.ToJson();
  finished_ = true;
  return file_;
}

}  // namespace

std::string S3Receipt::ToJson() const {
  return nlohmann::ordered_json{{"upload", upload}, {"id", write_id}, {"parts", parts}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<S3Receipt> S3Receipt::FromJson(const std::string& text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    return S3Receipt{json.at("upload").get<std::string>(), json.at("id").get<std::string>(),
                     json.at("parts").get<std::vector<std::string>>()};
  } catch (const nlohmann::json::exception& e) {
    return BugError(std::string("the receipt of an upload to S3 cannot be read: ") + e.what());
  }
}

Result<std::unique_ptr<StagedWriter>> OpenS3Upload(S3Client* client, UploadPool* pool,
                                                   const std::string& key,
                                                   const std::string& final_name,
                                                   const std::string& spool_directory) {
  TRY(int fd, OpenSpool(spool_directory));
  return std::unique_ptr<StagedWriter>(std::make_unique<S3UploadWriter>(
      pool, std::make_shared<Upload>(client, key, fd), final_name, spool_directory));
}

Result<void> AbortS3Upload(S3Client* client, const std::string& key, const std::string& upload) {
  S3Request request;
  request.method = "DELETE";
  request.key = key;
  request.query = {{"uploadId", upload}};
  request.writes = true;
  TRY(S3Answer answer, client->Send(request, "give up an upload to"));
  if (answer.ok() || answer.status == 404) return {};
  return client->Explain(answer.code, "", answer.status, request, "give up an upload to");
}

}  // namespace sluice
