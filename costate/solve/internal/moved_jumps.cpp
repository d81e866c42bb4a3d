#include "costate/solve/internal/moved_jumps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/reach.h"
#include "costate/graph/simplify.h"

namespace costate::internal {
namespace {

/// A factor or condition that jumps, and where: at left = right; -1 is 0.
struct Switch {
  NodeId left, right;
};

/// Whether a node jumps as operand i moves. mod does, too, besides having a derivative, and what stands at the place of
/// a maximum but the maximum itself.
bool jumps(const Node& node, std::size_t i) {
  if (node.op == Op::kMaxPool) return i == 0 && node.operands[0] != node.operands[1];
  return is_step(node.op) || node.op == Op::kMod || (node.op == Op::kMaxPoolInput && i == 0);
}

class JumpFinder {
 public:
  explicit JumpFinder(const Function& function) : function_(function), passes_time_(reached_from(function, 0, 1)) {}

  /// Whether there is an operation that could jump in time.
  bool may_jump() const {
    for (const Node& node : function_.nodes())
      for (std::size_t i = 0; i < node.operands.size(); ++i)
        if ((jumps(node, i) || node.op == Op::kExtension) && passes_time_[node.operands[i]]) return true;
    return false;
  }

  struct Moved {
    bool jump = false;  // an output jumps at times that move with the input
    bool knot = false;  // an extension has no derivative by an operand that moves with it
  };

  Moved look(std::size_t input) {
    Moved found;
    moves_ = PerNode<bool>(num_nodes(function_));
    jumps_ = PerNode<bool>(num_nodes(function_));
    for (NodeId id = 0; id < num_nodes(function_); ++id) {
      const Node& node = function_.node(id);
      moves_[id] = node.op == Op::kInput && node.indices[0] == static_cast<std::int64_t>(input);
      for (std::size_t i = 0; i < node.operands.size(); ++i) {
        const bool is_knot = rule(node, i) == OperandRule::kNone && moves_[node.operands[i]];
        found.knot = found.knot || is_knot;
        if (!is_knot && carries_derivative(node.op, i) && moves_[node.operands[i]]) moves_[id] = true;
      }
      jumps_[id] = jumps_here(node) || inherits_jump(id);
    }
    for (const Output& output : function_.outputs()) found.jump = found.jump || jumps_[output.node];
    return found;
  }

 private:
  static OperandRule rule(const Node& node, std::size_t i) {
    return node.op == Op::kExtension ? node.extension->rule(i) : OperandRule::kFlows;
  }

  /// Steps where operands cross, at a time that moves.
  bool jumps_here(const Node& node) const {
    bool time = false, moves = false;
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      if (!jumps(node, i) && rule(node, i) != OperandRule::kJumps) continue;
      time = time || passes_time_[node.operands[i]];
      moves = moves || moves_[node.operands[i]];
    }
    return time && moves;
  }

  bool inherits_jump(NodeId id) {
    const Node& node = function_.node(id);
    if (node.op == Op::kStopGradient) return false;
    const bool selects = node.op == Op::kWhere || node.op == Op::kMul;
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      if (jumps_[node.operands[i]] && !(selects && is_bridged(id, i))) return true;
    return false;
  }

  /// The comparison or sign that an operand is, perhaps broadcast or reshaped, if its own operands do not jump.
  std::optional<Switch> find_switch(NodeId id) const {
    while (function_.node(id).op == Op::kBroadcast || function_.node(id).op == Op::kReshape)
      id = function_.node(id).operands[0];
    const Node& node = function_.node(id);
    for (const NodeId operand : node.operands)
      if (jumps_[operand]) return std::nullopt;
    if (node.op == Op::kSign) return Switch{node.operands[0], -1};
    if (node.op == Op::kLess || node.op == Op::kLessEqual || node.op == Op::kEqual)
      return Switch{node.operands[0], node.operands[1]};
    return std::nullopt;
  }

  /// Whether the select or product `id` is continuous where its operand i jumps.
  bool is_bridged(NodeId id, std::size_t i) {
    const Node& node = function_.node(id);
    const bool is_product = node.op == Op::kMul;
    if (!is_product && i != 0) return false;
    const std::optional<Switch> found = find_switch(node.operands[i]);
    if (!found) return false;
    if (const auto known = bridged_.find({id, i}); known != bridged_.end()) return known->second;
    const NodeId first = is_product ? node.operands[1 - i] : node.operands[1];
    const NodeId second = is_product ? -1 : node.operands[2];
    bool agrees = false;
    for (const auto& [from, to] : equalities(*found)) agrees = agrees || agree(first, second, from, to);
    return bridged_[{id, i}] = agrees;
  }

  /// What may be put for what at the switch; -1 is 0. left - right = 0 means that its operands are equal.
  std::vector<std::pair<NodeId, NodeId>> equalities(const Switch& crossing) const {
    std::vector<std::pair<NodeId, NodeId>> all;
    const auto add = [&](NodeId from, NodeId to) {
      if (from >= 0 && function_.node(from).op != Op::kConstant) all.emplace_back(from, to);
    };
    const auto is_zero = [&](NodeId id) {
      return id < 0 || (function_.node(id).op == Op::kConstant && function_.node(id).values == std::vector<double>{0});
    };
    add(crossing.left, crossing.right);
    add(crossing.right, crossing.left);
    for (const auto& [side, other] : {std::pair(crossing.left, crossing.right), {crossing.right, crossing.left}})
      if (side >= 0 && is_zero(other) && function_.node(side).op == Op::kSub) {
        add(function_.node(side).operands[0], function_.node(side).operands[1]);
        add(function_.node(side).operands[1], function_.node(side).operands[0]);
      }
    return all;
  }

  /// Whether two nodes (-1: 0) become the same with `to` in the place of `from`.
  bool agree(NodeId first, NodeId second, NodeId from, NodeId to) const {
    GraphBuilder builder;
    const BuilderScope scope(builder);
    std::vector<Array> inputs;
    for (const Input& input : function_.inputs()) inputs.push_back(builder.input_like(input));
    const auto rebuild = [&](const auto& self, NodeId id, std::map<NodeId, Array>& known) -> Array {
      if (const auto found = known.find(id); found != known.end()) return found->second;
      Node node = function_.node(id);
      if (node.op == Op::kInput) return inputs[static_cast<std::size_t>(node.indices[0])];
      for (NodeId& operand : node.operands) operand = self(self, operand, known).node();
      const bool cancels = node.op == Op::kSub && node.operands[0] == node.operands[1];
      return known[id] = cancels ? zeros(node.shape) : builder.append(std::move(node));
    };
    std::map<NodeId, Array> as_it_is, replaced;
    replaced[from] = to < 0 ? zeros(function_.node(from).shape) : rebuild(rebuild, to, as_it_is);
    const Array one = rebuild(rebuild, first, replaced);
    const Array other = second < 0 ? zeros(one.shape()) : rebuild(rebuild, second, replaced);
    const Function both = simplify(builder.finish(std::vector<Array>{one, other}));
    const NodeId a = both.outputs()[0].node, b = both.outputs()[1].node;
    return a == b || is_same_number(both.node(a), both.node(b));
  }

  /// Constants that differ by rounding at most.
  static bool is_same_number(const Node& a, const Node& b) {
    constexpr double kRounding = 1e-12;
    if (a.op != Op::kConstant || b.op != Op::kConstant) return false;
    for (std::size_t i = 0; i < std::max(a.values.size(), b.values.size()); ++i) {
      const double x = a.values[a.values.size() == 1 ? 0 : i], y = b.values[b.values.size() == 1 ? 0 : i];
      if (!(std::abs(x - y) <= kRounding * std::max(std::abs(x), std::abs(y)))) return false;
    }
    return true;
  }

  const Function& function_;
  PerNode<bool> passes_time_;  // depends on t
  PerNode<bool> moves_;        // depends on the input looked at, other than by jumps
  PerNode<bool> jumps_;        // jumps at times that move with it
  std::map<std::pair<NodeId, std::size_t>, bool> bridged_;
};

}  // namespace

void refuse_moved_jumps(const VectorField& field, std::span<const Array> arguments, const std::vector<bool>& wanted,
                        std::string_view mode) {
  const Function function = simplify(field.function());
  JumpFinder finder(function);
  if (!finder.may_jump()) return;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!wanted[i]) continue;
    const auto moved = finder.look(1 + field.parts().size() + i);
    if (moved.knot)
      throw NotSupported("[", mode, "] a field of a solve has no derivative by ", origin(arguments[i]),
                         ", which moves the times of an interpolate; leave it out of wrt, or hide it there by "
                         "stop_gradient.");
    if (moved.jump)
      throw NotSupported("[", mode, "] ", origin(arguments[i]),
                         " moves a time at which the field of a solve jumps, and no derivative flows through a jump; "
                         "solve to that time T and from there on, whose times are differentiated: y = solve(before, "
                         "y0, stack([t0, T]))[-1], then solve(after, y, stack([T, t1])). Or leave it out of wrt.");
  }
}

}  // namespace costate::internal
