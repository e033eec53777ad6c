#include "sink/files/commit_token.h"

#include <nlohmann/json.hpp>

namespace sluice {
namespace {

constexpr int kFormat = 1;

}  // namespace

StagedFile CommitToken::staged_file(std::size_t n) const {
  const File& file = files[n];
  const std::string number = std::to_string(n);
  return {staging + "/" + number,
          (file.folder.empty() ? "" : file.folder + "/") + name + number + extension, file.size,
          file.crc32c, file.receipt};
}

std::vector<StagedFile> CommitToken::staged_files() const {
  std::vector<StagedFile> all;
  all.reserve(files.size());
  for (std::size_t n = 0; n < files.size(); ++n) all.push_back(staged_file(n));
  return all;
}

std::string CommitToken::ToJson() const {
  nlohmann::json list = nlohmann::json::array();
  for (const File& file : files) {
    list.push_back({file.folder, file.size, file.crc32c});
    if (!file.receipt.empty()) list.back().push_back(file.receipt);
  }
  nlohmann::json json = {{"format", kFormat}, {"root", root},           {"staging", staging},
                         {"name", name},      {"extension", extension}, {"files", std::move(list)}};
  // A path need not be UTF-8; the check in FromJson would then refuse it, so it is refused at
  // start.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<CommitToken> CommitToken::FromJson(const std::string& text) {
  try {
    nlohmann::json json = nlohmann::json::parse(text);
    if (json.at("format").get<int>() != kFormat) {
      return UserError("files.token_format",
                       "the epoch was decided by another version of sluice (token "
                       "format " +
                           json.at("format").dump() + "); finish it with that version");
    }
    CommitToken token;
    token.root = json.at("root").get<std::string>();
    token.staging = json.at("staging").get<std::string>();
    token.name = json.at("name").get<std::string>();
    token.extension = json.at("extension").get<std::string>();
    for (const auto& one : json.at("files")) {
      token.files.push_back({one.at(0).get<std::string>(), one.at(1).get<std::int64_t>(),
                             one.at(2).get<std::uint32_t>(),
                             one.size() > 3 ? one.at(3).get<std::string>() : ""});
    }
    return token;
  } catch (const nlohmann::json::exception& e) {
    return BugError(std::string("a files sink's token cannot be read: ") + e.what());
  }
}

}  // namespace sluice
