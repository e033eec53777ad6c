/// Result<T>, Error and TRY: how every fallible function of sluice reports.
///
/// An Error says whose fault it is, whether trying again can help, and what to do next. A bad
/// record is not an Error but a Reject (record/reject.h). Nothing of ours throws; exceptions of
/// libraries are caught in one adapter file each.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice {

/// Who has to act. Decides the exit code and whether the engine retries.
enum class Blame {
  kUser,        ///< A mistake in the job, its options or its environment. Exit code 2.
  kData,        ///< Bad data under `badRecords: fail` or over `maxBadRecordRate`. Exit code 3.
  kRemote,      ///< Broker, disk or a value failed the run. Exit code 1; retried if Retry::kLater.
  kSuperseded,  ///< Another writer holds the checkpoint. Exit code 4; nothing more may be written.
  kBug,         ///< A broken invariant of ours. Exit code 1.
};

enum class Retry { kNo, kLater };

/// `code` is stable and dotted ("kafka.auth"); `message` is a sentence for people: what is wrong,
/// where, and what to do. Never a secret, nor a record's bytes but as docs/dead-letters.md says.
struct [[nodiscard]] Error {
  Blame blame = Blame::kBug;
  Retry retry = Retry::kNo;
  std::string code;
  std::string message;

  /// Puts the place where the error was met in front: "source clicks: ...".
  Error At(const std::string& where) && {
    message = where + ": " + message;
    return std::move(*this);
  }
};

Error UserError(std::string code, std::string message);
Error DataError(std::string code, std::string message);
Error RemoteError(std::string code, std::string message, Retry retry = Retry::kLater);
Error SupersededError(std::string message);
Error BugError(std::string message);

/// "kafka.auth: the broker refused ..." for logs and the terminal.
std::string ToString(const Error& error);

/// 1, 2, 3 or 4; see Blame.
int ExitCode(const Error& error);

template <typename T = void>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U&&, T> &&
                                                    !std::is_same_v<std::decay_t<U>, T> &&
                                                    !std::is_same_v<std::decay_t<U>, Error> &&
                                                    !std::is_same_v<std::decay_t<U>, Result>>>
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// REQUIRES: ok(); a wrong call ends the process.
  T& operator*() & { return *Value(); }
  const T& operator*() const& { return *const_cast<Result*>(this)->Value(); }
  T&& operator*() && { return std::move(*Value()); }
  T* operator->() { return Value(); }
  const T* operator->() const { return const_cast<Result*>(this)->Value(); }

  /// REQUIRES: !ok().
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  T* Value() {
    T* value = std::get_if<0>(&state_);
    if (value == nullptr) std::abort();
    return value;
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

/// How TRY turns a foreign status into an Error; record/arrow_error.h adds Arrow's.
template <typename T>
bool IsOk(const Result<T>& result) {
  return result.ok();
}
template <typename T>
Error TakeError(Result<T>&& result) {
  return std::move(result).error();
}
template <typename T>
T TakeValue(Result<T>&& result) {
  return *std::move(result);
}
inline void TakeValue(Result<void>&&) {}

/// `TRY(auto x, F());` or `TRY(F());`: goes on with the value, or returns the error.
#define SLUICE_CONCAT_(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_(a, b)
#define SLUICE_TRY_1(expr)                                            \
  do {                                                                \
    auto&& try_result_ = (expr);                                      \
    if (!IsOk(try_result_)) return TakeError(std::move(try_result_)); \
  } while (false)
#define SLUICE_TRY_2_(tmp, target, expr)            \
  auto&& tmp = (expr);                              \
  if (!IsOk(tmp)) return TakeError(std::move(tmp)); \
  target = TakeValue(std::move(tmp))
#define SLUICE_TRY_2(target, expr) \
  SLUICE_TRY_2_(SLUICE_CONCAT(try_result_, __COUNTER__), target, expr)
#define SLUICE_TRY_PICK(_1, _2, name, ...) name
#define TRY(...) SLUICE_TRY_PICK(__VA_ARGS__, SLUICE_TRY_2, SLUICE_TRY_1)(__VA_ARGS__)

}  // namespace sluice
