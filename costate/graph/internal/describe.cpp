#include "costate/graph/internal/describe.h"

#include <vector>

#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"

namespace costate::internal {

std::string place(std::source_location where) { return text::concat(where.file_name(), ":", where.line()); }

std::string describe(const Array& array) {
  const GraphBuilder& builder = *array.builder();
  const Node& node = builder.node(array.node());
  const std::string source =
      node.op == Op::kInput
          ? text::concat("input '", builder.inputs()[static_cast<std::size_t>(node.indices[0])].name, "'")
      : node.op == Op::kExtension ? node.extension->name()
                                  : std::string(info(node.op).name);
  return text::concat(source, " ", node.shape);
}

std::string describe_all(std::span<const Array> arrays) {
  std::vector<std::string> parts;
  for (const Array& array : arrays) parts.push_back(describe(array));
  return text::join(parts, " and ");
}

}  // namespace costate::internal
