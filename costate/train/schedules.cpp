// Rates are functions of the epoch alone: nothing to save in a checkpoint.
#include "costate/train/schedules.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "costate/base/names.h"

namespace costate {
namespace {

constexpr std::string_view kSchedules[] = {"constant", "cosine", "exponential", "step"};

}  // namespace

std::string name(ScheduleKind kind) { return spelling(kind, kSchedules); }

ScheduleKind schedule_from_name(const std::string& name) {
  return from_spelling<ScheduleKind>("schedule", "schedule", name, kSchedules);
}

double learning_rate(const Schedule& schedule, std::int64_t epoch, std::int64_t epochs) {
  if (!(schedule.base > 0) || !std::isfinite(schedule.base) || !(schedule.final_ratio > 0) ||
      !std::isfinite(schedule.final_ratio))
    throw InvalidArgument("[learning_rate] the rate and final_ratio must be positive and finite; got ", schedule.base,
                          " and ", schedule.final_ratio, ".");
  if (epoch < schedule.warmup_epochs)
    return schedule.base * static_cast<double>(epoch + 1) / static_cast<double>(schedule.warmup_epochs + 1);
  const std::int64_t length = std::max<std::int64_t>(1, epochs - schedule.warmup_epochs - 1);
  const double done = std::min(1.0, static_cast<double>(epoch - schedule.warmup_epochs) / static_cast<double>(length));
  switch (schedule.kind) {
    case ScheduleKind::kConstant:
      return schedule.base;
    case ScheduleKind::kCosine:
      return schedule.base *
             (schedule.final_ratio + (1 - schedule.final_ratio) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
    case ScheduleKind::kExponential:
      return schedule.base * std::pow(schedule.final_ratio, done);
    case ScheduleKind::kStep:
      return schedule.base *
             std::pow(0.1, (8 * epoch >= 3 * epochs) + (8 * epoch >= 5 * epochs) + (8 * epoch >= 7 * epochs));
  }
  throw InternalError("[learning_rate] no such schedule.");
}

}  // namespace costate
