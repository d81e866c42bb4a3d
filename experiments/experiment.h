// An experiment: a section of docs/experiments.md as a command, with its picture and its numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

struct Request {
  bool quick = false;  // a small version of the same code
  std::uint64_t seed = 0;
  std::filesystem::path data = {};                                   // folder of data that do not come with Costate
  std::function<void(const std::string&)> say = [](const auto&) {};  // a line about what is being done

  /// Says the parts as one line.
  template <class... Part>
  void tell(const Part&... parts) const {
    say(text::concat(parts...));
  }
};

/// What a metric must be. Times have no bound: a busy machine is no fault of the experiment's.
enum class Bound { kNone, kAtMost, kAtLeast };

/// A number that the experiment was done for.
struct Metric {
  std::string name;
  double value = 0;
  Bound bound = Bound::kNone;
  double limit = 0;
  std::string published = {};  // what it stands beside, and its source

  /// False if the value is NaN or on the wrong side of its bound.
  bool holds() const;
};

// Metrics with and without a bound.
inline Metric at_most(double limit, const std::string& name, double value, const std::string& published = {}) {
  return {name, value, Bound::kAtMost, limit, published};
}
inline Metric at_least(double limit, const std::string& name, double value, const std::string& published = {}) {
  return {name, value, Bound::kAtLeast, limit, published};
}
inline Metric told(const std::string& name, double value, const std::string& published = {}) {
  return {.name = name, .value = value, .published = published};
}

/// How many numbers a net's Parameters hold.
inline std::int64_t num_numbers(std::span<const Parameter> parameters) {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters) count += parameter.shape().size();
  return count;
}

struct Outcome {
  std::string title;
  Sheet figure;                        // the picture of the experiment
  std::string caption;                 // what to see in it
  std::vector<Section> sections = {};  // of the report, after the picture and the metrics
  std::vector<Metric> metrics = {};
};

/// A row of experiments.def.
struct Experiment {
  std::string name;
  std::string shows;
  std::string needs;  // data that do not come with Costate; "": none
  std::string takes;  // the full run and the quick one, on two idle cores
  Outcome (*run)(const Request& request);
};

/// All experiments, in the order of docs/experiments.md.
const std::vector<Experiment>& experiments();

/// InvalidArgument, with the nearest name, if there is none.
const Experiment& find_experiment(const std::string& name);

struct ReproduceOptions {
  Request request = {};
  std::filesystem::path out;
  bool replace = false;  // the run that is in `out`
};

/// Runs it and writes the run folder: config.toml, metrics.json, figure.svg, figure.png, report.html. The outcome's
/// metrics may fail to hold; that is for the caller to judge.
Outcome reproduce(const Experiment& experiment, const ReproduceOptions& options);

}  // namespace costate::experiments
