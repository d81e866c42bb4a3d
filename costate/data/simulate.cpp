// Options → start, times and phases of each trajectory → exact states → noise.
#include "costate/data/simulate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "costate/base/error.h"
#include "costate/base/random.h"
#include "costate/data/internal/reference_integrator.h"

namespace costate {
namespace {

/// What can be asked for, so that no slip of a key runs for days or fills the memory.
constexpr double kMostSpans = 1e5;  // of the system's default time
constexpr std::int64_t kMostSamples = 100'000'000;

/// What is drawn, each from numbers of its own.
enum class Draw : std::uint64_t { kStart, kTimes, kPhases, kNoise };
constexpr std::uint64_t kNumDraws = 4;

/// The random numbers of one trajectory.
class TrajectoryDice {
 public:
  TrajectoryDice(std::uint64_t seed, std::uint64_t trajectory) : random_(seed), trajectory_(trajectory) {}
  std::uint64_t trajectory() const { return trajectory_; }
  double uniform(Draw draw, std::size_t index, double low, double high) const {
    return random_.uniform(stream(draw), index, low, high);
  }
  double normal(Draw draw, std::size_t index) const { return random_.normal(stream(draw), index); }

 private:
  std::uint64_t stream(Draw draw) const { return trajectory_ * kNumDraws + static_cast<std::uint64_t>(draw); }

  Random random_;
  std::uint64_t trajectory_;
};

/// The options with the system's defaults filled in.
struct Setup {
  const System& system;
  std::vector<double> parameters;
  double until;
  std::size_t num_samples;
  const SimulateOptions& options;
};

std::vector<double> choose_parameters(const System& system, const std::vector<SystemParameter>& changes) {
  std::vector<double> values;
  std::vector<std::string> names;
  for (const SystemParameter& parameter : system.parameters) {
    values.push_back(parameter.value);
    names.push_back(parameter.name);
  }
  for (const SystemParameter& change : changes) {
    const auto found = std::find(names.begin(), names.end(), change.name);
    if (found == names.end()) throw InvalidArgument("[simulate] ", text::unknown_name("parameter", change.name, names));
    if (!std::isfinite(change.value))
      throw InvalidArgument("[simulate] parameter '", change.name, "' must be finite; got ", change.value, ".");
    values[static_cast<std::size_t>(found - names.begin())] = change.value;
  }
  return values;
}

void check_options(const System& system, const SimulateOptions& options) {
  if (options.trajectories < 1)
    throw InvalidArgument("[simulate] trajectories must be 1 or more; got ", options.trajectories, ".");
  if (!(options.noise >= 0) || !std::isfinite(options.noise))
    throw InvalidArgument("[simulate] noise must be 0 or a positive standard deviation; got ", options.noise, ".");
  if (options.until && (!(*options.until > 0) || !std::isfinite(*options.until)))
    throw InvalidArgument("[simulate] until must be positive; got ", *options.until, ".");
  if (options.samples && *options.samples < 2)
    throw InvalidArgument("[simulate] samples must be 2 or more; got ", *options.samples, ".");
  const double longest = kMostSpans * system.until;
  if (options.until && *options.until > longest)
    throw InvalidArgument("[simulate] until must be at most ", longest, " for '", system.name, "'; got ",
                          *options.until, ".");
  const std::int64_t samples = std::int64_t{options.trajectories} * options.samples.value_or(system.num_samples);
  if (samples > kMostSamples)
    throw InvalidArgument("[simulate] trajectories x samples must be at most ", kMostSamples, "; got ", samples, ".");
  if (options.start.empty()) return;
  const bool is_finite =
      std::all_of(options.start.begin(), options.start.end(), [](double value) { return std::isfinite(value); });
  if (options.start.size() != system.states.size() || !is_finite)
    throw InvalidArgument("[simulate] start must be ", system.states.size(), " finite numbers for '", system.name,
                          "'; got [", text::join(options.start), "].");
}

std::vector<double> make_times(const Setup& setup, const TrajectoryDice& dice) {
  std::vector<double> times(setup.num_samples);
  for (std::size_t i = 1; i < times.size(); ++i)
    times[i] = setup.options.irregular ? dice.uniform(Draw::kTimes, i, 0, setup.until)
                                       : setup.until * static_cast<double>(i) / static_cast<double>(times.size() - 1);
  std::sort(times.begin(), times.end());
  // Two equal draws are all but impossible, but times must increase.
  for (std::size_t i = 1; i < times.size(); ++i) times[i] = std::max(times[i], std::nextafter(times[i - 1], INFINITY));
  return times;
}

std::vector<double> make_start(const Setup& setup, const TrajectoryDice& dice) {
  if (!setup.options.start.empty()) return setup.options.start;
  std::vector<double> start;
  for (std::size_t i = 0; i < setup.system.states.size(); ++i) {
    const SystemState& state = setup.system.states[i];
    start.push_back(dice.uniform(Draw::kStart, i, state.start_low, state.start_high));
  }
  return start;
}

std::vector<double> make_phases(const System& system, const TrajectoryDice& dice) {
  std::vector<double> phases;
  for (std::size_t i = 0; i < system.drive_frequencies.size(); ++i)
    phases.push_back(dice.uniform(Draw::kPhases, i, 0, 2 * std::numbers::pi));
  return phases;
}

double drive_at(const System& system, const std::vector<double>& phases, double t) {
  double sum = 0;
  for (std::size_t i = 0; i < phases.size(); ++i) sum += std::sin(system.drive_frequencies[i] * t + phases[i]);
  return phases.empty() ? 0 : sum / static_cast<double>(phases.size());
}

/// The states at `times`, row after row.
std::vector<double> solve(const Setup& setup, const std::vector<double>& phases, const std::vector<double>& times,
                          const std::vector<double>& start) {
  const auto slope = [&](double t, std::span<const double> z, std::span<const double> delayed, std::span<double> dz) {
    setup.system.slope({t, z, delayed, drive_at(setup.system, phases, t), setup.parameters}, dz);
  };
  std::vector<double> rows;
  const auto append = [&](const std::vector<double>& state) { rows.insert(rows.end(), state.begin(), state.end()); };
  if (setup.system.delay_parameter) {
    internal::DelayIntegrator integrator(slope, start, setup.parameters[*setup.system.delay_parameter]);
    for (const double t : times) append(integrator.state_at(t));
  } else {
    internal::ExtrapolationIntegrator integrator(
        [&](double t, std::span<const double> z, std::span<double> dz) { slope(t, z, {}, dz); }, start);
    for (const double t : times) {
      integrator.advance_to(t);
      append(integrator.state());
    }
  }
  return rows;
}

Trajectory make_trajectory(const Setup& setup, const TrajectoryDice& dice) {
  Trajectory trajectory;
  if (setup.options.trajectories > 1) trajectory.id = text::concat(dice.trajectory());
  trajectory.times = make_times(setup, dice);
  const std::vector<double> phases = make_phases(setup.system, dice);
  std::vector<double> states = solve(setup, phases, trajectory.times, make_start(setup, dice));
  for (std::size_t i = 0; i < states.size(); ++i) states[i] += setup.options.noise * dice.normal(Draw::kNoise, i);
  std::vector<double> inputs;
  if (!phases.empty())
    for (const double t : trajectory.times) inputs.push_back(drive_at(setup.system, phases, t));

  const auto num_samples = static_cast<std::int64_t>(setup.num_samples);
  const auto num_states = static_cast<std::int64_t>(setup.system.states.size());
  trajectory.states = HostArray(Shape{num_samples, num_states}, std::move(states));
  trajectory.inputs = HostArray(Shape{num_samples, phases.empty() ? 0 : 1}, std::move(inputs));
  return trajectory;
}

/// Checks the options first.
Setup set_up(const std::string& name, const SimulateOptions& options) {
  const System& system = find_system(name);
  check_options(system, options);
  return {.system = system,
          .parameters = choose_parameters(system, options.parameters),
          .until = options.until.value_or(system.until),
          .num_samples = static_cast<std::size_t>(options.samples.value_or(system.num_samples)),
          .options = options};
}

}  // namespace

TimeSeries simulate(const std::string& system, const SimulateOptions& options) {
  const Setup setup = set_up(system, options);
  TimeSeries series;
  series.time_name = "t";
  for (const SystemState& state : setup.system.states) series.state_names.push_back(state.name);
  if (!setup.system.drive_frequencies.empty()) series.input_names = {"u"};
  for (int i = 0; i < options.trajectories; ++i)
    series.trajectories.push_back(make_trajectory(setup, TrajectoryDice(options.seed, static_cast<std::uint64_t>(i))));
  return series;
}

HostArray simulate_from(const std::vector<std::vector<double>>& starts, const std::string& system,
                        const SimulateOptions& options) {
  if (starts.empty() || !options.start.empty() || options.trajectories != 1 || options.irregular)
    throw InvalidArgument(
        "[simulate_from] takes its starts, one a trajectory, from the list, and even times; leave start, trajectories "
        "and irregular alone, and give at least one start.");
  HostArray states;
  SimulateOptions one = options;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    one.start = starts[i];
    const HostArray path = make_trajectory(set_up(system, one), TrajectoryDice(options.seed, i)).states;
    const auto size = static_cast<std::size_t>(path.size());
    if (i == 0) states = HostArray(path.shape().with_first(static_cast<std::int64_t>(starts.size())));
    path.copy_to(states.data<double>().subspan(i * size, size));
  }
  return states;
}

}  // namespace costate
