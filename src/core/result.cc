#include "core/result.h"

namespace sluice {

Error UserError(std::string code, std::string message) {
  return {Blame::kUser, Retry::kNo, std::move(code), std::move(message)};
}
Error DataError(std::string code, std::string message) {
  return {Blame::kData, Retry::kNo, std::move(code), std::move(message)};
}
Error RemoteError(std::string code, std::string message, Retry retry) {
  return {Blame::kRemote, retry, std::move(code), std::move(message)};
}
Error SupersededError(std::string message) {
  return {Blame::kSuperseded, Retry::kNo, "checkpoint.superseded", std::move(message)};
}
Error BugError(std::string message) { return {Blame::kBug, Retry::kNo, "bug", std::move(message)}; }

std::string ToString(const Error& error) { return error.code + ": " + error.message; }

int ExitCode(const Error& error) {
  switch (error.blame) {
    case Blame::kUser:
      return 2;
    case Blame::kData:
      return 3;
    case Blame::kSuperseded:
      return 4;
    case Blame::kRemote:
    case Blame::kBug:
      break;
  }
  return 1;
}

}  // namespace sluice
