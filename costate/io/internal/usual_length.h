// How long the columns of a file are that lie in it side by side, and not as one table.
#pragma once

#include <cstddef>
#include <span>

namespace costate::internal {

/// The length that most have, the longest of those that as many have; 0 of none.
std::size_t usual_length(std::span<const std::size_t> lengths);

}  // namespace costate::internal
