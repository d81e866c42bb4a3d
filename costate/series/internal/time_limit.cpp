#include "costate/series/internal/time_limit.h"

#include <system_error>
#include <utility>

#include "costate/base/error.h"
#include "costate/base/timing.h"
#include "costate/io/toml.h"

namespace costate::internal {
namespace {

constexpr const char *kSection = "stopped", *kTrainings = "trainings", *kEpochs = "epochs", *kChoices = "choices";

/// A training asks right after it has told of an epoch, in the same thread; whoever asks without is between trainings.
thread_local std::optional<std::pair<std::string, std::int64_t>> told;

}  // namespace

TimeLimit::TimeLimit(double minutes, std::filesystem::path record) : file_(std::move(record)) {
  std::error_code ignored;
  if (minutes == 0) return;
  if (!std::filesystem::exists(file_, ignored)) {
    end_ = in_minutes(minutes);
    return;
  }
  goes_by_record_ = true;
  const Config config = read_config(file_);
  const auto names = config.get<std::vector<std::string>>(kSection, kTrainings);
  const auto epochs = config.get<std::vector<double>>(kSection, kEpochs);
  if (names.size() != epochs.size())
    throw DataError("[fit] '", file_.string(), "' must hold an epoch for each training; it holds ", epochs.size(),
                    " for ", names.size(), ". Remove it to train on.");
  for (std::size_t i = 0; i < names.size(); ++i) epochs_[names[i]] = static_cast<std::int64_t>(epochs[i]);
  if (config.has(kSection, kChoices)) last_choice_ = config.get<std::int64_t>(kSection, kChoices);
}

bool TimeLimit::is_over() const { return end_ && std::chrono::steady_clock::now() > *end_; }

bool TimeLimit::ends_training(const std::string& training, std::int64_t epochs, bool was_asked) {
  const std::lock_guard lock(mutex_);
  was_asked_ = was_asked_ || was_asked;
  if (was_asked) return true;
  const auto found = epochs_.find(training);
  if (goes_by_record_) return found != epochs_.end() && epochs >= found->second;
  if (!is_over()) return false;
  if (found == epochs_.end()) epochs_[training] = epochs;
  return true;
}

bool TimeLimit::ends_choice(bool was_asked) {
  const std::lock_guard lock(mutex_);
  was_asked_ = was_asked_ || was_asked;
  const std::int64_t choice = choices_++;
  if (was_asked) return true;
  if (!goes_by_record_ && is_over() && !last_choice_) last_choice_ = choice;
  return last_choice_ && choice >= *last_choice_;
}

FitOptions TimeLimit::limited(FitOptions options) {
  if (!end_ && !goes_by_record_) return options;
  options.on_epoch = [tell = std::move(options.on_epoch)](const FitProgress& progress) {
    if (tell) tell(progress);
    told.emplace(progress.model, static_cast<std::int64_t>(progress.row.epoch) + 1);
  };
  options.should_stop = [this, asks = std::move(options.should_stop)] {
    const bool was_asked = asks && asks();
    const auto training = std::exchange(told, std::nullopt);
    return training ? ends_training(training->first, training->second, was_asked) : ends_choice(was_asked);
  };
  return options;
}

void TimeLimit::write() const {
  if (goes_by_record_ || was_asked_ || (epochs_.empty() && !last_choice_)) return;
  std::vector<std::string> names;
  std::vector<double> epochs;
  for (const auto& [name, epoch] : epochs_) {
    names.push_back(name);
    epochs.push_back(static_cast<double>(epoch));
  }
  Config config;
  config.set(kSection, kTrainings, names);
  config.set(kSection, kEpochs, epochs);
  if (last_choice_) config.set(kSection, kChoices, *last_choice_);
  write_config(file_, config);
}

}  // namespace costate::internal
