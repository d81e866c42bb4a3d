// Costate's side: the ODE block of an ODE-Net on feature maps, f32, without the gradient guard, as ode_block solves it;
// forward, with the gradient of the loss by the field's Parameters, and the memory that this takes, at a tolerance of
// 1e-3; loss and gradient at 1e-5, where they are to agree. Prints one JSON object.
//
// usage: blocks_costate_side DATA.npz SECONDS THREADS
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/costate.h"

namespace cs = costate;

namespace {

/// The mean difference of the block's result from a target.
cs::Function loss_of(const cs::ConvField& field, const cs::Shape& maps, double tolerance) {
  cs::OdeBlockOptions options;
  options.solve.rtol = options.solve.atol = tolerance;
  return cs::trace(
      [&](cs::Array z0, cs::Array target) { return cs::mean(cs::abs(cs::ode_block(field, z0, options) - target)); },
      {{"z0", maps}, {"target", maps}});
}

cs::Program gradient_of(const cs::Function& loss, const cs::ConvField& field) {
  return cs::compile(cs::value_and_grad(loss, field.parameters()), {.dtype = cs::Dtype::kF32});
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given = bench::arguments(argc, argv, "DATA.npz SECONDS THREADS");
  auto data = cs::read_npz(given[0]);
  const double seconds = std::stod(given[1]);
  cs::set_num_threads(std::stoi(given[2]));
  const std::vector<cs::HostArray> batch = {data.at("z0"), data.at("target")};
  const cs::Shape maps = batch[0].shape().without_first();
  const cs::ConvField field({.channels = maps[0]});
  for (std::size_t i = 0; i < field.parameters().size(); ++i)
    field.parameters()[i].set_value(data.at("p" + std::to_string(i)));
  const cs::Function loss = loss_of(field, maps, 1e-3);
  const cs::Program forward = cs::compile(loss, {.dtype = cs::Dtype::kF32}), gradient = gradient_of(loss, field);
  cs::RunResult result;
  const double bytes = cs::peak_memory([&] { result = gradient.run(batch); });
  const double nfe = static_cast<double>(result.report.nfe_forward) / static_cast<double>(batch[0].shape()[0]);
  const cs::Evaluation evaluation = cs::mean_over_batch(gradient_of(loss_of(field, maps, 1e-5), field).run(batch));
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
