// Expressions of sums, differences and products, computed in one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// What a step does to a slot: slot = operand, slot + operand, slot - operand, operand - slot, slot * operand.
enum class ExpressionOp : std::uint8_t { kLoad, kAdd, kSub, kSubFrom, kMul };

/// Where intermediate results are; an operand is one of them, or comes from outside.
inline constexpr std::size_t kExpressionSlots = 3;
inline constexpr std::size_t kFromMemory = kExpressionSlots, kFromNumber = kExpressionSlots + 1;

constexpr std::uint8_t expression_code(ExpressionOp op, std::size_t slot, std::size_t from) {
  return static_cast<std::uint8_t>((static_cast<std::size_t>(op) * kExpressionSlots + slot) * (kExpressionSlots + 2) +
                                   from);
}

struct ExpressionStep {
  std::uint8_t code = 0;     // expression_code; a slot's operand is another slot
  std::uint8_t operand = 0;  // which one, of those from outside
};

/// out[i] = what slot 0 holds after all steps on the numbers i of the operands, i < count. Each step rounds as the
/// operation by itself does.
template <class T>
void run_expression(std::span<const ExpressionStep> steps, const Operand<T>* operands, T* out, std::size_t count);

}  // namespace costate::internal
