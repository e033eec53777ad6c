#include "source/files/file_queue.h"

#include <algorithm>

#include "core/logging.h"

namespace sluice {
namespace {

/// How far a file system's clock may be behind ours; only reports depend on it.
constexpr std::int64_t kClockSlackNanos = 1'000'000'000;

Error Changed(const std::string& path, const std::string& how) {
  return RemoteError(
      "files.changed",
      path + " changed after it was read" + how +
          ": files must arrive whole, by rename, and stay as they are. Put the old file "
          "back with its old modification time (cp -p), or remove it and give the new content a "
          "name of its own",
      Retry::kNo);
}

}  // namespace

FileQueue::FileQueue(Folder* folder, const Clock* clock, Counter* too_old)
    : folder_(folder), clock_(clock), too_old_(too_old) {}

Result<void> FileQueue::GoTo(const FilesPosition& position) {
  const std::lock_guard lock(mutex_);
  const bool inside = position.byte > 0;
  if (started_ && position.files >= base_ && position.files + (inside ? 1 : 0) <= end() &&
      (!inside || At(position.files).name == position.current.name)) {
    begun_ = position.files;
    horizon_ = position.horizon;
    ResetMinima();
    return {};
  }
  TRY(settled_, position.Marks());
  base_ = begun_ = position.files;
  base_bytes_ = position.bytes;
  files_.clear();
  indexes_.clear();
  minima_.clear();
  reported_.clear();
  horizon_ = position.horizon;
  scanned_ = position.scanned;
  if (inside) Append(position.current);
  started_ = true;
  return DiscoverLocked(/*all=*/true);
}

Result<void> FileQueue::Discover(bool all) {
  const std::lock_guard lock(mutex_);
  return DiscoverLocked(all);
}

Result<void> FileQueue::DiscoverLocked(bool all) {
  const Folder::News news = folder_->TakeNews();
  std::vector<FileStamp> found;
  if (all || news.anything) {
    const std::int64_t now = clock_->WallMicros() * 1000;
    TRY(std::vector<FileStamp> listed, folder_->List());
    for (const FileStamp& stamp : listed) TRY(Consider(stamp, true, &found));
    NoteListing(listed);
    scanned_ = now;
  } else {
    FileStamp stamp;
    for (const std::string& name : news.touched) {
      if (folder_->Stat(name, &stamp)) TRY(Consider(stamp, false, &found));
    }
    for (const std::string& name : news.arrived) {
      if (folder_->Stat(name, &stamp)) TRY(Consider(stamp, true, &found));
    }
  }
  std::sort(found.begin(), found.end(), ReadBefore);
  for (FileStamp& stamp : found) {
    // The same name may have been in the news twice.
    const std::uint64_t name = HashName(stamp.name);
    if (indexes_.find(name) != indexes_.end()) continue;
    arrived_.insert(name);
    Append(std::move(stamp));
  }
  return {};
}

Result<void> FileQueue::CheckKnown(const FileStamp& stamp, const FileMark& mark, bool* known) {
  *known = true;
  const auto queued = indexes_.find(mark.name);
  if (queued != indexes_.end()) {
    FileStamp& old = At(queued->second);
    if (old.name == stamp.name && old.SameContent(stamp)) return {};
    if (queued->second >= begun_) {
      UpdateLocked(queued->second, stamp);
      return {};
    }
    return Changed(folder_->PathOf(stamp.name), " (" + std::to_string(old.size) + " bytes then, " +
                                                    std::to_string(stamp.size) + " now)");
  }
  const auto settled = settled_.find(mark.name);
  if (settled != settled_.end()) {
    if (settled->second == mark.content) return {};
    return Changed(folder_->PathOf(stamp.name), "");
  }
  *known = false;
  return {};
}

void FileQueue::NoteListing(const std::vector<FileStamp>& files) {
  listed_.clear();
  listed_.reserve(files.size());
  for (const FileStamp& stamp : files) listed_.push_back(HashName(stamp.name));
  std::sort(listed_.begin(), listed_.end());
  arrived_.clear();
  have_listing_ = true;
}

/// Whether a file that is older than the horizon, and is not remembered, came only now: most such
/// files were read before the horizon passed them.
bool FileQueue::IsNewcomer(const FileStamp& stamp, std::uint64_t name) const {
  // A rename moves the ctime, but not that of the files in a folder that is renamed.
  if (stamp.ctime >= scanned_ - kClockSlackNanos) return true;
  return have_listing_ && !arrived_.contains(name) &&
         !std::binary_search(listed_.begin(), listed_.end(), name);
}

Result<void> FileQueue::Consider(FileStamp stamp, bool may_be_new, std::vector<FileStamp>* found) {
  const FileMark mark = MarkOf(stamp);
  bool known = false;
  TRY(CheckKnown(stamp, mark, &known));
  if (known || !may_be_new) return {};
  if (stamp.mtime >= horizon_) {
    found->push_back(std::move(stamp));
    return {};
  }
  if (!IsNewcomer(stamp, mark.name) || !reported_.insert(mark.name).second) return {};
  if (too_old_ != nullptr) too_old_->Add(1);
  LogLimited(LogLevel::kWarn, "files.too_old:" + folder_->path(), 10,
             "a file arrived that is older than maxFileAge; it is not read",
             {{"path", folder_->PathOf(stamp.name)},
              {"modified", FormatTimestamp(stamp.mtime / 1000)},
              {"horizon", FormatTimestamp(horizon_ / 1000)}});
  return {};
}

void FileQueue::Append(FileStamp stamp) {
  const std::int64_t index = end();
  while (!minima_.empty() && minima_.back().second >= stamp.mtime) minima_.pop_back();
  minima_.emplace_back(index, stamp.mtime);
  indexes_[HashName(stamp.name)] = index;
  files_.push_back(std::move(stamp));
}

void FileQueue::ResetMinima() {
  minima_.clear();
  for (std::int64_t index = end() - 1, least = 0; index >= begun_; --index) {
    const std::int64_t mtime = At(index).mtime;
    if (!minima_.empty() && mtime >= least) continue;
    least = mtime;
    minima_.emplace_front(index, mtime);
  }
}

std::optional<FileStamp> FileQueue::Begin(std::int64_t index) {
  const std::lock_guard lock(mutex_);
  if (index < base_ || index >= end()) return std::nullopt;
  begun_ = std::max(begun_, index + 1);
  return At(index);
}

void FileQueue::Update(std::int64_t index, const FileStamp& stamp) {
  const std::lock_guard lock(mutex_);
  if (index >= base_ && index < end()) UpdateLocked(index, stamp);
}

void FileQueue::UpdateLocked(std::int64_t index, const FileStamp& stamp) {
  At(index).size = stamp.size;
  At(index).mtime = stamp.mtime;
  ResetMinima();
}

void FileQueue::Forget(std::int64_t index) {
  const std::lock_guard lock(mutex_);
  if (index < base_ || index >= end()) return;
  indexes_.erase(HashName(At(index).name));
  At(index).size = 0;
}

std::int64_t FileQueue::HorizonLimit(std::int64_t index, std::int64_t max_age) const {
  const std::lock_guard lock(mutex_);
  std::int64_t limit = clock_->WallMicros() * 1000 - max_age;
  for (const auto& [waiting, mtime] : minima_) {
    if (waiting <= index) continue;
    return std::min(limit, mtime);
  }
  return limit;
}

void FileQueue::SetHorizon(std::int64_t horizon) {
  const std::lock_guard lock(mutex_);
  horizon_ = horizon;
  while (!minima_.empty() && minima_.front().first < begun_) minima_.pop_front();
}

std::int64_t FileQueue::scanned() const {
  const std::lock_guard lock(mutex_);
  return scanned_;
}

FilesPosition FileQueue::End() const {
  const std::lock_guard lock(mutex_);
  FilesPosition position;
  position.files = end();
  position.bytes = base_bytes_;
  for (const FileStamp& file : files_) position.bytes += file.size;
  position.records = -1;
  return position;
}

Result<void> FileQueue::Settle(const FilesPosition& position) {
  TRY(FileMarks marks, position.Marks());
  const std::lock_guard lock(mutex_);
  if (!started_ || position.files < base_ || position.files > end()) return {};
  while (base_ < position.files) {
    const auto queued = indexes_.find(HashName(files_.front().name));
    if (queued != indexes_.end() && queued->second == base_) indexes_.erase(queued);
    files_.pop_front();
    ++base_;
  }
  settled_ = std::move(marks);
  base_bytes_ = position.bytes;
  return {};
}

}  // namespace sluice
