#include "costate/series/event_response.h"

#include <algorithm>
#include <cmath>

#include "costate/base/random.h"

namespace costate {
namespace {

constexpr double kBegin = 0.1;  // deviations by a mean event

HostArray first_weights(std::int64_t states, std::int64_t events, std::uint64_t seed) {
  constexpr std::uint64_t kStream = 0x6576656e74;
  HostArray weights(Shape{states, events});
  const Random random(seed);
  // Of different size: states that no column measures would stay alike.
  for (std::int64_t i = 0; i < weights.size(); ++i)
    weights.set(i, kBegin * random.uniform(kStream, static_cast<std::uint64_t>(i), 0.5, 1.5));
  return weights;
}

/// A covariate that lies so many deviations above 0 is a size, of which ratios count.
bool is_size(double offset, double scale) { return offset > 1.5 * scale; }

constexpr double kLeast = 0.01;  // of the mean: what is not positive after all

Array features_of(const Array& covariates, const Normalization& units) {
  std::vector<Array> features;
  for (std::size_t k = 0; k < units.covariate_offset.size(); ++k) {
    const Array c = covariates[static_cast<std::int64_t>(k)];
    const double offset = units.covariate_offset[k], scale = units.covariate_scale[k];
    features.push_back(is_size(offset, scale) ? log(max(1 + (scale / offset) * c, kLeast)) : c);
  }
  return stack(features);
}

}  // namespace

EventResponse::EventResponse(std::int64_t states, std::int64_t events, std::int64_t covariates, std::uint64_t seed)
    : weight_("event.weight", first_weights(states, events, seed)) {
  if (covariates > 0) power_.emplace("event.power", HostArray(Shape{covariates, states * events}));
}

std::vector<Parameter> EventResponse::parameters() const {
  std::vector<Parameter> all = {weight_};
  if (power_) all.push_back(*power_);
  return all;
}

void EventResponse::begin_with(std::int64_t state, std::int64_t event, double weight,
                               const std::vector<double>& powers) {
  const std::int64_t place = state * weight_.shape()[1] + event;
  weight_.numbers()[static_cast<std::size_t>(place)] = weight;
  for (std::size_t c = 0; c < powers.size(); ++c)
    power_->numbers()[c * static_cast<std::size_t>(weight_.value().size()) + static_cast<std::size_t>(place)] =
        powers[c];
}

std::vector<double> EventResponse::features(const std::vector<double>& covariates, const Normalization& units) {
  std::vector<double> features;
  for (std::size_t k = 0; k < covariates.size(); ++k) {
    const double offset = units.covariate_offset[k], scale = units.covariate_scale[k];
    features.push_back(is_size(offset, scale) ? std::log(std::max(covariates[k] / offset, kLeast))
                                              : (covariates[k] - offset) / scale);
  }
  return features;
}

Array EventResponse::operator()(const Array& covariates, const Normalization& units) const {
  const Array weight = Array(weight_);
  if (!power_) return weight;
  return weight * exp(reshape(matmul(features_of(covariates, units), *power_), weight.shape()));
}

UnmeasuredStart::UnmeasuredStart(std::int64_t states, std::int64_t covariates)
    : bias_("unmeasured.bias", HostArray(Shape{states})) {
  if (covariates > 0) weight_.emplace("unmeasured.weight", HostArray(Shape{states, covariates}));
}

std::vector<Parameter> UnmeasuredStart::parameters() const {
  std::vector<Parameter> all;
  if (weight_) all.push_back(*weight_);
  all.push_back(bias_);
  return all;
}

void UnmeasuredStart::begin_with(std::int64_t state, double start) {
  bias_.numbers()[static_cast<std::size_t>(state)] = start;
}

Array UnmeasuredStart::operator()(const Array& covariates) const {
  if (!weight_) return Array(bias_);
  const Array product = matmul(*weight_, covariates);  // before the bias, as in Linear
  return product + bias_;
}

}  // namespace costate
