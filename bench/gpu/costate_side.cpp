// Costate's side on a card: whole solves, and programs of their gradients, beside the same on the CPU.
//
//   counts   compiles the kernels by NVRTC for three architectures and prints registers, spills and memory; needs no
//   card run      runs them on the card (COSTATE_CUDA=experimental): the answer is compared with the CPU's, then timed
//
// usage: costate_side counts|run SECONDS
#include <cmath>
#include <cstdio>
#include <regex>

#include "bench/side.h"
#include "costate/adjoint/internal/cuda/adjoint_op.h"
#include "costate/cuda/internal/nvrtc.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/models/latent_ode.h"
#include "costate/solve/device.h"
#include "costate/solve/internal/cuda/device_solve.h"
#include "costate/solve/solve.h"
#include "costate/train/evaluation.h"
#include "costate/train/optimizers.h"

namespace {

using namespace costate;

/// Numbers in (-1, 1) that peers compute alike.
HostArray spread(const Shape& shape, std::int64_t phase, double scale) {
  HostArray array(shape);
  for (std::int64_t k = 0; k < array.size(); ++k)
    array.set(k, scale * (static_cast<double>((k * 7919 + phase * 104729) % 9973) / 4986.5 - 1));
  return array;
}

/// A net of tanh layers.
std::function<Array(Array)> net(const std::vector<std::int64_t>& sizes) {
  std::vector<Parameter> weights, biases;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    const auto phase = static_cast<std::int64_t>(i);
    const double scale = 1 / std::sqrt(static_cast<double>(sizes[i]));
    weights.emplace_back(text::concat("w", i), spread({sizes[i + 1], sizes[i]}, phase, scale));
    biases.emplace_back(text::concat("b", i), spread({sizes[i + 1]}, phase + 17, 0.1));
  }
  return [=](Array x) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      x = matmul(weights[i], x) + biases[i];
      if (i + 1 < weights.size()) x = tanh(x);
    }
    return x;
  };
}

struct Workload {
  std::string name;
  VectorField field;
  HostArray z0, times;
  SolveOptions options;
  std::vector<HostArray> arguments = {};
};

std::vector<Workload> workloads() {
  const auto spiral = net({2, 50, 2}), wide = net({16, 128, 128, 16}), moving = net({3, 64, 64, 2});
  const VectorField on_spiral = vector_field({2}, [&](Array, Array z) { return spiral(z * z * z); });
  const VectorField on_wide = vector_field({16}, [&](Array, Array z) { return wide(z); });
  // A continuous normalizing flow in the plane: the state, and the integral of the trace of its Jacobian.
  const VectorField flow = vector_field({3}, [&](Array t, Array z) {
    const Array x = z.slice(0, 2), slope = moving(concat({x, reshape(t, {1})})), slopes = jacobian(slope, x);
    return concat({slope, reshape(slopes[0][0] + slopes[1][1], {1})});
  });
  const VectorField prey = vector_field({2}, {{"p", {4}}}, [](Array, Array z, Array p) {
    return concat({reshape(p[0] * z[0] - p[1] * z[0] * z[1], {1}), reshape(p[2] * z[0] * z[1] - p[3] * z[1], {1})});
  });
  SolveOptions loose{.rtol = 1e-4, .atol = 1e-6, .gradient_steps = GradientSteps::kOff, .dtype = Dtype::kF32};
  SolveOptions exact{.method = Method::kDopri8, .gradient_steps = GradientSteps::kOff};
  const auto many = [](std::int64_t batch) {
    HostArray p = spread({batch, 4}, 3, 0.2);
    for (std::int64_t i = 0; i < p.size(); ++i) p.set(i, p.at(i) + (i % 4 == 1 || i % 4 == 2 ? 0.5 : 1.0));
    return p;
  };
  HostArray animals = spread({1'000'000, 2}, 5, 0.5);
  for (std::int64_t i = 0; i < animals.size(); ++i) animals.set(i, animals.at(i) + 1);
  return {{"spiral_20", on_spiral, spread({20, 2}, 1, 2), HostArray::linspace(0, 1, 10), loose},
          {"spiral_4096", on_spiral, spread({4096, 2}, 1, 2), HostArray::linspace(0, 1, 10), loose},
          {"mlp128_65536", on_wide, spread({65536, 16}, 2, 1), HostArray::vector({0, 1}), loose},
          {"cnf2d_16384", flow, spread({16384, 3}, 4, 1), HostArray::vector({0, 1}), loose},
          {"lotka_volterra_1e6", prey, animals, HostArray::vector({0, 5, 10}), exact, {many(1'000'000)}}};
}

/// The kernels of a workload, as they are made for a card with so much shared memory; `guarded` is its solve with steps
/// that are fit to be differentiated.
struct Made {
  internal::DeviceGradientProblem problem;
  internal::DeviceProblem guarded_problem;
  internal::SolveKernels solve, guarded;
  internal::AdjointKernels adjoint;
  std::size_t lanes;

  Made(const Workload& work, std::size_t shared_limit)
      : problem(work.field, work.options, all_gradients(work.field)),
        guarded_problem(work.field, guarded_options(work.options)),
        solve(internal::solve_kernels(problem.problem, shared_limit)),
        guarded(internal::solve_kernels(guarded_problem, shared_limit)),
        adjoint(internal::adjoint_kernels(problem, shared_limit)),
        lanes(internal::lanes_of_batch(solve, static_cast<std::size_t>(work.z0.shape()[0]))) {}

  static SolveOptions guarded_options(SolveOptions options) {
    options.gradient_steps = GradientSteps::kOn;
    return options;
  }
  static internal::WantedGradients all_gradients(const VectorField& field) {
    return {.times = false,
            .arguments = std::vector<bool>(field.function().inputs().size() - 1 - field.parts().size(), true)};
  }
};

void print_count(const internal::Nvrtc& nvrtc, const std::string& workload, const char* architecture, const char* title,
                 const std::string& source, const internal::KernelShape& kernel, std::size_t lanes) {
  const std::string log = nvrtc.compile(source, architecture).log;
  const std::regex counts("entry function '" + kernel.name +
                          "'[^]*?(\\d+) bytes spill stores[^]*?Used (\\d+) registers");
  std::smatch found;
  if (!std::regex_search(log, found, counts)) throw InternalError("[bench] no counts in ", log);
  std::printf("| %s | %s | %s | %zu | %zu | %zu | %s | %s |\n", workload.c_str(), architecture, title, lanes,
              kernel.shared_bytes, kernel.global_bytes, found[2].str().c_str(), found[1].str().c_str());
}

void print_counts() {
  const internal::Nvrtc nvrtc;
  std::printf(
      "NVRTC %s\n\n| workload | architecture | kernel | lanes | shared, bytes | global, bytes | registers | spills, "
      "bytes |\n"
      "|---|---|---|---|---|---|---|---|\n",
      nvrtc.version().c_str());
  for (const Workload& work : workloads())
    for (const auto& [architecture, limit] :
         {std::pair<const char*, std::size_t>{"sm_80", 163 * 1024}, {"sm_90", 227 * 1024}, {"sm_100", 227 * 1024}}) {
      const Made made(work, limit);
      const auto& [solve, solve_source] = made.solve.of(made.lanes);
      const auto& [guarded, guarded_source] = made.guarded.of(made.lanes);
      const auto& [gradient, gradient_source] = made.adjoint.of(made.lanes);
      print_count(nvrtc, work.name, architecture, "solve", solve_source, solve, made.lanes);
      print_count(nvrtc, work.name, architecture, "guarded", guarded_source, guarded, made.lanes);
      print_count(nvrtc, work.name, architecture, "reverse", gradient_source, gradient.reverse, made.lanes);
    }
}

/// The sum of all states, then its gradients by z0, the arguments and the Parameters.
Function gradient_of(const Workload& work) {
  std::vector<ArgumentSpec> specs = {{"z0", work.z0.shape().without_first()}};
  for (const ArgumentSpec& argument : work.field.arguments()) specs.push_back(argument);
  const Function loss = trace_list(specs, [&](std::span<const Array> inputs) {
    return std::vector<Array>{sum(solve(work.field, inputs[0], constant(work.times), work.options, inputs.subspan(1)))};
  });
  return value_and_grad(loss);
}

/// Whole solves and programs with their transfers and allocations.
void run(double seconds) {
  for (const Workload& work : workloads()) {
    const auto solve_there = [&] {
      return solve_on(Device::kCuda, work.field, work.z0, work.times, work.options, work.arguments);
    };
    const Program program = compile(gradient_of(work), {.dtype = work.options.dtype, .device = Device::kCuda});
    std::vector<HostArray> inputs = {work.z0};
    inputs.insert(inputs.end(), work.arguments.begin(), work.arguments.end());
    const Solution there = solve_there(), here = solve(work.field, work.z0, work.times, work.options, work.arguments);
    double sum = 0, gradient = 0;
    for (const double number : there.states.numbers()) sum += number;
    for (const double number : program.run(inputs).outputs[1].numbers()) gradient += number;
    std::printf("{\"workload\": \"%s\", \"has_cpu_bits\": %s, \"sum\": %.9g, \"gradient\": %.9g, ", work.name.c_str(),
                there.states.same_bits(here.states) ? "true" : "false", sum, gradient);
    bench::print_times("forward_ms", seconds, [&] { solve_there(); });
    std::printf(", ");
    bench::print_times("gradient_ms", seconds, [&] { program.run(inputs); });
    std::printf("}\n");
  }
}

/// A training step of a latent ODE of spirals (Chen et al. 2018, section 5.1): loss, gradient and a step of Adam. The
/// encoder and the decoder are the CPU's.
void run_latent_ode(double seconds) {
  constexpr std::int64_t kBatch = 200, kTimes = 100;
  const LatentOde model({.observed = 2, .field_hidden = {20, 20}});
  const Array times = constant(HostArray::linspace(0, 2, kTimes));
  const Function loss = trace_list({{"x", {kTimes, 2}}, {"noise", {4}}}, [&](std::span<const Array> inputs) {
    return std::vector<Array>{model.loss({times, inputs[0]}, inputs[1], 0.3)};
  });
  const Function gradient = value_and_grad(loss, std::span<const Parameter>(model.parameters()));
  const std::vector<HostArray> inputs = {spread({kBatch, kTimes, 2}, 6, 1), spread({kBatch, 4}, 7, 1)};
  std::printf("{\"workload\": \"latent_ode_200\", ");
  for (const Device device : {Device::kCpu, Device::kCuda}) {
    const Program program = compile(gradient, {.dtype = Dtype::kF32, .device = device});
    Optimizer adam({}, model.parameters());
    bench::print_times(device == Device::kCpu ? "cpu_step_ms" : "step_ms", seconds,
                       [&] { adam.step([&] { return mean_over_batch(program.run(inputs)); }, 0.001); });
    std::printf(device == Device::kCpu ? ", " : "}\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments = bench::arguments(argc, argv, "counts|run SECONDS");
  try {
    if (arguments[0] == "counts")
      print_counts();
    else {
      run(std::stod(arguments[1]));
      run_latent_ode(std::stod(arguments[1]));
    }
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
