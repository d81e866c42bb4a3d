// Forecasting a skyrmion: k = 1 against k = 2 samples as the state, a free run over what was trained on and on over
// what was not, and Mackey-Glass prediction with the learned model as a reservoir.
#include <algorithm>
#include <cmath>

#include "experiments/skyrmion/reservoir.h"
#include "experiments/skyrmion/spintronic.h"

namespace costate::experiments {
namespace {

struct Spans {
  SampleSpan trained, whole;
};

constexpr std::int64_t kAnnihilated = 22'410;  // the first sample of 5 ps without the skyrmion
constexpr Spans kFull = {{1500, 10'000}, {1500, 20'000}}, kQuick = {{1500, 2000}, {1500, 4000}};  // samples
static_assert(kFull.whole.first + kFull.whole.count < kAnnihilated);

/// What the authors' weights give (measured), and horizons with their NRMSE.
constexpr double kPaperTrained = 9.850e-4, kPaperUnseen = 1.375e-3;
const std::vector<std::pair<int, std::string>> kPaperNrmse = {
    {1, "0.0118"}, {5, "0.206"}, {10, "0.451"}, {22, "0.226"}, {25, "0.308"}};

/// A model with its free run.
struct Forecast {
  std::string name;
  HostArray y;  // over the whole span
  double trained = 0, unseen = 0;
};

Forecast forecast(const std::string& name, const DrivenDelays& model, const DrivenSeries& series, const Spans& spans) {
  Forecast found{.name = name, .y = model.run(series, spans.whole)};
  const std::int64_t split = spans.trained.count;
  found.trained = mean_square_error(found.y.slice(0, split), series, spans.whole.first);
  found.unseen = mean_square_error(found.y.slice(split, found.y.size()), series, spans.whole.first + split);
  return found;
}

/// Short windows first; then, for a state that is whole, long ones, which weigh errors that grow.
double learn(const DrivenDelays& model, const DrivenSeries& series, const SampleSpan& span, const Request& request) {
  const bool quick = request.quick;
  if (model.delays() == 1)  // a state that lacks half of itself: its loss stands still early
    return train_spintronic(model, series, {{.span = span, .polish = quick ? 40 : 150}}, request);
  return train_spintronic(model, series,
                          {{.span = span, .polish = quick ? 200 : 300},
                           {.span = span, .window = 100, .epochs = 1, .polish = quick ? 80 : 200}},
                          request);
}

// ---- pictures

Figure run_figure(const std::string& title, const DrivenSeries& series, const std::vector<Forecast>& runs,
                  std::int64_t from) {
  const SampleSpan shown{from, 400};
  const Curve one{.name = runs[0].name, .color = 5}, two{.name = runs[1].name, .mark = Mark::kDashed, .color = 1};
  return {.title = title,
          .x_label = "time (ns)",
          .y_label = "10 (mz - mz(0))",
          .curves = {over_time({.name = "micromagnetics", .color = 6}, series.y, 0, shown),
                     over_time(one, runs[0].y, kFull.whole.first, shown),
                     over_time(two, runs[1].y, kFull.whole.first, shown)},
          .y_range = {-4, 3}};
}

/// Root mean square error of stretches of 2.5 ns, over the whole free run.
Figure error_figure(const DrivenSeries& series, const std::vector<Forecast>& runs, const Spans& spans) {
  constexpr std::int64_t kStretch = 500;
  Figure figure{.title = "error along the free run (grey: trained on)",
                .x_label = "time (ns)",
                .y_label = "root mean square error",
                .y_scale = Scale::kLog};
  const auto nanoseconds = [](std::int64_t sample) { return kNanoseconds * static_cast<double>(sample); };
  const int colors[] = {5, 1, 6};
  for (std::size_t k = 0; k < runs.size(); ++k) {
    const Curve style{.name = runs[k].name, .mark = k == 2 ? Mark::kDashed : Mark::kLine, .color = colors[k]};
    std::vector<double> errors;
    for (std::int64_t at = 0; at + kStretch <= spans.whole.count; at += kStretch)
      errors.push_back(
          std::sqrt(mean_square_error(runs[k].y.slice(at, at + kStretch), series, spans.whole.first + at)));
    figure.curves.push_back(
        style.over({.first = nanoseconds(spans.whole.first + kStretch / 2), .spacing = nanoseconds(kStretch)}, errors));
  }
  const SampleSpan& trained = spans.trained;
  figure.bands = {{nanoseconds(trained.first), nanoseconds(trained.first + trained.count)}};
  return figure;
}

Figure nrmse_figure(const Prediction& own, const Prediction& paper) {
  const Curve published{.name = "authors' weights", .mark = Mark::kDashed, .color = 6};
  return {.title = "Mackey-Glass through the reservoir",
          .x_label = "horizon H (samples)",
          .y_label = "NRMSE",
          .curves = {Curve{.name = "trained here", .color = 1}.over({}, own.nrmse), published.over({}, paper.nrmse)},
          .y_scale = Scale::kLog};
}

const Curve kTrue{.name = "true", .color = 6}, kPredicted{.name = "predicted", .mark = Mark::kDashed, .color = 1};

Figure series_figure(const Prediction& own) {
  const std::size_t shown = std::min<std::size_t>(300, own.target.size());
  return {.title = text::concat("prediction ", kShownHorizon, " samples ahead"),
          .x_label = "sample of the test",
          .y_label = "u",
          .curves = {kTrue.over({}, std::span(own.target).first(shown)),
                     kPredicted.over({}, std::span(own.predicted).first(shown))}};
}

Figure spectrum_figure(const Prediction& own) {
  std::vector<double> frequencies;
  for (int k = 1; k <= 200; ++k) frequencies.push_back(0.05 * k / 200);
  const auto spectrum = [&](Curve curve, const std::vector<double>& series) {
    curve.x = frequencies;
    curve.y = periodogram(series, frequencies);
    return curve;
  };
  return {.title = text::concat("periodogram, ", kShownHorizon, " samples ahead"),
          .x_label = "frequency (1/sample)",
          .y_label = "power",
          .curves = {spectrum(kTrue, own.target), spectrum(kPredicted, own.predicted)},
          .y_scale = Scale::kLog};
}

std::vector<Metric> run_metrics(const std::vector<Forecast>& runs, double seconds, double slack) {
  const Forecast &one = runs[0], &two = runs[1], &paper = runs[2];
  return {at_most(slack * kPaperTrained, "k = 2: free-run MSE on the training span", two.trained,
                  "9.850e-4 (authors' weights)"),
          at_most(slack * kPaperUnseen, "k = 2: free-run MSE on the unseen span", two.unseen,
                  "1.375e-3 (authors' weights)"),
          at_least(10, "k = 1 over k = 2: MSE on the training span", one.trained / two.trained),
          at_least(10, "k = 1 over k = 2: MSE on the unseen span", one.unseen / two.unseen),
          told("seconds of training, k = 2", seconds),
          told("authors' weights: free-run MSE on the training span", paper.trained, "9.850e-4"),
          told("authors' weights: free-run MSE on the unseen span", paper.unseen, "1.375e-3")};
}

std::vector<Metric> reservoir_metrics(const Reservoir& reservoir, const Prediction& own, const Prediction& paper) {
  std::vector<Metric> metrics = {
      told("reservoir of 10^6 steps: seconds on one core", reservoir.seconds, "20 min"),
      told("seconds per simulated microsecond", reservoir.seconds / (reservoir.nanoseconds * 1e-3))};
  for (const auto& [h, number] : kPaperNrmse) {
    const auto at = static_cast<std::size_t>(h);
    metrics.push_back(at_most(1.02 * std::stod(number), text::concat("NRMSE at H = ", h, ", authors' weights"),
                              paper.nrmse[at], number));
    metrics.push_back(told(text::concat("NRMSE at H = ", h, ", trained here"), own.nrmse[at], number));
  }
  return metrics;
}

}  // namespace

Outcome skyrmion(const Request& request) {
  const Spans spans = request.quick ? kQuick : kFull;
  const DrivenSeries series = read_spintronic(spintronic_file(request, "1skyrmion_voltage_train.table.txt"),
                                              {.stride = 2, .fewest = kFull.whole.first + kFull.whole.count + 2},
                                              {{"Ku1.region100 (J/m3)", 8e5, 2e5}});
  const std::vector<double> mackey_glass = read_reservoir_inputs(spintronic_file(request, "mg.txt"));
  const DrivenDelays paper = published_model(spintronic_file(request, "params_1skyrmion_voltage.safetensors"));

  const DrivenDelays one = spintronic_model(1, 1, request.seed), two = spintronic_model(2, 1, request.seed);
  learn(one, series, spans.trained, request);
  const double seconds = learn(two, series, spans.trained, request);
  const std::vector<Forecast> runs = {forecast("k = 1", one, series, spans), forecast("k = 2", two, series, spans),
                                      forecast("k = 2, authors' weights", paper, series, spans)};
  request.tell("Mackey-Glass through the reservoirs");
  const Reservoir own_reservoir = run_reservoir(two, mackey_glass);
  const Prediction own = predict(own_reservoir, mackey_glass, 41),
                   published = predict(run_reservoir(paper, mackey_glass), mackey_glass, 41);

  const SampleSpan &trained = spans.trained, &whole = spans.whole;
  Outcome outcome{
      .title = "A skyrmion, forecast",
      .figure = Sheet(
          {run_figure("free run, within the training", series, runs, trained.first + trained.count / 2),
           run_figure("the same run, on unseen samples", series, runs, whole.first + whole.count - 500),
           error_figure(series, runs, spans), nrmse_figure(own, published), series_figure(own), spectrum_figure(own)},
          2, {.width = 560, .height = 330}),
      .caption =
          "One solve from the first samples, driven by the voltage alone. With one sample as the state (k "
          "= 1) the model cannot tell rising from falling; with two (k = 2) it can. The learned device then "
          "serves as a reservoir that predicts a Mackey-Glass series."};
  outcome.sections = {
      {"The data",
       {Paragraph{text::concat(
           "Trained on samples ", trained.first, " … ", trained.first + trained.count - 1,
           " of 5 ps, then run on without restart to ", whole.first + whole.count - 1, ". Mind sample ", kAnnihilated,
           ": there the simulated skyrmion is annihilated, and what follows is another system.")}}}};
  outcome.metrics = run_metrics(runs, seconds, request.quick ? 10 : 1);
  for (const Metric& metric : reservoir_metrics(own_reservoir, own, published)) outcome.metrics.push_back(metric);
  return outcome;
}

}  // namespace costate::experiments
