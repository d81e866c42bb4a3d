// The end of a fit by time, recorded so that it can be had again without a clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace costate::internal {

/// Ends a fit after so many minutes, or where its caller asks, and keeps the epoch after which time ended each
/// training; or ends them after the epochs of a record, whatever the time. One fit each. Ranks that share it go by the
/// first one's clock that says so, or signal.
class TimeLimit {
 public:
  /// 0 minutes: no limit. Goes by the record where there is a file; an empty path: none is read or written. `asked` is
  /// the caller's own say and may be empty.
  TimeLimit(double minutes, std::filesystem::path record, std::function<bool()> asked);

  bool goes_by_record() const { return goes_by_record_; }

  /// A part of the time, for some of the fit's trainings. The limit must outlive it.
  class Part {
   public:
    /// Asked after each epoch of a training; trainings have different names, and may run side by side.
    bool ends_training(const std::string& training, std::int64_t epochs) const;
    /// Asked between trainings, from one thread and in the same order in each fit.
    bool ends_choice() const;
    /// The first one of so many equal parts of the time left.
    Part first_of(std::size_t parts) const;

   private:
    friend class TimeLimit;
    using Clock = std::chrono::steady_clock;

    explicit Part(TimeLimit& limit) : limit_(&limit) {}
    bool is_over() const;

    TimeLimit* limit_;
    std::optional<Clock::time_point> end_ = {};
  };

  /// All of the time, which begins now.
  Part whole();

  /// Whether the caller has asked for an end, on any rank; once asked, trainings end until the fit does. From one
  /// thread.
  bool was_asked();

  /// Writes what ended the fit, if time did and nobody asked.
  void write() const;

 private:
  void read();
  bool is_asked();

  double minutes_;
  std::filesystem::path file_;
  std::function<bool()> asked_;
  bool goes_by_record_ = false, was_asked_ = false;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> epochs_;  // after which each training ended that did so early
  std::int64_t choices_ = 0;                    // questions between trainings so far
  std::set<std::int64_t> ended_;                // those of them that were told to stop
};

}  // namespace costate::internal
