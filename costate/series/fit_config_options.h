// The options of a fit, one row each. The check of a FitConfig, its TOML in both directions, the command line and
// Python's keywords are loops over these rows: a new option is a member of FitConfig and a row of fit_config_options().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "costate/base/option_value.h"
#include "costate/series/fit_config.h"

namespace costate {

/// Who can set an option.
enum class OptionDoors {
  kFile,         // config.toml alone: what a fit finds out by itself
  kCommandLine,  // and the command line: columns of the file, which arrays in Python have no names for
  kAll,          // and Python, by its key
};

/// "64,64": as one would type it, a name that holds a comma quoted.
std::string typed(const OptionValue& value);

struct FitConfigOption {
  std::string section, key;  // in config.toml; the key is the keyword in Python
  OptionKind kind;
  OptionDoors doors = OptionDoors::kAll;
  std::string flag = {};  // on the command line; rows may share one: the first row that can read the text takes it
  std::string short_flag = {};  // for the same
  std::string group = {};       // of flags in its help
  std::string help = {};
  std::string shown_default = {};  // in the help, where it says more than the number
  // Whole numbers, or those of a list: from low to high.
  std::int64_t low = 0, high = 1'000'000'000;
  std::optional<std::int64_t> chooses = {};  // allowed besides, and leaves the choice to the fit
  bool is_of_model = false;                  // a member of FitConfig::model
  bool may_be_absent = false;                // in a config.toml written before the option was there
  OptionAccess<FitConfig> access = {};

  /// What help shows: the default as typed, or what it means.
  std::string default_text() const;
  /// "a whole number between 0 and 100": what a value must be.
  std::string rule() const;
  /// What of the rule the value breaks, which it must: "at most 1000000000", a limit that rule() does not name.
  std::string rule_of(const OptionValue& value) const;
  bool allows(const OptionValue& value) const;
  /// InvalidArgument, "[fit] epochs must be …; got 0.", if the value breaks the rule.
  void check(const OptionValue& value) const;
};

/// In the order of config.toml.
const std::vector<FitConfigOption>& fit_config_options();

}  // namespace costate
