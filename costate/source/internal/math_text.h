// The elementary functions as C source, in parts (source_template.h): what all need, those of the C library, and the
// library's own, which have the bits of its kernels.
#pragma once

#include <string_view>

namespace costate::internal {

std::string_view common_math_text();
std::string_view libm_math_text();
std::string_view builtin_math_text();

}  // namespace costate::internal
