// Expressions are trees over members, of which the last one is the root. Steps are put in the order that needs the
// fewest slots (Sethi and Ullman 1970, "The Generation of Optimal Code for Arithmetic Expressions"); a part that would
// need one more than there are stays a member of its own.
#include "costate/exec/internal/strip_expressions.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "costate/base/error.h"
#include "costate/plan/internal/stretch.h"

namespace costate::internal {
namespace {

constexpr std::size_t kMostOperands = 64;

struct Tree {
  // An operand from outside, or an operation on two trees.
  StripOperand operand = {};
  Op op = Op::kAdd;
  std::unique_ptr<Tree> left = {}, right = {};
  std::size_t slots = 0;  // that its operations need
  std::size_t num_operands = 1;

  bool is_operand() const { return left == nullptr; }
};
using TreePointer = std::unique_ptr<Tree>;

TreePointer leaf(const StripOperand& operand) {
  auto tree = std::make_unique<Tree>();
  tree->operand = operand;
  return tree;
}

TreePointer join(Op op, TreePointer left, TreePointer right) {
  auto tree = std::make_unique<Tree>();
  tree->op = op;
  tree->num_operands = left->num_operands + right->num_operands;
  tree->slots = left->slots == right->slots ? left->slots + 1 : std::max(left->slots, right->slots);
  tree->left = std::move(left);
  tree->right = std::move(right);
  return tree;
}

ExpressionOp step_of(Op op, bool is_swapped) {
  if (op == Op::kAdd) return ExpressionOp::kAdd;
  if (op == Op::kMul) return ExpressionOp::kMul;
  return is_swapped ? ExpressionOp::kSubFrom : ExpressionOp::kSub;
}

bool is_arithmetic(Op op) { return op == Op::kAdd || op == Op::kSub || op == Op::kMul; }

class Expressions {
 public:
  Expressions(StripGroup group, std::span<const Instruction> instructions, std::size_t lanes)
      : bound_{.group = std::move(group), .expressions = {}}, instructions_(instructions), lanes_(lanes) {
    bound_.expressions.resize(instructions.size());
  }

  BoundStrips run() {
    std::vector<StripMember>& members = bound_.group.members;
    for (std::size_t i = members.size(); i-- > 0;) {
      if (members[i].is_skipped || !can_be_part(i)) continue;
      parts_.clear();
      root_ = i;
      const TreePointer tree = tree_of(i);
      if (parts_.empty()) continue;  // its own kernel is as fast
      StripExpression& expression = bound_.expressions[i];
      emit(*tree, {0, 1, 2}, expression);
      for (const std::size_t part : parts_) members[part].is_skipped = true;
    }
    return std::move(bound_);
  }

 private:
  const StripMember& member(std::size_t i) const { return bound_.group.members[i]; }

  /// Sums, differences and products whose operands are whole rows of numbers, or one number.
  bool can_be_part(std::size_t i) const {
    const Instruction& instruction = instructions_[i];
    const bool is_pair = instruction.kind == InstructionKind::kPair && is_arithmetic(instruction.inner_op);
    const bool is_one = instruction.kind == InstructionKind::kElementwise && instruction.sources.size() == 2;
    return (is_pair || is_one) && is_arithmetic(instruction.op) &&
           std::ranges::all_of(instruction.sources, [&](const Source& source) {
             return lanes_ == 1 || source.motion == Motion::kFull || source.motion == Motion::kScalar;
           });
  }

  /// Whether member `part` may be computed when and where `reader`, which reads all of it row by row, is.
  bool may_join(std::size_t part, std::size_t reader, const StripSource& source) const {
    const StripMember &x = member(part), &y = member(reader);
    if (!x.is_passing() || x.is_skipped || !can_be_part(part) || source.shift != 0 || source.is_scattered() ||
        x.lead != y.lead || x.begin != y.begin)
      return false;
    std::size_t num_readers = 0;
    for (const StripMember& other : bound_.group.members)
      for (const StripSource& read : other.sources) num_readers += read.member == static_cast<std::int32_t>(part);
    if (num_readers != 1) return false;
    // What stands outside must not be overwritten before the root's turn.
    for (std::size_t between = part + 1; between <= root_; ++between)
      if (!member(between).is_passing() && reads(instructions_[part], written(instructions_[between], lanes_), lanes_))
        return false;
    return true;
  }

  /// What source k of member i is: a part of its own, if there are slots enough for it beside `others`.
  TreePointer operand_of(std::size_t i, std::size_t k) {
    const StripSource& source = member(i).sources[k];
    if (source.member < 0 || !may_join(static_cast<std::size_t>(source.member), i, source)) return leaf({i, k});
    const std::size_t num_parts = parts_.size();
    TreePointer tree = tree_of(static_cast<std::size_t>(source.member));
    if (tree->slots < kExpressionSlots && tree->num_operands < kMostOperands) {
      parts_.push_back(static_cast<std::size_t>(source.member));
      return tree;
    }
    parts_.resize(num_parts);
    return leaf({i, k});
  }

  TreePointer tree_of(std::size_t i) {
    const Instruction& instruction = instructions_[i];
    TreePointer first = join(instruction.kind == InstructionKind::kPair ? instruction.inner_op : instruction.op,
                             operand_of(i, 0), operand_of(i, 1));
    if (instruction.kind != InstructionKind::kPair) return first;
    TreePointer other = operand_of(i, 2);
    return instruction.inner_is_right ? join(instruction.op, std::move(other), std::move(first))
                                      : join(instruction.op, std::move(first), std::move(other));
  }

  void add_operand(ExpressionOp op, std::size_t slot, const StripOperand& operand, StripExpression& expression) const {
    const Motion motion = instructions_[operand.member].sources[operand.source].motion;
    const bool is_outside = member(operand.member).sources[operand.source].member < 0;
    const bool is_number = is_outside && (motion == Motion::kScalar || motion == Motion::kLane);
    expression.steps.push_back({expression_code(op, slot, is_number ? kFromNumber : kFromMemory),
                                static_cast<std::uint8_t>(expression.operands.size())});
    expression.operands.push_back(operand);
  }

  /// The tree's result in the first one of the free slots.
  void emit(const Tree& tree, std::vector<std::size_t> free, StripExpression& expression) const {
    const std::size_t slot = free.front();
    if (tree.is_operand()) return add_operand(ExpressionOp::kLoad, slot, tree.operand, expression);
    const bool is_swapped = tree.left->slots < tree.right->slots;
    const Tree &first = is_swapped ? *tree.right : *tree.left, &second = is_swapped ? *tree.left : *tree.right;
    const ExpressionOp op = step_of(tree.op, is_swapped);
    emit(first, free, expression);
    if (second.is_operand()) return add_operand(op, slot, second.operand, expression);
    COSTATE_CHECK(free.size() > 1, "an expression has too few slots");
    free.erase(free.begin());
    emit(second, free, expression);
    expression.steps.push_back({expression_code(op, slot, free.front()), 0});
  }

  BoundStrips bound_;
  std::span<const Instruction> instructions_;
  std::size_t lanes_;
  std::size_t root_ = 0;            // of the expression at hand
  std::vector<std::size_t> parts_;  // of it
};

}  // namespace

BoundStrips with_expressions(StripGroup group, const std::vector<Instruction>& instructions, std::size_t lanes) {
  const auto members = std::span(instructions).subspan(group.first, group.count);
  return Expressions(std::move(group), members, lanes).run();
}

}  // namespace costate::internal
