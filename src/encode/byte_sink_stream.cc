#include "encode/byte_sink_stream.h"

#include <cstddef>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {

arrow::Status ByteSinkStream::Write(const void* data, std::int64_t size) {
  if (abandoned_ || error_) return arrow::Status::IOError("the file was abandoned");
  position_ += size;
  Result<void> appended =
      out_->Append({static_cast<const char*>(data), static_cast<std::size_t>(size)});
  if (appended.ok()) return arrow::Status::OK();
  error_ = std::move(appended).error();
  return arrow::Status::IOError(error_->message);
}

arrow::Status ByteSinkStream::Close() {
  closed_ = true;
  return arrow::Status::OK();
}

Result<void> ByteSinkStream::Check(const arrow::Status& status) {
  if (status.ok()) return {};
  if (error_) return *error_;
  return FromArrow(status);
}

}  // namespace sluice
