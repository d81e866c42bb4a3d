// Forecasting a skyrmion: k = 1 against k = 2 samples as the state, a free run over what was trained on and on over
// what was not, and Mackey-Glass prediction with the learned model as a reservoir.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>

#include "costate/adjoint/linear_solve.h"
#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/io/files.h"
#include "experiments/skyrmion/spintronic.h"

namespace costate::experiments {
namespace {

constexpr Span kTrained = {1500, 10'000}, kWhole = {1500, 20'000};   // samples of 5 ps; the skyrmion is gone at 22,410
constexpr double kNanoseconds = 0.005;                               // of a sample
constexpr double kPaperTrained = 9.850e-4, kPaperUnseen = 1.375e-3;  // of the authors' weights, measured (PAPERS.md E)

struct Forecast {
  std::vector<double> y;  // over kWhole
  double trained = 0, unseen = 0, seconds = 0;
};

Forecast forecast(const SpintronicModel& model, const SpintronicSeries& series, const Span& trained,
                  const Span& whole) {
  Forecast found{.y = free_run(model, series, whole)};
  const std::vector<double> first(found.y.begin(), found.y.begin() + trained.count),
      rest(found.y.begin() + trained.count, found.y.end());
  found.trained = mean_square_error(first, series, whole.first);
  found.unseen = mean_square_error(rest, series, whole.first + trained.count);
  return found;
}

// ---- Mackey-Glass through the reservoir

constexpr int kNodes = 50, kHold = 2;  // virtual nodes of an input, and samples that each holds

/// The mask of the paper: numpy.random.seed(3); numpy.random.randn(50). Its generator is MT19937, its normal numbers
/// Marsaglia's polar method, the second of a pair first.
std::vector<double> paper_mask() {
  std::mt19937 generator(3);
  const auto uniform = [&] {
    const auto high = static_cast<double>(generator() >> 5), low = static_cast<double>(generator() >> 6);
    return (high * 67108864.0 + low) / 9007199254740992.0;
  };
  std::vector<double> mask;
  while (mask.size() < kNodes) {
    const double x = 2 * uniform() - 1, y = 2 * uniform() - 1, r = x * x + y * y;
    if (r >= 1 || r == 0) continue;
    const double factor = std::sqrt(-2 * std::log(r) / r);
    mask.push_back(factor * y);
    mask.push_back(factor * x);
  }
  return mask;
}

std::vector<double> read_numbers(const std::filesystem::path& path) {
  std::istringstream text(read_file(path));
  std::vector<double> numbers;
  for (double value = 0; text >> value;) numbers.push_back(value);
  return numbers;
}

/// y1 at the start of each hold: [node * input + …] as the reservoir sees them, [input][node].
struct Reservoir {
  std::vector<double> states;
  double seconds = 0;
};

Reservoir run_reservoir(const SpintronicModel& model, const std::vector<double>& inputs) {
  const std::vector<double> mask = paper_mask();
  const auto holds = static_cast<std::int64_t>(inputs.size()) * kNodes;
  HostArray values(Shape{1, holds, 1}), knots(Shape{1, holds}), times(Shape{holds});
  double lowest = 0;
  for (std::int64_t i = 0; i < holds; ++i) {
    values.set(i, inputs[static_cast<std::size_t>(i / kNodes)] * mask[static_cast<std::size_t>(i % kNodes)]);
    lowest = std::min(lowest, values.at(i));
    knots.set(i, static_cast<double>(kHold * i));  // whole numbers: no clock to drift
    times.set(i, static_cast<double>(kHold * i));
  }
  for (std::int64_t i = 0; i < holds; ++i) values.set(i, values.at(i) / std::abs(lowest) * 0.4);
  const VectorField field = model.field(holds, Interpolation::kHold);
  const HostArray arguments[] = {knots, values};
  const auto begin = std::chrono::steady_clock::now();
  const Solution solution =
      solve(field, HostArray(Shape{1, model.delays()}), times,
            {.method = Method::kRk4, .steps_per_interval = kHold, .max_steps = 10'000'000}, arguments);
  Reservoir reservoir;
  reservoir.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  solution.check();
  for (std::int64_t i = 0; i < holds; ++i) reservoir.states.push_back(solution.states.at(i * model.delays()));
  return reservoir;
}

struct Prediction {
  std::vector<double> nrmse;              // by horizon, from 0
  std::vector<double> target, predicted;  // of the shown horizon, over the test
};

constexpr std::size_t kDropped = 300, kFitted = 5000;
constexpr int kShownHorizon = 10;

/// Ridge regression of u(n + H) on the 50 states at n, for each horizon H.
Prediction predict(const Reservoir& reservoir, const std::vector<double>& inputs, int horizons) {
  const auto state = [&](std::size_t n, std::size_t i) { return reservoir.states[n * kNodes + i]; };
  HostArray normal(Shape{horizons, kNodes, kNodes}), right(Shape{horizons, kNodes});
  for (std::size_t i = 0; i < kNodes; ++i)
    for (std::size_t j = 0; j < kNodes; ++j) {
      double sum = i == j ? 1e-4 : 0.0;
      for (std::size_t n = kDropped; n < kDropped + kFitted; ++n) sum += state(n, i) * state(n, j);
      for (int h = 0; h < horizons; ++h)
        normal.set((h * kNodes + static_cast<int>(i)) * kNodes + static_cast<int>(j), sum);
    }
  for (int h = 0; h < horizons; ++h)
    for (std::size_t i = 0; i < kNodes; ++i) {
      double sum = 0;
      for (std::size_t n = kDropped; n < kDropped + kFitted; ++n)
        sum += state(n, i) * inputs[n + static_cast<std::size_t>(h)];
      right.set(h * kNodes + static_cast<int>(i), sum);
    }
  const HostArray weights =
      compile(trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {kNodes, kNodes}}, {"b", {kNodes}}}))
          .run({normal, right})
          .outputs[0];
  Prediction prediction;
  for (int h = 0; h < horizons; ++h) {
    double squares = 0, sum = 0, sum_squares = 0, count = 0;
    for (std::size_t n = kDropped + kFitted; n + static_cast<std::size_t>(h) < inputs.size(); ++n, ++count) {
      double found = 0;
      for (std::size_t i = 0; i < kNodes; ++i) found += weights.at(h * kNodes + static_cast<int>(i)) * state(n, i);
      const double target = inputs[n + static_cast<std::size_t>(h)];
      squares += (found - target) * (found - target);
      sum += target;
      sum_squares += target * target;
      if (h == kShownHorizon) {
        prediction.target.push_back(target);
        prediction.predicted.push_back(found);
      }
    }
    prediction.nrmse.push_back(std::sqrt(squares / (sum_squares - sum * sum / count)));
  }
  return prediction;
}

/// Power at frequencies up to 0.05 a sample.
Curve periodogram(const std::vector<double>& series, const std::string& name, Mark mark, int color) {
  Curve curve{.name = name, .mark = mark, .color = color};
  const double mean = std::accumulate(series.begin(), series.end(), 0.0) / static_cast<double>(series.size());
  for (int k = 1; k <= 200; ++k) {
    const double frequency = 0.05 * k / 200;
    double cosine = 0, sine = 0;
    for (std::size_t n = 0; n < series.size(); ++n) {
      const double window = std::pow(std::sin(M_PI * static_cast<double>(n) / static_cast<double>(series.size())), 2);
      const double phase = 2 * M_PI * frequency * static_cast<double>(n);
      cosine += window * (series[n] - mean) * std::cos(phase);
      sine += window * (series[n] - mean) * std::sin(phase);
    }
    curve.x.push_back(frequency);
    curve.y.push_back((cosine * cosine + sine * sine) / static_cast<double>(series.size()));
  }
  return curve;
}

// ---- pictures

Curve stretch(const std::vector<double>& y, std::int64_t first, std::int64_t from, std::int64_t count,
              const std::string& name, Mark mark, int color) {
  Curve curve{.name = name, .mark = mark, .color = color};
  for (std::int64_t i = from; i < from + count; ++i) {
    curve.x.push_back(kNanoseconds * static_cast<double>(i));
    curve.y.push_back(y[static_cast<std::size_t>(i - first)]);
  }
  return curve;
}

Figure run_figure(const std::string& title, const SpintronicSeries& series, const Forecast& two, const Forecast& one,
                  const Span& whole, std::int64_t from) {
  constexpr std::int64_t kShown = 600;
  Figure figure{.title = title, .x_label = "time (ns)", .y_label = "10 (mz - mz(0))", .width = 960, .height = 280};
  figure.curves = {stretch(series.y, 0, from, kShown, "micromagnetics", Mark::kLine, 6),
                   stretch(one.y, whole.first, from, kShown, "neural ODE, k = 1", Mark::kLine, 5),
                   stretch(two.y, whole.first, from, kShown, "neural ODE, k = 2", Mark::kDashed, 1)};
  return figure;
}

Figure nrmse_figure(const Prediction& own, const Prediction& paper) {
  const auto curve = [](const Prediction& p, const std::string& name, Mark mark, int color) {
    Curve c{.name = name, .mark = mark, .color = color};
    for (std::size_t h = 0; h < p.nrmse.size(); ++h) {
      c.x.push_back(static_cast<double>(h));
      c.y.push_back(p.nrmse[h]);
    }
    return c;
  };
  return {.title = "Mackey-Glass through the reservoir",
          .x_label = "horizon H (samples)",
          .y_label = "NRMSE",
          .curves = {curve(own, "trained here", Mark::kLine, 1), curve(paper, "the paper's weights", Mark::kDashed, 6)},
          .y_scale = Scale::kLog,
          .width = 480,
          .height = 340};
}

Figure series_figure(const Prediction& own) {
  Curve truth{.name = "true", .color = 6}, found{.name = "predicted", .mark = Mark::kDashed, .color = 1};
  for (std::size_t n = 0; n < std::min<std::size_t>(300, own.target.size()); ++n) {
    truth.x.push_back(static_cast<double>(n));
    found.x.push_back(static_cast<double>(n));
    truth.y.push_back(own.target[n]);
    found.y.push_back(own.predicted[n]);
  }
  return {.title = text::concat("prediction ", kShownHorizon, " samples ahead"),
          .x_label = "sample of the test",
          .y_label = "u",
          .curves = {truth, found},
          .width = 480,
          .height = 340};
}

SpintronicModel trained_model(int delays, const SpintronicSeries& series, const Request& request, double* seconds) {
  const SpintronicModel model(delays, 1, request.seed);
  const Span span = request.quick ? Span{1500, 2000} : kTrained;
  SpintronicTraining training{
      .span = span, .window = 20, .epochs = 60, .polish = request.quick ? 150 : 900, .seed = request.seed};
  const TrainResult first = train_spintronic(model, series, training);
  *seconds = first.history.back().seconds;
  request.say(text::concat("k = ", delays, ": loss ", first.best_loss, " on windows of 20 after ", *seconds, " s"));
  if (delays == 1) return model;  // longer windows do not help a state that lacks half of itself
  training.window = 100;
  training.epochs = 1;
  training.polish = request.quick ? 50 : 500;
  const TrainResult second = train_spintronic(model, series, training);
  *seconds += second.history.back().seconds;
  request.say(text::concat("k = ", delays, ": loss ", second.best_loss, " on windows of 100 after ", *seconds, " s"));
  return model;
}

}  // namespace

Outcome skyrmion(const Request& request) {
  const DriveColumn drive[] = {{.column = 4, .offset = 8e5, .scale = 2e5}};
  const SpintronicSeries series =
      read_spintronic(spintronic_file(request, "1skyrmion_voltage_train.table.txt"), 2, drive);
  std::vector<double> mackey_glass = read_numbers(spintronic_file(request, "mg.txt"));
  const Span trained = request.quick ? Span{1500, 2000} : kTrained, whole = request.quick ? Span{1500, 4000} : kWhole;

  double seconds_one = 0, seconds_two = 0;
  const SpintronicModel one = trained_model(1, series, request, &seconds_one),
                        two = trained_model(2, series, request, &seconds_two), paper(2, 1, 0);
  paper.load(spintronic_file(request, "params_1skyrmion_voltage.safetensors"));
  const Forecast by_one = forecast(one, series, trained, whole), by_two = forecast(two, series, trained, whole),
                 by_paper = forecast(paper, series, trained, whole);

  request.say("Mackey-Glass through the reservoirs");
  const Reservoir own_reservoir = run_reservoir(two, mackey_glass),
                  paper_reservoir = run_reservoir(paper, mackey_glass);
  const Prediction own = predict(own_reservoir, mackey_glass, 41),
                   published = predict(paper_reservoir, mackey_glass, 41);

  Outcome outcome{
      .title = "A skyrmion, forecast",
      .figure = Sheet({run_figure("free run, within the training", series, by_two, by_one, whole,
                                  trained.first + trained.count / 2),
                       run_figure("the same run, on samples it has not seen", series, by_two, by_one, whole,
                                  whole.first + whole.count - 700)},
                      1),
      .caption =
          "One solve from the first samples, driven by the voltage alone. With one sample as the state (k = 1) the "
          "model cannot tell rising from falling; with two (k = 2) it can."};
  outcome.sections = {{"Mackey-Glass prediction",
                       {Picture{Sheet({nrmse_figure(own, published), series_figure(own)}, 2)},
                        Picture{Figure{.title = "periodogram of the test, 10 samples ahead",
                                       .x_label = "frequency (1/sample)",
                                       .y_label = "power",
                                       .curves = {periodogram(own.target, "true", Mark::kLine, 6),
                                                  periodogram(own.predicted, "predicted", Mark::kDashed, 1)},
                                       .y_scale = Scale::kLog}}}}};
  const double microseconds = kNanoseconds * 1e-3 * static_cast<double>(mackey_glass.size()) * kNodes * kHold;
  const double slack = request.quick ? 8 : 1;
  outcome.metrics = {
      {"k = 2: free-run MSE on the training span", by_two.trained, Bound::kAtMost, slack * kPaperTrained,
       "9.850e-4 (authors' weights)"},
      {"k = 2: free-run MSE on the unseen span", by_two.unseen, Bound::kAtMost, slack * kPaperUnseen,
       "1.375e-3 (authors' weights)"},
      {"k = 1 over k = 2: MSE on the unseen span", by_one.unseen / by_two.unseen, Bound::kAtLeast, 10},
      {"seconds of training, k = 2", seconds_two, Bound::kAtMost, 300},
      {"authors' weights: free-run MSE on the training span", by_paper.trained, Bound::kNone, 0, "9.850e-4"},
      {"authors' weights: free-run MSE on the unseen span", by_paper.unseen, Bound::kNone, 0, "1.375e-3"},
      {"reservoir of 10^6 steps: seconds on one core", own_reservoir.seconds, Bound::kAtMost, 4, "20 min"},
      {"seconds per simulated microsecond", own_reservoir.seconds / microseconds, Bound::kNone, 0, ""}};
  const std::vector<std::pair<int, std::string>> shown = {
      {1, "0.0118"}, {5, "0.206"}, {10, "0.451"}, {22, "0.226"}, {25, "0.308"}};
  for (const auto& [h, number] : shown) {
    const auto at = static_cast<std::size_t>(h);
    outcome.metrics.push_back({text::concat("NRMSE at H = ", h, ", authors' weights"), published.nrmse[at],
                               Bound::kAtMost, 1.02 * std::stod(number), number});
    outcome.metrics.push_back(
        {text::concat("NRMSE at H = ", h, ", trained here"), own.nrmse[at], Bound::kNone, 0, number});
  }
  return outcome;
}

}  // namespace costate::experiments
