#include <chrono>
#include <cmath>

#include "experiments/experiment.h"

namespace costate::experiments {

#define COSTATE_EXPERIMENT(function, ...) Outcome function(const Request& request);
#include "experiments/experiments.def"
#undef COSTATE_EXPERIMENT

namespace {

std::string to_text(const Metric& metric) {
  if (metric.bound == Bound::kNone) return "";
  return text::concat(metric.bound == Bound::kAtMost ? "at most " : "at least ", text::number(metric.limit));
}

Config config_of(const Experiment& experiment, const Request& request) {
  Config config;
  config.set("", "experiment", experiment.name);
  config.set("", "quick", request.quick);
  config.set("", "seed", static_cast<std::int64_t>(request.seed));
  config.set("", "threads", static_cast<std::int64_t>(num_threads()));
  return config;
}

JsonObject json_of(const Outcome& outcome, double seconds) {
  JsonObject metrics;
  bool all_hold = true;
  for (const Metric& metric : outcome.metrics) {
    JsonObject entry = {{"value", metric.value}};
    if (metric.bound == Bound::kAtMost) entry.push_back({"at_most", metric.limit});
    if (metric.bound == Bound::kAtLeast) entry.push_back({"at_least", metric.limit});
    if (!metric.published.empty()) entry.push_back({"published", metric.published});
    metrics.push_back({metric.name, entry});
    all_hold = all_hold && metric.holds();
  }
  return {{"all_hold", all_hold}, {"seconds", seconds}, {"metrics", metrics}};
}

Table metrics_table(const std::vector<Metric>& metrics) {
  Table table{.header = {"metric", "value", "must be", "published", ""}};
  for (const Metric& metric : metrics)
    table.add(metric.name, metric.value, to_text(metric), metric.published,
              metric.bound == Bound::kNone ? ""
              : metric.holds()             ? "holds"
                                           : "FAILS");
  return table;
}

Report report_of(const Experiment& experiment, const Request& request, const Outcome& outcome, double seconds) {
  Report report{.title = outcome.title, .subtitle = experiment.shows};
  report.sections.push_back({"Result", {Picture{outcome.figure, outcome.caption}, metrics_table(outcome.metrics)}});
  report.sections.insert(report.sections.end(), outcome.sections.begin(), outcome.sections.end());
  report.sections.push_back({"To repeat it",
                             {Listing{text::concat("costate reproduce ", experiment.name,
                                                   request.quick ? " --quick" : "", " --seed ", request.seed)},
                              Paragraph{text::concat("Took ", text::number(seconds, 3), " s with ", num_threads(),
                                                     num_threads() == 1 ? " thread." : " threads.")}}});
  return report;
}

/// An experiment that does not begin, for want of data, leaves no half run that bars the way to the next try.
Outcome run_or_leave_nothing(const Experiment& experiment, const Request& request, const RunFolder& run) {
  try {
    return experiment.run(request);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(run.config(), ignored);
    std::filesystem::remove(run.path(), ignored);  // if it is empty
    throw;
  }
}

}  // namespace

bool Metric::holds() const {
  if (bound == Bound::kNone) return true;
  return bound == Bound::kAtMost ? value <= limit : value >= limit;
}

const std::vector<Experiment>& experiments() {
  static const std::vector<Experiment> kAll = {
#define COSTATE_EXPERIMENT(function, name, shows, needs, takes) {name, shows, needs, takes, function},
#include "experiments/experiments.def"
#undef COSTATE_EXPERIMENT
  };
  return kAll;
}

const Experiment& find_experiment(const std::string& name) {
  std::vector<std::string> names;
  for (const Experiment& experiment : experiments()) {
    if (experiment.name == name) return experiment;
    names.push_back(experiment.name);
  }
  throw InvalidArgument("[reproduce] ", text::unknown_name("experiment", name, names));
}

Outcome reproduce(const Experiment& experiment, const ReproduceOptions& options) {
  const RunFolder run = RunFolder::create(options.out, options.replace ? ExistingRun::kReplace : ExistingRun::kRefuse);
  write_config(run.config(), config_of(experiment, options.request));
  const auto begin = std::chrono::steady_clock::now();
  Outcome outcome = run_or_leave_nothing(experiment, options.request, run);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  write_json(run.metrics(), json_of(outcome, seconds));
  write_atomically(run.figure("svg"), to_svg(outcome.figure, "figure") + "\n");
  write_png(run.figure("png"), outcome.figure);
  write_report(run.report(), report_of(experiment, options.request, outcome, seconds));
  return outcome;
}

}  // namespace costate::experiments
