// The trainings of a fit: a form of model is chosen and its first member with it; further members of this form begin
// from other weights and are trained in the same way.
#pragma once

#include <vector>

#include "costate/series/fit.h"

namespace costate::internal {

struct TrainedMembers {
  TrainedModel first;  // of the config's seed: it is the same without the others
  Ensemble ensemble;   // of it and the others
  std::vector<Trial> trials = {};
  Trial chosen = {};
  bool was_stopped = false;  // FitOptions::should_stop said so
};

/// Members whose trainings have no finite loss are left out. The config must leave no number of epochs open. Of its
/// minutes the choice takes half at most where others are to follow, which share what is left.
TrainedMembers train_members(const PreparedSeries& data, const FitConfig& config, FitOptions options);

}  // namespace costate::internal
