#include "costate/exec/internal/image_lanes.h"

#include <algorithm>

#include "costate/graph/extension.h"

namespace costate::internal {

std::size_t largest_image(const Function& function) {
  std::int64_t largest = 0;
  for (const Node& node : function.nodes()) {
    if (node.extension) largest = std::max(largest, node.extension->largest_image());
    if (node.op != Op::kConv2d && node.op != Op::kConv2dInput && node.op != Op::kConv2dWeights) continue;
    for (const Shape& shape :
         {node.shape, function.node(node.operands[0]).shape, function.node(node.operands[1]).shape})
      if (shape.rank() == 3) largest = std::max(largest, shape.size());
  }
  return static_cast<std::size_t>(largest);
}

}  // namespace costate::internal
