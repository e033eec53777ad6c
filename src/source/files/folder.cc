#include "source/files/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/logging.h"

namespace sluice {
namespace {

bool Hidden(std::string_view part) { return part.empty() || part[0] == '_' || part[0] == '.'; }

Error CannotList(const std::string& path) {
  return RemoteError("files.list", "cannot list the folder " + path + ": " + std::strerror(errno) +
                                       "; check that it is mounted and readable");
}

bool Plain(char c) { return c > ' ' && c < 0x7f && c != '%'; }

}  // namespace

Folder::Folder(FolderOptions options)
    : options_(std::move(options)),
      events_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  while (options_.path.size() > 1 && options_.path.back() == '/') options_.path.pop_back();
}

Folder::~Folder() {
  if (events_ >= 0) close(events_);
  if (wake_ >= 0) close(wake_);
}

Result<std::string> Folder::Identity() const {
  struct statx status {};
  if (statx(AT_FDCWD, options_.path.c_str(), 0, STATX_INO | STATX_BTIME, &status) != 0) {
    return CannotList(options_.path);
  }
  std::error_code error;
  std::string path = std::filesystem::absolute(options_.path, error).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  // With its birth, since inodes are used again; 0 where the file system does not tell.
  std::string text = std::to_string(status.stx_dev_major) + ":" +
                     std::to_string(status.stx_dev_minor) + ":" + std::to_string(status.stx_ino) +
                     ":" + std::to_string(status.stx_btime.tv_sec) + "." +
                     std::to_string(status.stx_btime.tv_nsec) + " ";
  // A path is bytes, and what is remembered is text.
  for (const char c : path) {
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned char>(c));
    text += Plain(c) ? std::string(1, c) : escaped;
  }
  return text;
}

bool Folder::SameFolder(std::string_view a, std::string_view b) {
  const std::size_t x = a.find(' ');
  const std::size_t y = b.find(' ');
  return a.substr(0, x) == b.substr(0, y) || a.substr(x + 1) == b.substr(y + 1);
}

std::string Folder::PathIn(std::string_view identity) {
  std::string path;
  for (std::size_t i = identity.find(' ') + 1; i < identity.size(); ++i) {
    unsigned value = 0;
    if (identity[i] == '%' && i + 2 < identity.size() &&
        std::from_chars(identity.data() + i + 1, identity.data() + i + 3, value, 16).ec ==
            std::errc()) {
      path += static_cast<char>(value);
      i += 2;
    } else {
      path += identity[i];
    }
  }
  return path;
}

std::string Folder::PathOf(const std::string& name) const { return options_.path + "/" + name; }

bool Folder::Wanted(std::string_view name) const {
  const std::string base(name.substr(name.rfind('/') + 1));
  if (Hidden(base)) return false;
  return options_.glob.empty() || fnmatch(options_.glob.c_str(), base.c_str(), 0) == 0;
}

bool Folder::Stat(const std::string& name, FileStamp* stamp) const {
  struct stat status {};
  if (!Wanted(name) || stat(PathOf(name).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return false;
  }
  *stamp = MakeStamp(name, status);
  return true;
}

Result<std::vector<FileStamp>> Folder::List() {
  listed_ = std::chrono::steady_clock::now();
  std::vector<FileStamp> files;
  TRY(ListInto("", &files));
  listed_once_ = true;
  return files;
}

Result<void> Folder::ListInto(const std::string& prefix, std::vector<FileStamp>* files) {
  const std::string path = PathOf(prefix);
  Watch(prefix);
  DIR* const folder = opendir(path.c_str());
  if (folder == nullptr) {
    if (!prefix.empty() && errno == ENOENT) return {};  // removed while we were looking around
    return CannotList(path);
  }
  std::vector<std::string> folders;
  int failure = 0;
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(folder);
    if (entry == nullptr) {
      failure = errno;
      break;
    }
    const std::string_view base = entry->d_name;
    if (Hidden(base)) continue;
    struct stat status {};
    if (fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    std::string name = prefix + entry->d_name;
    if (S_ISDIR(status.st_mode)) {
      // A link to a folder is not followed: it may lead back to where we are.
      if (options_.recursive) folders.push_back(name + "/");
      continue;
    }
    if (!Wanted(name)) continue;
    if (S_ISLNK(status.st_mode) && fstatat(dirfd(folder), entry->d_name, &status, 0) != 0) continue;
    if (S_ISREG(status.st_mode)) files->push_back(MakeStamp(std::move(name), status));
  }
  closedir(folder);
  if (failure != 0) {
    errno = failure;
    return CannotList(path);
  }
  for (const std::string& inner : folders) TRY(ListInto(inner, files));
  return {};
}

void Folder::Watch(const std::string& prefix) {
  if (events_ < 0) return;
  const int watch = inotify_add_watch(
      events_, PathOf(prefix).c_str(),
      IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_ONLYDIR);
  if (watch >= 0) {
    watched_[watch] = prefix;
  } else if (errno == ENOSPC || errno == ENOMEM) {
    LogLimited(
        LogLevel::kWarn, "files.watch", 3600,
        "the system has no inotify watches left; new files are seen at the pollInterval only "
        "(raise fs.inotify.max_user_watches)",
        {{"path", options_.path}});
  }
}

Folder::News Folder::TakeNews() {
  News news;
  const auto now = std::chrono::steady_clock::now();
  news.anything = !listed_once_ || now - listed_ >= options_.poll_interval;
  if (events_ < 0) return news;
  std::unordered_set<std::string> touched;
  alignas(inotify_event) char buffer[16384];
  for (ssize_t size = 0; (size = read(events_, buffer, sizeof buffer)) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      TakeEvent(*event, &touched, &news);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  news.touched.assign(touched.begin(), touched.end());
  return news;
}

void Folder::TakeEvent(const inotify_event& event, std::unordered_set<std::string>* touched,
                       News* news) {
  const auto watched = watched_.find(event.wd);
  if ((event.mask & (IN_Q_OVERFLOW | IN_IGNORED)) != 0 || watched == watched_.end()) {
    news->anything = true;
    if (watched != watched_.end()) watched_.erase(watched);
    return;
  }
  if (event.len == 0 || Hidden(event.name)) return;
  if ((event.mask & IN_ISDIR) != 0) {
    if (options_.recursive && (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) news->anything = true;
    return;
  }
  std::string name = watched->second + event.name;
  if ((event.mask & (IN_MOVED_TO | IN_CLOSE_WRITE)) != 0) {
    news->arrived.push_back(std::move(name));
  } else if ((event.mask & IN_CREATE) != 0) {
    // A file that appears by link is whole; one that was just created is still to be written.
    struct stat status {};
    if (stat(PathOf(name).c_str(), &status) == 0 && status.st_nlink > 1) {
      news->arrived.push_back(std::move(name));
    }
  } else {
    touched->insert(std::move(name));
  }
}

void Folder::Wait(std::chrono::milliseconds timeout) {
  pollfd fds[2] = {{wake_, POLLIN, 0}, {events_, POLLIN, 0}};
  poll(fds, events_ >= 0 ? 2 : 1, static_cast<int>(timeout.count()));
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_, &count, sizeof count);
}

void Folder::Wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(wake_, &one, sizeof one);
}

}  // namespace sluice
