#include "costate/graph/tighten.h"

#include "costate/graph/extension.h"
#include "costate/graph/internal/empty_function.h"

namespace costate {

Function tighten(const Function& function) {
  internal::refuse_empty(function, "tighten");
  std::vector<Node> nodes = function.nodes();
  for (Node& node : nodes) {
    if (!node.extension) continue;
    if (auto tight = node.extension->tightened()) node.extension = std::move(tight);
  }
  return Function(std::move(nodes), function.inputs(), function.outputs());
}

}  // namespace costate
