// Costate's side: the ODE block of an ODE-Net on feature maps, f32, without the gradient guard, as ode_block solves it;
// forward, with the gradient of the loss by the field's Parameters, and the memory that this takes. Prints one JSON
// object.
//
// usage: blocks_costate_side DATA.npz SECONDS THREADS
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/costate.h"

namespace cs = costate;

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: blocks_costate_side DATA.npz SECONDS THREADS\n");
    return 2;
  }
  auto data = cs::read_npz(argv[1]);
  const double seconds = std::atof(argv[2]);
  cs::set_num_threads(std::atoi(argv[3]));
  const std::vector<cs::HostArray> batch = {data.at("z0"), data.at("target")};
  const cs::Shape maps = batch[0].shape().without_first();
  const cs::ConvField field({.channels = maps[0]});
  for (std::size_t i = 0; i < field.parameters().size(); ++i)
    field.parameters()[i].set_value(data.at("p" + std::to_string(i)));
  const cs::Function loss =
      cs::trace([&](cs::Array z0, cs::Array target) { return cs::mean(cs::abs(cs::ode_block(field, z0) - target)); },
                {{"z0", maps}, {"target", maps}});
  const cs::Program forward = cs::compile(loss, {.dtype = cs::Dtype::kF32}),
                    gradient = cs::compile(cs::value_and_grad(loss, field.parameters()), {.dtype = cs::Dtype::kF32});
  cs::RunResult result;
  const double bytes = cs::peak_memory([&] { result = gradient.run(batch); });
  const double nfe = static_cast<double>(result.report.nfe_forward) / static_cast<double>(batch[0].shape()[0]);
  const cs::Evaluation evaluation = cs::mean_over_batch(std::move(result));
  double squares = 0;
  for (const cs::HostArray& one : evaluation.gradients)
    for (const double number : one.numbers()) squares += number * number;
  std::printf("{\"loss\": %.9g, \"gradient_norm\": %.9g, \"nfe_forward\": %.4g, \"mb\": %.4g, ", evaluation.loss,
              std::sqrt(squares), nfe, bytes / 1e6);
  bench::print_times("forward_ms", seconds, [&] { forward.run(batch); });
  std::printf(", ");
  bench::print_times("gradient_ms", seconds, [&] { gradient.run(batch); });
  std::printf("}\n");
}
