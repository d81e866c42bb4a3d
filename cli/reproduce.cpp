// costate reproduce: an experiment of docs/experiments.md.
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/ranks.h"
#include "costate/base/base.h"
#include "experiments/experiment.h"

namespace costate::cli {
namespace {

using experiments::Experiment;
using experiments::Metric;
using experiments::Outcome;

struct ReproduceArguments {
  std::string name, out, data;
  std::uint64_t seed = 0;
  std::optional<int> threads;
  bool quick = false, list = false, replace = false, quiet = false;
};

constexpr int kMissed = 1;  // the exit code if a metric is not what it must be

int list_experiments() {
  for (const Experiment& experiment : experiments::experiments()) {
    std::cout << experiment.name << "\n    " << experiment.shows << "\n    takes about " << experiment.takes
              << ", on two idle cores";
    if (!experiment.needs.empty()) std::cout << "; needs " << experiment.needs;
    std::cout << "\n";
  }
  return 0;
}

/// Prints the metrics; the exit code.
int judge(const Outcome& outcome, const ReproduceArguments& arguments) {
  int missed = 0;
  for (const Metric& metric : outcome.metrics) {
    missed += metric.holds() ? 0 : 1;
    if (arguments.quiet) continue;
    std::cout << (metric.bound == experiments::Bound::kNone ? "      "
                  : metric.holds()                          ? "holds "
                                                            : "FAILS ")
              << std::setw(12) << std::setprecision(4) << metric.value << "  " << metric.name;
    if (metric.bound != experiments::Bound::kNone)
      std::cout << " (must be at " << (metric.bound == experiments::Bound::kAtMost ? "most " : "least ") << metric.limit
                << ")";
    if (!metric.published.empty()) std::cout << "; published: " << metric.published;
    std::cout << "\n";
  }
  if (missed == 0) return 0;
  std::cerr << kErrorPrefix << missed << " of " << outcome.metrics.size() << " metrics of '" << arguments.name
            << "' are not what they must be.\n";
  return kMissed;
}

int run(const ReproduceArguments& arguments) {
  if (arguments.list) return list_experiments();
  if (arguments.name.empty())
    throw InvalidArgument("reproduce needs an experiment; 'costate reproduce --list' shows them.");
  const Experiment& experiment = experiments::find_experiment(arguments.name);
  if (!arguments.data.empty() && experiment.needs.empty())
    throw InvalidArgument("[reproduce] '", experiment.name, "' needs no data; leave out --data.");
  experiments::ReproduceOptions options{.request = {}, .out = {}, .replace = arguments.replace};
  options.request.quick = arguments.quick;
  options.request.seed = arguments.seed;
  options.request.data = arguments.data;
  if (arguments.threads) set_num_threads(*arguments.threads);
  if (!arguments.quiet) options.request.say = [](const std::string& line) { std::cerr << line << "\n"; };
  options.out = arguments.out.empty() ? "runs/" + experiment.name + (arguments.quick ? "-quick" : "") : arguments.out;
  const Outcome outcome = experiments::reproduce(experiment, options);
  const int code = judge(outcome, arguments);
  if (!arguments.quiet) std::cout << "report: " << (options.out / "report.html").string() << "\n";
  return code;
}

}  // namespace

void add_reproduce(CommandLine& line) {
  const auto arguments = std::make_shared<ReproduceArguments>();
  Command command = line.add_command("reproduce", "Run an experiment of docs/experiments.md",
                                     [arguments] { return run(*arguments); });
  std::vector<std::string> names;
  for (const Experiment& experiment : experiments::experiments()) names.push_back(experiment.name);
  command.add_positional("experiment", arguments->name, "Name of the experiment: pendulum, cnf, … (--list shows all)",
                         names);
  command.add_flag("--quick", arguments->quick, "A small version of the same code");
  command.add_option("--seed", arguments->seed, integer<std::uint64_t>({.low = 0}), "Seed of weights, data and order");
  command.add_option("--data", arguments->data, some_text("a folder"),
                     "Folder of the data that the experiment needs (--list tells which)");
  command.add_option("--out", arguments->out, some_text("a folder"), "Run folder (runs/<name>)");
  command.add_flag("--replace", arguments->replace, "Remove the run that is in --out first");
  command.add_option("--threads", arguments->threads, thread_count(), "Threads (all)");
  command.add_flag("--quiet", arguments->quiet, "Print nothing but errors");
  command.add_flag("--list", arguments->list, "List the experiments: what each shows, needs and takes");
  command.set_footer(
      "Exits with 1 if a metric is not what it must be.\nExample:\n  costate reproduce pendulum --quick --out "
      "runs/pendulum");
}

}  // namespace costate::cli
