// Made-up data with known truth, and what is asked of a series before it is embedded.
#include "costate/data/data.h"

#include "costate/base/error.h"
#include "costate/series/delay_choice.h"
#include "python/bindings/bindings.h"
#include "python/bindings/keywords.h"

namespace costate::python {
namespace {

Keyword<SimulateOptions> parameters_keyword() {
  return {.name = "parameters",
          .annotation = "dict",
          .get = [](const SimulateOptions&) { return nb::dict(); },
          .set =
              [](SimulateOptions& options, nb::handle value) {
                for (const auto& [name, number] : argument_as<std::map<std::string, double>>(value))
                  options.parameters.push_back({name, number});
              }};
}

Keywords<SimulateOptions> simulate_keywords() {
  using O = SimulateOptions;
  return {option("trajectories", &O::trajectories),
          option("noise", &O::noise),
          option("seed", &O::seed),
          option("until", &O::until),
          option("samples", &O::samples),
          option("start", &O::start),
          parameters_keyword(),
          option("irregular", &O::irregular)};
}

Keywords<SpiralOptions> spiral_keywords() {
  using O = SpiralOptions;
  return {
      option("count", &O::count),           option("observed", &O::observed), option("first_start", &O::first_start),
      option("last_start", &O::last_start), option("noise", &O::noise),       option("seed", &O::seed)};
}

/// One array a trajectory.
template <class Part>
nb::list of_each(const TimeSeries& series, Part part) {
  nb::list arrays;
  for (const Trajectory& trajectory : series.trajectories) arrays.append(to_numpy(part(trajectory)));
  return arrays;
}

nb::dict parameters_of(const System& system) {
  nb::dict parameters;
  for (const SystemParameter& parameter : system.parameters) parameters[parameter.name.c_str()] = parameter.value;
  return parameters;
}

nb::dict starts_of(const System& system) {
  nb::dict starts;
  for (const SystemState& state : system.states)
    starts[state.name.c_str()] = nb::make_tuple(state.start_low, state.start_high);
  return starts;
}

void bind_simulate(nb::module_& module) {
  nb::class_<System>(module, "System", "A dynamical system to make data from, by simulate.")
      .def_ro("name", &System::name)
      .def_ro("description", &System::description, "With the equation.")
      .def_prop_ro("states", &starts_of, "Of each state by name, the interval that its start is drawn from.")
      .def_prop_ro("parameters", &parameters_of, "By name, the defaults.")
      .def_ro("until", &System::until, "The default end; the start is t = 0.")
      .def_ro("num_samples", &System::num_samples, "By default, over [0, until].")
      .def("__repr__",
           [](const System& system) { return "System('" + system.name + "': " + system.description + ")"; });
  module.def("systems", &systems, "All Systems that simulate knows.");
  nb::class_<TimeSeries>(module, "TimeSeries",
                         "Trajectories of one system: fit(series.times, series.states) takes them.")
      .def_prop_ro(
          "times", [](const TimeSeries& s) { return of_each(s, [](const Trajectory& t) { return t.times; }); },
          "[samples], one array a trajectory.")
      .def_prop_ro(
          "states", [](const TimeSeries& s) { return of_each(s, [](const Trajectory& t) { return t.states; }); },
          "[samples, state], one array a trajectory.")
      .def_prop_ro(
          "inputs", [](const TimeSeries& s) { return of_each(s, [](const Trajectory& t) { return t.inputs; }); },
          "[samples, input] that drove the system, one array a trajectory.")
      .def_ro("state_names", &TimeSeries::state_names)
      .def_ro("input_names", &TimeSeries::input_names);
  const std::string signature =
      "def simulate(system: str" + parameters_of(simulate_keywords()) + ") -> " + name_of<TimeSeries>();
  module.def(
      "simulate",
      [](const std::string& system, const nb::kwargs& keywords) {
        const SimulateOptions options = from_keywords(simulate_keywords(), keywords);
        return run_long([&] { return simulate(system, options); });
      },
      nb::arg("system"), nb::arg("options"), nb::sig(signature.c_str()),
      R"(A TimeSeries of a known system, as if measured: solved to about 1e-12, and noise added.

system        a name of systems().
trajectories  how many.
noise         standard deviation of the Gaussian noise on each state value.
seed          of starts, times and noise. A trajectory depends on it and its index alone.
until         the last time; None: the system's.
samples       of each trajectory, t = 0 included; None: the system's.
start         [state]; empty: drawn for each trajectory from the system's intervals.
parameters    in place of the system's defaults, by name.
irregular     whether times are drawn uniformly from (0, until) instead of evenly spaced.

Raises InvalidArgument for an unknown system or parameter or an option out of range, SolveFailed if the state grows beyond all
bounds.

>>> import costate
>>> series = costate.simulate("lotka-volterra", trajectories=2, samples=50)
>>> len(series.states), series.states[0].shape, series.state_names
(2, (50, 2), ['prey', 'predator'])
)");
}

void bind_labelled_points(nb::module_& module, const char* name, LabelledPoints (*make)(const SampleRange&),
                          const char* doc) {
  constexpr const char* kRange = R"(
seed   of the endless sequence that they are from.
first  where in it they begin: row i depends on the seed and first + i alone.
)";
  module.def(
      name,
      [make](std::int64_t count, std::uint64_t seed, std::int64_t first) {
        const LabelledPoints made = make({.seed = seed, .first = first, .count = count});
        return std::pair(to_numpy(made.points), to_numpy(made.classes));
      },
      nb::arg("count"), nb::arg("seed") = 0, nb::arg("first") = 0, text::concat(doc, kRange).c_str());
}

void bind_samples(nb::module_& module) {
  module.def(
      "sample_density",
      [](const std::string& name, std::int64_t count, std::uint64_t seed, std::int64_t first) {
        return to_numpy(sample_density(name, {.seed = seed, .first = first, .count = count}));
      },
      nb::arg("name"), nb::arg("count"), nb::arg("seed") = 0, nb::arg("first") = 0,
      R"(Samples [count, 2] of a toy density of the FFJORD paper (Grathwohl et al. 2019).

name   one of density_names().
count  how many.
seed   of the endless sequence that they are from.
first  where in it they begin: row i depends on the seed and first + i alone.
)");
  module.def("density_names", &density_names, "The names that sample_density knows.");
  bind_labelled_points(module, "two_spirals", two_spirals,
                       R"(Points [count, 2] of two interleaved spirals, and their classes [count, 2] as unit vectors.

count  how many; those with an even index are of class 0.)");
  bind_labelled_points(
      module, "concentric_circles", concentric_circles,
      R"(Points [count, 2] of a disc within a ring (Dupont, Doucet and Teh 2019), and their classes [count, 2] as unit vectors.

count  how many; two of three are of the ring, class 1.)");
  nb::class_<Spirals>(module, "Spirals", "Noisy windows of spirals; times are counted from the window's start.")
      .def_prop_ro(
          "times", [](const Spirals& made) { return to_numpy(made.times); }, "[count, observed].")
      .def_prop_ro(
          "observations", [](const Spirals& made) { return to_numpy(made.observations); },
          "[count, observed, 2], with noise.")
      .def_prop_ro(
          "truth", [](const Spirals& made) { return to_numpy(made.truth); },
          "[count, 300, 2] without noise: 100 points each before, in and behind the window.")
      .def_prop_ro(
          "grid", [](const Spirals& made) { return to_numpy(made.grid); },
          "[300]: the times of truth, 0 at the window's first point.");
  const std::string signature =
      "def spirals(" + parameters_of(spiral_keywords()).substr(2) + ") -> " + name_of<Spirals>();
  module.def(
      "spirals", [](const nb::kwargs& options) { return spirals(from_keywords(spiral_keywords(), options)); },
      nb::arg("options"), nb::sig(signature.c_str()),
      R"(The spirals of Chen et al. 2018, section 5.1, for latent ODEs.

count                    how many, half of them clockwise, in turn.
observed                 points that are seen of the 100 of a window.
first_start, last_start  windows start uniformly between these of the curve's 500 points.
noise                    standard deviation of the noise.
seed                     sample i depends on it and i alone.
)");
}

void bind_delay_choice(nb::module_& module) {
  const auto numbers = [](nb::handle series) { return to_host(series).numbers(); };
  module.def(
      "mutual_information",
      [numbers](nb::handle series, std::size_t most_lag) {
        return to_numpy(mutual_information(numbers(series), most_lag));
      },
      nb::arg("series"), nb::arg("most_lag"),
      "Mutual information, in nats, of x(t) and x(t + lag samples) for lag = 0, ..., most_lag (Fraser and Swinney "
      "1986).");
  module.def(
      "first_minimum", [numbers](nb::handle information) { return first_minimum(numbers(information)); },
      nb::arg("mutual_information"), "The first lag at which the mutual information has a minimum; else the last one.");
  module.def(
      "false_neighbours",
      [numbers](nb::handle series, std::size_t lag, std::size_t most_dimension) {
        return to_numpy(false_neighbours(numbers(series), lag, most_dimension));
      },
      nb::arg("series"), nb::arg("lag"), nb::arg("most_dimension"),
      "Share of false nearest neighbours in embeddings of dimension 1, ..., most_dimension (Kennel, Brown and "
      "Abarbanel "
      "1992).");
  module.def(
      "embedding_dimension",
      [numbers](nb::handle shares, double threshold) { return embedding_dimension(numbers(shares), threshold); },
      nb::arg("false_neighbours"), nb::arg("threshold") = 0.01,
      "The first dimension with a share of false neighbours below the threshold; else the last one.");
}

}  // namespace

void bind_data(nb::module_& module) {
  bind_simulate(module);
  bind_samples(module);
  bind_delay_choice(module);
}

}  // namespace costate::python
