// Costate's side of the comparison: one workload, forward and gradient, timed; prints one JSON object.
//
// usage: costate_side DATA_DIR NAME SECONDS
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "costate/costate.h"

namespace {

namespace cs = costate;
using Clock = std::chrono::steady_clock;

struct Workload {
  std::string name;
  std::map<std::string, cs::HostArray> data;
  std::vector<cs::Parameter> parameters;  // w0, b0, w1, b1, …
  std::size_t layers = 0;

  const cs::HostArray& array(const std::string& key) const { return data.at(key); }
};

Workload load(const std::string& folder, const std::string& name) {
  Workload workload{.name = name, .data = {}, .parameters = {}};
  workload.data = cs::read_npz(folder + "/" + name + ".npz");
  while (workload.data.contains("w" + std::to_string(workload.layers))) {
    for (const char* kind : {"w", "b"}) {
      const std::string key = kind + std::to_string(workload.layers);
      workload.parameters.emplace_back(key, workload.array(key).astype(cs::Dtype::kF64));
    }
    ++workload.layers;
  }
  return workload;
}

cs::Array net(const Workload& workload, cs::Array x) {
  for (std::size_t i = 0; i < workload.layers; ++i) {
    const cs::Array product = cs::matmul(workload.parameters[2 * i], x);
    x = product + workload.parameters[2 * i + 1];
    if (i + 1 < workload.layers) x = cs::tanh(x);
  }
  return x;
}

/// State (z, log density): dlogp/dt = -tr(df/dz), exactly.
cs::VectorField density_field(const Workload& workload) {
  return cs::vector_field({3}, [&](cs::Array t, cs::Array state) {
    const cs::Array z = state.slice(0, 2);
    const cs::Array slope = net(workload, cs::concat({z, cs::reshape(t, {1})}));
    cs::Array trace = cs::constant(0.0);
    for (std::int64_t i = 0; i < 2; ++i) {
      const cs::Array unit = cs::constant(cs::HostArray::vector({i == 0 ? 1.0 : 0.0, i == 1 ? 1.0 : 0.0}));
      trace = trace + cs::push_forward(std::span(&slope, 1), std::span(&z, 1), std::span(&unit, 1))[0][i];
    }
    return cs::concat({slope, cs::reshape(-trace, {1})});
  });
}

cs::VectorField field_of(const Workload& workload) {
  if (workload.name == "cnf2d") return density_field(workload);
  const std::int64_t size = workload.array("z0").shape()[1];
  return cs::vector_field(
      {size}, [&](cs::Array, cs::Array z) { return net(workload, workload.name == "spiral" ? z * z * z : z); });
}

cs::SolveOptions options_of(const std::string& name) {
  if (name == "spiral") return {.rtol = 1e-4, .atol = 1e-6};
  if (name == "single") return {.rtol = 1e-6, .atol = 1e-6};
  if (name == "mlp128") return {.rtol = 1e-4, .atol = 1e-4, .control = cs::Control::kJoint};
  if (name == "cnf2d") return {.rtol = 1e-5, .atol = 1e-5, .control = cs::Control::kJoint};
  return {.method = cs::Method::kRk4, .steps_per_interval = name == "rk4" ? 100 : 20};
}

/// Mean absolute error of all states, or for the flow the negative log density of a sample; both of one sample.
cs::Function loss_of(const Workload& workload, const cs::VectorField& field) {
  const std::int64_t size = workload.array("z0").shape()[1];
  const std::int64_t times = workload.array("times").shape()[0];
  const cs::SolveOptions options = options_of(workload.name);
  if (workload.name == "cnf2d")
    return cs::trace(
        [&](cs::Array z0, cs::Array) {
          const cs::Array start = cs::concat({z0, cs::zeros({1})});
          const cs::Array end = cs::solve(field, start, cs::constant(workload.array("times")), options)[1];
          const cs::Array log_normal = -0.5 * cs::sum(cs::square(end.slice(0, 2))) - 1.8378770664093453;
          return end[2] - log_normal;
        },
        {{"z0", {2}}, {"target", {times, size}}});
  return cs::trace(
      [&](cs::Array z0, cs::Array target) {
        return cs::mean(cs::abs(cs::solve(field, z0, cs::constant(workload.array("times")), options) - target));
      },
      {{"z0", {size}}, {"target", {times, size}}});
}

struct Timing {
  double median = 0, low = 0, high = 0;  // milliseconds; low and high: the quartiles
};

Timing time(double seconds, const std::function<void()>& work) {
  work();
  std::vector<double> samples;
  const auto begin = Clock::now();
  while (samples.size() < 5 || std::chrono::duration<double>(Clock::now() - begin).count() < seconds) {
    const auto start = Clock::now();
    work();
    samples.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[samples.size() / 4], samples[3 * samples.size() / 4]};
}

double mean_of(const cs::HostArray& array) {
  double sum = 0;
  for (std::int64_t i = 0; i < array.size(); ++i) sum += array.at(i);
  return sum / static_cast<double>(array.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: costate_side DATA_DIR NAME SECONDS\n");
    return 2;
  }
  const auto cold = Clock::now();
  const Workload workload = load(argv[1], argv[2]);
  const double seconds = std::atof(argv[3]);
  const cs::VectorField field = field_of(workload);
  const cs::Function loss = loss_of(workload, field);
  const cs::CompileOptions f32{.dtype = cs::Dtype::kF32};
  const cs::Program forward = cs::compile(loss, f32),
                    gradient = cs::compile(cs::value_and_grad(loss, workload.parameters), f32);
  const std::vector<cs::HostArray> inputs = {workload.array("z0"), workload.array("target")};
  cs::RunResult result = gradient.run(inputs);
  const double first = std::chrono::duration<double, std::milli>(Clock::now() - cold).count();
  const Timing forward_time = time(seconds, [&] { forward.run(inputs); });
  const Timing gradient_time = time(seconds, [&] { result = gradient.run(inputs); });
  double squares = 0;
  const double batch = static_cast<double>(inputs[0].shape()[0]);
  for (std::size_t i = 1; i < result.outputs.size(); ++i)
    for (std::int64_t k = 0; k < result.outputs[i].size(); ++k)
      squares += result.outputs[i].at(k) * result.outputs[i].at(k) / (batch * batch);
  std::printf(
      "{\"loss\": %.9g, \"gradient_norm\": %.9g, \"forward_ms\": [%.6g, %.6g, %.6g], \"gradient_ms\": [%.6g, %.6g, "
      "%.6g], "
      "\"first_gradient_ms\": %.4g, \"nfe_forward\": %.4g, \"nfe_backward\": %.4g, \"simd\": \"%s\"}\n",
      mean_of(result.outputs[0]), std::sqrt(squares), forward_time.median, forward_time.low, forward_time.high,
      gradient_time.median, gradient_time.low, gradient_time.high, first,
      static_cast<double>(result.report.nfe_forward) / batch, static_cast<double>(result.report.nfe_backward) / batch,
      cs::simd_target().c_str());
}
