#include "costate/adjoint/internal/cuda/gradient_kernel.h"

#include "costate/base/text.h"
#include "costate/solve/internal/cuda/kernel_writer.h"

namespace costate::internal {
namespace {

// clang-format off
constexpr std::string_view kReverse =
#include "costate/solve/internal/cuda/stops.inc"
#include "costate/adjoint/internal/cuda/reverse_lanes.inc"
#include "costate/adjoint/internal/cuda/reverse.inc"
    ;
// clang-format on

class GradientKernelWriter : public KernelWriter {
 public:
  GradientKernelWriter(CudaSource& source, const std::string& name, const DeviceGradientProblem& problem,
                       std::size_t lanes, std::size_t shared_limit)
      : KernelWriter(source, name, problem.problem, problem.linear, lanes, shared_limit), gradient_(problem) {}

  GradientKernels write() {
    add_field("_linear");
    set("all_stages", num_stages());
    set("reverse_lanes_size", lanes_size());
    set("shared_gradients", gradient_.shared_size());
    set("own_gradients", gradient_.own_size() * lanes());
    set_if(!plan().in(Phase::kAccumulate).empty(), "accumulates");
    set_if(gradient_.wants_times, "times_wanted");
    set_if(gradient_.wants_times && !problem().is_fixed, "start_rates");
    set_tableau();
    place_arrays();
    bind_gradients();
    place_shared();
    const KernelShape reverse = finish(kReverse, "_reverse");
    return {reverse, {.name = name() + "_add_blocks", .threads = reverse.threads}};
  }

 private:
  std::size_t lanes_size() const { return lanes() * (8 * 8 + 3 * device_size(dtype()) + 6 * 4) + 64; }

  void place_arrays() {
    place(name() + "_reverse_lanes", lanes_size(), "lanes", 1);
    for (const char* state : {"y", "y_cotangent", "state_cotangent"}) place(state, tile_state());
    place_field_scratch();
    for (const char* of_stages : {"slopes", "slope_cotangents", "states"})
      place(of_stages, num_stages() * tile_state());
    if (problem().reads_time) place_time(num_stages());
    if (gradient_.wants_times) place("time_cotangent", lanes());
    if (!problem().is_fixed) place("weights", num_stages() * lanes());
    place("own_cotangents", gradient_.own_size() * lanes());
    place("own_sums", gradient_.own_size() * lanes());
    place_saved(num_stages());
    place("sums", gradient_.shared_size());
  }

  /// What the field reads at a stage, and where its results go on the way there and back.
  void bind_gradients() {
    bind("stage_binds", text::concat("field.saved = saved + stage * ", plan().saved_size));
    const DeviceField& linear = gradient_.linear;
    std::size_t rows = 0;
    for (std::size_t i = 0; problem().reads_time && i < linear.num_times; ++i) {
      const std::size_t size = linear.of_time ? static_cast<std::size_t>(linear.of_time->output_shape(i).size()) : 1;
      bind("stage_binds",
           text::concat("field.in", i, " = time_rows + stage * ", time_numbers(), " + ", rows * lanes()));
      rows += size;
    }
    const std::size_t num_parts = problem().part_offsets.size();
    for (std::size_t part = 0; part < num_parts; ++part) {
      const std::size_t offset = problem().part_offsets[part] * lanes();
      bind("stage_binds", text::concat("field.in", linear.num_times + part, " = state + ", offset));
      bind("slope_binds", text::concat("field.out", part, " = slope + ", offset));
      bind("cotangent_binds", text::concat("field.in", linear.late_inputs[part], " = slope_cotangent + ", offset));
      bind("binds", text::concat("field.out", num_parts + num_times() + part, " = state_cotangent + ", offset));
    }
    if (gradient_.wants_times) bind("binds", text::concat("field.out", num_parts, " = time_cotangent"));
    std::size_t shared = 0, own = 0;
    lists("gradient_members");
    lists("gradient_stores");
    for (std::size_t i = 0; i < gradient_.arguments.size(); ++i) {
      const DeviceArgument& argument = gradient_.arguments[i];
      const std::size_t output = 2 * num_parts + num_times() + i;
      if (argument.is_shared) {
        bind("binds", text::concat("field.out", output, " = sums + ", shared));
        shared += argument.size;
        continue;
      }
      const std::string member = "gradient" + std::to_string(i);
      bind("gradient_members", text::concat(real(), " *", member));
      bind("binds", text::concat("field.out", output, " = own_cotangents + ", own * lanes()));
      bind("gradient_stores",
           text::concat("costate_store<", real(), ", ", argument.size, ", ", lanes(), ">(thread, own_sums + ",
                        own * lanes(), ", first, a.batch, a.", member, ")"));
      own += argument.size;
    }
  }

  /// Cotangents of t among the field's outputs.
  std::size_t num_times() const { return gradient_.wants_times ? 1 : 0; }

  std::size_t time_numbers() const {
    std::size_t rows = 0;
    if (!gradient_.linear.of_time) return lanes();
    for (std::size_t i = 0; i < gradient_.linear.of_time->outputs().size(); ++i)
      rows += static_cast<std::size_t>(gradient_.linear.of_time->output_shape(i).size());
    return rows * lanes();
  }

  const DeviceGradientProblem& gradient_;
};

}  // namespace

DeviceGradientProblem::DeviceGradientProblem(const VectorField& field, const SolveOptions& options,
                                             const WantedGradients& wanted)
    : problem(field, options, StepsAre::kDifferentiated),
      linear(linearize(field, wanted), problem.reads_time, options.dtype),
      wants_times(wanted.times) {
  const std::vector<Input>& inputs = field.function().inputs();
  for (std::size_t i = 0; i < wanted.arguments.size(); ++i) {
    const Input& input = inputs[1 + field.parts().size() + i];
    if (wanted.arguments[i])
      arguments.push_back(
          {input.shape, static_cast<std::size_t>(input.shape.size()), input.kind == InputKind::kShared});
  }
}

std::size_t DeviceGradientProblem::shared_size() const {
  std::size_t size = 0;
  for (const DeviceArgument& argument : arguments) size += argument.is_shared ? argument.size : 0;
  return size;
}

std::size_t DeviceGradientProblem::own_size() const {
  std::size_t size = 0;
  for (const DeviceArgument& argument : arguments) size += argument.is_shared ? 0 : argument.size;
  return size;
}

GradientKernels add_gradient_kernels(CudaSource& source, const std::string& name, const DeviceGradientProblem& problem,
                                     std::size_t lanes, std::size_t shared_limit) {
  return GradientKernelWriter(source, name, problem, lanes, shared_limit).write();
}

}  // namespace costate::internal
