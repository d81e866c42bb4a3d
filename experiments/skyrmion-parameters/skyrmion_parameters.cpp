// The skyrmion with two material parameters as inputs, anisotropy and Dzyaloshinskii-Moriya interaction, both varied in
// time: one model for all their values.
#include <algorithm>
#include <cmath>

#include "experiments/skyrmion/spintronic.h"

namespace costate::experiments {
namespace {

constexpr std::int64_t kFirst = 1000;  // samples before it are discarded, as in the paper
const std::vector<DriveColumn> kDrives = {{"Ku1.region100 (J/m3)", 8e5, 5e4}, {"Dind.region100 (J/m2)", 3e-3, 4e-4}};

Figure run_figure(const std::string& title, const DrivenSeries& series, const HostArray& found,
                  const SampleSpan& shown) {
  const Curve model{.name = "neural ODE, k = 2", .mark = Mark::kDashed, .color = 1};
  return {.title = title,
          .x_label = "time (ns)",
          .y_label = "10 (mz - mz(0))",
          .curves = {over_time({.name = "micromagnetics", .color = 6}, series.y, 0, shown),
                     over_time(model, found, kFirst, shown)},
          .y_range = {-2, 1}};
}

Figure drive_figure(const std::string& title, const DrivenSeries& series, const SampleSpan& shown) {
  const auto input = [&](std::int64_t k) { return HostArray::vector(series.inputs.column(k)); };
  return {.title = title,
          .x_label = "time (ns)",
          .y_label = "of the full swing",
          .curves = {over_time({.name = "anisotropy (swing 5e4 J/m3)", .color = 0}, input(0), 0, shown),
                     over_time({.name = "DMI (swing 4e-4 J/m2)", .color = 2}, input(1), 0, shown)},
          .y_range = {-1.1, 1.1}};
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

}  // namespace

Outcome skyrmion_parameters(const Request& request) {
  const bool quick = request.quick;
  const SampleSpan trained{kFirst, quick ? 3000 : 10'000};
  const std::filesystem::path table = spintronic_file(request, "1skyrmion_input_PMA_DMI_train.table.txt");
  const DrivenSeries series = read_spintronic(table, {.fewest = trained.first + trained.count + 1003}, kDrives);
  const SampleSpan whole{kFirst, std::min<std::int64_t>(quick ? 5000 : 28'900, series.y.size() - kFirst - 2)};
  const DrivenDelays model = spintronic_model(2, 2, request.seed);
  const double seconds = train_spintronic(model, series,
                                          {{.span = trained, .epochs = quick ? 30 : 60, .polish = quick ? 120 : 300},
                                           {.span = trained, .window = 100, .epochs = 1, .polish = quick ? 40 : 200}},
                                          request);

  const HostArray found = model.run(series, whole);
  const double on_trained = mean_square_error(found.slice(0, trained.count), series, whole.first),
               on_unseen =
                   mean_square_error(found.slice(trained.count, whole.count), series, whole.first + trained.count);
  const double slack = quick ? 10 : 1;
  const SampleSpan early{trained.first + 1000, 1000}, late{whole.first + whole.count - 1000, 1000};
  Outcome outcome{
      .title = "A skyrmion under varying material parameters",
      .figure = Sheet({run_figure("free run, within the training", series, found, early),
                       run_figure("the same run, on samples it has not seen", series, found, late),
                       drive_figure("what drives it there", series, late)},
                      1, {.width = 960, .height = 280}),
      .caption = "One solve from two samples, driven by anisotropy and DMI alone.",
      .metrics = {at_most(slack * 1e-4, "free-run MSE on the training span", on_trained, "4.70e-5 (authors' weights)"),
                  at_most(slack * 2.68e-4, "free-run MSE on the unseen span", on_unseen, "2.68e-4 (authors' weights)"),
                  told("seconds of training", seconds)}};
  for (const std::filesystem::path& other : other_tables(table)) {
    const DrivenSeries driven = read_spintronic(other, {.fewest = 10, .rest = rest_of(table)}, kDrives);
    const HostArray run = model.run(driven, {1, driven.y.size() - 3});
    outcome.metrics.push_back(
        told("free-run MSE under the drives of " + other.filename().string(), mean_square_error(run, driven, 1)));
  }
  return outcome;
}

}  // namespace costate::experiments
