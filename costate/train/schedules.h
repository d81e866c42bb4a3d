// The learning rate over the epochs.
#pragma once

#include <cstdint>
#include <string>

namespace costate {

enum class ScheduleKind {
  kConstant,
  kCosine,       // half a cosine from base to base * final_ratio (Loshchilov and Hutter 2017, without restarts)
  kExponential,  // a constant factor an epoch, from base to base * final_ratio
  kStep,         // a tenth after 3/8, 5/8 and 7/8 of the epochs each, whatever final_ratio: 60, 100 and 140 of 160
                 // epochs, those of odenet_mnist.py of Chen et al. 2018
};

/// "constant", "cosine", "exponential", "step".
std::string name(ScheduleKind kind);
/// InvalidArgument, with the nearest name, if there is none.
ScheduleKind schedule_from_name(const std::string& name);

struct Schedule {
  ScheduleKind kind = ScheduleKind::kConstant;
  double base = 1e-3;
  double final_ratio = 0.01;       // at the last epoch
  std::int64_t warmup_epochs = 0;  // the rate rises linearly before the schedule proper begins
};

/// The rate of epoch 0 … epochs - 1. InvalidArgument for a base or ratio that is not positive and finite.
double learning_rate(const Schedule& schedule, std::int64_t epoch, std::int64_t epochs);

}  // namespace costate
