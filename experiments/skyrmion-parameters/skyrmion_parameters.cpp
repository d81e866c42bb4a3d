// The skyrmion with two material parameters as inputs, anisotropy and Dzyaloshinskii-Moriya interaction, both varied in
// time: one model for all their values.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "experiments/skyrmion/spintronic.h"

namespace costate::experiments {
namespace {

constexpr double kNanoseconds = 0.005;  // of a sample

Curve stretch(const std::vector<double>& y, std::int64_t first, const Span& shown, const std::string& name, Mark mark,
              int color) {
  Curve curve{.name = name, .mark = mark, .color = color};
  for (std::int64_t i = shown.first; i < shown.first + shown.count; ++i) {
    curve.x.push_back(kNanoseconds * static_cast<double>(i));
    curve.y.push_back(y[static_cast<std::size_t>(i - first)]);
  }
  return curve;
}

Figure run_figure(const std::string& title, const SpintronicSeries& series, const std::vector<double>& found,
                  std::int64_t first, const Span& shown) {
  return {.title = title,
          .x_label = "time (ns)",
          .y_label = "10 (mz - mz(0))",
          .curves = {stretch(series.y, 0, shown, "micromagnetics", Mark::kLine, 6),
                     stretch(found, first, shown, "neural ODE, k = 2", Mark::kDashed, 1)},
          .y_range = {-2, 1},
          .width = 960,
          .height = 280};
}

Figure drive_figure(const std::string& title, const SpintronicSeries& series, const Span& shown) {
  return {.title = title,
          .x_label = "time (ns)",
          .y_label = "of the full swing",
          .curves = {stretch(series.inputs[0], 0, shown, "anisotropy (swing 5e4 J/m3)", Mark::kLine, 0),
                     stretch(series.inputs[1], 0, shown, "DMI (swing 4e-4 J/m2)", Mark::kLine, 2)},
          .y_range = {-1.1, 1.1},
          .width = 960,
          .height = 280};
}

constexpr std::int64_t kFirst = 1000;  // samples before it are discarded, as in the paper

SpintronicSeries read_parameters(const std::filesystem::path& table, std::size_t fewest,
                                 std::optional<double> rest = {}) {
  const DriveColumn drives[] = {{.column = 4, .offset = 8e5, .scale = 5e4},
                                {.column = 5, .offset = 3e-3, .scale = 4e-4}};
  return read_spintronic(table, {.stride = 1, .fewest = fewest, .rest = rest}, drives);
}

/// Tables in the folder of the same disc under other drives: a name a file, sorted.
std::vector<std::filesystem::path> other_tables(const std::filesystem::path& training_table) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(training_table.parent_path())) {
    const std::string name = entry.path().filename().string();
    if (name.find("PMA_DMI") != std::string::npos && name.ends_with(".table.txt") &&
        name != training_table.filename().string())
      found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

double train_model(const DrivenDelays& model, const SpintronicSeries& series, const Span& span,
                   const Request& request) {
  SpintronicTraining training{
      .span = span, .epochs = request.quick ? 30 : 60, .polish = request.quick ? 120 : 300, .seed = request.seed};
  double seconds = train_spintronic(model, series, training).history.back().seconds;
  training.window = 100;
  training.epochs = 1;
  training.polish = request.quick ? 40 : 200;
  seconds += train_spintronic(model, series, training).history.back().seconds;
  request.say(text::concat("trained in ", seconds, " s"));
  return seconds;
}

}  // namespace

Outcome skyrmion_parameters(const Request& request) {
  const Span trained{kFirst, request.quick ? 3000 : 10'000};
  const std::filesystem::path table = spintronic_file(request, "1skyrmion_input_PMA_DMI_train.table.txt");
  const SpintronicSeries series =
      read_parameters(table, static_cast<std::size_t>(trained.first + trained.count + 1003));
  const std::int64_t most = request.quick ? 5000 : 28'900, samples = static_cast<std::int64_t>(series.y.size());
  const Span whole{kFirst, std::min(most, samples - kFirst - 2)};
  const DrivenDelays model = spintronic_model(2, 2, request.seed);
  const double seconds = train_model(model, series, trained, request);

  const std::vector<double> found = free_run(model, series, whole);
  const auto split = found.begin() + trained.count;
  const double on_trained = mean_square_error({found.begin(), split}, series, whole.first),
               on_unseen = mean_square_error({split, found.end()}, series, whole.first + trained.count);
  const double slack = request.quick ? 10 : 1;
  const Span early{trained.first + 1000, 1000}, late{whole.first + whole.count - 1000, 1000};
  Outcome outcome{
      .title = "A skyrmion under varying material parameters",
      .figure = Sheet({run_figure("free run, within the training", series, found, whole.first, early),
                       run_figure("the same run, on samples it has not seen", series, found, whole.first, late),
                       drive_figure("what drives it there", series, late)},
                      1),
      .caption = "One solve from two samples, driven by anisotropy and DMI alone.",
      .metrics = {
          {"free-run MSE on the training span", on_trained, Bound::kAtMost, slack * 1e-4, "4.70e-5 (authors' weights)"},
          {"free-run MSE on the unseen span", on_unseen, Bound::kAtMost, slack * 2.68e-4, "2.68e-4 (authors' weights)"},
          {"seconds of training", seconds}}};
  for (const std::filesystem::path& other : other_tables(table)) {
    const SpintronicSeries driven = read_parameters(other, 10, series.rest);
    const std::vector<double> run = free_run(model, driven, {1, static_cast<std::int64_t>(driven.y.size()) - 3});
    outcome.metrics.push_back(
        {"free-run MSE under the drives of " + other.filename().string(), mean_square_error(run, driven, 1)});
  }
  return outcome;
}

}  // namespace costate::experiments
