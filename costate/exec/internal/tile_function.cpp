// Runs a Plan. Kernels are looked up once, when the function is lowered; from then on an instruction is a switch and a
// kernel call on raw pointers.
#include "costate/exec/internal/tile_function.h"

#include <algorithm>
#include <array>
#include <set>

#include "costate/base/error.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/row_runs.h"
#include "costate/graph/extension.h"
#include "costate/plan/plan.h"
#include "costate/plan/strips.h"

namespace costate::internal {
namespace {

template <class T>
std::unique_ptr<TileOp<T>> lower_extension(const Extension& extension, const TileOpContext& context) {
  if constexpr (std::is_same_v<T, float>)
    return extension.lower_f32(context);
  else
    return extension.lower_f64(context);
}

Activation activation_of(Epilogue epilogue) { return static_cast<Activation>(epilogue); }
static_assert(static_cast<int>(Activation::kSigmoidSlope) == static_cast<int>(Epilogue::kSigmoidSlope));
static_assert(static_cast<int>(Spread::kScalar) == static_cast<int>(Motion::kScalar));

}  // namespace

/// An instruction with its kernel found.
template <class T>
struct Bound {
  Instruction instruction;
  UnaryKernel<T> unary = nullptr;
  BinaryKernel<T> binary = nullptr;
  PairKernel<T> pair = nullptr;
  std::shared_ptr<const TileOp<T>> op = nullptr;
  std::vector<RowRun> runs = {};             // of a table, where it has long ones
  std::vector<RowRun> repeated = {};         // of a gather's table, where it names rows many times in a row
  std::uint32_t passing = 0;                 // in a group of strips: bit k of source k, bit 3 of the result
  std::size_t partial = 0, num_partial = 0;  // sums that wait in the workspace for finish_sums
};

namespace {

/// The bit of Bound::passing for the result; before it stand the operands, of which elementwise instructions have
/// three.
constexpr std::size_t kPassingOut = 3;

/// Rows of an elementwise instruction.
struct RowRange {
  std::size_t first = 0, count = 0;
};

/// Base addresses of the regions during one call.
template <class T>
struct Bases {
  std::span<const T* const> inputs;
  std::span<T* const> outputs;
  const T* shared_read = nullptr;
  T* shared_write = nullptr;  // in prepare alone
  T* saved = nullptr;
  T* scratch = nullptr;

  const T* read(const Slot& slot) const {
    switch (slot.region) {
      case Region::kInput:
        return inputs[static_cast<std::size_t>(slot.index)] + slot.offset;
      case Region::kShared:
        return shared_read + slot.offset;
      default:
        return write(slot);
    }
  }

  T* write(const Slot& slot) const {
    switch (slot.region) {
      case Region::kOutput: {
        T* output = outputs[static_cast<std::size_t>(slot.index)];
        return output == nullptr ? nullptr : output + slot.offset;
      }
      case Region::kShared:
        return shared_write + slot.offset;
      case Region::kSaved:
        return saved + slot.offset;
      default:
        return scratch + slot.offset;
    }
  }
};

std::size_t accumulate_scratch(const Instruction& instruction, std::size_t lanes) {
  if (instruction.kind == InstructionKind::kAddConv)  // shares, and the kernel's own
    return padded(instruction.conv->from_pixels * lanes) + weight_sum_scratch(*instruction.conv, lanes);
  if (instruction.kind != InstructionKind::kAddGemm) return lanes;  // weights
  return instruction.k * lanes * (instruction.n + 1);
}

}  // namespace

/// The plan with every instruction bound to its kernel.
template <class T>
struct TileFunction<T>::BoundPlan {
  Plan plan;
  std::vector<Bound<T>> prepare;
  std::array<std::vector<Bound<T>>, kNumPhases> phases;
  std::array<std::vector<StripGroup>, kNumPhases> groups;
  std::vector<std::shared_ptr<const TileOp<T>>> ops;   // by state
  std::vector<std::vector<const Extension*>> readers;  // by state
  std::vector<bool> is_kept;                           // by state: made in kForward, and read in a later phase
  std::size_t accumulate_offset = 0;                   // of the accumulations' own scratch
  std::size_t partial_size = 0;

  explicit BoundPlan(Plan lowered);

  Bound<T> bind(const Instruction& instruction, std::size_t lanes) {
    Bound<T> bound{.instruction = instruction};
    if (instruction.kind == InstructionKind::kElementwise && instruction.sources.size() == 1)
      bound.unary = unary_kernel<T>(instruction.op);
    if (instruction.kind == InstructionKind::kElementwise && instruction.sources.size() == 2)
      bound.binary = binary_kernel<T>(instruction.op);
    if (instruction.kind == InstructionKind::kPair)
      bound.pair = pair_kernel<T>(instruction.inner_op, instruction.op, instruction.inner_is_right);
    if (instruction.extension) bound.op = op_of(instruction, lanes);
    if (instruction.kind == InstructionKind::kGather || instruction.kind == InstructionKind::kScatter)
      bound.runs = row_runs(instruction.table);
    if (instruction.kind == InstructionKind::kGather) bound.repeated = repeated_rows(instruction.table);
    if (waits_for_finish(instruction, lanes)) {
      bound.partial = partial_size;
      bound.num_partial =
          instruction.kind == InstructionKind::kAddGemm ? instruction.m * instruction.n : instruction.rows;
      partial_size += instruction.kind == InstructionKind::kAddConv ? weight_sum_size<T>(*instruction.conv, lanes)
                                                                    : bound.num_partial * simd_lanes<T>();
    }
    return bound;
  }

  /// Sums of few rows stay spread over the lanes of a vector until finish_sums: adding up across a vector would cost
  /// more than the products themselves. Those of convolutions stay in an order of their own.
  static bool waits_for_finish(const Instruction& instruction, std::size_t lanes) {
    constexpr std::size_t kFewRows = 4;  // measured on a 2-50-2 net
    if (instruction.kind == InstructionKind::kAddConv) return true;
    if (lanes == 1) return false;
    if (instruction.kind == InstructionKind::kAddGemm) return std::min(instruction.m, instruction.n) <= kFewRows;
    return instruction.kind == InstructionKind::kAddLanes && !instruction.sources[0].is_shared();
  }

  std::shared_ptr<const TileOp<T>> op_of(const Instruction& instruction, std::size_t lanes) {
    auto& op = ops[static_cast<std::size_t>(instruction.state)];
    if (!op) {
      TileOpContext context{.lanes = lanes,
                            .operand_shapes = instruction.operand_shapes,
                            .operand_is_shared = {},
                            .readers = readers[static_cast<std::size_t>(instruction.state)]};
      for (const Source& source : instruction.sources) context.operand_is_shared.push_back(source.is_shared());
      op = lower_extension<T>(*instruction.extension, context);
    }
    return op;
  }

  void run_instruction(const Bound<T>& bound, const Bases<T>& bases, std::size_t lanes, const TileCall<T>* call) const;
  void run_elementwise(const Bound<T>& bound, const Bases<T>& bases, std::size_t lanes, const RowRange& rows) const;
  void run_phase(Phase phase, const Bases<T>& bases, const TileCall<T>& call) const;
  void run_strips(std::span<const Bound<T>> group, std::size_t rows_of_strip, const Bases<T>& bases) const;
  void bind_groups(Phase phase);
  void run_gemm(const Instruction& instruction, const Bases<T>& bases, std::size_t lanes) const;
  void run_convolution(const Instruction& instruction, const Bases<T>& bases, std::size_t lanes) const;
  void run_extension(const Bound<T>& bound, const Bases<T>& bases, const TileCall<T>& call) const;
  void add_convolution(const Bound<T>& bound, const Bases<T>& bases, const TileCall<T>& call) const;
  void add_gemm(const Bound<T>& bound, const Bases<T>& bases, const TileCall<T>& call) const;
  void add_lanes_of(const Bound<T>& bound, const Bases<T>& bases, const TileCall<T>& call) const;
  const T* weights_of(const Instruction& instruction, std::size_t k, const TileCall<T>& call, T* buffer) const;
};

namespace {

/// The rows `wanted` of a scatter whose table is place, place + 1, …, for so many rows of x.
template <class T>
void shift_rows(const T* x, std::span<const std::uint32_t> table, const RowRange& wanted, T* out, std::size_t lanes) {
  const T zero = 0;
  const std::size_t place = table[0], end = wanted.first + wanted.count;
  const std::size_t from = std::clamp(place, wanted.first, end), to = std::clamp(place + table.size(), from, end);
  std::fill(out, out + (from - wanted.first) * lanes, zero);
  // 0 + x, as any scatter adds: -0 becomes 0.
  if (to > from)
    binary_kernel<T>(Op::kAdd)({&zero, Spread::kScalar}, {x + (from - place) * lanes, Spread::kFull},
                               out + (from - wanted.first) * lanes, to - from, lanes);
  std::fill(out + (to - wanted.first) * lanes, out + wanted.count * lanes, zero);
}

template <class T>
costate::internal::Operand<T> operand(const Source& source, const Bases<T>& bases) {
  return {bases.read(source.slot), static_cast<Spread>(source.motion)};
}

}  // namespace

template <class T>
void TileFunction<T>::BoundPlan::run_elementwise(const Bound<T>& bound, const Bases<T>& bases, std::size_t lanes,
                                                 const RowRange& rows) const {
  const auto& sources = bound.instruction.sources;
  const auto begin = [&](std::size_t k) { return (bound.passing >> k & 1U) != 0 ? 0 : rows.first; };
  const auto source = [&](std::size_t k) {
    auto x = operand(sources[k], bases);
    if (x.spread == Spread::kFull) x.data += begin(k) * lanes;
    if (x.spread == Spread::kRow) x.data += begin(k);
    return x;
  };
  T* out = bases.write(bound.instruction.out) + begin(kPassingOut) * lanes;
  if (bound.instruction.kind == InstructionKind::kScatter)
    shift_rows(bases.read(sources[0].slot), std::span<const std::uint32_t>(bound.instruction.table), rows, out, lanes);
  else if (bound.unary != nullptr)
    bound.unary(source(0).data, out, rows.count * lanes);
  else if (bound.binary != nullptr)
    bound.binary(source(0), source(1), out, rows.count, lanes);
  else if (bound.pair != nullptr)
    bound.pair(source(0), source(1), source(2), out, rows.count, lanes);
  else
    where(source(0), source(1), source(2), out, rows.count, lanes);
}

/// A strip goes through all instructions before the next one begins.
template <class T>
void TileFunction<T>::BoundPlan::run_strips(std::span<const Bound<T>> group, std::size_t rows_of_strip,
                                            const Bases<T>& bases) const {
  const std::size_t rows = group.front().instruction.rows;
  for (std::size_t first = 0; first < rows; first += rows_of_strip)
    for (const Bound<T>& bound : group)
      if (bases.write(bound.instruction.out) != nullptr)
        run_elementwise(bound, bases, plan.lanes, {first, std::min(rows_of_strip, rows - first)});
}

template <class T>
void TileFunction<T>::BoundPlan::run_phase(Phase phase, const Bases<T>& bases, const TileCall<T>& call) const {
  const std::span instructions = phases[static_cast<std::size_t>(phase)];
  std::size_t at = 0;
  const auto run_until = [&](std::size_t end) {
    for (; at < end; ++at) run_instruction(instructions[at], bases, plan.lanes, &call);
  };
  for (const StripGroup& group : groups[static_cast<std::size_t>(phase)]) {
    run_until(group.first);
    run_strips(instructions.subspan(group.first, group.count), group.rows, bases);
    at += group.count;
  }
  run_until(instructions.size());
}

template <class T>
void TileFunction<T>::BoundPlan::bind_groups(Phase phase) {
  const auto index = static_cast<std::size_t>(phase);
  groups[index] = strip_groups(plan, phase);
  for (const StripGroup& group : groups[index])
    for (Bound<T>& bound : std::span(phases[index]).subspan(group.first, group.count)) {
      const auto mark = [&](std::size_t bit, const Slot& slot) {
        if (group.is_passing(slot)) bound.passing |= 1U << bit;
      };
      for (std::size_t k = 0; k < bound.instruction.sources.size(); ++k) mark(k, bound.instruction.sources[k].slot);
      mark(kPassingOut, bound.instruction.out);
    }
}

template <class T>
void TileFunction<T>::BoundPlan::run_gemm(const Instruction& instruction, const Bases<T>& bases,
                                          std::size_t lanes) const {
  const std::size_t columns = instruction.n * lanes;
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
    product.start = lanes == 1 ? GemmStart::kBiasColumn : GemmStart::kBiasRow;
  }
  if (instruction.epilogue >= Epilogue::kTanhSlope) product.slope_of = bases.read(instruction.sources.back().slot);
  gemm(product);
}

template <class T>
void TileFunction<T>::BoundPlan::run_convolution(const Instruction& instruction, const Bases<T>& bases,
                                                 std::size_t lanes) const {
  const auto& sources = instruction.sources;
  T* out = bases.write(instruction.out);
  if (instruction.kind == InstructionKind::kConvLanes) {
    const auto run = instruction.op == Op::kConv2dWeights ? &weights_of_lanes<T> : &convolve_lanes<T>;
    return run(*instruction.conv, operand(sources[0], bases), operand(sources[1], bases), out, lanes);
  }
  const bool has_slope = instruction.epilogue >= Epilogue::kTanhSlope;
  convolve(Convolution<T>{.table = instruction.conv.get(),
                          .lanes = lanes,
                          .from = bases.read(sources[0].slot),
                          .weights = bases.read(sources[1].slot),
                          .to = out,
                          .bias = instruction.has_bias ? bases.read(sources[2].slot) : nullptr,
                          .activation = activation_of(instruction.epilogue),
                          .slope_of = has_slope ? bases.read(sources.back().slot) : nullptr});
}

template <class T>
void TileFunction<T>::BoundPlan::run_extension(const Bound<T>& bound, const Bases<T>& bases,
                                               const TileCall<T>& call) const {
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
                source.slot.offset / (source.is_shared() ? 1 : plan.lanes)};
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
  if (instruction.kind == InstructionKind::kExtension)
    bound.op->run(run, out);
  else
    bound.op->accumulate(run, out);
}

/// The weight of each of k · lanes columns, or null if all are 1.
template <class T>
const T* TileFunction<T>::BoundPlan::weights_of(const Instruction& instruction, std::size_t k, const TileCall<T>& call,
                                                T* buffer) const {
  const std::size_t lanes = plan.lanes;
  if (call.lane_weights == nullptr && call.num_samples == lanes && instruction.scale == 1.0) return nullptr;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const T weight = lane >= call.num_samples ? T{0} : call.lane_weights == nullptr ? T{1} : call.lane_weights[lane];
    buffer[lane] = static_cast<T>(instruction.scale) * weight;
  }
  for (std::size_t block = 1; block < k; ++block) std::copy_n(buffer, lanes, buffer + block * lanes);
  return buffer;
}

template <class T>
void TileFunction<T>::BoundPlan::add_gemm(const Bound<T>& bound, const Bases<T>& bases, const TileCall<T>& call) const {
  const Instruction& instruction = bound.instruction;
  const std::size_t depth = instruction.k * plan.lanes;
  if (bound.num_partial > 0) {
    const T* weights = weights_of(instruction, instruction.k, call, bases.scratch + accumulate_offset);
    return add_row_products(bases.read(instruction.sources[0].slot), instruction.m,
                            bases.read(instruction.sources[1].slot), instruction.n, depth, weights,
                            call.workspace->partial_sums.data() + bound.partial);
  }
  T* transposed = bases.scratch + accumulate_offset;
  const T* weights = weights_of(instruction, instruction.k, call, transposed + depth * instruction.n);
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
void TileFunction<T>::BoundPlan::add_convolution(const Bound<T>& bound, const Bases<T>& bases,
                                                 const TileCall<T>& call) const {
  const Instruction& instruction = bound.instruction;
  const std::size_t pixels = instruction.conv->from_pixels;
  T* scratch = bases.scratch + accumulate_offset;
  add_weight_sums(WeightSums<T>{.table = instruction.conv.get(),
                                .lanes = plan.lanes,
                                .from = bases.read(instruction.sources[0].slot),
                                .to = bases.read(instruction.sources[1].slot),
                                .shares = weights_of(instruction, pixels, call, scratch),
                                .scratch = scratch + padded(pixels * plan.lanes),
                                .partial = call.workspace->partial_sums.data() + bound.partial});
}

template <class T>
void TileFunction<T>::BoundPlan::add_lanes_of(const Bound<T>& bound, const Bases<T>& bases,
                                              const TileCall<T>& call) const {
  const Instruction& instruction = bound.instruction;
  const T* weights = weights_of(instruction, 1, call, bases.scratch + accumulate_offset);
  const Source& source = instruction.sources[0];
  T* out = bases.write(instruction.out);
  if (plan.lanes == 1) {  // one sample: its numbers are the sum
    const T weight = weights == nullptr ? T{1} : *weights;
    return axpy_lanes(&weight, bases.read(source.slot), out, instruction.rows, 1);
  }
  if (bound.num_partial > 0)
    return add_row_products(bases.read(source.slot), instruction.rows, static_cast<const T*>(nullptr), 1, plan.lanes,
                            weights, call.workspace->partial_sums.data() + bound.partial);
  T total = 0;
  for (std::size_t lane = 0; lane < plan.lanes; ++lane) total += weights == nullptr ? T{1} : weights[lane];
  for (std::size_t row = 0; row < instruction.rows; ++row) out[row] += total * bases.read(source.slot)[row];
}

template <class T>
void TileFunction<T>::BoundPlan::run_instruction(const Bound<T>& bound, const Bases<T>& bases, std::size_t lanes,
                                                 const TileCall<T>* call) const {
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
      return run_elementwise(bound, bases, lanes, {0, instruction.rows});
    case InstructionKind::kCopy:
      return spread(operand(instruction.sources[0], bases), out, instruction.rows, lanes);
    case InstructionKind::kGather:
      if (!bound.runs.empty())
        return gather_runs(bases.read(instruction.sources[0].slot), std::span(bound.runs), out, lanes);
      if (!bound.repeated.empty())
        return gather_repeated(bases.read(instruction.sources[0].slot), std::span(bound.repeated), out, lanes);
      return gather_rows(bases.read(instruction.sources[0].slot), std::span(instruction.table), out, lanes);
    case InstructionKind::kScatter:
      std::fill_n(out, instruction.rows * lanes, T{0});
      if (!bound.runs.empty())
        return scatter_add_runs(bases.read(instruction.sources[0].slot), std::span(bound.runs), out, lanes);
      return scatter_add_rows(bases.read(instruction.sources[0].slot), std::span(instruction.table), out, lanes);
    case InstructionKind::kReduce:
      return reduce_rows(instruction.op, bases.read(instruction.sources[0].slot), std::span(instruction.table),
                         instruction.group, out, lanes);
    case InstructionKind::kGemm:
      return run_gemm(instruction, bases, lanes);
    case InstructionKind::kBatched:
      return batched_matmul(operand(instruction.sources[0], bases), operand(instruction.sources[1], bases), out,
                            instruction.m, instruction.k, instruction.n, lanes);
    case InstructionKind::kConv:
    case InstructionKind::kConvLanes:
      return run_convolution(instruction, bases, lanes);
    case InstructionKind::kExtension:
    case InstructionKind::kAddExtension:
      return run_extension(bound, bases, *call);
    case InstructionKind::kAddGemm:
      return add_gemm(bound, bases, *call);
    case InstructionKind::kAddConv:
      return add_convolution(bound, bases, *call);
    case InstructionKind::kAddLanes:
      return add_lanes_of(bound, bases, *call);
  }
}

template <class T>
TileFunction<T>::BoundPlan::BoundPlan(Plan lowered)
    : plan(std::move(lowered)), ops(plan.num_states), readers(plan.num_states), is_kept(plan.num_states) {
  std::vector<bool> is_made_later(plan.num_states);
  for (const auto& phase : plan.phases) {
    const bool is_later = &phase != &plan.in(Phase::kForward);
    for (const Instruction& instruction : phase) {
      for (const std::int32_t state : instruction.operand_states) {
        if (state < 0) continue;
        const auto index = static_cast<std::size_t>(state);
        readers[index].push_back(instruction.extension.get());
        is_kept[index] = is_kept[index] || (is_later && !is_made_later[index]);
      }
      if (instruction.extension && is_later) is_made_later[static_cast<std::size_t>(instruction.state)] = true;
    }
  }
  for (const Instruction& instruction : plan.prepare) prepare.push_back(bind(instruction, 1));
  for (std::size_t phase = 0; phase < kNumPhases; ++phase)
    for (const Instruction& instruction : plan.phases[phase]) phases[phase].push_back(bind(instruction, plan.lanes));
  for (const Phase phase : {Phase::kForward, Phase::kReverse}) bind_groups(phase);
  accumulate_offset = plan.scratch_size;
  std::size_t extra = 0;
  for (const Instruction& instruction : plan.in(Phase::kAccumulate))
    extra = std::max(extra, accumulate_scratch(instruction, plan.lanes));
  plan.scratch_size += extra;
}

template <class T>
TileFunction<T>::TileFunction(const Function& function, std::size_t lanes, std::span<const std::size_t> late_inputs)
    : bound_plan_(std::make_unique<const BoundPlan>(
          lower(function, {.lanes = lanes, .late_inputs = {late_inputs.begin(), late_inputs.end()}}))) {}

template <class T>
TileFunction<T>::~TileFunction() = default;
template <class T>
TileFunction<T>::TileFunction(TileFunction&&) noexcept = default;
template <class T>
TileFunction<T>& TileFunction<T>::operator=(TileFunction&&) noexcept = default;

template <class T>
std::size_t TileFunction<T>::lanes() const {
  return bound_plan_->plan.lanes;
}

template <class T>
std::size_t TileFunction<T>::shared_size() const {
  return bound_plan_->plan.shared_size;
}

template <class T>
std::size_t TileFunction<T>::saved_size() const {
  return bound_plan_->plan.saved_size;
}

template <class T>
TileWorkspace<T> TileFunction<T>::make_workspace() const {
  TileWorkspace<T> workspace = make_workspace_beside_kept();
  for (std::size_t i = 0; i < workspace.states.size(); ++i)
    if (bound_plan_->is_kept[i]) workspace.states[i] = bound_plan_->ops[i]->make_state();
  return workspace;
}

template <class T>
TileStates TileFunction<T>::make_kept_states() const {
  TileStates states(bound_plan_->ops.size());
  for (std::size_t i = 0; i < states.size(); ++i)
    if (bound_plan_->is_kept[i]) states[i] = bound_plan_->ops[i]->make_state();
  return states;
}

template <class T>
TileWorkspace<T> TileFunction<T>::make_workspace_beside_kept() const {
  TileWorkspace<T> workspace{.scratch = AlignedVector<T>(bound_plan_->plan.scratch_size),
                             .partial_sums = AlignedVector<T>(bound_plan_->partial_size),
                             .states = TileStates(bound_plan_->ops.size())};
  for (std::size_t i = 0; i < workspace.states.size(); ++i)
    if (!bound_plan_->is_kept[i]) workspace.states[i] = bound_plan_->ops[i]->make_state();
  return workspace;
}

template <class T>
std::vector<std::size_t> TileFunction<T>::given_inputs() const {
  std::set<std::size_t> inputs;
  for (const Bound<T>& bound : bound_plan_->phases[static_cast<std::size_t>(Phase::kForward)])
    for (std::size_t i = 0; bound.op && i < bound.instruction.sources.size(); ++i)
      if (const Slot& slot = bound.instruction.sources[i].slot;
          slot.region == Region::kInput && bound.op->reads_given(i))
        inputs.insert(static_cast<std::size_t>(slot.index));
  return {inputs.begin(), inputs.end()};
}

template <class T>
std::size_t TileFunction<T>::kept_bytes() const {
  std::size_t bytes = 0;
  for (const auto& op : bound_plan_->ops) bytes += op->kept_bytes();
  return bytes;
}

template <class T>
void TileFunction<T>::prepare(std::span<const T* const> inputs, T* shared) const {
  const Bases<T> bases{.inputs = inputs, .outputs = {}, .shared_read = shared, .shared_write = shared};
  for (const Bound<T>& bound : bound_plan_->prepare) bound_plan_->run_instruction(bound, bases, 1, nullptr);
}

template <class T>
void TileFunction<T>::run(Phase phase, const TileCall<T>& call) const {
  const Bases<T> bases{.inputs = call.inputs,
                       .outputs = call.outputs,
                       .shared_read = call.shared,
                       .shared_write = nullptr,
                       .saved = call.saved,
                       .scratch = call.workspace->scratch.data()};
  bound_plan_->run_phase(phase, bases, call);
}

template <class T>
void TileFunction<T>::finish_sums(std::span<T* const> outputs, TileWorkspace<T>& workspace) const {
  const Bases<T> bases{.inputs = {}, .outputs = outputs, .shared_read = nullptr, .shared_write = nullptr};
  for (const Bound<T>& bound : bound_plan_->phases[static_cast<std::size_t>(Phase::kAccumulate)]) {
    T* out = bases.write(bound.instruction.out);
    T* partial = workspace.partial_sums.data() + bound.partial;
    if (bound.num_partial == 0 || out == nullptr) continue;
    if (bound.instruction.kind == InstructionKind::kAddConv)
      finish_weight_sums(*bound.instruction.conv, bound_plan_->plan.lanes, partial, out);
    else
      add_partial_sums(partial, bound.num_partial, out);
  }
}

template class TileFunction<float>;
template class TileFunction<double>;

}  // namespace costate::internal
