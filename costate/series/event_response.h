// How much a unit of an event moves each state of a model: learned, and as the covariates of a trajectory have it (the
// same dose raises a concentration less in a heavier body).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "costate/graph/array.h"
#include "costate/series/normalization.h"

namespace costate {

class EventResponse {
 public:
  /// Begins with a small rise of each state, and without any say of the covariates.
  EventResponse(std::int64_t states, std::int64_t events, std::int64_t covariates, std::uint64_t seed);

  std::vector<Parameter> parameters() const;
  /// How far a mean event moves a state to begin with, in deviations, and the powers of covariates.
  void begin_with(std::int64_t state, std::int64_t event, double weight, const std::vector<double>& powers);
  /// g as below, of covariates in the data's units.
  static std::vector<double> features(const std::vector<double>& covariates, const Normalization& units);

  /// Inside a trace: B [state, event] for covariates [covariate], an empty Array if there are none; all normalized. B
  /// is weight * exp(power g), with g the logarithms of covariates that are positive (a power law), others as they are.
  Array operator()(const Array& covariates, const Normalization& units) const;

 private:
  Parameter weight_;                // [state, event]
  std::optional<Parameter> power_;  // [covariate, state * event]
};

/// A start of which nothing is measured, as far as covariates tell it: a linear map of them.
class UnmeasuredStart {
 public:
  /// Begins at the mean.
  UnmeasuredStart(std::int64_t states, std::int64_t covariates);

  std::vector<Parameter> parameters() const;
  void begin_with(std::int64_t state, double start);
  /// Inside a trace: [state], normalized.
  Array operator()(const Array& covariates) const;

 private:
  std::optional<Parameter> weight_;  // [state, covariate]
  Parameter bias_;
};

}  // namespace costate
