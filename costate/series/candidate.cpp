#include "costate/series/candidate.h"

#include <algorithm>
#include <utility>

#include "costate/base/error.h"
#include "costate/series/windows.h"

namespace costate {
namespace {

constexpr std::int64_t kWidth = 32;  // that the first candidates have

bool widths_are_open(const FitConfig& config) { return config.model.hidden == std::vector<std::int64_t>{0}; }

std::vector<std::int64_t> windows_of(const FitConfig& config, std::int64_t longest) {
  constexpr std::int64_t kFewest = 5, kFew = 30;
  if (config.window != 0) return {std::min(config.window, longest)};
  // A short window trains where a long solve would get lost; a long one tells hidden states and slow changes.
  std::vector<std::int64_t> windows = {std::clamp<std::int64_t>(longest / 8, kFewest, 50),
                                       std::clamp<std::int64_t>(longest / 2, kFewest, 200)};
  if (longest <= kFew) windows = {longest / 2, longest};
  for (std::int64_t& window : windows) window = std::clamp<std::int64_t>(window, 2, longest);
  std::ranges::sort(windows);
  windows.erase(std::ranges::unique(windows).begin(), windows.end());
  return windows;
}

std::string widths_text(const std::vector<std::int64_t>& hidden) {
  return hidden.empty() ? "linear" : text::concat(text::join(hidden, "-"), " wide");
}

}  // namespace

std::string Candidate::text() const {
  return text::concat(widths_text(hidden), memory == 0 ? "" : text::concat(", ", memory, " hidden state"),
                      memory > 1 ? "s" : "", periods.empty() ? "" : ", clock", ", windows of ", window);
}

SeriesModelOptions with(SeriesModelOptions options, const Candidate& candidate) {
  options.hidden = candidate.hidden;
  options.memory = {candidate.memory};
  options.context = candidate.window;
  options.periods = candidate.periods;
  return options;
}

std::int64_t most_windows(const FitConfig& config, const Candidate& candidate) {
  constexpr std::int64_t kSamples = 20'000, kFewest = 8;
  if (config.max_windows != 0) return config.max_windows;
  return std::clamp(kSamples / candidate.window, kFewest, kMostWindows);
}

std::vector<Candidate> first_candidates(const FitConfig& config, const std::vector<double>& periods, double period,
                                        std::int64_t longest) {
  std::vector<std::int64_t> memories = {config.model.memory.states};
  // Delayed copies are a memory, too.
  if (config.model.memory.is_chosen())
    memories = config.model.delay > 0 ? std::vector<std::int64_t>{0} : std::vector<std::int64_t>{0, 1, 2};
  std::vector<std::vector<double>> clocks = {periods};
  if (period > 0) clocks.push_back({period});
  std::vector<Candidate> candidates;
  for (const std::int64_t memory : memories)
    for (const std::vector<double>& clock : clocks)
      for (const std::int64_t window : windows_of(config, longest))
        candidates.push_back({.hidden = widths_are_open(config) ? std::vector{kWidth} : config.model.hidden,
                              .memory = memory,
                              .window = window,
                              .periods = clock});
  return candidates;
}

std::vector<Candidate> with_other_widths(const FitConfig& config, const Candidate& best,
                                         std::vector<Candidate> best_of_each_memory) {
  if (!widths_are_open(config)) return {};
  std::vector<Candidate> candidates = std::move(best_of_each_memory);
  for (Candidate& candidate : candidates) candidate.hidden.clear();
  for (const std::int64_t width : {kWidth / 4, kWidth / 2}) {
    candidates.push_back(best);
    candidates.back().hidden = {width};
  }
  return candidates;
}

}  // namespace costate
