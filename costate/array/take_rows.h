// Rows of an array: how a mini-batch is made from a data set.
#pragma once

#include <cstddef>
#include <span>

#include "costate/array/host_array.h"

namespace costate {

/// The given rows along the first axis, in the order given, in the array's dtype: [row, …] -> [rows.size(), …]. A row
/// may come more than once. ShapeError if the array is a scalar; InvalidArgument if a row is not one of its.
HostArray take_rows(const HostArray& array, std::span<const std::size_t> rows);

}  // namespace costate
