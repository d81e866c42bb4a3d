#include "costate/series/fit_config.h"

#include <functional>

#include "costate/base/error.h"
#include "costate/series/fit_config_options.h"

namespace costate {
namespace {

std::vector<ConfigSection> sections() {
  std::vector<ConfigSection> known = {{"", {"format", "version"}}};
  for (const FitConfigOption& option : fit_config_options()) {
    if (known.back().name != option.section) known.push_back({option.section, {}});
    known.back().keys.push_back(option.key);
  }
  return known;
}

ConfigValue read(const Config& config, const FitConfigOption& option) {
  switch (option.kind) {
    case OptionKind::kText:
    case OptionKind::kChoice:
      return config.get<std::string>(option.section, option.key);
    case OptionKind::kNames:
      return config.get<std::vector<std::string>>(option.section, option.key);
    case OptionKind::kInteger:
      return config.get<std::int64_t>(option.section, option.key);
    case OptionKind::kNumber:
    case OptionKind::kShare:
      return config.get<double>(option.section, option.key);
    case OptionKind::kIntegers:
    case OptionKind::kNumbers:
      return config.get<std::vector<double>>(option.section, option.key);
  }
  throw InternalError("[fit] no such kind of option.");
}

FitConfig read_options(const Config& config, const std::function<bool(const FitConfigOption&)>& wants) {
  check_config_format(config);
  config.check_keys(sections());
  FitConfig fit;
  for (const FitConfigOption& option : fit_config_options()) {
    if (!wants(option) || (option.may_be_absent && !config.has(option.section, option.key))) continue;
    const ConfigValue value = read(config, option);
    option.check(value);
    option.access.set(fit, value);
  }
  return fit;
}

}  // namespace

void FitConfig::check() const {
  if (model.delay > 0 && !model.columns.events.empty())
    throw InvalidArgument(
        "[fit] an event moves delayed copies of a state later; fit events with --memory, and without "
        "--delay.");
  if (hold_out >= 1)
    throw InvalidArgument("[fit] hold_out must be at least 0 and below 1; got ", hold_out,
                          ": write a share as '20%' and, ", "for a time, 't=", hold_out, "'.");
  for (const FitConfigOption& option : fit_config_options()) option.check(option.access.get(*this));
  if (max_growth < 1)
    throw InvalidArgument("[fit] max_growth must be at least 1: a first epoch is no costly one; got ", max_growth, ".");
  if (!judge.empty() && !hold_out_part.empty())
    throw InvalidArgument("[fit] a file that judges is the whole test; give either --judge or --hold-out.");
  if (epochs > 0 && polish_epochs() >= epochs)
    throw InvalidArgument("[fit] polish must be less than epochs, of which it is the last part; got ", polish, " of ",
                          epochs, ".");
}

Config FitConfig::to_config() const {
  Config config;
  config.set("", "format", kConfigFormat);
  for (const FitConfigOption& option : fit_config_options())
    config.set(option.section, option.key, option.access.get(*this));
  return config;
}

Config to_config(const SeriesModelOptions& options) {
  Config config;
  config.set("", "format", kConfigFormat);
  const FitConfig fit{.model = options};
  for (const FitConfigOption& option : fit_config_options())
    if (option.is_of_model) config.set(option.section, option.key, option.access.get(fit));
  return config;
}

SeriesModelOptions model_options_from(const Config& config) {
  return read_options(config, [](const FitConfigOption& option) { return option.is_of_model; }).model;
}

FitConfig fit_config_from(const Config& config) {
  return read_options(config, [](const FitConfigOption&) { return true; });
}

std::string first_difference(const FitConfig& left, const FitConfig& right) {
  const auto [line, other] = text::first_difference(left.to_config().to_toml(), right.to_config().to_toml());
  return line == other ? "" : text::concat("'", line, "' and '", other, "'");
}

}  // namespace costate
