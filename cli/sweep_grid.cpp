#include "cli/sweep_grid.h"

#include <algorithm>
#include <set>

#include "cli/fit_flags.h"
#include "costate/base/base.h"
#include "costate/io/files.h"
#include "costate/series/fit_config_options.h"

namespace costate::cli {
namespace {

constexpr const char *kFit = "fit", *kGrid = "grid", *kData = "data";
constexpr std::size_t kMostRuns = 100'000;

/// Flags that the command line takes, each once.
std::vector<std::string> flags() {
  std::vector<std::string> all;
  for (const FitConfigOption& option : fit_config_options()) {
    if (option.doors == OptionDoors::kFile || std::ranges::find(all, option.flag) != all.end()) continue;
    all.push_back(option.flag);
    if (!option.short_flag.empty()) all.push_back(option.short_flag);
  }
  return all;
}

/// Of any type, as typed on the command line.
OptionValue value_of(const Config& file, const std::string& section, const std::string& key) {
  const auto as = [&]<class T>(OptionValue& value) {
    try {
      value = file.get<T>(section, key);
      return true;
    } catch (const DataError&) {
      return false;
    }
  };
  OptionValue value;
  if (as.operator()<std::string>(value) || as.operator()<std::int64_t>(value) || as.operator()<double>(value) ||
      as.operator()<std::vector<double>>(value) || as.operator()<std::vector<std::string>>(value))
    return value;
  throw DataError("[sweep] ", file.where(section, key), ": '", key, "' must be a text, a number or a list of either.");
}

/// The values of a varied option.
std::vector<std::string> values_of(const Config& file, const std::string& key) {
  const OptionValue value = value_of(file, kGrid, key);
  std::vector<std::string> texts;
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) texts = *names;
  if (const auto* numbers = std::get_if<std::vector<double>>(&value))
    for (const double number : *numbers) texts.push_back(typed(number));
  if (texts.empty())
    throw DataError("[sweep] ", file.where(kGrid, key), ": '", key,
                    "' must be a list of values, such as [8, 16] or [\"8\", \"16,16\"]; one value for all fits goes "
                    "under [fit].");
  return texts;
}

/// An option may have two names, of which one must do.
void check_names(const Config& file) {
  for (const FitConfigOption& option : fit_config_options()) {
    if (option.short_flag.empty()) continue;
    const std::string name = key_of(option.flag), other = key_of(option.short_flag);
    for (const char* section : {kFit, kGrid})
      if (file.has(section, other) && (file.has(kFit, name) || file.has(kGrid, name)))
        throw DataError("[sweep] ", file.where(section, other), ": '", other, "' and '", name,
                        "' are one option; leave one of them out.");
  }
}

void check_is_grid(const Config& file, const std::vector<std::string>& known) {
  std::vector<std::string> keys;
  for (const std::string& flag : known) keys.push_back(key_of(flag));
  if (file.has(kGrid, kData))
    throw DataError("[sweep] ", file.where(kGrid, kData),
                    ": 'data' stands under [fit], as one file for all fits; make a sweep for each file.");
  std::vector<std::string> of_fit = keys;
  of_fit.emplace_back(kData);
  file.check_keys({{kFit, of_fit}, {kGrid, keys}});
  check_names(file);
  if (!file.has(kFit, kData))
    throw DataError("[sweep] the grid must name the file of the data: data = \"FILE\" under [fit].");
}

/// As `costate fit` would, without reading data.
void check_run(const SweepGrid& grid, std::size_t run) {
  FitConfig config;
  config.data = grid.data;
  try {
    for (const GivenOptions* options : {&grid.fixed, &grid.runs[run]})
      for (const auto& [flag, text] : *options) set_fit_option(config, flag, text);
    config.check();
  } catch (const InvalidArgument& error) {
    throw InvalidArgument("[sweep] run ", run + 1, " of ", grid.runs.size(), ": ", error.what());
  }
}

}  // namespace

std::string key_of(const std::string& flag) { return flag.substr(2); }

SweepGrid sweep_grid(const Config& file) {
  const std::vector<std::string> known = flags();
  check_is_grid(file, known);
  SweepGrid grid{.data = file.get<std::string>(kFit, kData), .fixed = {}, .varied = {}, .runs = {{}}};
  for (const std::string& flag : known) {
    const std::string key = key_of(flag);
    if (file.has(kFit, key)) grid.fixed.emplace_back(flag, typed(value_of(file, kFit, key)));
    if (!file.has(kGrid, key)) continue;
    if (file.has(kFit, key))
      throw DataError("[sweep] ", file.where(kGrid, key), ": '", key,
                      "' stands under [fit], too; leave one of them out.");
    grid.varied.push_back(flag);
    const std::vector<std::string> values = values_of(file, key);
    if (grid.runs.size() > kMostRuns / values.size())
      throw DataError("[sweep] ", file.where(kGrid, key), ": these are more than ", kMostRuns,
                      " fits; give fewer values.");
    std::vector<GivenOptions> longer;
    for (const GivenOptions& run : grid.runs)
      for (const std::string& value : values) {
        longer.push_back(run);
        longer.back().emplace_back(flag, value);
      }
    grid.runs = std::move(longer);
  }
  if (grid.varied.empty())
    throw DataError("[sweep] nothing varies: name an option and its values under [grid], such as seed = [0, 1, 2].");
  for (std::size_t i = 0; i < grid.runs.size(); ++i) check_run(grid, i);
  return grid;
}

std::string digest_of_data(const SweepGrid& grid) {
  std::set<std::string> files = {grid.data};
  const auto add_judges = [&files](const GivenOptions& options) {
    for (const auto& [flag, value] : options)
      if (flag == "--judge") files.insert(value);
  };
  add_judges(grid.fixed);
  std::ranges::for_each(grid.runs, add_judges);
  std::string digests;
  for (const std::string& file : files) digests += digest_of(read_file(file));
  return digest_of(digests);
}

}  // namespace costate::cli
