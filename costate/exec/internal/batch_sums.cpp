#include "costate/exec/internal/batch_sums.h"

#include <algorithm>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

/// Sums of few rows stay spread over the lanes of a vector until finish_sums: adding up across a vector would cost more
/// than the products themselves. Those of convolutions stay in an order of their own.
bool waits_for_finish(const Instruction& instruction, std::size_t lanes) {
  constexpr std::size_t kFewRows = 4;  // measured on a 2-50-2 net
  if (instruction.kind == InstructionKind::kAddConv) return true;
  if (lanes == 1) return false;
  if (instruction.kind == InstructionKind::kAddGemm) return std::min(instruction.m, instruction.n) <= kFewRows;
  return instruction.kind == InstructionKind::kAddLanes && !instruction.sources[0].is_shared();
}

/// The weight of each of k · lanes columns, or null if all are 1.
template <class T>
const T* weights_of(const Instruction& instruction, std::size_t k, const Bases<T>& bases, const TileCall<T>& call,
                    T* buffer) {
  const std::size_t lanes = bases.lanes;
  if (call.lane_weights == nullptr && call.num_samples == lanes && instruction.scale == 1.0) return nullptr;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const T weight = lane >= call.num_samples ? T{0} : call.lane_weights == nullptr ? T{1} : call.lane_weights[lane];
    buffer[lane] = static_cast<T>(instruction.scale) * weight;
  }
  for (std::size_t block = 1; block < k; ++block) std::copy_n(buffer, lanes, buffer + block * lanes);
  return buffer;
}

template <class T>
void add_products(const BoundInstruction<T>& bound, const Bases<T>& bases, const TileCall<T>& call) {
  const Instruction& instruction = bound.instruction;
  const std::size_t depth = instruction.k * bases.lanes;
  if (bound.num_partial > 0) {
    const T* weights = weights_of(instruction, instruction.k, bases, call, bases.extra);
    return add_row_products(bases.read(instruction.sources[0].slot), instruction.m,
                            bases.read(instruction.sources[1].slot), instruction.n, depth, weights,
                            call.workspace->partial_sums.data() + bound.partial);
  }
  T* transposed = bases.extra;
  const T* weights = weights_of(instruction, instruction.k, bases, call, transposed + depth * instruction.n);
  transpose(bases.read(instruction.sources[1].slot), instruction.n, depth, weights, transposed);
  gemm(Gemm<T>{.m = instruction.m,
               .k = depth,
               .n = instruction.n,
               .a = bases.read(instruction.sources[0].slot),
               .a_row_stride = depth,
               .a_column_stride = 1,
               .b = transposed,
               .b_stride = instruction.n,
               .c = bases.write(instruction.out),
               .c_stride = instruction.n,
               .start = GemmStart::kAccumulate,
               .bias = nullptr,
               .activation = Activation::kNone,
               .slope_of = nullptr});
}

template <class T>
void add_convolution(const BoundInstruction<T>& bound, const Bases<T>& bases, const TileCall<T>& call) {
  const Instruction& instruction = bound.instruction;
  const std::size_t pixels = instruction.conv->from_pixels;
  T* scratch = bases.extra;
  add_weight_sums(WeightSums<T>{.table = instruction.conv.get(),
                                .lanes = bases.lanes,
                                .from = bases.read(instruction.sources[0].slot),
                                .to = bases.read(instruction.sources[1].slot),
                                .shares = weights_of(instruction, pixels, bases, call, scratch),
                                .scratch = scratch + padded(pixels * bases.lanes),
                                .partial = call.workspace->partial_sums.data() + bound.partial});
}

template <class T>
void add_rows(const BoundInstruction<T>& bound, const Bases<T>& bases, const TileCall<T>& call) {
  const Instruction& instruction = bound.instruction;
  const T* weights = weights_of(instruction, 1, bases, call, bases.extra);
  const Source& source = instruction.sources[0];
  T* out = bases.write(instruction.out);
  if (bases.lanes == 1) {  // one sample: its numbers are the sum
    const T weight = weights == nullptr ? T{1} : *weights;
    return axpy_lanes(&weight, bases.read(source.slot), out, instruction.rows, 1);
  }
  if (bound.num_partial > 0)
    return add_row_products(bases.read(source.slot), instruction.rows, static_cast<const T*>(nullptr), 1, bases.lanes,
                            weights, call.workspace->partial_sums.data() + bound.partial);
  T total = 0;
  for (std::size_t lane = 0; lane < bases.lanes; ++lane) total += weights == nullptr ? T{1} : weights[lane];
  for (std::size_t row = 0; row < instruction.rows; ++row) out[row] += total * bases.read(source.slot)[row];
}

}  // namespace

std::size_t sum_scratch_size(const Instruction& instruction, std::size_t lanes) {
  if (instruction.kind == InstructionKind::kAddConv)  // shares, and the kernel's own
    return padded(instruction.conv->from_pixels * lanes) + weight_sum_scratch(*instruction.conv, lanes);
  if (instruction.kind != InstructionKind::kAddGemm) return lanes;  // weights
  return instruction.k * lanes * (instruction.n + 1);
}

template <class T>
PartialSum partial_sum(const Instruction& instruction, std::size_t lanes) {
  if (!waits_for_finish(instruction, lanes)) return {};
  if (instruction.kind == InstructionKind::kAddConv)
    return {.count = instruction.rows, .size = weight_sum_size<T>(*instruction.conv, lanes)};
  const std::size_t count =
      instruction.kind == InstructionKind::kAddGemm ? instruction.m * instruction.n : instruction.rows;
  return {.count = count, .size = count * simd_lanes<T>()};
}

template <class T>
void add_to_sum(const BoundInstruction<T>& bound, const Bases<T>& bases, const TileCall<T>& call) {
  switch (bound.instruction.kind) {
    case InstructionKind::kAddGemm:
      return add_products(bound, bases, call);
    case InstructionKind::kAddConv:
      return add_convolution(bound, bases, call);
    default:
      return add_rows(bound, bases, call);
  }
}

template <class T>
void finish_sums(const BoundPlan<T>& plan, const Bases<T>& bases, T* partial_sums) {
  for (const BoundInstruction<T>& bound : plan.in(Phase::kAccumulate)) {
    T* out = bases.write(bound.instruction.out);
    T* partial = partial_sums + bound.partial;
    if (bound.num_partial == 0 || out == nullptr) continue;
    if (bound.instruction.kind == InstructionKind::kAddConv)
      finish_weight_sums(*bound.instruction.conv, bases.lanes, partial, out);
    else
      add_partial_sums(partial, bound.num_partial, out);
  }
}

template PartialSum partial_sum<float>(const Instruction&, std::size_t);
template PartialSum partial_sum<double>(const Instruction&, std::size_t);
template void add_to_sum(const BoundInstruction<float>&, const Bases<float>&, const TileCall<float>&);
template void add_to_sum(const BoundInstruction<double>&, const Bases<double>&, const TileCall<double>&);
template void finish_sums(const BoundPlan<float>&, const Bases<float>&, float*);
template void finish_sums(const BoundPlan<double>&, const Bases<double>&, double*);

}  // namespace costate::internal
