// What stops need to know of the nodes that read a table of inputs.
#pragma once

#include <optional>

#include "costate/graph/extension.h"
#include "costate/graph/graph.h"
#include "costate/operations/interpolate.h"

namespace costate::internal {

/// interpolate, or a derivative of it, as a node.
struct TableRead {
  Interpolation interpolation = Interpolation::kLinear;
  int order = 0;  // of the derivative in time
  NodeId times = 0, query = 0;
  std::optional<NodeId> values;  // none where the node gives a cotangent of the values
};

/// An operation that reads a table: interpolate (operands times, values, t), or what gives the cotangent of the values
/// (times, t, cotangent), or a derivative of one.
struct TableForm {
  Interpolation interpolation = Interpolation::kLinear;
  int order = 0;
  bool is_transposed = false;
};

/// nullopt if it reads no table.
std::optional<TableForm> table_form(const Extension& extension);

/// nullopt if the node reads no table.
std::optional<TableRead> table_read(const Node& node);

}  // namespace costate::internal
