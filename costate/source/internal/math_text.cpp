#include "costate/source/internal/math_text.h"

namespace costate::internal {
namespace {

constexpr std::string_view kCommon =
#include "costate/source/internal/c/math_common.inc"
    ;
constexpr std::string_view kLibm =
#include "costate/source/internal/c/math_libm.inc"
    ;
constexpr std::string_view kBuiltin =
#include "costate/source/internal/c/math_builtin.inc"
    ;

}  // namespace

std::string_view common_math_text() { return kCommon; }
std::string_view libm_math_text() { return kLibm; }
std::string_view builtin_math_text() { return kBuiltin; }

}  // namespace costate::internal
