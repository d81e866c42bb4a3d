#include "costate/adjoint/internal/solve_vjp.h"

#include <algorithm>

#include "costate/adjoint/internal/forward_sensitivities.h"
#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"

namespace costate::internal {

std::optional<WantedGradients> SolveAdjoint::gradients_of_steps() const {
  return takes_back_steps(solve_->options().adjoint) ? std::optional(wanted_) : std::nullopt;
}

std::string SolveAdjoint::attributes() const {
  return text::concat("adjoint=", costate::name(solve_->options().adjoint));
}

Shape SolveAdjoint::infer_shape(std::span<const Shape> operands) const {
  const auto& inputs = solve_->field().function().inputs();
  const std::size_t first = 1 + solve_->field().parts().size();
  std::int64_t size = solve_->field().state_size() + operands[3].size();
  for (std::size_t i = 0; first + i < inputs.size(); ++i)
    if (wanted_.arguments[i] && inputs[first + i].kind == InputKind::kSample) size += inputs[first + i].shape.size();
  return Shape{size};
}

bool SolveAdjoint::is_packed(std::size_t operand) const {
  if (operand < 2) return true;
  const auto& inputs = solve_->field().function().inputs();
  return wanted_.arguments[operand - 2] &&
         inputs[operand - 1 + solve_->field().parts().size()].kind == InputKind::kSample;
}

std::vector<bool> SolveAdjoint::wanted_operands() const {
  std::vector<bool> wanted = {true, wanted_.times};
  wanted.insert(wanted.end(), wanted_.arguments.begin(), wanted_.arguments.end());
  return wanted;
}

/// The vjp of the solve of state and tangent, by the solve's `wanted` operands.
Function SolveAdjoint::tangent_adjoint(std::int64_t num_times, const MovedOperands& moved,
                                       const std::vector<bool>& wanted) const {
  const std::lock_guard lock(mutex_);
  Function& made = tangent_adjoints_[{num_times, moved, wanted}];
  if (!made.is_empty()) return made;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) positions.push_back(i);
  return made = costate::vjp(solve_->tangent_solve(num_times, moved), positions);
}

/// Cotangents are c J(x), with J the Jacobian of the solve. Along (dx, dc) they move by dc J(x) and by the derivative
/// of c J(x) along dx, which is the gradient of c J(x) dx, since second derivatives do not depend on their order. Both
/// are the vjp of the solve of state and tangent, J(x) dx, with the cotangents dc and c.
std::vector<Array> SolveAdjoint::move_cotangents(std::span<const Array> operands, std::span<const Array> tangents,
                                                 const std::vector<bool>& wanted) const {
  const Array dc = tangents[1].is_empty() ? zeros(operands[1].shape()) : tangents[1];
  const auto inputs = operands.subspan(2), moves = tangents.subspan(2);
  const MovedOperands moved = solve_->moved_operands(inputs, moves);
  if (std::all_of(moves.begin(), moves.end(), [](const Array& tangent) { return tangent.is_empty(); }))
    return solve_vjp(solve_, inputs, operands[0], dc, wanted);
  std::vector<Array> in = SolveExtension::tangent_inputs(inputs, moves);
  in.insert(in.end(), {dc, operands[1]});
  const std::vector<Array> out = inline_function(tangent_adjoint(inputs[1].shape()[0], moved, wanted), in);
  std::vector<Array> cotangents(wanted.size());
  std::size_t next = 2;  // after the result and its tangent
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) cotangents[i] = out[next++];
  return cotangents;
}

Array SolveAdjoint::jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const {
  const std::vector<Array> cotangents = move_cotangents(operands, tangents, wanted_operands());
  std::vector<Array> packed;
  for (std::size_t i = 0; i < cotangents.size(); ++i)
    if (is_packed(i)) {
      const Shape flat{operands[2 + i].shape().size()};
      packed.push_back(cotangents[i].is_empty() ? zeros(flat) : reshape(cotangents[i], flat));
    }
  return concat(packed);
}

/// The cotangent w of the result is a direction in which the solve's operands may move: w · (c J(x)) = c · (J(x) w), of
/// which the gradients by c and by x are the tangent J(x) w and what move_cotangents gives along w.
std::vector<Array> SolveAdjoint::vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                                     const std::vector<bool>& wanted) const {
  std::vector<Array> moves(operands.size());
  std::int64_t offset = 0;
  for (std::size_t i = 0; 2 + i < operands.size(); ++i) {
    if (!is_packed(i)) continue;
    const Shape& shape = operands[2 + i].shape();
    if (i != 1 || wanted_.times) moves[2 + i] = reshape(cotangent.slice(offset, offset + shape.size()), shape);
    offset += shape.size();
  }
  return vjp_along(operands, moves, wanted);
}

std::vector<Array> SolveAdjoint::vjp_along(std::span<const Array> operands, std::span<const Array> moves,
                                           const std::vector<bool>& wanted) const {
  std::vector<Array> cotangents(operands.size());
  if (wanted[1]) cotangents[1] = solve_->jvp(operands.subspan(2), operands[0], moves.subspan(2));
  const std::vector<Array> moved = move_cotangents(operands, moves, {wanted.begin() + 2, wanted.end()});
  std::copy(moved.begin(), moved.end(), cotangents.begin() + 2);
  return cotangents;
}

std::shared_ptr<const SolveAdjoint> SolveAdjoint::tightened_adjoint() const {
  const std::lock_guard lock(mutex_);
  if (!tightened_) tightened_ = std::make_shared<SolveAdjoint>(solve_->tightened_solve(), wanted_);
  return tightened_;
}

bool SolveAdjoint::equals(const Extension& other) const {
  const auto* adjoint = dynamic_cast<const SolveAdjoint*>(&other);
  return adjoint != nullptr && adjoint->solve_ == solve_ && adjoint->wanted_ == wanted_;
}

std::size_t SolveAdjointSum::solve_operand() const {
  const std::vector<bool> wanted = adjoint_->wanted_operands();
  std::size_t operand = 2;
  for (std::size_t count = 0; !wanted[operand] || count++ < position_;) ++operand;
  return operand;
}

/// As SolveAdjoint's, along this argument alone: the cotangent of a sum over the batch is that of each sample's term.
std::vector<Array> SolveAdjointSum::vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                                        const std::vector<bool>& wanted) const {
  std::vector<Array> moves(operands.size() - 1);
  moves[2 + solve_operand()] = cotangent;
  std::vector<Array> cotangents = adjoint_->vjp_along(operands.subspan(1), moves, {wanted.begin() + 1, wanted.end()});
  cotangents.insert(cotangents.begin(), Array());
  return cotangents;
}

Array SolveAdjointSum::jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const {
  return adjoint_->move_cotangents(operands.subspan(1), tangents.subspan(1),
                                   adjoint_->wanted_operands())[solve_operand()];
}

bool SolveAdjointSum::equals(const Extension& other) const {
  const auto* sum = dynamic_cast<const SolveAdjointSum*>(&other);
  return sum != nullptr && sum->adjoint_->equals(*adjoint_) && sum->position_ == position_;
}

namespace {

void check_tangents(std::span<const Array> operands, const WantedGradients& gradients) {
  std::int64_t count = gradients.start ? operands[0].shape().size() : 0;
  for (std::size_t i = 0; i < gradients.arguments.size(); ++i)
    count += gradients.arguments[i] ? operands[2 + i].shape().size() : 0;
  if (count > kMostTangents)
    throw NotSupported(
        "[vjp] adjoint = 'forward' solves a tangent for each number that a gradient is asked for; here "
        "these are ",
        count, ", and more than ", kMostTangents,
        " are refused. Take adjoint = 'discrete', or a gradient by fewer numbers.");
}

}  // namespace

std::vector<Array> solve_vjp(const std::shared_ptr<const SolveExtension>& solve, std::span<const Array> operands,
                             const Array& result, const Array& cotangent, const std::vector<bool>& wanted) {
  // The stages of a step share the inner solve's state, of which the reverse sweep would find the last one's.
  for (const Node& node : solve->field().function().nodes())
    if (node.op == Op::kExtension && node.extension->name() == solve->name())
      throw NotSupported(
          "[vjp] a solve whose field solves another equation has no reverse derivative; solve both as one system.");
  if (is_multistep(solve->options().method) && solve->options().adjoint != Adjoint::kCvodes)
    throw NotSupported("[vjp] the steps of '", costate::name(solve->options().method),
                       "' are SUNDIALS', and cannot be taken back; take adjoint = 'cvodes', whose gradients are off by "
                       "60 to 2,300 times the tolerance, or a method of Costate's own.");
  if (solve->options().adjoint == Adjoint::kCvodes && wanted[1])
    throw NotSupported(
        "[vjp] adjoint = 'cvodes' has no gradient by times; take adjoint = 'discrete' and a method of "
        "Costate's own.");
  const bool is_forward = solve->options().adjoint == Adjoint::kForward;
  // Of fixed steps it is exact for these, and so is taking them back, which has no tangent for each time.
  if (is_forward && wanted[1] && has_fixed_steps(solve->options()))
    return solve_vjp(solve->with_adjoint(Adjoint::kDiscrete), operands, result, cotangent, wanted);
  const WantedGradients gradients{.start = !is_forward || wanted[0] || wanted[1],
                                  // The time of an event moves the steps after it.
                                  .times = wanted[1] || (solve->events() != nullptr && !is_forward),
                                  .arguments = {wanted.begin() + 2, wanted.end()}};
  if (is_forward) check_tangents(operands, gradients);
  const auto adjoint = std::make_shared<SolveAdjoint>(solve, gradients);
  std::vector<Array> inputs = {result, cotangent};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  const Array packed = costate::apply(adjoint, inputs);
  inputs.insert(inputs.begin(), packed);

  std::vector<Array> cotangents(operands.size());
  std::int64_t offset = 0;
  const auto next = [&](const Shape& shape) {
    offset += shape.size();
    return reshape(packed.slice(offset - shape.size(), offset), shape);
  };
  cotangents[0] = next(operands[0].shape());
  cotangents[1] = next(operands[1].shape());
  std::size_t position = 0;
  const auto& field_inputs = solve->field().function().inputs();
  for (std::size_t i = 2; i < operands.size(); ++i) {
    if (!wanted[i]) continue;
    const bool is_shared = field_inputs[i - 1 + solve->field().parts().size()].kind == InputKind::kShared;
    cotangents[i] =
        is_shared ? costate::apply(std::make_shared<SolveAdjointSum>(adjoint, position, operands[i].shape()), inputs)
                  : next(operands[i].shape());
    ++position;
  }
  return cotangents;
}

}  // namespace costate::internal
