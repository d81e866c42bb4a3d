// Costate's side: neural SDEs by Euler and Maruyama, f32; prints one JSON object.
//
// usage: noise_costate_side BATCH STEPS WIDTH SECONDS
//
// Four numbers of state, each with its own noise. f is a net 4-WIDTH-WIDTH-4 of tanh, or z -> -z for a width of 0;
// g = 0.2 (1 + z / 10). The loss is the mean of z^2 at 1, the gradient by the net's weights and z0.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "bench/side.h"
#include "costate/costate.h"

int main(int argc, char** argv) {
  namespace cs = costate;
  if (argc != 5) {
    std::fprintf(stderr, "usage: noise_costate_side BATCH STEPS WIDTH SECONDS\n");
    return 2;
  }
  const std::int64_t batch = std::atoll(argv[1]), width = std::atoll(argv[3]);
  std::vector<cs::Parameter> weights;
  std::vector<std::int64_t> sizes = {4, width, width, 4};
  for (std::size_t layer = 0; width > 0 && layer < 3; ++layer) {
    cs::HostArray w(cs::Shape{sizes[layer + 1], sizes[layer]});
    for (std::int64_t i = 0; i < w.size(); ++i)
      w.set(i, std::sin(0.37 * static_cast<double>(i)) / std::sqrt(static_cast<double>(sizes[layer])));
    weights.emplace_back("w", std::move(w));
  }
  const cs::StochasticField field = cs::stochastic_field({4}, {}, [&](cs::Array, cs::Array z, auto) {
    cs::Array f = width > 0 ? z : -z;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      f = cs::matmul(weights[i], f);
      if (i + 1 < weights.size()) f = cs::tanh(f);
    }
    return std::pair{f, 0.2 * (1.0 + 0.1 * z)};
  });
  const cs::SdeOptions options{.steps_per_interval = std::atoi(argv[2]), .dtype = cs::Dtype::kF32};
  const cs::HostArray times = cs::HostArray::vector({0, 1}), paths = cs::path_names(batch);
  cs::HostArray z0(cs::Shape{batch, 4}, cs::Dtype::kF32);
  for (std::int64_t i = 0; i < z0.size(); ++i) z0.set(i, std::cos(0.1 * static_cast<double>(i)));
  const cs::Function loss = cs::trace(
      [&](cs::Array start, cs::Array path) {
        const cs::Array states = cs::solve_sde(field, start, cs::constant(times), options, path);
        return cs::sum(cs::square(states[-1]));
      },
      {{"z0", {4}}, {"path", {2}}});
  std::vector<std::size_t> wrt = {0};
  for (std::size_t i = 0; i < weights.size(); ++i) wrt.push_back(2 + i);
  const cs::Program forward = cs::compile(loss, {.dtype = cs::Dtype::kF32});
  const cs::Program gradient = cs::compile(cs::value_and_grad(loss, wrt), {.dtype = cs::Dtype::kF32});
  const double mean = forward.run({z0, paths}).outputs[0].mean(), seconds = std::atof(argv[4]);
  std::printf("{\"loss\": %.8g, ", mean);
  bench::print_times("forward", seconds, [&] { forward.run({z0, paths}); });
  std::printf(", ");
  bench::print_times("gradient", seconds, [&] { gradient.run({z0, paths}); });
  std::printf(", ");
  bench::print_times("paths", seconds,
                     [&] { cs::brownian_path(cs::HostArray::linspace(0, 1, std::atoll(argv[2]) + 1), 4, 0, paths); });
  std::printf("}\n");
}
