#include "experiments/skyrmion/spintronic.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/safetensors.h"

namespace costate::experiments {
namespace {

/// Samples of the inputs that a window of `samples` needs: one before, for the cubic, and some after.
Span input_span(const Span& span, std::int64_t delays) { return {span.first - 1, span.count + delays + 2}; }

HostArray inputs_of(const SpintronicSeries& series, const Span& span) {
  const auto num_inputs = static_cast<std::int64_t>(series.inputs.size());
  const auto last = static_cast<std::int64_t>(series.y.size()) - 1;
  HostArray values(Shape{span.count, num_inputs});
  for (std::int64_t i = 0; i < span.count; ++i)
    for (std::int64_t k = 0; k < num_inputs; ++k)
      values.set(i * num_inputs + k, series.inputs[static_cast<std::size_t>(k)][static_cast<std::size_t>(
                                         std::clamp<std::int64_t>(span.first + i, 0, last))]);
  return values;
}

/// first, first + 1, …
HostArray counting(double first, std::int64_t count) {
  HostArray values(Shape{count});
  for (std::int64_t i = 0; i < count; ++i) values.set(i, first + static_cast<double>(i));
  return values;
}

}  // namespace

std::filesystem::path spintronic_file(const Request& request, const std::string& name) {
  const std::filesystem::path path = request.data / name;
  if (request.data.empty() || !std::filesystem::exists(path))
    throw InvalidArgument("[reproduce] '", name, "' is needed", request.data.empty() ? "" : " in ",
                          request.data.string(),
                          "; download the data of github.com/Xing-CHEN18/NeuralODEs_for_physics and give their folder "
                          "with --data DIR.");
  return path;
}

SpintronicSeries read_spintronic(const std::filesystem::path& table, const SpintronicRows& rows,
                                 std::span<const DriveColumn> drives) {
  constexpr std::size_t kMz = 3;
  std::istringstream lines(read_file(table));
  SpintronicSeries series;
  series.inputs.resize(drives.size());
  std::string line;
  for (std::size_t row = 0, number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream cells(line);
    std::vector<double> values;
    for (double value = 0; cells >> value;) values.push_back(value);
    std::size_t needed = kMz + 1;
    for (const DriveColumn& drive : drives) needed = std::max(needed, drive.column + 1);
    if (values.size() < needed)
      throw DataError("[read_spintronic] '", table.string(), "' line ", number, " has ", values.size(),
                      " numbers; a row needs ", needed, ".");
    if (row == 0) series.rest = rows.rest.value_or(values[kMz]);
    if (row++ % rows.stride != 0) continue;
    series.y.push_back(10 * (values[kMz] - series.rest));
    for (std::size_t k = 0; k < drives.size(); ++k)
      series.inputs[k].push_back((values[drives[k].column] - drives[k].offset) / drives[k].scale);
  }
  if (series.y.size() < rows.fewest)
    throw DataError("[read_spintronic] '", table.string(), "' has ", series.y.size(), " samples (every ", rows.stride,
                    ". row); needs ", rows.fewest, ".");
  return series;
}

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

TrainResult train_spintronic(const DrivenDelays& model, const SpintronicSeries& series,
                             const SpintronicTraining& training) {
  const std::int64_t k = model.delays(), length = training.window, stride = std::max<std::int64_t>(1, (length - 1) / 2);
  const std::int64_t count = (training.span.count - length - k) / stride + 1;
  const Span inputs = input_span({0, length}, model.delays());
  const auto num_inputs = static_cast<std::int64_t>(series.inputs.size());
  TrajectoryWindows windows{.times = counting(0, length), .states = HostArray(Shape{count, length, k})};
  HostArray times(Shape{count, inputs.count}), values(Shape{count, inputs.count, num_inputs});
  for (std::int64_t window = 0; window < count; ++window) {
    const std::int64_t first = training.span.first + window * stride;
    for (std::int64_t i = 0; i < length; ++i)
      for (std::int64_t j = 0; j < k; ++j)
        windows.states.set((window * length + i) * k + j, series.y.at(static_cast<std::size_t>(first + i + j)));
    const HostArray own = inputs_of(series, {first + inputs.first, inputs.count});
    for (std::int64_t i = 0; i < own.size(); ++i) values.set(window * own.size() + i, own.at(i));
    for (std::int64_t i = 0; i < inputs.count; ++i)
      times.set(window * inputs.count + i, static_cast<double>(inputs.first + i));
  }
  windows.arguments = {times, values};
  return fit_trajectories(model.field(inputs.count), model.net().parameters(), windows,
                          {.solve = {.method = Method::kRk4, .steps_per_interval = 1},
                           .train = {.epochs = training.epochs,
                                     .batch = 64,
                                     .seed = training.seed,
                                     .schedule = {.kind = ScheduleKind::kCosine, .base = 5e-3},
                                     .polish = training.polish}});
}

std::vector<double> free_run(const DrivenDelays& model, const SpintronicSeries& series, const Span& span) {
  const std::int64_t k = model.delays();
  const Span inputs = input_span(span, model.delays());
  HostArray start(Shape{1, k});
  for (std::int64_t j = 0; j < k; ++j) start.set(j, series.y.at(static_cast<std::size_t>(span.first + j)));
  const HostArray values = inputs_of(series, inputs);
  const HostArray arguments[] = {counting(-1, inputs.count).reshape({1, inputs.count}),
                                 values.reshape({1, inputs.count, values.shape()[1]})};
  const Solution solution =
      solve(model.field(inputs.count), start, counting(0, span.count),
            {.method = Method::kRk4, .steps_per_interval = 1, .max_steps = 10'000'000}, arguments);
  std::vector<double> y;
  for (std::int64_t i = 0; i < span.count; ++i) y.push_back(solution.states.at(i * k));
  return y;
}

double mean_square_error(const std::vector<double>& found, const SpintronicSeries& series, std::int64_t first) {
  double sum = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    sum += std::pow(found[i] - series.y.at(static_cast<std::size_t>(first) + i), 2);
  const double mean = sum / static_cast<double>(found.size());
  return std::isfinite(mean) ? mean : HUGE_VAL;
}

}  // namespace costate::experiments
