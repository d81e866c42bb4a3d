#include "costate/source/internal/math_text.h"

#include "costate/base/text.h"
#include "costate/graph/ops.h"

namespace costate::internal {
namespace {

constexpr std::string_view kCommon =
#include "costate/source/internal/c/math_common.inc"
    ;
constexpr std::string_view kComposed =
#include "costate/source/internal/c/math_libm.inc"
    ;
constexpr std::string_view kBuiltin =
#include "costate/source/internal/c/math_builtin.inc"
    ;

/// A part for each function of math.h, as "@part exp:" and "static inline real P_exp(real x) { return exp_m(x); }".
std::string parts_of_libm() {
  std::string parts;
  for (const OpInfo& op : kOpTable) {
    if (op.names.libm.empty()) continue;
    const bool is_unary = op.arity == 1;
    parts += text::concat("\n@part ", op.name, ":\nstatic inline real P_", op.name,
                          is_unary ? "(real x)" : "(real x, real y)", " { return ", op.names.libm,
                          is_unary ? "_m(x); }" : "_m(x, y); }");
  }
  return parts;
}

}  // namespace

std::string_view common_math_text() { return kCommon; }
std::string_view libm_math_text() {
  static const std::string all = parts_of_libm() + std::string(kComposed);
  return all;
}
std::string_view builtin_math_text() { return kBuiltin; }

}  // namespace costate::internal
