// Sums, differences and products of many operands in one pass. A block of vectors goes through all steps in registers,
// of which three slots hold what is computed: an intermediate result is never stored, and an operand is read once for
// each step that names it. The switch costs some cycles a step and block, which is why blocks are long.
#include "costate/exec/kernels/expression.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/expression.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kBlockVectors = 8;  // three slots of 32 registers
#else
constexpr std::size_t kBlockVectors = 4;  // of 16
#endif

template <ExpressionOp kOp, class V>
HWY_INLINE V apply(V slot, V operand) {
  if constexpr (kOp == ExpressionOp::kLoad) return operand;
  if constexpr (kOp == ExpressionOp::kAdd) return hn::Add(slot, operand);
  if constexpr (kOp == ExpressionOp::kSub) return hn::Sub(slot, operand);
  if constexpr (kOp == ExpressionOp::kSubFrom) return hn::Sub(operand, slot);
  if constexpr (kOp == ExpressionOp::kMul) return hn::Mul(slot, operand);
}

/// The numbers from `at` on of a block, through all steps. `count`: of numbers; fewer than a vector in a part.
template <std::size_t kVectors, bool kPart, class T>
HWY_INLINE void run_block(std::span<const ExpressionStep> steps, const Operand<T>* operands, T* out, std::size_t at,
                          std::size_t count) {
  const hn::ScalableTag<T> d;
  const std::size_t width = hn::Lanes(d);
  VecOf<decltype(d)> slots[kExpressionSlots][kVectors];
  for (std::size_t slot = 0; slot < kExpressionSlots; ++slot)
    for (std::size_t v = 0; v < kVectors; ++v) slots[slot][v] = hn::Zero(d);
  for (const ExpressionStep& step : steps) {
    const T* const x = operands[step.operand].data;
    switch (step.code) {
#define COSTATE_CASE(op, slot, from, value)                                             \
  case expression_code(ExpressionOp::op, slot, from): {                                 \
    _Pragma("GCC unroll 8") for (std::size_t v = 0; v < kVectors; ++v) slots[slot][v] = \
        apply<ExpressionOp::op>(slots[slot][v], value);                                 \
    break;                                                                              \
  }
#define COSTATE_FROM_MEMORY(op, slot)                                                                          \
  COSTATE_CASE(op, slot, kFromMemory, kPart ? load_first(d, x + at, count) : hn::LoadU(d, x + at + v * width)) \
  COSTATE_CASE(op, slot, kFromNumber, hn::Set(d, *x))
#define COSTATE_FROM_SLOTS(op, slot, other, another) \
  COSTATE_CASE(op, slot, other, slots[other][v])     \
  COSTATE_CASE(op, slot, another, slots[another][v])
#define COSTATE_SLOTS(op)         \
  COSTATE_FROM_MEMORY(op, 0)      \
  COSTATE_FROM_MEMORY(op, 1)      \
  COSTATE_FROM_MEMORY(op, 2)      \
  COSTATE_FROM_SLOTS(op, 0, 1, 2) \
  COSTATE_FROM_SLOTS(op, 1, 0, 2) \
  COSTATE_FROM_SLOTS(op, 2, 0, 1)
      COSTATE_SLOTS(kLoad)
      COSTATE_SLOTS(kAdd)
      COSTATE_SLOTS(kSub)
      COSTATE_SLOTS(kSubFrom)
      COSTATE_SLOTS(kMul)
#undef COSTATE_SLOTS
#undef COSTATE_FROM_SLOTS
#undef COSTATE_FROM_MEMORY
#undef COSTATE_CASE
      default:
        break;
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v)
    if constexpr (kPart)
      store_first(slots[0][v], d, out + at, count);
    else
      hn::StoreU(slots[0][v], d, out + at + v * width);
}

template <class T>
void run(std::span<const ExpressionStep> steps, const Operand<T>* operands, T* out, std::size_t count) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>());
  std::size_t at = 0;
  for (; at + kBlockVectors * width <= count; at += kBlockVectors * width)
    run_block<kBlockVectors, false>(steps, operands, out, at, 0);
  for (; at + width <= count; at += width) run_block<1, false>(steps, operands, out, at, 0);
  if (at < count) run_block<1, true>(steps, operands, out, at, count - at);
}

}  // namespace

void expression_f32(std::span<const ExpressionStep> steps, const Operand<float>* operands, float* out,
                    std::size_t count) {
  run(steps, operands, out, count);
}
void expression_f64(std::span<const ExpressionStep> steps, const Operand<double>* operands, double* out,
                    std::size_t count) {
  run(steps, operands, out, count);
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(expression_f32);
HWY_EXPORT(expression_f64);

template <>
void run_expression<float>(std::span<const ExpressionStep> steps, const Operand<float>* operands, float* out,
                           std::size_t count) {
  HWY_DYNAMIC_DISPATCH(expression_f32)(steps, operands, out, count);
}
template <>
void run_expression<double>(std::span<const ExpressionStep> steps, const Operand<double>* operands, double* out,
                            std::size_t count) {
  HWY_DYNAMIC_DISPATCH(expression_f64)(steps, operands, out, count);
}

}  // namespace costate::internal
#endif
