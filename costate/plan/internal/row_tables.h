// Index tables of the instructions that move or fold rows: which elements of an operand, by their flat row-major
// position, make the elements of the result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/array/shape.h"

namespace costate::internal {

/// Flat positions as an instruction keeps them.
std::vector<std::uint32_t> table_of(const std::vector<std::int64_t>& indices);

/// Whether the indices are i, i + 1, i + 2, …: at least one, in order and without gaps.
bool is_range(const std::vector<std::int64_t>& indices);

/// result[i] = operand[table[i]] for NumPy's broadcast of shape `from` to shape `to`.
std::vector<std::uint32_t> broadcast_table(const Shape& from, const Shape& to);

/// result[i] = operand[table[i]] where axis j of the result is axis axes[j] of an operand of shape `from`.
std::vector<std::uint32_t> transpose_table(const Shape& from, const std::vector<std::int64_t>& axes);

/// result[i] is folded from operand[table[i * group + j]], j = 0 … group - 1.
struct GroupTable {
  std::size_t group = 0;
  std::vector<std::uint32_t> table;
};

/// Folds the given axes of an operand of shape `from` away.
GroupTable reduction_table(const Shape& from, const std::vector<std::int64_t>& axes);

}  // namespace costate::internal
