// Which numbers of an output depend on which numbers of an input, told from the graph alone; and the columns of such a
// Jacobian in groups that one derivative can tell apart (Curtis, Powell and Reid 1974).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "costate/graph/graph.h"

namespace costate::internal {

/// Lists of numbers one behind the other: list i is members[starts[i]] … members[starts[i + 1] - 1], ascending.
struct IndexLists {
  std::vector<std::size_t> starts = {0};
  std::vector<std::int32_t> members = {};

  std::size_t size() const { return starts.size() - 1; }
  /// The lists of the other direction: list j holds each i whose list holds j, for j below `count`.
  IndexLists transposed(std::size_t count) const;
};

/// For each number of the first output of f, the numbers of an input by which its derivative may be other than 0. Never
/// too few; too many where zeros come from numbers (0 · x) and behind Extensions, which are taken to read all of an
/// operand. Nothing where the lists would have more than `limit` members in all.
std::optional<IndexLists> dependencies(const Function& f, std::size_t input, std::size_t limit);

/// A color from 0 on for each column, so that no two columns of a color share a row: the least color that is free, from
/// the first column to the last. `rows` has the columns of each row, `columns` the rows of each column.
std::vector<std::int32_t> color_columns(const IndexLists& rows, const IndexLists& columns);

}  // namespace costate::internal
