// map_rows: a function of one row, for each row of arrays. Its graph has the function once, however many rows there
// are.
#pragma once

#include <functional>
#include <span>

#include "costate/graph/array.h"

namespace costate {

/// out[i] = f(rows[0][i], rows[1][i], …) for each i along the first axes, which are of one length. f may use Arrays of
/// the trace and Parameters, which are the same for all rows. Derivatives of any order, both ways. A gradient of what
/// all rows read is summed over them for each sample, and takes a sample's copy of it.
///
/// Throws: ShapeError unless all rows are as many, and at least one; InvalidArgument without an array of rows.
Array map_rows(const std::function<Array(std::span<const Array>)>& f, std::span<const Array> rows,
               std::source_location where = std::source_location::current());

}  // namespace costate
