#include "costate/models/latent_ode_fit.h"

#include "costate/array/normal_numbers.h"
#include "costate/array/take_rows.h"
#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"

namespace costate {
namespace {

/// Inputs of a Function of one series: its times, what was observed, and whatever comes third.
std::vector<ArgumentSpec> arguments(const IrregularSeries& seen, ArgumentSpec third) {
  if (seen.times.shape().rank() != 2 || seen.x.shape().rank() != 3 || seen.x.shape()[0] != seen.times.shape()[0] ||
      seen.x.shape()[1] != seen.times.shape()[1])
    throw ShapeError("[IrregularSeries] times must be [series, time] and x [series, time, observed]; got ",
                     seen.times.shape(), " and ", seen.x.shape(), ".");
  return {{"times", seen.times.shape().without_first()}, {"x", seen.x.shape().without_first()}, std::move(third)};
}

TrainResult fit(const Function& loss, const std::vector<Parameter>& parameters, const IrregularSeries& seen,
                const LatentFitOptions& options) {
  const Random random(options.train.seed);
  const std::int64_t latent = loss.inputs()[2].shape[0];
  const auto inputs = [&](const Batch& batch) -> std::vector<HostArray> {
    const auto count = static_cast<std::int64_t>(batch.samples.size());
    return {take_rows(seen.times, batch.samples), take_rows(seen.x, batch.samples),
            normal_numbers({count, latent}, random, static_cast<std::uint64_t>(batch.step))};
  };
  return train({.parameters = parameters,
                .num_samples = static_cast<std::size_t>(seen.times.shape()[0]),
                .evaluate = mean_loss(loss, parameters, inputs, {.dtype = options.dtype})},
               options.train);
}

std::vector<HostArray> run(const Function& f, const IrregularSeries& seen, const HostArray& times) {
  return compile(f).run({seen.times, seen.x, times}).outputs;
}

}  // namespace

TrainResult fit(const LatentOde& model, const IrregularSeries& seen, const LatentFitOptions& options) {
  const auto loss = [&](Array times, Array x, Array noise) { return model.loss({times, x}, noise, options.deviation); };
  return fit(trace(loss, arguments(seen, {"noise", {model.options().latent}})), model.parameters(), seen, options);
}

TrainResult fit(const GapRnn& model, const IrregularSeries& seen, const LatentFitOptions& options) {
  const auto loss = [&](Array times, Array x, Array) {
    return model.negative_log_likelihood({times, x}, options.deviation);
  };
  return fit(trace(loss, arguments(seen, {"unused", {1}})), model.parameters(), seen, options);
}

LatentPaths predict(const LatentOde& model, const IrregularSeries& seen, const HostArray& times) {
  const std::int64_t count = times.shape()[1];
  const auto paths = [&](Array seen_at, Array x, Array asked) {
    const Array z = model.encode({seen_at, x}).mean;
    const Array path = model.latent_path(z, concat({seen_at.slice(0, 1), asked})).slice(1, count + 1);
    return std::vector<Array>{path, model.decode(path)};
  };
  std::vector<HostArray> outputs = run(trace(paths, arguments(seen, {"asked", {count}})), seen, times);
  return {.latent = std::move(outputs[0]), .x = std::move(outputs[1])};
}

HostArray forecast(const GapRnn& model, const IrregularSeries& seen, const HostArray& times) {
  const auto ahead = [&](Array seen_at, Array x, Array asked) { return model.forecast({seen_at, x}, asked); };
  return run(trace(ahead, arguments(seen, {"asked", {times.shape()[1]}})), seen, times)[0];
}

}  // namespace costate
