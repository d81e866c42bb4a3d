#include "costate/series/internal/time_limit.h"

#include <system_error>
#include <utility>
#include <vector>

#include "costate/base/communicator.h"
#include "costate/base/error.h"
#include "costate/base/timing.h"
#include "costate/io/toml.h"

namespace costate::internal {
namespace {

constexpr const char *kSection = "stopped", *kTrainings = "trainings", *kEpochs = "epochs", *kChoices = "choices";

}  // namespace

TimeLimit::TimeLimit(double minutes, std::filesystem::path record, std::function<bool()> asked)
    : minutes_(minutes), file_(std::move(record)), asked_(std::move(asked)) {
  std::error_code ignored;
  goes_by_record_ = minutes_ > 0 && std::filesystem::exists(file_, ignored);
  if (goes_by_record_) read();
}

void TimeLimit::read() {
  const Config config = read_config(file_);
  const auto names = config.get<std::vector<std::string>>(kSection, kTrainings);
  const auto epochs = config.get<std::vector<double>>(kSection, kEpochs);
  if (names.size() != epochs.size())
    throw DataError("[fit] '", file_.string(), "' must hold an epoch for each training; it holds ", epochs.size(),
                    " for ", names.size(), ". Remove it to train on.");
  for (std::size_t i = 0; i < names.size(); ++i) epochs_[names[i]] = static_cast<std::int64_t>(epochs[i]);
  for (const double choice : config.get<std::vector<double>>(kSection, kChoices))
    ended_.insert(static_cast<std::int64_t>(choice));
}

TimeLimit::Part TimeLimit::whole() {
  Part part(*this);
  if (minutes_ > 0 && !goes_by_record_) part.end_ = in_minutes(minutes_);
  return part;
}

bool TimeLimit::Part::is_over() const { return end_ && any_rank(Clock::now() > *end_); }

TimeLimit::Part TimeLimit::Part::first_of(std::size_t parts) const {
  Part sooner = *this;
  if (end_) sooner.end_ = Clock::now() + (*end_ - Clock::now()) / static_cast<Clock::rep>(parts);
  return sooner;
}

bool TimeLimit::is_asked() {
  was_asked_ = was_asked_ || (asked_ && asked_());
  return was_asked_;
}

bool TimeLimit::was_asked() {
  const std::lock_guard lock(mutex_);
  was_asked_ = any_rank(was_asked_);
  return was_asked_;
}

bool TimeLimit::Part::ends_training(const std::string& training, std::int64_t epochs) const {
  const std::lock_guard lock(limit_->mutex_);
  const bool ends = !limit_->goes_by_record_ && is_over();  // before the next line: ranks ask each other in one order
  if (limit_->is_asked()) return true;                      // and tell each other in train()
  std::map<std::string, std::int64_t>& ended = limit_->epochs_;
  if (limit_->goes_by_record_) {
    const auto found = ended.find(training);
    return found != ended.end() && epochs >= found->second;
  }
  if (ends) ended.emplace(training, epochs);
  return ends;
}

bool TimeLimit::Part::ends_choice() const {
  const std::lock_guard lock(limit_->mutex_);
  const std::int64_t choice = limit_->choices_++;
  limit_->was_asked_ = any_rank(limit_->is_asked());
  if (limit_->was_asked_) return true;
  if (!limit_->goes_by_record_ && is_over()) limit_->ended_.insert(choice);
  return limit_->ended_.contains(choice);
}

void TimeLimit::write() const {
  if (file_.empty() || this_rank() != 0 || goes_by_record_ || was_asked_ || (epochs_.empty() && ended_.empty())) return;
  std::vector<std::string> names;
  std::vector<double> epochs;
  for (const auto& [name, epoch] : epochs_) {
    names.push_back(name);
    epochs.push_back(static_cast<double>(epoch));
  }
  Config config;
  config.set(kSection, kTrainings, names);
  config.set(kSection, kEpochs, epochs);
  config.set(kSection, kChoices, std::vector<double>(ended_.begin(), ended_.end()));
  write_config(file_, config);
}

}  // namespace costate::internal
