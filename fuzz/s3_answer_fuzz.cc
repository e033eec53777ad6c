// Any bytes as what an S3 server answered, or as the receipt of an upload in a decision: an error,
// or what the storage may rely on. The first byte says which.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "storage/s3/bucket_lifecycle.h"
#include "storage/s3/s3_list.h"
#include "storage/s3/s3_upload.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Receipt(std::string_view text) {
  auto receipt = sluice::S3Receipt::FromJson(std::string(text));
  if (!receipt.ok()) return;
  auto again = sluice::S3Receipt::FromJson(receipt->ToJson());
  Require(again.ok() && again->parts == receipt->parts && again->upload == receipt->upload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: {
      auto next = sluice::ReadS3ObjectPage(
          body, [](const sluice::S3Object& object) { Require(!object.key.empty()); });
      if (next.ok() && !next->empty()) Require(!next->front().second.empty());
      break;
    }
    case 1: {
      auto next = sluice::ReadS3UploadPage(body, [](const sluice::S3OpenUpload& upload) {
        Require(!upload.key.empty() && !upload.id.empty());
      });
      if (next.ok() && !next->empty()) Require(!next->front().second.empty());
      break;
    }
    case 2:
      static_cast<void>(sluice::ReadLifecycle(body));
      break;
    default:
      Receipt(body);
  }
  return 0;
}
