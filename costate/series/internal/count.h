// A size as shapes and axes take it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace costate {

inline std::int64_t count_of(std::size_t size) { return static_cast<std::int64_t>(size); }

}  // namespace costate
