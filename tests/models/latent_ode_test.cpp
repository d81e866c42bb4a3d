// The latent ODE: its terms against closed forms, its gradient against differences, and motions on circles that it
// reconstructs and extrapolates.
#include "costate/models/latent_ode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "costate/array/normal_numbers.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/models/latent_ode_fit.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// The value of a program without arguments.
double value_of(const std::function<Array()>& code) {
  const Function f = trace([&](Array) { return code(); }, {{"unused", {}}});
  return compile(f).run({HostArray(Shape{1})}).outputs[0].at(0);
}

TEST(KlToStandardNormal, IsTheIntegral) {
  // The integral of q (log q - log p) by the midpoint rule, whose error for such functions is below rounding.
  constexpr double kMean = 0.7, kSd = 0.4;
  double integral = 0;
  constexpr double kStep = 1e-3;
  for (double z = kMean - 10 * kSd + kStep / 2; z < kMean + 10 * kSd; z += kStep) {
    const double from_q = (z - kMean) / kSd;
    const double log_q = -0.5 * from_q * from_q - std::log(kSd * std::sqrt(2 * std::numbers::pi));
    const double log_p = -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi);
    integral += kStep * std::exp(log_q) * (log_q - log_p);
  }
  const auto kl = [](double mean, double sd) {
    return value_of([=] {
      return kl_to_standard_normal(
          {constant(HostArray::vector({mean, 0.0})), constant(HostArray::vector({2 * std::log(sd), 0.0}))});
    });
  };
  EXPECT_NEAR(kl(kMean, kSd), integral, 1e-10);
  EXPECT_EQ(kl(0, 1), 0);
}

TEST(GaussianNegativeLogLikelihood, IsTheLogOfTheDensity) {
  const double sd = 0.3, x = 1.1, mean = 0.8;
  const double density = std::exp(-0.5 * (x - mean) * (x - mean) / (sd * sd)) / (sd * std::sqrt(2 * std::numbers::pi));
  const double found = value_of([=] {
    return gaussian_negative_log_likelihood(constant(HostArray::vector({mean, mean})),
                                            constant(HostArray::vector({x, x})), sd);
  });
  EXPECT_NEAR(found, -2 * std::log(density), 1e-13);
  EXPECT_ERROR(value_of([] { return gaussian_negative_log_likelihood(zeros({1}), zeros({1}), 0.0); }), InvalidArgument,
               "sd must be positive; got 0");
}

/// Points of circles around 0 at n irregular times of [0, 2]; each begins at its own angle and turns at 1 rad.
struct Circles {
  static constexpr std::int64_t kCount = 64, kSeen = 12;
  HostArray times = HostArray(Shape{kCount, kSeen}), x = HostArray(Shape{kCount, kSeen, 2});
  std::vector<double> angles;

  explicit Circles(std::uint64_t seed) {
    const Random random(seed);
    for (std::int64_t b = 0; b < kCount; ++b) {
      const auto sample = static_cast<std::uint64_t>(b);
      angles.push_back(random.uniform(sample, 0, 0, 2 * std::numbers::pi));
      for (std::int64_t i = 0; i < kSeen; ++i) {
        const double late = random.uniform(sample, static_cast<std::uint64_t>(i + 1));
        const double t = 2 * (static_cast<double>(i) + late) / kSeen;
        times.set(b * kSeen + i, t);
        x.set((b * kSeen + i) * 2, std::cos(angles.back() + t));
        x.set((b * kSeen + i) * 2 + 1, std::sin(angles.back() + t));
      }
    }
  }
};

constexpr double kSd = 0.1;         // of the likelihood
constexpr double kStep = 1e-5;      // of central differences,
constexpr double kGradient = 1e-5;  // whose error is of kStep^2 and of the rounding of a loss near 1000 over kStep

LatentOde circle_model(Encoder encoder) {
  return LatentOde({.observed = 2,
                    .latent = 2,
                    .encoder = encoder,
                    .encoder_units = 12,
                    .encoder_field_hidden = {8},
                    .field_hidden = {12},
                    .decoder_hidden = {},
                    .seed = 1});
}

const std::vector<ArgumentSpec> kArguments = {{"times", {Circles::kSeen}}, {"x", {Circles::kSeen, 2}}, {"noise", {2}}};

HostArray normal(const Shape& shape, std::uint64_t stream) { return normal_numbers(shape, Random(3), stream); }

/// Root mean square error of predicted points [sample, time, 2] of circles at `times`.
double error_on_circles(const HostArray& points, const Circles& circles, const std::vector<double>& times) {
  double sum = 0;
  std::int64_t at = 0;
  for (const double angle : circles.angles)
    for (const double t : times) {
      sum += std::pow(points.at(at) - std::cos(angle + t), 2) + std::pow(points.at(at + 1) - std::sin(angle + t), 2);
      at += 2;
    }
  return std::sqrt(sum / static_cast<double>(at));
}

double prediction_error(const LatentOde& model, const Circles& circles, const std::vector<double>& times) {
  HostArray ahead(Shape{Circles::kCount, static_cast<std::int64_t>(times.size())});
  for (std::int64_t i = 0; i < ahead.size(); ++i) ahead.set(i, times[static_cast<std::size_t>(i) % times.size()]);
  return error_on_circles(predict(model, {circles.times, circles.x}, ahead).x, circles, times);
}

class EachEncoder : public ::testing::TestWithParam<Encoder> {};

TEST_P(EachEncoder, GradientOfTheLossIsThatOfDifferences) {
  LatentOdeOptions options = circle_model(GetParam()).options();
  options.solve = {.method = Method::kRk4, .steps_per_interval = 1};  // differences need the steps to stay
  options.continuity = 3;
  const LatentOde model(options);
  const Circles circles(5);
  const Function loss = trace(
      [&](Array times, Array x, Array noise) {
        return model.loss({times, x}, noise, 1.0);
      },
      kArguments);
  const HostArray noise = normal({Circles::kCount, 2}, 0);
  const Program program = compile(value_and_grad(loss, model.parameters()));
  const auto run = [&] { return program.run({circles.times, circles.x, noise}).outputs; };
  const std::vector<HostArray> found = run();
  for (std::size_t i = 0; i < model.parameters().size(); ++i) {
    const Parameter& parameter = model.parameters()[i];
    const HostArray value = parameter.value(), direction = normal(value.shape(), 1 + i);
    const auto loss_at = [&](double step) {
      HostArray moved = value;
      for (std::int64_t k = 0; k < value.size(); ++k) moved.set(k, value.at(k) + step * direction.at(k));
      parameter.set_value(moved);
      const HostArray losses = run()[0];
      double total = 0;
      for (std::int64_t k = 0; k < losses.size(); ++k) total += losses.at(k);
      return total;
    };
    double slope = 0;
    for (std::int64_t k = 0; k < value.size(); ++k) slope += found[i + 1].at(k) * direction.at(k);
    const double difference = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    parameter.set_value(value);
    EXPECT_NEAR(difference, slope, kGradient * (1 + std::abs(slope))) << parameter.name();
  }
}

TEST_P(EachEncoder, ReconstructsAndExtrapolatesCirclesBothWays) {
  const LatentOde model = circle_model(GetParam());
  const Circles seen(1), unseen(2);
  fit(model, {seen.times, seen.x},
      {.deviation = kSd,
       .train = {.epochs = 500, .seed = 3, .schedule = {.kind = ScheduleKind::kCosine, .base = 0.02}}});
  EXPECT_LT(prediction_error(model, unseen, {0.5, 1.0, 1.5, 2.0}), kSd);
  EXPECT_LT(prediction_error(model, unseen, {2.5, 3.0, 3.5, 4.0}), 2 * kSd);
  EXPECT_LT(prediction_error(model, unseen, {-0.5, -1.0, -1.5, -2.0}), 2 * kSd);
}

TEST_P(EachEncoder, ContinuityIsTheDistanceOfBothHalvesFromThePath) {
  LatentOdeOptions options = circle_model(GetParam()).options();
  const LatentOde plain(options);
  options.continuity = 3;
  const LatentOde continuous(options);
  const Circles circles(5);
  const Function f = trace(
      [&](Array times, Array x, Array noise) {
        const Array added = continuous.loss({times, x}, noise, kSd) - plain.loss({times, x}, noise, kSd);
        const Array path = plain.latent_path(plain.encode({times, x}).sample(noise), times);
        const Array first = plain.encode({times.slice(0, 6), x.slice(0, 6)}).mean,
                    second = plain.encode({times.slice(6, 12), x.slice(6, 12)}).mean;
        return std::vector<Array>{added, 3.0 * (sum(square(path[0] - first)) + sum(square(path[6] - second)))};
      },
      kArguments);
  const RunResult result = compile(f).run({circles.times, circles.x, normal({Circles::kCount, 2}, 0)});
  // Losses of up to some 1e4, whose difference this is.
  for (std::int64_t i = 0; i < Circles::kCount; ++i)
    EXPECT_NEAR(result.outputs[0].at(i), result.outputs[1].at(i), 1e-10 * (1 + result.outputs[1].at(i)));
}

INSTANTIATE_TEST_SUITE_P(LatentOde, EachEncoder, ::testing::Values(Encoder::kRnn, Encoder::kOdeRnn),
                         [](const auto& row) { return row.param == Encoder::kRnn ? "Rnn" : "OdeRnn"; });

TEST(GapRnn, ForecastsWhatItsLikelihoodExpects) {
  // With W = 0 each forecast is the bias b, and the likelihood of x = b is its maximum.
  const GapRnn model({.observed = 2, .units = 3});
  model.parameters()[2].set_value(HostArray(Shape{2, 3}));
  model.parameters()[3].set_value(HostArray::vector({0.4, -0.2}));
  const Function f = trace(
      [&](Array times, Array ahead) {
        const Observations seen{times, broadcast_to(model.parameters()[3], {3, 2})};
        return std::vector<Array>{model.negative_log_likelihood(seen, kSd), model.forecast(seen, ahead)};
      },
      {{"times", {3}}, {"ahead", {2}}});
  const RunResult result = compile(f).run(
      {HostArray(Shape{1, 3}, std::vector<double>{0, 1, 2}), HostArray(Shape{1, 2}, std::vector<double>{3, 5})});
  EXPECT_NEAR(result.outputs[0].at(0), 4 * std::log(kSd * std::sqrt(2 * std::numbers::pi)), 1e-12);
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_NEAR(result.outputs[1].at(i), i % 2 == 0 ? 0.4 : -0.2, 1e-15);
}

TEST(LatentOde, RefusesOptionsOutOfRange) {
  LatentOdeOptions without_steps, negative;
  without_steps.gap_steps = 0;
  negative.continuity = -1;
  EXPECT_ERROR(LatentOde{without_steps}, InvalidArgument, "gap_steps must be at least 1");
  EXPECT_ERROR(fit(circle_model(Encoder::kRnn), {HostArray(Shape{3, 5}), HostArray(Shape{3, 4, 2})}, {}), ShapeError,
               "x [series, time, observed]; got [3, 5] and [3, 4, 2]");
  EXPECT_ERROR(LatentOde{negative}, InvalidArgument, "continuity must be 0 or more; got -1");
}

TEST(Encoder, NamesReadBack) {
  EXPECT_EQ(encoder_from_name(name(Encoder::kOdeRnn)), Encoder::kOdeRnn);
  EXPECT_ERROR(encoder_from_name("ode-rnn"), InvalidArgument, "did you mean 'ode_rnn'");
}

}  // namespace
}  // namespace costate
