#include "experiments/latent-ode/forecasters.h"

#include <chrono>
#include <functional>
#include <span>

#include "costate/array/take_rows.h"
#include "costate/base/random.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/train/loop.h"

namespace costate::experiments {
namespace {

constexpr double kUnit = 5;          // the nets see coordinates in units of the spirals' distance from the origin
constexpr std::size_t kBatch = 128;  // full tiles for two cores

HostArray scaled(HostArray array, double factor) {
  for (double& number : array.data<double>()) number *= factor;
  return array;
}

/// Inputs of the programs for one sample: times, observations and whatever comes third.
std::vector<ArgumentSpec> arguments(const Spirals& spirals, ArgumentSpec third) {
  const std::int64_t n = spirals.times.shape()[1];
  return {{"times", {n}}, {"x", {n, 2}}, std::move(third)};
}

/// Mean loss and gradients of a batch, with fresh noise at each call.
std::function<Evaluation(std::span<const std::size_t>)> evaluation_of(const Function& loss,
                                                                      const std::vector<Parameter>& parameters,
                                                                      const Spirals& spirals, std::uint64_t seed) {
  const std::int64_t latent = loss.inputs()[2].shape[0];
  return [program = compile(value_and_grad(loss, parameters), {.dtype = Dtype::kF32}), &spirals, latent,
          random = Random(seed), x = scaled(spirals.observations, 1 / kUnit),
          calls = std::uint64_t{0}](std::span<const std::size_t> samples) mutable {
    const auto count = static_cast<std::int64_t>(samples.size());
    HostArray noise(Shape{count, latent});
    for (std::int64_t i = 0; i < noise.size(); ++i) noise.set(i, random.normal(calls, static_cast<std::uint64_t>(i)));
    ++calls;
    RunResult result = program.run({take_rows(spirals.times, samples), take_rows(x, samples), noise});
    Evaluation evaluation{.loss = 0, .gradients = {}, .report = std::move(result.report)};
    for (std::int64_t i = 0; i < count; ++i) evaluation.loss += result.outputs[0].at(i) / static_cast<double>(count);
    for (std::size_t i = 1; i < result.outputs.size(); ++i)
      evaluation.gradients.push_back(scaled(result.outputs[i].astype(Dtype::kF64), 1 / static_cast<double>(count)));
    return evaluation;
  };
}

Trained fit(const Function& loss, const std::vector<Parameter>& parameters, const Spirals& spirals,
            const Training& training) {
  const auto begin = std::chrono::steady_clock::now();
  const TrainResult result = train({.parameters = parameters,
                                    .num_samples = static_cast<std::size_t>(spirals.count()),
                                    .evaluate = evaluation_of(loss, parameters, spirals, training.seed)},
                                   {.epochs = training.epochs,
                                    .batch = kBatch,
                                    .seed = training.seed,
                                    .optimizer = {.clip_norm = 1000},
                                    .schedule = {.kind = ScheduleKind::kCosine, .base = training.learning_rate}});
  Trained trained;
  for (const HistoryRow& row : result.history) trained.losses.push_back(row.loss);
  trained.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return trained;
}

std::vector<HostArray> run(const Function& f, const Spirals& spirals, const HostArray& times) {
  return compile(f).run({spirals.times, scaled(spirals.observations, 1 / kUnit), times}).outputs;
}

ArgumentSpec asked_for(const HostArray& times) { return {"asked", {times.shape()[1]}}; }

}  // namespace

Trained fit(const LatentOde& model, const Spirals& spirals, const Training& training) {
  const Function loss = trace(
      [&](Array times, Array x, Array noise) {
        return model.loss({times, x}, noise, training.noise / kUnit);
      },
      arguments(spirals, {"noise", {model.options().latent}}));
  return fit(loss, model.parameters(), spirals, training);
}

Trained fit(const GapRnn& model, const Spirals& spirals, const Training& training) {
  const Function loss = trace(
      [&](Array times, Array x, Array) {
        return model.negative_log_likelihood({times, x}, training.noise / kUnit);
      },
      arguments(spirals, {"unused", {1}}));
  return fit(loss, model.parameters(), spirals, training);
}

Paths predict(const LatentOde& model, const Spirals& spirals, const HostArray& times) {
  const auto count = times.shape()[1];
  const Function f = trace(
      [&](Array seen_at, Array x, Array asked) {
        const Array z = model.encode({seen_at, x}).mean;
        const Array path = model.latent_path(z, concat({seen_at.slice(0, 1), asked})).slice(1, count + 1);
        return std::vector<Array>{path, kUnit * model.decode(path)};
      },
      arguments(spirals, asked_for(times)));
  std::vector<HostArray> outputs = run(f, spirals, times);
  return {.latent = std::move(outputs[0]), .points = std::move(outputs[1])};
}

HostArray forecast(const GapRnn& model, const Spirals& spirals, const HostArray& times) {
  const Function f = trace(
      [&](Array seen_at, Array x, Array asked) {
        return kUnit * model.forecast({seen_at, x}, asked);
      },
      arguments(spirals, asked_for(times)));
  return run(f, spirals, times)[0];
}

}  // namespace costate::experiments
