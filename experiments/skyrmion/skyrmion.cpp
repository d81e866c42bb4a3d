// Forecasting a skyrmion: k = 1 against k = 2 samples as the state, a free run over what was trained on and on over
// what was not, and Mackey-Glass prediction with the learned model as a reservoir.
#include <algorithm>
#include <cmath>

#include "experiments/skyrmion/reservoir.h"
#include "experiments/skyrmion/spintronic.h"

namespace costate::experiments {
namespace {

constexpr std::int64_t kAnnihilated = 22'410;                       // the first sample of 5 ps without the skyrmion
constexpr Span kTrained = {1500, 10'000}, kWhole = {1500, 20'000};  // samples
constexpr double kNanoseconds = 0.005;                              // of a sample
static_assert(kWhole.first + kWhole.count < kAnnihilated);

/// What the authors' weights give (measured), and horizons with their NRMSE.
constexpr double kPaperTrained = 9.850e-4, kPaperUnseen = 1.375e-3;
const std::vector<std::pair<int, std::string>> kPaperNrmse = {
    {1, "0.0118"}, {5, "0.206"}, {10, "0.451"}, {22, "0.226"}, {25, "0.308"}};

/// A model with its free run.
struct Forecast {
  std::string name;
  std::vector<double> y;  // over the whole span
  double trained = 0, unseen = 0;
};

struct Spans {
  Span trained, whole;
};

Forecast forecast(const std::string& name, const DrivenDelays& model, const SpintronicSeries& series,
                  const Spans& spans) {
  Forecast found{.name = name, .y = free_run(model, series, spans.whole)};
  const auto split = found.y.begin() + spans.trained.count;
  found.trained = mean_square_error({found.y.begin(), split}, series, spans.whole.first);
  found.unseen = mean_square_error({split, found.y.end()}, series, spans.whole.first + spans.trained.count);
  return found;
}

/// Short windows first; then, for a state that is whole, long ones, which weigh errors that grow.
double learn(const DrivenDelays& model, const SpintronicSeries& series, const Span& span, const Request& request) {
  const bool is_half = model.delays() == 1;  // a state that lacks half of itself: its loss stands still early
  const std::int64_t polish = is_half ? 150 : 300, quick_polish = is_half ? 40 : 200;
  SpintronicTraining training{
      .span = span, .window = 20, .epochs = 60, .polish = request.quick ? quick_polish : polish, .seed = request.seed};
  const TrainResult first = train_spintronic(model, series, training);
  double seconds = first.history.back().seconds;
  const auto say = [&](const TrainResult& result) {
    request.say(text::concat("k = ", model.delays(), ": loss ", result.best_loss, " on windows of ", training.window,
                             " after ", seconds, " s"));
  };
  say(first);
  if (is_half) return seconds;
  training.window = 100;
  training.epochs = 1;
  training.polish = request.quick ? 80 : 200;
  const TrainResult second = train_spintronic(model, series, training);
  seconds += second.history.back().seconds;
  say(second);
  return seconds;
}

// ---- pictures

constexpr int kWidth = 560, kHeight = 330;  // of a picture of the sheet

Figure run_figure(const std::string& title, const SpintronicSeries& series, const std::vector<Forecast>& runs,
                  std::int64_t from) {
  constexpr std::int64_t kShown = 400;
  Figure figure{
      .title = title, .x_label = "time (ns)", .y_label = "10 (mz - mz(0))", .width = kWidth, .height = kHeight};
  const auto add = [&](const std::vector<double>& y, std::int64_t first, Curve curve) {
    for (std::int64_t i = from; i < from + kShown; ++i) {
      curve.x.push_back(kNanoseconds * static_cast<double>(i));
      curve.y.push_back(y[static_cast<std::size_t>(i - first)]);
    }
    figure.curves.push_back(std::move(curve));
  };
  add(series.y, 0, {.name = "micromagnetics", .color = 6});
  add(runs[0].y, kWhole.first, {.name = runs[0].name, .color = 5});
  add(runs[1].y, kWhole.first, {.name = runs[1].name, .mark = Mark::kDashed, .color = 1});
  figure.y_range = {-4, 3};
  return figure;
}

/// Root mean square error of stretches of 2.5 ns, over the whole free run.
Figure error_figure(const SpintronicSeries& series, const std::vector<Forecast>& runs, const Spans& spans) {
  constexpr std::int64_t kStretch = 500;
  Figure figure{.title = "error along the free run (grey: trained on)",
                .x_label = "time (ns)",
                .y_label = "root mean square error",
                .y_scale = Scale::kLog,
                .width = kWidth,
                .height = kHeight};
  const int colors[] = {5, 1, 6};
  for (std::size_t k = 0; k < runs.size(); ++k) {
    Curve curve{.name = runs[k].name, .mark = k == 2 ? Mark::kDashed : Mark::kLine, .color = colors[k]};
    for (std::int64_t at = 0; at + kStretch <= spans.whole.count; at += kStretch) {
      const std::vector<double> part(runs[k].y.begin() + at, runs[k].y.begin() + at + kStretch);
      curve.x.push_back(kNanoseconds * static_cast<double>(spans.whole.first + at + kStretch / 2));
      curve.y.push_back(std::sqrt(mean_square_error(part, series, spans.whole.first + at)));
    }
    figure.curves.push_back(curve);
  }
  const auto first = static_cast<double>(spans.trained.first), count = static_cast<double>(spans.trained.count);
  figure.bands = {{kNanoseconds * first, kNanoseconds * (first + count), ""}};
  return figure;
}

Figure nrmse_figure(const Prediction& own, const Prediction& paper) {
  Figure figure{.title = "Mackey-Glass through the reservoir",
                .x_label = "horizon H (samples)",
                .y_label = "NRMSE",
                .y_scale = Scale::kLog,
                .width = kWidth,
                .height = kHeight};
  const auto add = [&](const Prediction& p, Curve curve) {
    for (std::size_t h = 0; h < p.nrmse.size(); ++h) {
      curve.x.push_back(static_cast<double>(h));
      curve.y.push_back(p.nrmse[h]);
    }
    figure.curves.push_back(std::move(curve));
  };
  add(own, {.name = "trained here", .color = 1});
  add(paper, {.name = "authors' weights", .mark = Mark::kDashed, .color = 6});
  return figure;
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
          .width = kWidth,
          .height = kHeight};
}

Figure spectrum_figure(const Prediction& own) {
  return {.title = text::concat("periodogram, ", kShownHorizon, " samples ahead"),
          .x_label = "frequency (1/sample)",
          .y_label = "power",
          .curves = {periodogram(own.target, {.name = "true", .color = 6}),
                     periodogram(own.predicted, {.name = "predicted", .mark = Mark::kDashed, .color = 1})},
          .y_scale = Scale::kLog,
          .width = kWidth,
          .height = kHeight};
}

std::vector<Metric> run_metrics(const std::vector<Forecast>& runs, double seconds, double slack) {
  const Forecast &one = runs[0], &two = runs[1], &paper = runs[2];
  return {{"k = 2: free-run MSE on the training span", two.trained, Bound::kAtMost, slack * kPaperTrained,
           "9.850e-4 (authors' weights)"},
          {"k = 2: free-run MSE on the unseen span", two.unseen, Bound::kAtMost, slack * kPaperUnseen,
           "1.375e-3 (authors' weights)"},
          {"k = 1 over k = 2: MSE on the training span", one.trained / two.trained, Bound::kAtLeast, 10},
          {"k = 1 over k = 2: MSE on the unseen span", one.unseen / two.unseen, Bound::kAtLeast, 10},
          {"seconds of training, k = 2", seconds},
          {"authors' weights: free-run MSE on the training span", paper.trained, Bound::kNone, 0, "9.850e-4"},
          {"authors' weights: free-run MSE on the unseen span", paper.unseen, Bound::kNone, 0, "1.375e-3"}};
}

std::vector<Metric> reservoir_metrics(const Reservoir& reservoir, const Prediction& own, const Prediction& paper) {
  std::vector<Metric> metrics = {
      {"reservoir of 10^6 steps: seconds on one core", reservoir.seconds, Bound::kNone, 0, "20 min"},
      {"seconds per simulated microsecond", reservoir.seconds / (reservoir.nanoseconds * 1e-3), Bound::kNone, 0, ""}};
  for (const auto& [h, number] : kPaperNrmse) {
    const auto at = static_cast<std::size_t>(h);
    metrics.push_back({text::concat("NRMSE at H = ", h, ", authors' weights"), paper.nrmse[at], Bound::kAtMost,
                       1.02 * std::stod(number), number});
    metrics.push_back({text::concat("NRMSE at H = ", h, ", trained here"), own.nrmse[at], Bound::kNone, 0, number});
  }
  return metrics;
}

}  // namespace

Outcome skyrmion(const Request& request) {
  const DriveColumn drive[] = {{.column = 4, .offset = 8e5, .scale = 2e5}};
  const Spans spans = request.quick ? Spans{{1500, 2000}, {1500, 4000}} : Spans{kTrained, kWhole};
  const SpintronicSeries series =
      read_spintronic(spintronic_file(request, "1skyrmion_voltage_train.table.txt"),
                      {.stride = 2, .fewest = static_cast<std::size_t>(kWhole.first + kWhole.count + 2)}, drive);
  const std::vector<double> mackey_glass = read_numbers(spintronic_file(request, "mg.txt"));
  const DrivenDelays paper = published_model(spintronic_file(request, "params_1skyrmion_voltage.safetensors"));

  const DrivenDelays one = spintronic_model(1, 1, request.seed), two = spintronic_model(2, 1, request.seed);
  learn(one, series, spans.trained, request);
  const double seconds = learn(two, series, spans.trained, request);
  const std::vector<Forecast> runs = {forecast("k = 1", one, series, spans), forecast("k = 2", two, series, spans),
                                      forecast("k = 2, authors' weights", paper, series, spans)};
  request.say("Mackey-Glass through the reservoirs");
  const Reservoir own_reservoir = run_reservoir(two, mackey_glass);
  const Prediction own = predict(own_reservoir, mackey_glass, 41),
                   published = predict(run_reservoir(paper, mackey_glass), mackey_glass, 41);

  const std::int64_t middle = spans.trained.first + spans.trained.count / 2,
                     late = spans.whole.first + spans.whole.count - 500;
  Outcome outcome{
      .title = "A skyrmion, forecast",
      .figure =
          Sheet({run_figure("free run, within the training", series, runs, middle),
                 run_figure("the same run, on unseen samples", series, runs, late), error_figure(series, runs, spans),
                 nrmse_figure(own, published), series_figure(own), spectrum_figure(own)},
                2),
      .caption =
          "One solve from the first samples, driven by the voltage alone. With one sample as the state (k "
          "= 1) the model cannot tell rising from falling; with two (k = 2) it can. The learned device then "
          "serves as a reservoir that predicts a Mackey-Glass series."};
  outcome.sections = {
      {"The data",
       {Paragraph{text::concat(
           "Trained on samples ", spans.trained.first, " … ", spans.trained.first + spans.trained.count - 1,
           " of 5 ps, then run on without restart to ", spans.whole.first + spans.whole.count - 1, ". Mind sample ",
           kAnnihilated, ": there the simulated skyrmion is annihilated, and what follows is another system.")}}}};
  outcome.metrics = run_metrics(runs, seconds, request.quick ? 10 : 1);
  for (const Metric& metric : reservoir_metrics(own_reservoir, own, published)) outcome.metrics.push_back(metric);
  return outcome;
}

}  // namespace costate::experiments
