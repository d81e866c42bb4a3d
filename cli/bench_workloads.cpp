#include "cli/bench_workloads.h"

#include <cmath>

#include "costate/base/base.h"
#include "costate/base/random.h"
#include "costate/diff/diff.h"
#include "costate/io/npy.h"
#include "costate/nn/initializers.h"
#include "costate/solve/solve.h"

namespace costate::cli {
namespace {

const WorkloadInfo& find_info(const std::string& name) {
  std::vector<std::string> names;
  for (const WorkloadInfo& info : workload_infos()) {
    if (info.name == name) return info;
    names.push_back(info.name);
  }
  throw InvalidArgument("[bench] ", text::unknown_name("workload", name, names));
}

HostArray normal_array(Shape shape, double deviation, std::uint64_t stream) {
  HostArray values(std::move(shape));
  for (std::int64_t i = 0; i < values.size(); ++i)
    values.set(i, deviation * Random(0).normal(stream, static_cast<std::uint64_t>(i)));
  return values;
}

Array net(const Workload& workload, Array x) {
  const std::size_t layers = workload.parameters.size() / 2;
  for (std::size_t i = 0; i < layers; ++i) {
    const Array product = matmul(workload.parameters[2 * i], x);
    x = product + workload.parameters[2 * i + 1];
    if (i + 1 < layers) x = tanh(x);
  }
  return x;
}

/// State (z, log density): dlogp/dt = -tr(df/dz), exactly.
VectorField density_field(const Workload& workload) {
  return vector_field({3}, [&](Array t, Array state) {
    const Array z = state.slice(0, 2);
    const Array slope = net(workload, concat({z, reshape(t, {1})}));
    Array trace = constant(0.0);
    for (std::int64_t i = 0; i < 2; ++i) {
      const Array unit = constant(HostArray::vector({i == 0 ? 1.0 : 0.0, i == 1 ? 1.0 : 0.0}));
      trace = trace + push_forward(std::span(&slope, 1), std::span(&z, 1), std::span(&unit, 1))[0][i];
    }
    return concat({slope, reshape(-trace, {1})});
  });
}

}  // namespace

const std::vector<WorkloadInfo>& workload_infos() {
  static const std::vector<WorkloadInfo> kInfos = {
      {
          .name = "spiral",
          .description = "2-50-2 on z^3, batch 20, 10 times, dopri5 1e-4/1e-6",
          .widths = {2, 50, 2},
          .batch = 20,
          .state = 2,
          .end = 1,
          .num_times = 10,
          .solve = {.rtol = 1e-4, .atol = 1e-6, .control = Control::kJoint},
          .is_cubed = true,
      },
      {
          .name = "single",
          .description = "2-64-64-2, batch 1, 100 times in [0, 10], dopri5 1e-6",
          .widths = {2, 64, 64, 2},
          .batch = 1,
          .state = 2,
          .end = 10,
          .num_times = 100,
          .solve = {.rtol = 1e-6, .atol = 1e-6},
      },
      {
          .name = "mlp128",
          .description = "16-128-128-16, batch 512, dopri5 1e-4",
          .widths = {16, 128, 128, 16},
          .batch = 512,
          .state = 16,
          .end = 1,
          .num_times = 2,
          .solve = {.rtol = 1e-4, .atol = 1e-4, .control = Control::kJoint},
      },
      {
          .name = "rk4",
          .description = "16-128-128-16, batch 512, 100 rk4 steps",
          .widths = {16, 128, 128, 16},
          .batch = 512,
          .state = 16,
          .end = 1,
          .num_times = 2,
          .solve = {.method = Method::kRk4, .steps_per_interval = 100},
      },
      {
          .name = "medium",
          .description = "64-256-256-64, batch 1024, 20 rk4 steps",
          .widths = {64, 256, 256, 64},
          .batch = 1024,
          .state = 64,
          .end = 1,
          .num_times = 2,
          .solve = {.method = Method::kRk4, .steps_per_interval = 20},
      },
      {
          .name = "cnf2d",
          .description = "2-D flow, exact trace, 3-64-64-64-2, batch 512, dopri5 1e-5",
          .widths = {3, 64, 64, 64, 2},
          .batch = 512,
          .state = 2,
          .end = 1,
          .num_times = 2,
          .solve = {.rtol = 1e-5, .atol = 1e-5, .control = Control::kJoint},
          .is_flow = true,
      },
  };
  return kInfos;
}

VectorField Workload::field() const {
  if (info.is_flow) return density_field(*this);
  return vector_field({info.state}, [&](Array, Array z) { return net(*this, info.is_cubed ? z * z * z : z); });
}

Function Workload::loss() const {
  const VectorField f = field();
  const std::int64_t num_times = times.size();
  const std::vector<ArgumentSpec> arguments = {{"z0", {info.state}}, {"target", {num_times, info.state}}};
  if (info.is_flow)
    return trace(
        [&](Array start, Array) {
          const Array end = solve(f, concat({start, zeros({1})}), constant(times), info.solve)[1];
          return end[2] + 0.5 * sum(square(end.slice(0, 2))) + std::log(2 * M_PI);
        },
        arguments);
  return trace([&](Array start, Array seen) { return mean(abs(solve(f, start, constant(times), info.solve) - seen)); },
               arguments);
}

Workload make_workload(const std::string& name) {
  Workload workload{.info = find_info(name), .z0 = {}, .target = {}, .times = {}, .parameters = {}};
  const WorkloadInfo& info = workload.info;
  workload.z0 = normal_array({info.batch, info.state}, 0.7, 1);
  workload.target = normal_array({info.batch, info.num_times, info.state}, 1, 2);
  workload.times = HostArray(Shape{info.num_times});
  for (std::int64_t i = 0; i < info.num_times; ++i)
    workload.times.set(i, info.end * static_cast<double>(i) / static_cast<double>(info.num_times - 1));
  for (std::size_t i = 0; i + 1 < info.widths.size(); ++i) {
    const std::string layer = std::to_string(i);
    workload.parameters.emplace_back(
        "w" + layer, initial_weights(Init::kGlorotUniform, Shape{info.widths[i + 1], info.widths[i]}, {0, 3 + i}));
    workload.parameters.emplace_back("b" + layer, normal_array({info.widths[i + 1]}, 0.05, 100 + i));
  }
  return workload;
}

Workload read_workload(const std::string& name, const std::string& folder) {
  Workload workload{.info = find_info(name), .z0 = {}, .target = {}, .times = {}, .parameters = {}};
  const std::string path = folder + "/" + name + ".npz";
  const std::map<std::string, HostArray> data = read_npz(path);
  const auto array = [&](const std::string& key) {
    if (!data.contains(key)) throw DataError("[bench] '", path, "' has no array '", key, "'.");
    return data.at(key);
  };
  workload.z0 = array("z0");
  workload.target = array("target");
  workload.times = array("times");
  workload.info.batch = workload.z0.shape()[0];
  for (std::size_t i = 0; i + 1 < workload.info.widths.size(); ++i)
    for (const char* kind : {"w", "b"}) {
      const std::string key = kind + std::to_string(i);
      workload.parameters.emplace_back(key, array(key).astype(Dtype::kF64));
    }
  return workload;
}

}  // namespace costate::cli
