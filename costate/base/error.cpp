#include "costate/base/error.h"

#include <array>

namespace costate {

const ErrorInfo& error_info(ErrorKind kind) {
  static constexpr std::array kRows = {
#define COSTATE_ERROR(name, sentence, cure, python, exit_code) ErrorInfo{#name, sentence, cure, #python, exit_code},
#include "costate/base/errors.def"
#undef COSTATE_ERROR
  };
  return kRows.at(static_cast<std::size_t>(kind));
}

namespace internal {
void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw InternalError("[", file, ":", line, "] internal check '", condition, "' failed", message.empty() ? "" : ": ",
                      message, "; this is a bug in Costate, please report it.");
}
}  // namespace internal

}  // namespace costate
