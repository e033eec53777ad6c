/// A disk under local storage whose power can be cut: what was not synced is lost, torn or there.
///
///   SimulatedDisk disk(root);
///   disk.CutAt(17, seed, image);  // The 17th change does not happen; the process ends.
///   ReplaceDisk(&disk);
///
/// Calls go to real files beneath `root`, so that what runs is what users run; beside that the disk
/// keeps what it promised. A file's bytes are durable once the file was synced, a name (new or
/// removed, of a file or a folder) once its folder was. An image is a tree as a machine may find it
/// after a cut: of what is not durable, each 512 bytes of a file, each file's size and each name is
/// there or not on its own; only changes of one of these keep their order. One image in four lost
/// all of it, one in four nothing. It is harsher than real file systems, which order more.
///
/// Nothing is really synced, which makes it fast. Sizes and times of folders are not simulated.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/local/disk.h"

namespace sluice {

/// Any thread; calls are taken one after the other.
class SimulatedDisk final : public Disk {
 public:
  /// Exit code of a process whose power was cut.
  static constexpr int kPowerCut = 77;

  /// `root` is a folder; all that it holds now is durable.
  explicit SimulatedDisk(const std::string& root);
  ~SimulatedDisk() override;

  /// Before the change of this number (from 1), failed ones counted too, writes an image to
  /// `image`, and what was done to `image`.journal, and ends the process with kPowerCut.
  void CutAt(std::int64_t change, std::uint64_t seed, std::string image);
  /// An image as of now, in a folder that does not exist yet. The same seed makes the same choices.
  void WriteImage(std::uint64_t seed, const std::string& image) const;
  std::int64_t changes() const;

  int Create(int folder, const char* name, int flags, ::mode_t mode) override;
  ::ssize_t Write(int fd, const char* bytes, std::size_t size) override;
  int Truncate(int fd, ::off_t size) override;
  int Sync(int fd) override;
  int Link(int from_folder, const char* from, int to_folder, const char* to) override;
  int Unlink(int folder, const char* name, int flags) override;
  int MakeFolder(int folder, const char* name, ::mode_t mode) override;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  class Image;

  void Arrive(const std::string& what);
  NodePtr Load(const std::string& path);
  NodePtr Find(int fd) const;
  NodePtr FindAt(int folder, const char* name) const;
  NodePtr FindParent(int folder, const char* name) const;
  void Add(int folder, const char* name, NodePtr node);

  mutable std::mutex mutex_;
  NodePtr root_;
  std::map<::ino_t, NodePtr> nodes_;  ///< By inode: all beneath the root, as the kernel has it.
  std::vector<std::string> journal_;  ///< A line for each change.
  std::int64_t cut_at_ = 0;
  std::uint64_t cut_seed_ = 0;
  std::string cut_image_;
};

}  // namespace sluice
