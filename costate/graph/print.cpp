#include "costate/graph/print.h"

#include <algorithm>
#include <sstream>

#include "costate/base/text.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/empty_function.h"

namespace costate {
namespace {

constexpr std::size_t kMostNumbers = 8;

/// "{1, 2, 3}", cut short with its length where there are many.
template <class List>
void print_list(std::ostream& out, const List& list) {
  const std::size_t shown = std::min(list.size(), kMostNumbers);
  out << " {" << text::join(List(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(shown)));
  if (shown < list.size()) out << ", … " << list.size() << " in all";
  out << '}';
}

void print_node(std::ostream& out, const Function& function, std::size_t id) {
  const Node& node = function.nodes()[id];
  out << '%' << id << ' ' << node.shape << " = ";
  if (node.op == Op::kInput) {
    out << "input " << function.inputs()[static_cast<std::size_t>(node.indices[0])].name << '\n';
    return;
  }
  out << (node.extension ? node.extension->name() : std::string(info(node.op).name));
  for (const NodeId operand : node.operands) out << " %" << operand;
  if (!node.values.empty()) print_list(out, node.values);
  if (!node.indices.empty()) print_list(out, node.indices);
  if (node.extension && !node.extension->attributes().empty()) out << " (" << node.extension->attributes() << ')';
  out << '\n';
}

}  // namespace

std::string to_string(const Function& function) {
  internal::refuse_empty(function, "to_string");
  std::ostringstream out;
  out.precision(17);
  out << "function";
  for (const Input& input : function.inputs())
    out << ' ' << input.name << ' ' << input.shape << (input.kind == InputKind::kShared ? " shared" : "");
  out << '\n';
  for (std::size_t id = 0; id < function.nodes().size(); ++id) print_node(out, function, id);
  for (const Output& output : function.outputs())
    out << "return " << output.name << " %" << output.node << (output.kind == OutputKind::kSum ? " summed" : "")
        << '\n';
  return out.str();
}

}  // namespace costate
