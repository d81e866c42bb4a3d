#include "experiments/burgers-closure/comparison.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "experiments/distance.h"

namespace costate::experiments {
namespace {

constexpr auto kTrainedTimes = static_cast<std::size_t>(kTrained / kSpacing + 0.5);

/// The mean over output times from `first` on and before `last`.
double mean_over(const std::vector<double>& row, std::size_t first, std::size_t last) {
  double sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += row[i];
  return sum / static_cast<double>(last - first);
}

Errors errors_of(const HostArray& found, const HostArray& truth) {
  Errors errors;
  for (std::int64_t state = 0; state < truth.shape()[0]; ++state) {
    std::vector<double>& row = errors.emplace_back();
    for (std::int64_t time = 1; time < truth.shape()[1]; ++time)
      row.push_back(relative_distance(found[state].row(time), truth[state].row(time)));
  }
  return errors;
}

}  // namespace

HostArray Truth::start(std::int64_t cells) const {
  std::vector<std::vector<double>> rows;
  for (const Waves& state : waves) rows.push_back(initial_averages(state, cells));
  return HostArray::from_rows(rows, cells);
}

Truth solve_truth(const BurgersProblem& coarse, const TruthOptions& options) {
  Truth truth{.waves = draw_waves(options.states), .fine = coarse};
  truth.fine.cells = options.fine_cells;
  truth.times =
      HostArray::evenly_spaced(0, kSpacing, static_cast<std::int64_t>(std::lround(options.end / kSpacing)) + 1);
  truth.fine_states = solve_plain(truth.fine, truth.start(options.fine_cells), truth.times);
  truth.states = averaged(truth.fine_states, coarse.cells);
  return truth;
}

TruthError check_truth(const Truth& truth, const BurgersProblem& coarse) {
  constexpr std::int64_t kStates = 4;
  TruthError worst;
  for (std::int64_t state = 0; state < kStates; ++state)
    for (std::int64_t time = 2; time < truth.times.size(); time += 3) {
      const Waves& waves = truth.waves[static_cast<std::size_t>(state)];
      const double t = truth.times.at(time);
      const auto error = [&](const HostArray& states, const BurgersProblem& problem) {
        return relative_distance(states[state].row(time), exact_averages(waves, problem, t));
      };
      worst.fine = std::max(worst.fine, error(truth.fine_states, truth.fine));
      worst.coarse = std::max(worst.coarse, error(truth.states, coarse));
    }
  return worst;
}

std::vector<double> by_state(const Errors& errors) {
  std::vector<double> means;
  for (const auto& row : errors) means.push_back(mean_over(row, 0, kTrainedTimes));
  return means;
}

double mean_error(const Errors& errors) {
  const std::vector<double> means = by_state(errors);
  return mean_over(means, 0, means.size());
}

double later_error(const Errors& errors) {
  std::vector<double> means;
  for (const auto& row : errors) means.push_back(mean_over(row, kTrainedTimes, row.size()));
  return mean_over(means, 0, means.size());
}

std::vector<double> by_time(const Errors& errors) {
  std::vector<double> means(errors[0].size());
  for (const auto& row : errors)
    for (std::size_t i = 0; i < row.size(); ++i) means[i] += row[i] / static_cast<double>(errors.size());
  return means;
}

Contender contend(const std::string& name, const Truth& truth, const BurgersProblem& problem,
                  const std::function<HostArray(const HostArray& start)>& solver) {
  Contender contender{.name = name, .cells = problem.cells};
  const HostArray start = truth.start(problem.cells);
  const auto begin = std::chrono::steady_clock::now();
  const HostArray found = solver(start);
  contender.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  contender.states = averaged(found, truth.states.shape()[2]);
  contender.errors = errors_of(contender.states, truth.states);
  return contender;
}

Contender contend_plain(const std::string& name, const Truth& truth, const BurgersProblem& problem, Flux flux) {
  return contend(name, truth, problem,
                 [&](const HostArray& start) { return solve_plain(problem, start, truth.times, flux); });
}

double drift(const HostArray& states) {
  double largest = 0;
  for (std::int64_t state = 0; state < states.shape()[0]; ++state)
    for (std::int64_t time = 1; time < states.shape()[1]; ++time)
      largest = std::max(largest, std::abs(states[state][time].mean() - states[state][0].mean()));
  return largest;
}

}  // namespace costate::experiments
