#include "costate/models/fit_config.h"

#include <cmath>
#include <sstream>

#include "costate/base/error.h"

namespace costate {
namespace {

const std::vector<ConfigSection>& sections() {
  static const std::vector<ConfigSection> known = {
      {"", {"format"}},
      {"data", {"path", "digest", "time", "states", "inputs", "trajectory", "delay", "hold_out"}},
      {"model", {"hidden", "activation", "interpolation"}},
      {"solver", {"method", "rtol", "atol", "adjoint"}},
      {"training",
       {"loss", "window", "max_windows", "optimizer", "learning_rate", "epochs", "polish", "batch", "seed"}},
  };
  return known;
}

std::vector<double> as_doubles(const std::vector<std::int64_t>& values) { return {values.begin(), values.end()}; }

std::vector<std::int64_t> as_integers(const Config& config, const std::string& section, const std::string& key) {
  std::vector<std::int64_t> integers;
  for (const double value : config.get<std::vector<double>>(section, key)) {
    if (value != std::floor(value) || std::abs(value) > 1e9)
      throw DataError(config.where(section, key), ": widths must be whole numbers; got ", value, ".");
    integers.push_back(static_cast<std::int64_t>(value));
  }
  return integers;
}

template <class Check>
void require(bool good, const char* key, const Check& value, const char* rule) {
  if (!good) throw InvalidArgument("[fit] ", key, " must be ", rule, "; got ", value, ".");
}

}  // namespace

void FitConfig::check() const {
  require(!columns.states.empty(), "state", "none", "at least one column");
  require(delay >= 0 && delay <= 100, "delay", delay, "between 0 and 100");
  require(hold_out >= 0 && hold_out < 1, "hold-out", hold_out, "at least 0 and below 1 (below 100 %)");
  for (const std::int64_t width : hidden)
    require(width >= 1 && width <= 65536, "hidden", width, "widths between 1 and 65536");
  require(rtol > 0 && std::isfinite(rtol), "rtol", rtol, "positive and finite");
  require(atol > 0 && std::isfinite(atol), "atol", atol, "positive and finite");
  require(window == 0 || window >= 2, "window", window, "at least 2 samples (0 chooses)");
  require(max_windows >= 1, "max-windows", max_windows, "at least 1");
  require(learning_rate > 0 && std::isfinite(learning_rate), "lr", learning_rate, "positive and finite");
  require(epochs >= 1, "epochs", epochs, "at least 1");
  require(polish >= 0, "polish", polish, "at least 0");
  require(batch >= 0, "batch", batch, "at least 1 window (0 chooses)");
}

Config FitConfig::to_config() const {
  Config config;
  config.set("", "format", kConfigFormat);
  config.set("data", "path", data);
  config.set("data", "digest", data_digest);
  config.set("data", "time", columns.time);
  config.set("data", "states", columns.states);
  config.set("data", "inputs", columns.inputs);
  config.set("data", "trajectory", columns.trajectory);
  config.set("data", "delay", std::int64_t{delay});
  config.set("data", "hold_out", hold_out);
  config.set("model", "hidden", as_doubles(hidden));
  config.set("model", "activation", name(activation));
  config.set("model", "interpolation", name(interpolation));
  config.set("solver", "method", std::string(name(method)));
  config.set("solver", "rtol", rtol);
  config.set("solver", "atol", atol);
  config.set("solver", "adjoint", name(adjoint));
  config.set("training", "loss", name(loss));
  config.set("training", "window", window);
  config.set("training", "max_windows", max_windows);
  config.set("training", "optimizer", name(optimizer));
  config.set("training", "learning_rate", learning_rate);
  config.set("training", "epochs", epochs);
  config.set("training", "polish", polish);
  config.set("training", "batch", batch);
  config.set("training", "seed", static_cast<std::int64_t>(seed));
  return config;
}

SolveOptions FitConfig::solve_options() const {
  return {.method = method, .rtol = rtol, .atol = atol, .max_steps = 10'000, .adjoint = adjoint};
}

FitConfig fit_config_from(const Config& config) {
  check_config_format(config);
  config.check_keys(sections());
  FitConfig fit;
  fit.data = config.get<std::string>("data", "path");
  fit.data_digest = config.get<std::string>("data", "digest");
  fit.columns.time = config.get<std::string>("data", "time");
  fit.columns.states = config.get<std::vector<std::string>>("data", "states");
  fit.columns.inputs = config.get<std::vector<std::string>>("data", "inputs");
  fit.columns.trajectory = config.get<std::string>("data", "trajectory");
  fit.delay = static_cast<int>(config.get<std::int64_t>("data", "delay"));
  fit.hold_out = config.get<double>("data", "hold_out");
  fit.hidden = as_integers(config, "model", "hidden");
  fit.activation = activation_from_name(config.get<std::string>("model", "activation"));
  fit.interpolation = interpolation_from_name(config.get<std::string>("model", "interpolation"));
  fit.method = method_from_name(config.get<std::string>("solver", "method"));
  fit.rtol = config.get<double>("solver", "rtol");
  fit.atol = config.get<double>("solver", "atol");
  fit.adjoint = adjoint_from_name(config.get<std::string>("solver", "adjoint"));
  fit.loss = loss_from_name(config.get<std::string>("training", "loss"));
  fit.window = config.get<std::int64_t>("training", "window");
  fit.max_windows = config.get_or("training", "max_windows", fit.max_windows);  // files of before have none
  fit.optimizer = optimizer_from_name(config.get<std::string>("training", "optimizer"));
  fit.learning_rate = config.get<double>("training", "learning_rate");
  fit.epochs = config.get<std::int64_t>("training", "epochs");
  fit.polish = config.get<std::int64_t>("training", "polish");
  fit.batch = config.get<std::int64_t>("training", "batch");
  fit.seed = static_cast<std::uint64_t>(config.get<std::int64_t>("training", "seed"));
  fit.check();
  return fit;
}

std::string first_difference(const FitConfig& left, const FitConfig& right) {
  std::istringstream lines(left.to_config().to_toml()), others(right.to_config().to_toml());
  std::string line, other;
  while (std::getline(lines, line) && std::getline(others, other))
    if (line != other) return text::concat("'", line, "' and '", other, "'");
  return {};
}

}  // namespace costate
