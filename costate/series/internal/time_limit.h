// The end of a fit by time, recorded so that it can be had again without a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "costate/series/fit.h"

namespace costate::internal {

/// Ends a fit after so many minutes, and keeps the epoch after which it ended each training; or ends them after the
/// epochs of a record. One fit each.
class TimeLimit {
 public:
  /// 0 minutes: no limit. Goes by the record where there is one.
  TimeLimit(double minutes, std::filesystem::path record);

  bool goes_by_record() const { return goes_by_record_; }

  /// The options with its own say in when to stop. It must outlive the fit.
  FitOptions limited(FitOptions options);

  /// Writes what ended the fit, if time did and nobody asked.
  void write() const;

 private:
  bool ends_training(const std::string& training, std::int64_t epochs, bool was_asked);
  bool ends_choice(bool was_asked);
  bool is_over() const;

  std::filesystem::path file_;
  std::optional<std::chrono::steady_clock::time_point> end_;
  bool goes_by_record_ = false, was_asked_ = false;
  std::mutex mutex_;                            // trials run side by side
  std::map<std::string, std::int64_t> epochs_;  // after which each training ended that did so early
  std::int64_t choices_ = 0;                    // questions between trainings so far
  std::optional<std::int64_t> last_choice_;     // the first of them that was told to stop
};

}  // namespace costate::internal
