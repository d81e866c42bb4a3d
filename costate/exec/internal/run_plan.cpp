#include "costate/exec/internal/run_plan.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/exec/internal/batch_sums.h"
#include "costate/exec/internal/run_strips.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/pooling.h"

namespace costate::internal {
namespace {

Activation activation_of(Epilogue epilogue) { return static_cast<Activation>(epilogue); }
static_assert(are_twins(Activation::kNone, Epilogue::kNone) && are_twins(Activation::kTanh, Epilogue::kTanh) &&
              are_twins(Activation::kRelu, Epilogue::kRelu) && are_twins(Activation::kSigmoid, Epilogue::kSigmoid) &&
              are_twins(Activation::kSoftplus, Epilogue::kSoftplus) &&
              are_twins(Activation::kTanhSlope, Epilogue::kTanhSlope) &&
              are_twins(Activation::kReluSlope, Epilogue::kReluSlope) &&
              are_twins(Activation::kSigmoidSlope, Epilogue::kSigmoidSlope));

template <class T>
void run_gemm(const Instruction& instruction, const Bases<T>& bases) {
  const std::size_t columns = instruction.n * bases.lanes;
  Gemm<T> product{.m = instruction.m,
                  .k = instruction.k,
                  .n = columns,
                  .a = bases.read(instruction.sources[0].slot),
                  .a_row_stride = instruction.row_stride,
                  .a_column_stride = instruction.column_stride,
                  .b = bases.read(instruction.sources[1].slot),
                  .b_stride = columns,
                  .c = bases.write(instruction.out),
                  .c_stride = columns,
                  .start = GemmStart::kZero,
                  .bias = nullptr,
                  .activation = activation_of(instruction.epilogue),
                  .slope_of = nullptr};
  if (instruction.has_bias) {
    product.bias = bases.read(instruction.sources[2].slot);
    product.start = bases.lanes == 1 ? GemmStart::kBiasColumn : GemmStart::kBiasRow;
  }
  if (instruction.epilogue >= Epilogue::kTanhSlope) product.slope_of = bases.read(instruction.sources.back().slot);
  gemm(product);
}

template <class T>
void run_convolution(const Instruction& instruction, const Bases<T>& bases) {
  const auto& sources = instruction.sources;
  T* out = bases.write(instruction.out);
  if (instruction.kind == InstructionKind::kConvLanes) {
    const auto run = instruction.op == Op::kConv2dWeights ? &weights_of_lanes<T> : &convolve_lanes<T>;
    return run(*instruction.conv, bases.operand(sources[0]), bases.operand(sources[1]), out, bases.lanes);
  }
  const bool has_slope = instruction.epilogue >= Epilogue::kTanhSlope;
  convolve(Convolution<T>{.table = instruction.conv.get(),
                          .lanes = bases.lanes,
                          .from = bases.read(sources[0].slot),
                          .weights = bases.read(sources[1].slot),
                          .to = out,
                          .bias = instruction.has_bias ? bases.read(sources[2].slot) : nullptr,
                          .activation = activation_of(instruction.epilogue),
                          .slope_of = has_slope ? bases.read(sources.back().slot) : nullptr});
}

template <class T>
void run_pool(const Instruction& instruction, const Bases<T>& bases) {
  pool(instruction.op, Pool<T>{.table = instruction.pool.get(),
                               .lanes = bases.lanes,
                               .first = bases.read(instruction.sources[0].slot),
                               .second = bases.read(instruction.sources.back().slot),
                               .out = bases.write(instruction.out),
                               .scratch = bases.extra});
}

/// Padding repeats the last sample of x [rows, lanes], as that of inputs does. It counts 0 times in sums, for which all
/// that is made of it must be finite: zeros would not do, by which something may be divided.
template <class T>
void repeat_last_sample(T* x, std::size_t rows, std::size_t num_samples, std::size_t lanes) {
  if (num_samples == 0 || num_samples == lanes) return;
  for (T* end = x + rows * lanes; x != end; x += lanes) std::fill(x + num_samples, x + lanes, x[num_samples - 1]);
}

template <class T>
void run_extension(const BoundInstruction<T>& bound, const Bases<T>& bases, const TileCall<T>& call) {
  const Instruction& instruction = bound.instruction;
  constexpr std::size_t kMaxOperands = 256;
  const T* operands[kMaxOperands];
  TileOpState* states[kMaxOperands];
  GivenOperand given[kMaxOperands];
  COSTATE_CHECK(instruction.sources.size() <= kMaxOperands, "an extension has too many operands");
  const auto state_of = [&](std::int32_t state) {
    const auto index = static_cast<std::size_t>(state);
    TileOpState* kept = call.kept_states.empty() ? nullptr : call.kept_states[index].get();
    return kept != nullptr ? kept : call.workspace->states[index].get();
  };
  for (std::size_t i = 0; i < instruction.sources.size(); ++i) {
    const Source& source = instruction.sources[i];
    operands[i] = bases.read(source.slot);
    const bool is_given = !call.given.empty() && source.slot.region == Region::kInput;
    given[i] = {is_given ? call.given[static_cast<std::size_t>(source.slot.index)] : nullptr,
                source.slot.offset / (source.is_shared() ? 1 : bases.lanes)};
    const std::int32_t state = instruction.operand_states[i];
    states[i] = state < 0 ? nullptr : state_of(state);
  }
  const TileOpRun<T> run{.operands = {operands, instruction.sources.size()},
                         .operand_states = {states, instruction.sources.size()},
                         .given = {given, instruction.sources.size()},
                         .given_rows = call.given_rows,
                         .state = state_of(instruction.state),
                         .num_samples = call.num_samples,
                         .first_sample = call.first_sample,
                         .scale = instruction.scale,
                         .memory_parts = call.memory_parts,
                         .report = call.report};
  T* out = bases.write(instruction.out);
  if (instruction.kind == InstructionKind::kAddExtension) return bound.op->accumulate(run, out);
  bound.op->run(run, out);
  repeat_last_sample(out, instruction.rows, call.num_samples, bases.lanes);
}

template <class T>
void run_instruction(const BoundInstruction<T>& bound, const Bases<T>& bases, const TileCall<T>* call) {
  const Instruction& instruction = bound.instruction;
  T* out = bases.write(instruction.out);
  if (out == nullptr) return;  // an output that the caller does not want
  switch (instruction.kind) {
    case InstructionKind::kFill:
      std::transform(instruction.constants.begin(), instruction.constants.end(), out,
                     [](double value) { return static_cast<T>(value); });
      return;
    case InstructionKind::kElementwise:
    case InstructionKind::kPair:
      return run_rows(bound, bases);
    case InstructionKind::kCopy:
      return spread(bases.operand(instruction.sources[0]), out, instruction.rows, bases.lanes);
    case InstructionKind::kGather:
      if (!bound.runs.empty())
        return gather_runs(bases.read(instruction.sources[0].slot), std::span(bound.runs), out, bases.lanes);
      if (!bound.repeated.empty())
        return gather_repeated(bases.read(instruction.sources[0].slot), std::span(bound.repeated), out, bases.lanes);
      return gather_rows(bases.read(instruction.sources[0].slot), std::span(instruction.table), out, bases.lanes);
    case InstructionKind::kScatter:
      if (bound.is_ascending) return run_rows(bound, bases);
      std::fill_n(out, instruction.rows * bases.lanes, T{0});
      if (!bound.runs.empty())
        return scatter_add_runs(bases.read(instruction.sources[0].slot), std::span(bound.runs), out, bases.lanes);
      return scatter_add_rows(bases.read(instruction.sources[0].slot), std::span(instruction.table), out, bases.lanes);
    case InstructionKind::kReduce:
      return reduce_rows(instruction.op, bases.read(instruction.sources[0].slot), std::span(instruction.table),
                         instruction.group, out, bases.lanes);
    case InstructionKind::kGemm:
      return run_gemm(instruction, bases);
    case InstructionKind::kBatched:
      return batched_matmul(bases.operand(instruction.sources[0]), bases.operand(instruction.sources[1]), out,
                            instruction.m, instruction.k, instruction.n, bases.lanes);
    case InstructionKind::kConv:
    case InstructionKind::kConvLanes:
      return run_convolution(instruction, bases);
    case InstructionKind::kPool:
      return run_pool(instruction, bases);
    case InstructionKind::kExtension:
    case InstructionKind::kAddExtension:
      return run_extension(bound, bases, *call);
    case InstructionKind::kAddGemm:
    case InstructionKind::kAddConv:
    case InstructionKind::kAddLanes:
      return add_to_sum(bound, bases, *call);
  }
}

}  // namespace

template <class T>
void run_prepare(const BoundPlan<T>& plan, const Bases<T>& bases) {
  for (const BoundInstruction<T>& bound : plan.prepare) run_instruction<T>(bound, bases, nullptr);
}

template <class T>
void run_phase(const BoundPlan<T>& plan, Phase phase, const Bases<T>& bases, const TileCall<T>& call) {
  const std::span instructions = plan.in(phase);
  std::size_t at = 0;
  const auto run_until = [&](std::size_t end) {
    for (; at < end; ++at) run_instruction(instructions[at], bases, &call);
  };
  for (const BoundStrips& strips : plan.groups[static_cast<std::size_t>(phase)]) {
    const StripGroup& group = strips.group;
    run_until(group.first);
    run_strips(instructions.subspan(group.first, group.count), strips, bases);
    at += group.count;
  }
  run_until(instructions.size());
}

template void run_prepare(const BoundPlan<float>&, const Bases<float>&);
template void run_prepare(const BoundPlan<double>&, const Bases<double>&);
template void run_phase(const BoundPlan<float>&, Phase, const Bases<float>&, const TileCall<float>&);
template void run_phase(const BoundPlan<double>&, Phase, const Bases<double>&, const TileCall<double>&);

}  // namespace costate::internal
