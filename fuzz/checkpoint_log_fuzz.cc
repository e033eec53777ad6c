// Any bytes as a checkpoint. The input is cut at every byte 0x1e: the first part is the start slot,
// the others are the slots 1, 2, … With an even first byte the parts are payloads ("kind payload")
// under headers that are right, so that what lies behind the checksum is reached; with an odd one
// they are whole slots.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint_log.h"
#include "engine/checkpoint_log_names.h"

namespace {

constexpr std::string_view kId = "c";

void Require(bool condition) {
  if (!condition) std::abort();
}

/// Files in memory; only what ReadLog calls does anything.
class Files : public sluice::Storage {
 public:
  std::map<std::string, std::string> files;

  const std::string& location() const override { return location_; }
  sluice::Result<sluice::Created> PutNew(const std::string&, std::string_view) override {
    return Refused();
  }
  sluice::Result<void> Overwrite(const std::string&, std::string_view) override {
    return Refused();
  }
  sluice::Result<std::optional<std::string>> Read(const std::string& name) override {
    auto found = files.find(name);
    if (found == files.end()) return std::optional<std::string>();
    return std::optional<std::string>(found->second);
  }
  sluice::Result<std::vector<sluice::ListedFile>> List(const std::string& prefix) override {
    std::vector<sluice::ListedFile> listed;
    for (const auto& [name, bytes] : files) {
      if (name.starts_with(prefix + "/")) {
        listed.push_back({name, static_cast<std::int64_t>(bytes.size())});
      }
    }
    return listed;
  }
  sluice::Result<void> ForEachName(const std::string&,
                                   const std::function<void(const std::string&)>&) override {
    return Refused();
  }
  sluice::Result<void> Remove(const std::string&) override { return Refused(); }
  void RemoveEmptyFolders(const std::string&) override {}
  sluice::Result<std::unique_ptr<sluice::StagedWriter>> Stage(const std::string&,
                                                              const std::string&) override {
    return Refused();
  }
  std::size_t longest_name() const override { return 1024; }
  sluice::Result<void> Publish(const std::vector<sluice::StagedFile>&) override {
    return Refused();
  }
  sluice::Result<void> ForgetStaged(const std::vector<sluice::StagedFile>&) override {
    return Refused();
  }
  sluice::Result<void> DropStaged(const std::vector<sluice::StagedFile>&) override {
    return Refused();
  }
  sluice::Result<std::vector<sluice::StagedLeftover>> ListStaged(const std::string&) override {
    return Refused();
  }
  sluice::Result<void> RemoveLeftover(const sluice::StagedLeftover&) override { return Refused(); }
  sluice::Result<void> Probe(bool) override { return Refused(); }

 private:
  static sluice::Error Refused() { return sluice::BugError("reading the log changed something"); }
  std::string location_ = "memory";
};

/// "kind payload" as the bytes of slot `number`.
std::string Slot(std::string_view part, std::int64_t number) {
  const auto space = part.find(' ');
  const std::string kind(part.substr(0, space));
  const std::string payload(space == part.npos ? "" : part.substr(space + 1));
  return sluice::FormatSlot({std::string(kId), number, kind, payload});
}

/// What was read is written and read again.
template <typename Record>
void Repeat(std::string_view payload,
            sluice::Result<Record> (*parse)(std::string_view, const std::string&)) {
  auto record = parse(payload, "slot");
  if (!record.ok()) return;
  const std::string json = sluice::ToJson(*record);
  auto again = parse(json, "slot");
  Require(again.ok() && sluice::ToJson(*again) == json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool whole = (data[0] & 1) != 0;
  std::string_view left(reinterpret_cast<const char*>(data) + 1, size - 1);
  Files storage;
  for (std::int64_t number = 0;; ++number) {
    const auto end = left.find('\x1e');
    const std::string_view part = left.substr(0, end);
    storage.files[number == 0 ? sluice::kStartName : sluice::SlotName(std::string(kId), number)] =
        whole ? std::string(part) : Slot(part, number);
    auto slot = sluice::ParseSlot(part, "slot");
    if (slot.ok()) Require(sluice::FormatSlot(*slot) == part);
    const std::string_view kind = part.substr(0, part.find(' '));
    const std::string_view payload = part.substr(std::min(part.size(), kind.size() + 1));
    if (kind == "start" || kind == "splits") Repeat(payload, &sluice::ParseStart);
    if (kind == "takeover") Repeat(payload, &sluice::ParseTakeover);
    if (kind == "decision") Repeat(payload, &sluice::ParseDecision);
    if (kind == "commit") Repeat(payload, &sluice::ParseCommit);
    if (end == left.npos) break;
    left.remove_prefix(end + 1);
  }
  auto log = sluice::ReadLog(&storage);
  if (!log.ok()) return 0;
  Require(log->has_value());
  const sluice::LogContents& contents = **log;
  Require(contents.strays.size() + contents.entries.size() + 1 == storage.files.size() ||
          contents.checkpoint_id != kId);
  for (std::size_t i = 1; i < contents.entries.size(); ++i) {
    Require(contents.entries[i].number == contents.entries[i - 1].number + 1);
  }
  Require(contents.uncommitted() == nullptr || contents.uncommitted() == contents.last_decision());
  return 0;
}
