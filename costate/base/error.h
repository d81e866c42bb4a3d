// The exceptions of Costate. A caller's mistake throws at the boundary, before any work; a numerical outcome is a
// status in the result (solve/status.h) and throws only when asked. Kinds and their cures: errors.def.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "costate/base/text.h"

namespace costate {

enum class ErrorKind {
#define COSTATE_ERROR(name, sentence, cure, python, exit_code) k##name,
#include "costate/base/errors.def"
#undef COSTATE_ERROR
};

/// One row of errors.def.
struct ErrorInfo {
  std::string_view name;
  std::string_view sentence;
  std::string_view cure;
  std::string_view python_base;
  int exit_code;
};

const ErrorInfo& error_info(ErrorKind kind);

/// Base of all exceptions that Costate throws. The message is one full sentence: `[function] what was expected; what
/// came; what to do`.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }
  const ErrorInfo& info() const { return error_info(kind_); }

 private:
  ErrorKind kind_;
};

#define COSTATE_ERROR(name, sentence, cure, python, exit_code)                               \
  class name : public Error {                                                                \
   public:                                                                                   \
    /* Joins its arguments into the message. */                                              \
    template <class... Part>                                                                 \
    explicit name(const Part&... part) : Error(ErrorKind::k##name, text::concat(part...)) {} \
  };
#include "costate/base/errors.def"
#undef COSTATE_ERROR

namespace internal {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& message);
}  // namespace internal

}  // namespace costate

/// Always on, cheap: our own invariants. Throws InternalError with place and message.
#define COSTATE_CHECK(condition, ...)                                                                          \
  do {                                                                                                         \
    if (!(condition))                                                                                          \
      ::costate::internal::check_failed(__FILE__, __LINE__, #condition, ::costate::text::concat(__VA_ARGS__)); \
  } while (false)

#ifdef NDEBUG
#define COSTATE_DCHECK(condition, ...) \
  do {                                 \
  } while (false)
#else
#define COSTATE_DCHECK(condition, ...) COSTATE_CHECK(condition, __VA_ARGS__)
#endif
