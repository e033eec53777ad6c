#include "storage/testing/simulated_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <utility>

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSector = 512;

/// Bytes put at an offset, or, without bytes, a new size.
struct FileChange {
  std::size_t offset = 0;
  std::optional<std::string> bytes;

  bool Touches(std::size_t begin, std::size_t end) const {
    if (!bytes) return offset < end;
    return offset < end && offset + bytes->size() > begin;
  }
  /// To a part of the file that begins at `begin`.
  void Apply(std::size_t begin, std::string* part) const {
    const std::size_t end = begin + part->size();
    const std::size_t from = std::max(offset, begin);
    if (!bytes) {
      if (from < end) std::fill(part->begin() + static_cast<long>(from - begin), part->end(), '\0');
      return;
    }
    const std::size_t to = std::min(offset + bytes->size(), end);
    if (from < to) part->replace(from - begin, to - from, *bytes, from - offset, to - from);
  }
  std::size_t SizeAfter(std::size_t size) const {
    return bytes ? std::max(size, offset + bytes->size()) : offset;
  }
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "simulated disk: %s\n", what.c_str());
  std::abort();
}

}  // namespace

/// A file or a folder: what is durable of it, and what was done to it since its last sync.
struct SimulatedDisk::Node {
  struct NameChange {
    std::string name;
    NodePtr node;  ///< Null: the name was removed.
  };

  std::string path;  ///< Its first one, for the journal.
  ::mode_t mode = 0;
  std::string bytes;
  std::vector<FileChange> changes;
  std::map<std::string, NodePtr> names;
  std::vector<NameChange> name_changes;

  void Sync() {
    for (const FileChange& change : changes) {
      bytes.resize(std::max(bytes.size(), change.SizeAfter(bytes.size())));
      change.Apply(0, &bytes);
      if (!change.bytes) bytes.resize(change.offset);
    }
    changes.clear();
    for (NameChange& change : name_changes) SetName(&names, change);
    name_changes.clear();
  }
  static void SetName(std::map<std::string, NodePtr>* names, const NameChange& change) {
    if (change.node == nullptr) {
      names->erase(change.name);
    } else {
      (*names)[change.name] = change.node;
    }
  }
};

/// Chooses what survived, and writes it.
class SimulatedDisk::Image {
 public:
  explicit Image(std::uint64_t seed) : random_(seed), fate_(random_() % 4) {}

  void WriteFolder(const Node& folder, const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0) Fail("cannot make " + path);
    std::map<std::string, std::vector<Node::NameChange>> changes;
    for (const auto& change : folder.name_changes) changes[change.name].push_back(change);
    std::map<std::string, NodePtr> names = folder.names;
    for (const auto& [name, of_name] : changes) {
      const std::size_t kept = Survivors(of_name.size());
      for (std::size_t i = 0; i < kept; ++i) Node::SetName(&names, of_name[i]);
    }
    for (const auto& [name, node] : names) {
      const std::string inner = path + "/" + name;
      if (S_ISDIR(node->mode)) {
        WriteFolder(*node, inner);
      } else if (auto [at, first] = written_.emplace(node.get(), inner); !first) {
        if (::link(at->second.c_str(), inner.c_str()) != 0) Fail("cannot link " + inner);
      } else {
        std::ofstream(inner, std::ios::binary) << Survived(*node);
        ::chmod(inner.c_str(), node->mode & 07777);
      }
    }
    ::chmod(path.c_str(), folder.mode & 07777);
  }

 private:
  /// How many of so many changes of one thing, from the first on.
  std::size_t Survivors(std::size_t count) {
    if (fate_ == 0) return 0;
    if (fate_ == 1) return count;
    return random_() % (count + 1);
  }

  std::string Survived(const Node& file) {
    std::vector<std::size_t> sizes = {file.bytes.size()};
    for (const FileChange& change : file.changes) sizes.push_back(change.SizeAfter(sizes.back()));
    std::string bytes = file.bytes;
    bytes.resize(*std::max_element(sizes.begin(), sizes.end()));
    for (std::size_t begin = 0; begin < bytes.size(); begin += kSector) {
      std::vector<const FileChange*> touching;
      for (const FileChange& change : file.changes) {
        if (change.Touches(begin, begin + kSector)) touching.push_back(&change);
      }
      std::string sector = bytes.substr(begin, kSector);
      const std::size_t kept = Survivors(touching.size());
      for (std::size_t i = 0; i < kept; ++i) touching[i]->Apply(begin, &sector);
      bytes.replace(begin, sector.size(), sector);
    }
    bytes.resize(sizes[Survivors(file.changes.size())]);
    return bytes;
  }

  std::mt19937_64 random_;
  const std::uint64_t fate_;
  std::map<const Node*, std::string> written_;
};

SimulatedDisk::SimulatedDisk(const std::string& root) { root_ = Load(root); }
SimulatedDisk::~SimulatedDisk() = default;

SimulatedDisk::NodePtr SimulatedDisk::Load(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) Fail("there is no " + path);
  NodePtr& known = nodes_[info.st_ino];
  if (known != nullptr) return known;
  NodePtr node = known = std::make_shared<Node>();
  node->path = path;
  node->mode = info.st_mode;
  if (S_ISDIR(info.st_mode)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      node->names[entry.path().filename().string()] = Load(entry.path().string());
    }
  } else {
    std::ifstream in(path, std::ios::binary);
    node->bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  return node;
}

void SimulatedDisk::CutAt(std::int64_t change, std::uint64_t seed, std::string image) {
  std::lock_guard lock(mutex_);
  cut_at_ = change;
  cut_seed_ = seed;
  cut_image_ = std::move(image);
}

void SimulatedDisk::WriteImage(std::uint64_t seed, const std::string& image) const {
  std::lock_guard lock(mutex_);
  Image(seed).WriteFolder(*root_, image);
}

std::int64_t SimulatedDisk::changes() const {
  std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(journal_.size());
}

/// Other threads stand still at the lock, so nothing happens after the cut.
void SimulatedDisk::Arrive(const std::string& what) {
  journal_.push_back(what);
  if (static_cast<std::int64_t>(journal_.size()) != cut_at_) return;
  Image(cut_seed_).WriteFolder(*root_, cut_image_);
  std::ofstream out(cut_image_ + ".journal");
  for (const std::string& line : journal_) out << line << "\n";
  out << "(the last one did not happen)\n";
  out.close();
  ::_exit(kPowerCut);
}

/// Null outside the root.
SimulatedDisk::NodePtr SimulatedDisk::Find(int fd) const {
  struct stat info;
  if (::fstat(fd, &info) != 0) return nullptr;
  auto found = nodes_.find(info.st_ino);
  return found == nodes_.end() ? nullptr : found->second;
}

SimulatedDisk::NodePtr SimulatedDisk::FindAt(int folder, const char* name) const {
  struct stat info;
  if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return nullptr;
  auto found = nodes_.find(info.st_ino);
  return found == nodes_.end() ? nullptr : found->second;
}

SimulatedDisk::NodePtr SimulatedDisk::FindParent(int folder, const char* name) const {
  if (folder != AT_FDCWD) return Find(folder);
  const std::string parent = fs::path(name).parent_path().string();
  return parent.empty() ? nullptr : FindAt(AT_FDCWD, parent.c_str());
}

/// After the kernel did it: `node` is new unless it is there already.
void SimulatedDisk::Add(int folder, const char* name, NodePtr node) {
  NodePtr parent = FindParent(folder, name);
  if (parent == nullptr) return;
  const std::string leaf = fs::path(name).filename().string();
  if (node == nullptr) {
    struct stat info;
    if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) Fail("a new file is gone");
    node = std::make_shared<Node>();
    node->path = parent->path + "/" + leaf;
    node->mode = info.st_mode;
    nodes_[info.st_ino] = node;  // In place of one that is gone and had the same inode.
  }
  parent->name_changes.push_back({leaf, std::move(node)});
}

int SimulatedDisk::Create(int folder, const char* name, int flags, ::mode_t mode) {
  std::lock_guard lock(mutex_);
  NodePtr parent = Find(folder);
  Arrive("create " + (parent ? parent->path + "/" : "") + name);
  struct stat info;
  const bool was_there = ::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
  int fd = Disk::Create(folder, name, flags, mode);
  if (fd >= 0 && !was_there) Add(folder, name, nullptr);
  return fd;
}

::ssize_t SimulatedDisk::Write(int fd, const char* bytes, std::size_t size) {
  std::lock_guard lock(mutex_);
  NodePtr node = Find(fd);
  Arrive("write " + std::to_string(size) + " bytes to " + (node ? node->path : "elsewhere"));
  const ::off_t offset = ::lseek(fd, 0, SEEK_CUR);
  ::ssize_t written = Disk::Write(fd, bytes, size);
  if (written > 0 && node) {
    node->changes.push_back(
        {static_cast<std::size_t>(offset), std::string(bytes, static_cast<std::size_t>(written))});
  }
  return written;
}

int SimulatedDisk::Truncate(int fd, ::off_t size) {
  std::lock_guard lock(mutex_);
  NodePtr node = Find(fd);
  Arrive("truncate " + (node ? node->path : "elsewhere") + " to " + std::to_string(size));
  int result = Disk::Truncate(fd, size);
  if (result == 0 && node) {
    node->changes.push_back({static_cast<std::size_t>(size), std::nullopt});
  }
  return result;
}

int SimulatedDisk::Sync(int fd) {
  std::lock_guard lock(mutex_);
  NodePtr node = Find(fd);
  Arrive("sync " + (node ? node->path : "elsewhere"));
  if (node) node->Sync();
  return 0;
}

int SimulatedDisk::Link(int from_folder, const char* from, int to_folder, const char* to) {
  std::lock_guard lock(mutex_);
  NodePtr parent = Find(to_folder);
  NodePtr node = FindAt(from_folder, from);
  Arrive("link " + (node ? node->path : from) + " as " + (parent ? parent->path + "/" : "") + to);
  int result = Disk::Link(from_folder, from, to_folder, to);
  if (result == 0 && node) Add(to_folder, to, std::move(node));
  return result;
}

int SimulatedDisk::Unlink(int folder, const char* name, int flags) {
  std::lock_guard lock(mutex_);
  NodePtr parent = Find(folder);
  Arrive("unlink " + (parent ? parent->path + "/" : "") + name);
  int result = Disk::Unlink(folder, name, flags);
  if (result == 0 && parent) parent->name_changes.push_back({name, nullptr});
  return result;
}

int SimulatedDisk::MakeFolder(int folder, const char* name, ::mode_t mode) {
  std::lock_guard lock(mutex_);
  NodePtr parent = FindParent(folder, name);
  Arrive("make " + (parent && folder != AT_FDCWD ? parent->path + "/" : "") + name);
  int result = Disk::MakeFolder(folder, name, mode);
  if (result == 0) Add(folder, name, nullptr);
  return result;
}

}  // namespace sluice
