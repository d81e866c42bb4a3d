#include "experiments/skyrmion/spintronic.h"

#include <algorithm>
#include <cmath>

namespace costate::experiments {
std::filesystem::path spintronic_file(const Request& request, const std::string& name) {
  const std::filesystem::path path = request.data / name;
  if (request.data.empty() || !std::filesystem::exists(path))
    throw InvalidArgument("[reproduce] '", name, "' is needed", request.data.empty() ? "" : " in ",
                          request.data.string(),
                          "; download the data of github.com/Xing-CHEN18/NeuralODEs_for_physics and give their folder "
                          "with --data DIR.");
  return path;
}

DrivenSeries read_spintronic(const std::filesystem::path& table, const SpintronicRows& rows,
                             const std::vector<DriveColumn>& drives) {
  const CsvTable cells = read_csv(table);
  const std::vector<double> mz = cells.numbers("mz ()");
  const std::int64_t count = (static_cast<std::int64_t>(mz.size()) - 1) / rows.stride + 1,
                     num_inputs = static_cast<std::int64_t>(drives.size());
  if (count < rows.fewest)
    throw DataError("[read_spintronic] '", table.string(), "' has ", count, " samples (every ", rows.stride,
                    ". row); needs ", rows.fewest, ".");
  const auto row = [&](std::int64_t sample) { return static_cast<std::size_t>(sample * rows.stride); };
  DrivenSeries series{HostArray(Shape{count}), HostArray(Shape{count, num_inputs})};
  for (std::int64_t i = 0; i < count; ++i) series.y.set(i, 10 * (mz[row(i)] - rows.rest.value_or(mz.front())));
  for (std::int64_t k = 0; k < num_inputs; ++k) {
    const DriveColumn& drive = drives[static_cast<std::size_t>(k)];
    const std::vector<double> column = cells.numbers(drive.name);
    for (std::int64_t i = 0; i < count; ++i) series.inputs.set({i, k}, (column[row(i)] - drive.offset) / drive.scale);
  }
  return series;
}

double rest_of(const std::filesystem::path& table) { return read_csv(table).numbers("mz ()").front(); }

DrivenDelays spintronic_model(int delays, int inputs, std::uint64_t seed) {
  constexpr double kAuthorsUnit = 0.025;  // of time, in samples
  return DrivenDelays({.delays = delays, .inputs = inputs, .hidden = {50, 50}, .rate = kAuthorsUnit, .seed = seed});
}

DrivenDelays published_model(const std::filesystem::path& safetensors) {
  DrivenDelays model = spintronic_model(2, 1, 0);
  const ArrayFile file = read_safetensors(safetensors);
  std::size_t next = 0;
  for (const char* layer : {"0", "3", "6"})
    for (const char* kind : {"weight", "bias"})
      model.net().parameters()[next++].set_value(file.array(text::concat("ext0.", layer, ".", kind)));
  return model;
}

double train_spintronic(const DrivenDelays& model, const DrivenSeries& series, const std::vector<TrainingRound>& rounds,
                        const Request& request) {
  double seconds = 0;
  for (const TrainingRound& round : rounds) {
    const TrajectoryWindows windows = model.windows(series, round.span, round.window);
    const TrainResult result = fit_trajectories(model.field(windows), model.parameters(), windows,
                                                {.solve = {.method = Method::kRk4, .steps_per_interval = 1},
                                                 .train = {.epochs = round.epochs,
                                                           .batch = 64,
                                                           .seed = request.seed,
                                                           .schedule = {.kind = ScheduleKind::kCosine, .base = 5e-3},
                                                           .polish = round.polish}});
    seconds += result.seconds();
    request.tell("k = ", model.delays(), ": loss ", result.best_loss, " on windows of ", round.window, " after ",
                 seconds, " s");
  }
  return seconds;
}

double mean_square_error(const HostArray& found, const DrivenSeries& series, std::int64_t first) {
  double sum = 0;
  for (std::int64_t i = 0; i < found.size(); ++i) sum += std::pow(found(i) - series.y(first + i), 2);
  const double mean = sum / static_cast<double>(found.size());
  return std::isfinite(mean) ? mean : HUGE_VAL;
}

Curve over_time(const Curve& style, const HostArray& numbers, std::int64_t first, const SampleSpan& shown) {
  const std::int64_t begin = shown.first - first;
  return style.over({.first = kNanoseconds * static_cast<double>(shown.first), .spacing = kNanoseconds},
                    numbers.slice(begin, begin + shown.count).numbers());
}

}  // namespace costate::experiments
