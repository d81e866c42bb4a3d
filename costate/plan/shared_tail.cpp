#include "costate/plan/shared_tail.h"

#include <algorithm>
#include <map>

#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/internal/reach.h"
#include "costate/plan/internal/placement.h"

namespace costate::internal {
namespace {

class Splitter {
 public:
  explicit Splitter(const Function& function)
      : function_(function), scope_(builder_), shared_(shared_by_samples(function)) {
    for (NodeId id = 0; id < num_nodes(function); ++id) classify(id);
    for (const Input& input : function.inputs())
      inputs_.push_back(input.kind == InputKind::kShared ? builder_.input_like(input) : Array());
  }

  /// Whether split() has found work that the tail takes over from the samples.
  bool gains() const { return gains_; }

  SharedTail split() {
    SharedTail parts;
    std::vector<Output> outputs;
    std::vector<Array> made;
    for (std::size_t i = 0; i < function_.inputs().size(); ++i)
      if (!inputs_[i].is_empty()) parts.shared_inputs.push_back(i);
    for (std::size_t i = 0; i < function_.outputs().size(); ++i) {
      const Output& output = function_.outputs()[i];
      const bool is_sum = output.kind == OutputKind::kSum;
      (is_sum ? parts.made : parts.kept).push_back(i);
      if (is_sum)
        made.push_back(after_sum(output.node));
      else
        outputs.push_back(output);
    }
    for (const NodeId id : sums_) outputs.push_back({"sum", OutputKind::kSum, id});
    parts.samples = Function(function_.nodes(), function_.inputs(), std::move(outputs));
    parts.tail = builder_.finish(made);
    return parts;
  }

 private:
  bool is_shared(NodeId id) const { return shared_[id]; }
  bool is_better_summed(NodeId id) const { return better_summed_[id]; }

  /// Whether the node is a linear function of sums that the executor forms without the samples' own values: products
  /// over lanes, and cotangents that exist summed only.
  void classify(NodeId id) {
    const Node& node = function_.node(id);
    // Weights that a shared image meets: the batch's images are added up with less work than each is convolved.
    const bool meets_shared =
        node.op == Op::kConv2dWeights && is_shared(node.operands[0]) != is_shared(node.operands[1]);
    const bool starts = (node.op == Op::kExtension && node.extension->is_sum_only()) || meets_shared ||
                        lane_product(function_, shared_, id).is_valid();
    const bool goes_on = !is_shared(id) && is_linear(node) &&
                         std::any_of(node.operands.begin(), node.operands.end(),
                                     [&](NodeId operand) { return is_better_summed(operand); });
    better_summed_.push_back(starts || goes_on);
  }

  bool is_zero(NodeId id) const {
    const Node& node = function_.node(id);
    return node.op == Op::kConstant &&
           std::all_of(node.values.begin(), node.values.end(), [](double v) { return v == 0; });
  }

  /// Whether the operands from `first` on are of samples, or 0.
  bool all_linear(const Node& node, std::ptrdiff_t first) const {
    return std::all_of(node.operands.begin() + first, node.operands.end(),
                       [&](NodeId operand) { return !is_shared(operand) || is_zero(operand); });
  }

  /// Linear in its operands that are not shared, so that the sum of its values is its value at their sums.
  bool is_linear(const Node& node) const {
    const auto shared = [&](std::size_t i) { return is_shared(node.operands[i]); };
    switch (node.op) {
      case Op::kNeg:
      case Op::kReshape:
      case Op::kTranspose:
      case Op::kGather:
      case Op::kScatter:
      case Op::kBroadcast:
      case Op::kSum:
      case Op::kAvgPool:
      case Op::kAvgPoolInput:
        return true;
      case Op::kAdd:
      case Op::kSub:
      case Op::kConcat:
        return all_linear(node, 0);
      case Op::kMul:
      case Op::kMatmul:
      case Op::kOuter:
      case Op::kConv2d:
      case Op::kConv2dInput:
      case Op::kConv2dWeights:
        return shared(0) != shared(1);
      case Op::kMaxPool:
      case Op::kMaxPoolInput:
        return shared(0);
      case Op::kDiv:
        return shared(1);
      case Op::kWhere:
        return shared(0) && all_linear(node, 1);
      default:
        return false;
    }
  }

  /// A node of the tail with the operands' values there.
  Array rebuilt(NodeId id, Array (Splitter::*value)(NodeId)) {
    Node copy = function_.node(id);
    for (NodeId& operand : copy.operands)
      operand = (is_shared(operand) ? from_shared(operand) : (this->*value)(operand)).node();
    return builder_.append(std::move(copy));
  }

  Array from_shared(NodeId id) {
    const auto found = values_.find(id);
    if (found != values_.end()) return found->second;
    const Node& node = function_.node(id);
    const Array value = node.op == Op::kInput ? inputs_[static_cast<std::size_t>(node.indices[0])]
                                              : rebuilt(id, &Splitter::from_shared);
    return values_[id] = value;
  }

  /// The node's sum over the batch, in the tail.
  Array after_sum(NodeId id) {
    const auto found = values_.find(id);
    if (found != values_.end()) return found->second;
    const Node& node = function_.node(id);
    if (!is_shared(id) && is_better_summed(id) && is_linear(node)) {
      // What placement.cpp takes apart itself is no reason to split.
      gains_ = gains_ || (node.op != Op::kAdd && node.op != Op::kSub && node.op != Op::kNeg && node.op != Op::kReshape);
      return values_[id] = rebuilt(id, &Splitter::after_sum);
    }
    sums_.push_back(id);
    return values_[id] = builder_.input("sum", InputKind::kShared, node.shape);
  }

  const Function& function_;
  GraphBuilder builder_;
  BuilderScope scope_;
  PerNode<bool> shared_, better_summed_;
  std::vector<Array> inputs_;
  std::map<NodeId, Array> values_;
  std::vector<NodeId> sums_;
  bool gains_ = false;
};

}  // namespace

std::optional<SharedTail> split_shared_tail(const Function& function) {
  Splitter splitter(function);
  SharedTail parts = splitter.split();
  return splitter.gains() ? std::optional(std::move(parts)) : std::nullopt;
}

SharedTail cut_shared_tail(const Function& function) { return Splitter(function).split(); }

}  // namespace costate::internal
