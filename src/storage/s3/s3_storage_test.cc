// Answers that no server gives on demand. tests/integration/test_s3_storage.py has real ones.
#include "storage/s3/s3_storage.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <mutex>

#include "core/clock.h"
#include "net/http_server_testing.h"
#include "storage/s3/s3_upload.h"

namespace sluice {
namespace {

using Request = TestHttpServer::Request;
using Answer = TestHttpServer::Answer;

constexpr char kCompleted[] = "<CompleteMultipartUploadResult/>";

/// A bucket that takes uploads, and answers completions as the test says.
class S3StorageTest : public testing::Test {
 protected:
  S3StorageTest() : server_([this](const Request& request) { return Serve(request); }) {
    auto storage =
        S3StorageEntry().open("s3://lake/clicks",
                              *ParseOptions(S3OptionSpecs(),
                                            RawOptionsFromPairs({{"endpoint", server_.Origin()},
                                                                 {"accessKeyId", "id"},
                                                                 {"secretAccessKey", "secret"}}),
                                            "storage"),
                              StorageUse{});
    EXPECT_TRUE(storage.ok());
    storage_ = *std::move(storage);
  }

  Answer Serve(const Request& request) {
    std::lock_guard lock(mutex_);
    if (request.method == "DELETE" && request.target.find('?') == std::string::npos) {
      removed_.push_back(request.target);
      return {204};
    }
    if (request.target.find("list-type=2") != std::string::npos) return {200, objects_};
    const std::string& target = request.target;
    if (request.method == "POST" && target.ends_with("?uploads=")) {
      write_id_ = request.headers.at(kWriteIdHeader);
      return {200, "<R><UploadId>u1</UploadId></R>"};
    }
    if (target.find("partNumber=") != target.npos) {
      uploaded_[target.substr(target.find('?'))] = request.body.size();
      return {200, "", {{"ETag", "\"e\""}}};
    }
    if (request.method == "POST") {
      ++completions_;
      return complete_();
    }
    if (request.method == "DELETE") {
      ++aborts_;
      return {204};
    }
    if (request.method == "HEAD") {
      if (!there_) return {404};
      return {200, there_->second, {{kWriteIdHeader, there_->first}}};
    }
    if (target.find("uploads=") != target.npos) {
      return {200, "<ListMultipartUploadsResult>" +
                       std::string(open_ ? "<Upload><Key>clicks/a</Key><UploadId>u1</UploadId>"
                                           "</Upload>"
                                         : "") +
                       "</ListMultipartUploadsResult>"};
    }
    return put_(request);
  }

  StagedFile Staged(const std::string& bytes = "12345") {
    auto writer = storage_->Stage("", "a");
    EXPECT_TRUE(writer.ok());
    EXPECT_TRUE((*writer)->Write(bytes).ok());
    auto file = (*writer)->Finish();
    EXPECT_TRUE(file.ok()) << ToString(file.error());
    return *file;
  }

  std::mutex mutex_;
  std::function<Answer()> complete_ = [] { return Answer{200, kCompleted}; };
  std::function<Answer(const Request&)> put_ = [](const Request&) { return Answer{200}; };
  std::optional<std::pair<std::string, std::string>> there_;  ///< Write id and bytes of "a".
  bool open_ = false;
  std::string objects_ = "<ListBucketResult/>";
  std::vector<std::string> removed_;
  std::string write_id_;
  int completions_ = 0;
  int aborts_ = 0;
  std::map<std::string, std::size_t> uploaded_;
  TestHttpServer server_;
  std::unique_ptr<Storage> storage_;
};

TEST_F(S3StorageTest, AFileGoesInPartsOfEightMebibytes) {
  const std::string bytes(kPartBytes * 2 + 3, 'x');
  const StagedFile file = Staged(bytes);
  EXPECT_EQ(file.size, static_cast<std::int64_t>(bytes.size()));
  ASSERT_EQ(uploaded_.size(), 3u);
  EXPECT_EQ(uploaded_.at("?partNumber=1&uploadId=u1"), static_cast<std::size_t>(kPartBytes));
  EXPECT_EQ(uploaded_.at("?partNumber=3&uploadId=u1"), 3u);
  EXPECT_EQ(S3Receipt::FromJson(file.receipt)->parts.size(), 3u);
  EXPECT_TRUE(storage_->Publish({file}).ok());
  EXPECT_EQ(aborts_, 0);
}

TEST_F(S3StorageTest, AWriterThatIsDroppedGivesItsUploadUp) {
  auto writer = *storage_->Stage("", "a");
  ASSERT_TRUE(writer->Write(std::string(kPartBytes, 'x')).ok());
  server_.AwaitRequests(1);
  writer.reset();
  EXPECT_EQ(aborts_, 1);
}

TEST_F(S3StorageTest, AnErrorWithinASuccessIsAnError) {
  const StagedFile file = Staged();
  complete_ = [] {
    return Answer{200, "<Error><Code>InternalError</Code><Message>m</Message></Error>"};
  };
  auto published = storage_->Publish({file});
  ASSERT_FALSE(published.ok());
  EXPECT_EQ(published.error().code, "storage.unknown");
  EXPECT_EQ(published.error().retry, Retry::kLater);
  there_ = {write_id_, "12345"};
  EXPECT_TRUE(storage_->Publish({file}).ok()) << "whatever the server says, the object is there";
}

TEST_F(S3StorageTest, AnUploadThatIsGoneIsPublishedIfTheObjectIsItsOwn) {
  const StagedFile file = Staged();
  complete_ = [] { return Answer{404, "<Error><Code>NoSuchUpload</Code></Error>"}; };
  there_ = {write_id_, "12345"};
  EXPECT_TRUE(storage_->Publish({file}).ok());
  // As some servers say it, and as a cut answer leaves it.
  complete_ = [] { return Answer{200, "<Error><Code>NoSuchUpload</Code></Error>"}; };
  EXPECT_TRUE(storage_->Publish({file}).ok());
  complete_ = [] { return Answer{200, "<CompleteMultipart"}; };
  EXPECT_TRUE(storage_->Publish({file}).ok());
  there_ = {"somebody else's", "12345"};
  EXPECT_EQ(storage_->Publish({file}).error().code, "storage.conflict");
  there_ = {write_id_, "1234"};
  EXPECT_EQ(storage_->Publish({file}).error().code, "storage.conflict");
}

TEST_F(S3StorageTest, AnUploadThatExpiredStopsTheJobAndACutAnswerDoesNot) {
  const StagedFile file = Staged();
  complete_ = [] { return Answer{200, "<CompleteMultipart"}; };
  open_ = true;
  auto published = storage_->Publish({file});
  EXPECT_EQ(published.error().code, "storage.unknown");
  EXPECT_EQ(published.error().retry, Retry::kLater);
  complete_ = [] { return Answer{404, "<Error><Code>NoSuchUpload</Code></Error>"}; };
  open_ = false;
  published = storage_->Publish({file});
  EXPECT_EQ(published.error().code, "storage.staged_missing");
  EXPECT_EQ(published.error().retry, Retry::kNo);
  EXPECT_NE(published.error().message.find("s3://lake/clicks/a"), std::string::npos);
}

TEST_F(S3StorageTest, ProbesThatAKilledProcessLeftAreRemovedAfterAnHour) {
  objects_ =
      "<ListBucketResult><Contents><Key>clicks/.probe-old/slot</Key>"
      "<LastModified>2020-01-01T00:00:00Z</LastModified><Size>5</Size></Contents>"
      "<Contents><Key>clicks/.probe-new/slot</Key><LastModified>" +
      FormatTimestamp(Clock::System().WallMicros()) +
      "</LastModified><Size>5</Size></Contents></ListBucketResult>";
  // This bucket forgets what is put into it.
  EXPECT_EQ(storage_->Probe(false).error().code, "storage.unfit");
  ASSERT_FALSE(removed_.empty());
  EXPECT_EQ(removed_[0], "/lake/clicks/.probe-old/slot");
  for (const std::string& target : removed_) EXPECT_EQ(target.find("new"), std::string::npos);
}

TEST_F(S3StorageTest, APutThatFoundItselfIsItsOwn) {
  put_ = [](const Request&) {
    return Answer{412, "<Error><Code>PreconditionFailed</Code></Error>"};
  };
  there_ = {"somebody else's", "x"};
  EXPECT_EQ(*storage_->PutNew("a", "x"), Created::kExists);
  // The first answer is lost: the second try is refused by what the first one did.
  put_ = [this](const Request& request) -> Answer {
    if (there_) return {412, "<Error><Code>PreconditionFailed</Code></Error>"};
    there_ = {request.headers.at(kWriteIdHeader), request.body};
    return {.hang_up = true};
  };
  there_.reset();
  EXPECT_EQ(*storage_->PutNew("a", "x"), Created::kYes);
}

}  // namespace
}  // namespace sluice
