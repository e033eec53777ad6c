#include <gtest/gtest.h>

#include "storage/s3/bucket_lifecycle.h"
#include "storage/s3/s3_list.h"
#include "storage/s3/s3_upload.h"

namespace sluice {
namespace {

TEST(S3List, KeysAreDecodedIfTheServerSaysThatTheyAreEncoded) {
  std::vector<S3Object> objects;
  const auto collect = [&](S3Object object) { objects.push_back(std::move(object)); };
  auto next = ReadS3ObjectPage(
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t+1==</NextContinuationToken>"
      "<Contents><Key>a+b%2Bc/%0D%C3%A4</Key><LastModified>1970-01-01T00:00:01.500Z</LastModified>"
      "<Size>12</Size></Contents></ListBucketResult>",
      collect);
  ASSERT_TRUE(next.ok()) << next.error().message;
  EXPECT_EQ(*next, (S3Query{{"continuation-token", "t+1=="}}));
  next = ReadS3ObjectPage(
      "<ListBucketResult><Contents><Key>a+b%20</Key><Size>1</Size></Contents></ListBucketResult>",
      collect);
  ASSERT_TRUE(next.ok());
  EXPECT_TRUE(next->empty());
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0].key, "a b+c/\r\xC3\xA4");
  EXPECT_EQ(objects[0].size, 12);
  EXPECT_EQ(objects[0].time, 1'500'000);
  EXPECT_EQ(objects[1].key, "a+b%20");
}

TEST(S3List, AListThatWasCutOrIsSomethingElseIsNoList) {
  const auto none = [](const S3Object&) {};
  for (const char* body :
       {"", "<ListBucketResult><Contents><Key>a</Key>", "<Error><Code>x</Code></Error>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"}) {
    auto next = ReadS3ObjectPage(body, none);
    ASSERT_FALSE(next.ok()) << body;
    EXPECT_EQ(next.error().retry, Retry::kLater);
  }
  EXPECT_FALSE(ReadS3UploadPage("<ListMultipartUploadsResult><Upload><Key>a</Key></Upload>"
                                "</ListMultipartUploadsResult>",
                                [](const S3OpenUpload&) {})
                   .ok());
}

TEST(S3List, OpenUploadsArePagedByKeyAndId) {
  std::vector<S3OpenUpload> uploads;
  auto next = ReadS3UploadPage(
      "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextKeyMarker>a+b</NextKeyMarker><NextUploadIdMarker>u2</NextUploadIdMarker>"
      "<Upload><Key>a+b</Key><UploadId>u1</UploadId></Upload></ListMultipartUploadsResult>",
      [&](S3OpenUpload upload) { uploads.push_back(std::move(upload)); });
  ASSERT_TRUE(next.ok()) << next.error().message;
  EXPECT_EQ(*next, (S3Query{{"key-marker", "a b"}, {"upload-id-marker", "u2"}}));
  ASSERT_EQ(uploads.size(), 1u);
  EXPECT_EQ(uploads[0].key, "a b");
}

TEST(S3Receipt, SurvivesItsText) {
  const S3Receipt receipt{"up/load\"id", "0123", {"\"e1\"", "e2"}};
  auto read = S3Receipt::FromJson(receipt.ToJson());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->upload, receipt.upload);
  EXPECT_EQ(read->parts, receipt.parts);
  for (const char* text : {"", "{}", "[]", "{\"upload\":1,\"id\":\"\",\"parts\":[]}"}) {
    EXPECT_EQ(S3Receipt::FromJson(text).error().blame, Blame::kBug) << text;
  }
}

TEST(BucketLifecycle, OnlyRulesInForceThatTakeSomethingAwayCount) {
  auto rules = ReadLifecycle(
      "<LifecycleConfiguration>"
      "<Rule><ID>off</ID><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
      "<Rule><ID>glacier</ID><Status>Enabled</Status><Transition><Days>1</Days></Transition></Rule>"
      "<Rule><ID>old</ID><Filter><Prefix>state/</Prefix></Filter><Status>Enabled</Status>"
      "<Expiration><Days>30</Days></Expiration></Rule>"
      "<Rule><ID>parts</ID><Filter><And><Prefix>lake/</Prefix><Tag/></And></Filter>"
      "<Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>2"
      "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
      "<Rule><ID>date</ID><Prefix>x</Prefix><Status>Enabled</Status><Expiration>"
      "<Date>2027-01-01T00:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>");
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  ASSERT_EQ(rules->size(), 3u);
  EXPECT_EQ((*rules)[0].prefix, "state/");
  EXPECT_EQ((*rules)[0].expires_days, 30);
  EXPECT_EQ((*rules)[1].prefix, "lake/");
  EXPECT_EQ((*rules)[1].gives_up_days, 2);
  EXPECT_EQ((*rules)[2].expires_days, 1);
}

}  // namespace
}  // namespace sluice
