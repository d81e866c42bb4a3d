// What each kind of instruction asks of its operands, apart from where they stand.
#pragma once

#include <string>

#include "costate/plan/plan.h"

namespace costate::internal {

/// Whether the instruction adds to a kSum output.
constexpr bool adds(InstructionKind kind) { return kind >= InstructionKind::kAddGemm; }

/// The operations that two of make one instruction: a b + c and its like.
constexpr bool is_sum_or_product(Op op) { return op == Op::kAdd || op == Op::kSub || op == Op::kMul; }

/// What is wrong with the number of sources, with rows, motions, tables or strides on a tile of `lanes` (1 in prepare),
/// as the end of a sentence that begins with the instruction; or "".
std::string fault_of_operands(const Instruction& instruction, std::size_t lanes);

}  // namespace costate::internal
