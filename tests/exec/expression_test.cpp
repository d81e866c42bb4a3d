// Expressions against the same operations one number after the other.
#include "costate/exec/kernels/expression.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace costate::internal {
namespace {

template <class T>
T applied(ExpressionOp op, T slot, T operand) {
  switch (op) {
    case ExpressionOp::kLoad:
      return operand;
    case ExpressionOp::kAdd:
      return slot + operand;
    case ExpressionOp::kSub:
      return slot - operand;
    case ExpressionOp::kSubFrom:
      return operand - slot;
    case ExpressionOp::kMul:
      return slot * operand;
  }
  return 0;
}

/// Every operation on every slot from every place, by chance, ending in slot 0.
template <class T>
void check_steps(std::uint32_t seed, std::size_t count) {
  constexpr std::size_t kOperands = 4, kSteps = 120;
  const auto random = [&](std::size_t below) { return (seed = seed * 1664525U + 1013904223U) / 65536 % below; };
  std::array<std::vector<T>, kOperands> numbers;
  std::array<Operand<T>, kOperands> operands;
  for (std::size_t k = 0; k < kOperands; ++k) {
    for (std::size_t i = 0; i < count + 1; ++i) numbers[k].push_back(static_cast<T>(random(2001)) / 1000 - 1);
    operands[k] = {numbers[k].data() + k % 2};  // aligned and not
  }
  std::vector<ExpressionStep> steps;
  std::vector<std::array<T, kExpressionSlots>> slots(count);
  const auto add = [&](ExpressionOp op, std::size_t slot, std::size_t from, std::size_t operand) {
    steps.push_back({expression_code(op, slot, from), static_cast<std::uint8_t>(operand)});
    for (std::size_t i = 0; i < count; ++i) {
      const T x = from == kFromMemory   ? operands[operand].data[i]
                  : from == kFromNumber ? operands[operand].data[0]
                                        : slots[i][from];
      slots[i][slot] = applied(op, slots[i][slot], x);
    }
  };
  for (std::size_t slot = 0; slot < kExpressionSlots; ++slot) add(ExpressionOp::kLoad, slot, kFromMemory, slot);
  for (std::size_t step = 0; step < kSteps; ++step) {
    const std::size_t slot = random(kExpressionSlots);
    std::size_t from = random(kExpressionSlots + 2);
    if (from == slot) from = kFromMemory;
    add(static_cast<ExpressionOp>(random(5)), slot, from, random(kOperands));
  }
  std::vector<T> out(count);
  run_expression<T>(steps, operands.data(), out.data(), count);
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(out[i], slots[i][0]) << "seed " << seed << ", number " << i;
}

TEST(Expression, RoundsAsItsStepsByThemselves) {
  for (std::uint32_t seed = 0; seed < 30; ++seed)
    for (const std::size_t count : {1, 7, 16, 33, 64, 130, 512}) {
      check_steps<float>(seed, count);
      check_steps<double>(seed, count);
    }
}

}  // namespace
}  // namespace costate::internal
