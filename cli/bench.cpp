// costate bench: what this machine gives.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/bench_workloads.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "costate/base/base.h"
#include "costate/diff/diff.h"
#include "costate/exec/machine.h"
#include "costate/exec/program.h"
#include "costate/graph/simplify.h"
#include "costate/io/io.h"
#include "costate/train/optimizers.h"

namespace costate::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchArguments {
  std::string workload, data;
  double seconds = 0.5;
  std::optional<int> threads;
  bool json = false;
};

struct Timing {
  double median = 0, low = 0, high = 0;  // milliseconds; low and high: the quartiles
};

Timing time(double seconds, const std::function<void()>& work) {
  work();
  std::vector<double> samples;
  const auto begin = Clock::now();
  while (samples.size() < 5 || seconds_since(begin) < seconds) {
    const auto start = Clock::now();
    work();
    samples.push_back(1e3 * seconds_since(start));
  }
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[samples.size() / 4], samples[3 * samples.size() / 4]};
}

/// Floating-point operations of the products of one evaluation, but for those of shared values alone, which are
/// computed once.
double product_operations(const Function& function) {
  double operations = 0;
  std::vector<bool> is_shared;
  for (const Node& node : function.nodes()) {
    is_shared.push_back(node.op == Op::kInput
                            ? function.inputs()[static_cast<std::size_t>(node.indices[0])].kind == InputKind::kShared
                            : std::all_of(node.operands.begin(), node.operands.end(),
                                          [&](NodeId id) { return is_shared[static_cast<std::size_t>(id)]; }));
    if (is_shared.back() || (node.op != Op::kMatmul && node.op != Op::kOuter)) continue;
    const Shape& first = function.nodes()[node.operands[0]].shape;
    const auto depth = static_cast<double>(node.op == Op::kOuter ? 1 : first[first.rank() - 1]);
    operations += 2 * depth * static_cast<double>(node.shape.size());
  }
  return operations;
}

struct Measurement {
  Timing forward, gradient;
  double first_gradient = 0;                   // milliseconds from the start of the measurement
  double optimizer = 0;                        // share of a whole step of Adam
  double forward_rate = 0, gradient_rate = 0;  // GFLOP/s of the products
  double loss = 0, gradient_norm = 0;
  RunReport report;
};

/// Share of the time of training steps that is not the gradient's.
double optimizer_share(const Workload& workload, const Program& gradient, const std::vector<HostArray>& inputs,
                       double seconds) {
  Optimizer adam({}, workload.parameters);
  double in_gradient = 0;
  const auto evaluate = [&] {
    const auto start = Clock::now();
    RunResult result = gradient.run(inputs);
    in_gradient += seconds_since(start);
    Evaluation evaluation{.loss = result.outputs[0].mean(), .gradients = {}, .report = result.report};
    evaluation.gradients.assign(std::make_move_iterator(result.outputs.begin() + 1),
                                std::make_move_iterator(result.outputs.end()));
    return evaluation;
  };
  const auto begin = Clock::now();
  double whole = 0;
  // A rate of 0 keeps the weights, and with them the work.
  do {
    adam.step(evaluate, 0.0);
    whole = seconds_since(begin);
  } while (whole < seconds);
  return 1 - in_gradient / whole;
}

Measurement measure(const Workload& workload, double seconds, Clock::time_point begin) {
  const CompileOptions f32{.dtype = Dtype::kF32};
  const Function loss = workload.loss();
  const Program gradient = compile(value_and_grad(loss, workload.parameters), f32);
  const std::vector<HostArray> inputs = {workload.z0, workload.target};
  RunResult result = gradient.run(inputs);
  Measurement found;
  found.first_gradient = 1e3 * seconds_since(begin);
  const Program forward = compile(loss, f32);
  found.forward = time(seconds, [&] { forward.run(inputs); });
  found.gradient = time(seconds, [&] { result = gradient.run(inputs); });
  found.report = result.report;
  found.loss = result.outputs[0].mean();
  const auto batch = static_cast<double>(workload.info.batch);
  for (std::size_t i = 1; i < result.outputs.size(); ++i)
    for (std::int64_t k = 0; k < result.outputs[i].size(); ++k)
      found.gradient_norm += std::pow(result.outputs[i].at(k) / batch, 2);
  found.gradient_norm = std::sqrt(found.gradient_norm);
  const Function field = workload.field().function();
  const double one = product_operations(simplify(field)), once = static_cast<double>(found.report.nfe_forward) * one;
  // What a gradient needs: where evaluations were not kept but done again, the rate is lower, not the work more.
  const double back = static_cast<double>(found.report.nfe_backward) * (product_operations(simplify(vjp(field))) - one);
  found.forward_rate = once / found.forward.median / 1e6;
  found.gradient_rate = (once + back) / found.gradient.median / 1e6;
  found.optimizer = optimizer_share(workload, gradient, inputs, seconds / 2);
  return found;
}

void print_json(const Workload& workload, const Measurement& found) {
  const auto list = [](const Timing& timing) { return std::vector<double>{timing.median, timing.low, timing.high}; };
  const auto batch = static_cast<double>(workload.info.batch);
  std::cout << format_json({{"loss", found.loss},
                            {"gradient_norm", found.gradient_norm},
                            {"forward_ms", list(found.forward)},
                            {"gradient_ms", list(found.gradient)},
                            {"first_gradient_ms", found.first_gradient},
                            {"optimizer_share", found.optimizer},
                            {"forward_gflops", found.forward_rate},
                            {"gradient_gflops", found.gradient_rate},
                            {"peak_gflops", measured_peak(Dtype::kF32)},
                            {"nfe_forward", static_cast<double>(found.report.nfe_forward) / batch},
                            {"nfe_backward", static_cast<double>(found.report.nfe_backward) / batch},
                            {"simd", simd_target()}});
}

void print_head(double peak) {
  std::cout << "SIMD target " << simd_target() << ", " << num_threads() << " threads, " << std::setprecision(4) << peak
            << " GFLOP/s of one core's fused multiply-adds (f32)\n"
            << std::left << std::setw(8) << "" << std::right << std::setw(12) << "forward ms" << std::setw(10)
            << "GFLOP/s" << std::setw(8) << "peak" << std::setw(12) << "NFE/s" << std::setw(14) << "gradient ms"
            << std::setw(10) << "GFLOP/s" << std::setw(8) << "peak" << std::setw(12) << "NFE/s" << std::setw(8)
            << "Adam"
            << "\n";
}

void print_row(const Workload& workload, const Measurement& found, double peak) {
  const auto share = [](double part) { return text::concat(std::lround(100 * part), " %"); };
  const double all = peak * num_threads();
  const auto forward = static_cast<double>(found.report.nfe_forward);
  const auto back = static_cast<double>(found.report.nfe_backward);
  std::cout << std::left << std::setw(8) << workload.info.name << std::right << std::setprecision(3) << std::setw(12)
            << found.forward.median << std::setw(10) << found.forward_rate << std::setw(8)
            << share(found.forward_rate / all) << std::setw(12) << 1e3 * forward / found.forward.median << std::setw(14)
            << found.gradient.median << std::setw(10) << found.gradient_rate << std::setw(8)
            << share(found.gradient_rate / all) << std::setw(12) << 1e3 * (forward + back) / found.gradient.median
            << std::setw(8) << share(found.optimizer) << std::endl;
}

void print_legend() {
  std::cout
      << "GFLOP/s: of the matrix products alone. NFE: evaluations of the field and of its vjp, over all samples.\n"
         "Adam: share of a training step that the optimizer takes.\n";
  for (const WorkloadInfo& info : workload_infos()) std::cout << info.name << ": " << info.description << "\n";
}

int run(const BenchArguments& arguments, Clock::time_point begin) {
  if (arguments.threads) set_num_threads(*arguments.threads);
  if (arguments.json && arguments.workload.empty()) throw InvalidArgument("--json needs the name of a workload.");
  const auto load = [&](const std::string& name) {
    return arguments.data.empty() ? make_workload(name) : read_workload(name, arguments.data);
  };
  if (arguments.json) {
    const Workload workload = load(arguments.workload);
    print_json(workload, measure(workload, arguments.seconds, begin));
    return 0;
  }
  std::vector<Workload> workloads;
  for (const WorkloadInfo& info : workload_infos())
    if (arguments.workload.empty()) workloads.push_back(load(info.name));
  if (!arguments.workload.empty()) workloads.push_back(load(arguments.workload));
  const double peak = measured_peak(Dtype::kF32);
  print_head(peak);
  for (const Workload& workload : workloads)
    print_row(workload, measure(workload, arguments.seconds, Clock::now()), peak);
  print_legend();
  return 0;
}

}  // namespace

void add_bench(CommandLine& line) {
  const auto begin = Clock::now();
  const auto arguments = std::make_shared<BenchArguments>();
  Command command = line.add_command("bench", "Time solves and gradients: what this machine gives",
                                     [arguments, begin] { return run(*arguments, begin); });
  std::vector<std::string> names;
  for (const WorkloadInfo& info : workload_infos()) names.push_back(info.name);
  command.add_positional("workload", arguments->workload, "spiral, single, mlp128, rk4, medium or cnf2d (all)", names);
  command.add_option("--seconds", arguments->seconds, number(0), "At least this long per timing");
  command.add_option("--threads", arguments->threads, thread_count(), "Threads (all)");
  command.add_option("--data", arguments->data, some_text("a folder"),
                     "Folder of <workload>.npz with weights and data (drawn)");
  command.add_flag("--json", arguments->json, "Print the numbers of one workload as JSON");
  command.set_footer("Example:\n  costate bench cnf2d --threads 1");
}

}  // namespace costate::cli
