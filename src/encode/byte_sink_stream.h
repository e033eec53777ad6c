/// A ByteSink as the stream that Arrow's file writers want.
#pragma once

#include <arrow/io/interfaces.h>

#include <cstdint>
#include <optional>

#include "core/result.h"
#include "encode/encoder.h"

namespace sluice {

/// Hands Arrow's bytes to the ByteSink and keeps its error, which a Status cannot carry.
class ByteSinkStream final : public arrow::io::OutputStream {
 public:
  explicit ByteSinkStream(ByteSink* out) : out_(out) {}

  arrow::Status Write(const void* data, std::int64_t size) override;
  arrow::Status Close() override;
  bool closed() const override { return closed_; }
  arrow::Result<std::int64_t> Tell() const override { return position_; }

  std::int64_t position() const { return position_; }
  /// From now on nothing is written: an abandoned writer still tries to end its file.
  void Abandon() { abandoned_ = true; }
  /// The sink's own error, if that is why `status` is not OK.
  Result<void> Check(const arrow::Status& status);

 private:
  ByteSink* const out_;
  std::int64_t position_ = 0;
  std::optional<Error> error_;
  bool abandoned_ = false;
  bool closed_ = false;
};

}  // namespace sluice
