#include "costate/solve/internal/cuda/solve_op.h"

#include <algorithm>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"
#include "costate/cuda/internal/card.h"
#include "costate/solve/internal/failure_advice.h"

namespace costate::internal {
namespace {

RunReport report_of(const std::vector<LaneOutcome>& outcomes, const DeviceBatch& batch, const SolveOptions& options) {
  RunReport report;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    report.nfe_forward += outcomes[i].nfe;
    report.accepted += outcomes[i].accepted;
    report.rejected += outcomes[i].rejected;
    if (outcomes[i].status == Status::kOk) continue;
    const std::size_t first_time = batch.times_are_shared ? 0 : i * batch.num_times;
    report.failures.push_back(failure_of(static_cast<std::int64_t>(i), outcomes[i],
                                         batch.times.at(static_cast<std::int64_t>(first_time)), options, false));
  }
  return report;
}

StepsAre use_of_steps(const BatchOpContext& context) {
  const bool are_differentiated = std::ranges::any_of(context.readers, [](const ResultReader& reader) {
    const StepReader* steps = step_reader(reader);
    return steps != nullptr && steps->gradients_of_steps();
  });
  return are_differentiated ? StepsAre::kDifferentiated : StepsAre::kKept;
}

}  // namespace

SolveOptions device_options(const SolveExtension& solve, Dtype dtype) {
  SolveOptions options = dtype == Dtype::kF32 ? solve.options_in<float>() : solve.options_in<double>();
  options.dtype = dtype;
  return options;
}

DeviceOperands::DeviceOperands(const SolveExtension& solve, const BatchOpContext& context, const BatchOpRun& run,
                               std::size_t first)
    : batch_{.z0 = of_samples(context, run, first),
             .times = solve.known_times().empty() ? *run.operands[first + 1]
                                                  : made_.emplace_back(HostArray::vector(solve.known_times())),
             .values = {},
             .batch = run.batch,
             .num_times = static_cast<std::size_t>(context.operand_shapes[first + 1][0]),
             .times_are_shared = context.operand_is_shared[first + 1]} {
  check_times(batch_.times);
  const std::vector<Input>& inputs = solve.field().function().inputs();
  for (std::size_t i = first + 2; i < run.operands.size(); ++i)
    batch_.values.push_back(inputs[i - first - 1 + solve.field().parts().size()].kind == InputKind::kShared
                                ? run.operands[i]
                                : &of_samples(context, run, i));
}

const HostArray& DeviceOperands::of_samples(const BatchOpContext& context, const BatchOpRun& run, std::size_t i) {
  const HostArray& given = *run.operands[i];
  if (!context.operand_is_shared[i]) return given;
  const std::vector<std::size_t> rows(run.batch, 0);
  return made_.emplace_back(take_rows(given.reshape(given.shape().with_first(1)), rows));
}

DeviceSolveOp::DeviceSolveOp(std::shared_ptr<const SolveExtension> solve, const BatchOpContext& context)
    : solve_(std::move(solve)),
      context_(context),
      device_(card()),
      problem_(solve_->field(), device_options(*solve_, context.dtype), use_of_steps(context)),
      kernels_(solve_kernels(problem_, device_.shared_limit())),
      keeps_steps_(std::ranges::any_of(context.readers,
                                       [](const ResultReader& reader) { return step_reader(reader) != nullptr; })) {}

BatchOpResult DeviceSolveOp::run(const BatchOpRun& run) const {
  return context_.dtype == Dtype::kF32 ? run_as<float>(run) : run_as<double>(run);
}

template <class T>
BatchOpResult DeviceSolveOp::run_as(const BatchOpRun& run) const {
  const DeviceOperands operands(*solve_, context_, run, 0);
  const DeviceBatch& batch = operands.batch();
  auto state = std::make_shared<DeviceSolveState<T>>();
  state->lanes = lanes_of_batch(kernels_, run.batch);
  const SolveKernels::Made& made = kernels_.of(state->lanes);
  const auto module = device_.load(made.source);
  const DeviceInputs<T> inputs(device_, problem_, problem_.field, state->lanes, batch);
  std::vector<LaneOutcome> outcomes;
  const auto solve_in = [&](std::size_t room) {
    state->solved = launch_solve<T>(device_, *module, made.shapes, problem_, state->lanes, inputs, batch, room);
    outcomes = state->solved.read_ends().outcomes;
    return static_cast<std::size_t>(std::ranges::max(outcomes, {}, &LaneOutcome::accepted).accepted);
  };
  if (keeps_steps_)
    capacity_ = solve_with_room(capacity_, solve_in);
  else
    solve_in(0);
  const Shape shape{static_cast<std::int64_t>(run.batch), static_cast<std::int64_t>(batch.num_times),
                    static_cast<std::int64_t>(problem_.state_size)};
  return {.value = HostArray(shape, state->solved.states.numbers()),
          .state = state,
          .report = report_of(outcomes, batch, problem_.options)};
}

std::shared_ptr<const BatchOp> SolveExtension::lower_batch(const BatchOpContext& context) const {
  const auto refuse = [](bool is_asked_for, const char* what) {
    if (is_asked_for)
      throw NotSupported("[solve] device = cuda does not have ", what, " yet; compile for the CPU (device = cpu).");
  };
  refuse(events_ != nullptr, "events");
  refuse(context.dtype == Dtype::kF32 && known_times_.empty() && !context.operand_is_given[1],
         "times that an f32 program computes");
  check_kinds(context.operand_is_shared);
  return std::make_shared<DeviceSolveOp>(shared_from_this(), context);
}

}  // namespace costate::internal
