#include "engine/spool_file.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "record/arrow_error.h"

namespace sluice {
namespace {

Error SpoolError(const std::string& directory, const char* what) {
  return RemoteError("spool.io", std::string("cannot ") + what + " the spool in " + directory +
                                     ": " + std::strerror(errno) +
                                     "; free space there or set spoolDirectory to another disk");
}

}  // namespace

SpoolFile::SpoolFile(int fd, std::string directory, SchemaPtr schema)
    : fd_(fd), directory_(std::move(directory)), schema_(std::move(schema)) {}

SpoolFile::~SpoolFile() { close(fd_); }

Result<std::unique_ptr<SpoolFile>> SpoolFile::Make(const std::string& directory, SchemaPtr schema) {
  mkdir(directory.c_str(), 0700);
  std::string name = directory + "/sluice-spool-XXXXXX";
  int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return SpoolError(directory, "create");
  unlink(name.c_str());
  return std::unique_ptr<SpoolFile>(new SpoolFile(fd, directory, std::move(schema)));
}

Result<std::int64_t> SpoolFile::Append(const arrow::RecordBatch& rows) {
  TRY(auto bytes, arrow::ipc::SerializeRecordBatch(rows, arrow::ipc::IpcWriteOptions::Defaults()));
  std::int64_t done = 0;
  while (done < bytes->size()) {
    ssize_t n = pwrite(fd_, bytes->data() + done, static_cast<std::size_t>(bytes->size() - done),
                       end_ + done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SpoolError(directory_, "write to");
    done += n;
  }
  batches_.push_back({end_, bytes->size()});
  end_ += bytes->size();
  return bytes->size();
}

Result<std::shared_ptr<arrow::RecordBatch>> SpoolFile::Take() {
  Extent extent = batches_.front();
  batches_.pop_front();
  TRY(std::shared_ptr<arrow::Buffer> bytes, arrow::AllocateBuffer(extent.size));
  std::int64_t done = 0;
  while (done < extent.size) {
    ssize_t n = pread(fd_, bytes->mutable_data() + done,
                      static_cast<std::size_t>(extent.size - done), extent.offset + done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return SpoolError(directory_, "read");
    done += n;
  }
  arrow::io::BufferReader reader(std::move(bytes));
  arrow::ipc::DictionaryMemo memo;
  TRY(auto rows,
      arrow::ipc::ReadRecordBatch(schema_, &memo, arrow::ipc::IpcReadOptions::Defaults(), &reader));
  if (batches_.empty()) {
    end_ = 0;
    if (ftruncate(fd_, 0) != 0) return SpoolError(directory_, "empty");
  }
  return rows;
}

}  // namespace sluice
