// The forms that a model may take where the user leaves the choice to the fit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/series/fit_config.h"

namespace costate {

struct Candidate {
  std::vector<std::int64_t> hidden;
  std::int64_t memory = 0;
  std::int64_t window = 0;
  std::vector<double> periods = {};

  /// "16 wide, 1 hidden state, a clock, windows of 50"
  std::string text() const;
  bool operator==(const Candidate&) const = default;
};

/// The config's model in this form.
SeriesModelOptions with(SeriesModelOptions options, const Candidate& candidate);

/// How many windows are trained on at most: the config's number, or kMostWindows and as few as hold 20,000 samples.
std::int64_t most_windows(const FitConfig& config, const Candidate& candidate);

/// Forms that differ in memory, clock and window, as far as the config leaves these open: with one layer of 16 units
/// where the widths are open, too. `period` is one that the data seem to follow, 0 if none. `longest` is the number of
/// samples of the longest stretch that is trained on.
std::vector<Candidate> first_candidates(const FitConfig& config, const std::vector<double>& periods, double period,
                                        std::int64_t longest);

/// The best form so far with other widths; and, linear, the best of each number of hidden states, since what is linear
/// is often linear in another state. Nothing if the config sets the widths.
std::vector<Candidate> with_other_widths(const FitConfig& config, const Candidate& best,
                                         std::vector<Candidate> best_of_each_memory);

}  // namespace costate
