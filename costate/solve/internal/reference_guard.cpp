#include "costate/solve/internal/reference_guard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "costate/solve/internal/error_measure.h"

namespace costate::internal {
namespace {

double sum_of_squares(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return sum;
}

}  // namespace

ReferenceGuard::ReferenceGuard(const ReferenceDerivatives& derivatives, Method method, const guard::Limits& limits,
                               std::vector<double> rtols)
    : derivatives_(derivatives),
      method_(method),
      tableau_(tableau(method)),
      limits_(limits),
      rtols_(std::move(rtols)),
      pattern_(rtols_.size()) {
  for (std::size_t i = 0; i < rtols_.size(); ++i) {
    if (!is_controlled(rtols_[i])) continue;
    pattern_[i] = guard::pattern(0, i);
    ++num_controlled_;
  }
  probe_ = pattern_;
  if (!steps_by_function()) return;
  rate_ = 1;  // above the thresholds, which are 0
  state_ = disturbance_of(pattern_);
}

bool ReferenceGuard::follows(bool inputs) const {
  if (steps_by_function()) return (inputs ? derivatives_.step_jvp_of_inputs : derivatives_.step_jvp) != nullptr;
  return (inputs ? derivatives_.jvp_of_inputs : derivatives_.jvp) != nullptr;
}

double ReferenceGuard::largest_of(const Vector& x) const {
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (is_controlled(rtols_[i])) largest = std::max(largest, std::abs(x[i]));
  return largest;
}

double ReferenceGuard::judge(const ReferenceAttempt& attempt) {
  error_ = attempt.error;
  next_is_silent_ =
      limits_.shows_nothing(attempt.error, attempt.bend) && !(attempt.begins_small && attempt.attempts == 0);
  if (!steps_by_function() && (guard::is_ask(attempt.attempts, num_controlled_) || is_silent_)) ask(attempt);
  if (is_silent_ && follows(false) && !state_.is_carried) state_ = disturbance_of(pattern_);
  if (is_silent_ && follows(true) && !inputs_.is_carried) inputs_ = disturbance_of(Vector(pattern_.size()));
  if (attempt.attempts % guard::kTryEvery == 0) reach_ = 0;
  if (!(attempt.error <= 1)) return attempt.error;
  const double steepness = std::abs(attempt.h) * rate_;
  const bool is_above = steepness > std::max(limits_.threshold(attempt.share), reach_);
  if (!steps_by_function() && (state_.is_carried ? attempt.attempts % guard::kTryCarriedEvery == 0 : is_above))
    try_pattern(attempt);
  const double silence = is_silent_ ? guard::silence(attempt.share, tableau_.error_order()) : 0;
  return std::max({attempt.error, silence, test(attempt, state_, false), test(attempt, inputs_, true)});
}

ReferenceGuard::Disturbance ReferenceGuard::disturbance_of(const Vector& start) {
  const Vector nothing(start.size());
  return {.is_carried = true,
          .size = 1,
          .now = start,
          .end = nothing,
          .scale = nothing,
          .next_scale = nothing,
          .fresh = nothing};
}

void ReferenceGuard::try_pattern(const ReferenceAttempt& attempt) {
  Disturbance trial = disturbance_of(pattern_);
  const double steepness = std::abs(attempt.h) * rate_;
  const double found = follows(false) ? ratio(attempt, trial, false) / limits_.tried(attempt.share) : 2;
  if (found <= 1) {
    reach_ = guard::reach(steepness, found, tableau_.error_order());
    state_.is_carried = false;
  } else if (!state_.is_carried) {
    state_ = trial;
  }
}

void ReferenceGuard::ask(const ReferenceAttempt& attempt) {
  Vector answer(pattern_.size());
  derivatives_.vjp(attempt.times[1], attempt.states[1], probe_, answer);
  if (!std::ranges::all_of(answer, [](double w) { return std::isfinite(w); })) {  // no derivative, nothing to follow
    rate_ = 0;
    state_.is_carried = false;
    probe_ = pattern_;
    return;
  }
  const double largest = largest_of(answer);
  double squares = 0;
  for (std::size_t i = 0; i < answer.size(); ++i) {
    if (!is_controlled(rtols_[i])) answer[i] = 0;
    squares += largest > 0 ? (answer[i] / largest) * (answer[i] / largest) : 0;
  }
  const double length = largest * std::sqrt(squares);
  rate_ = std::max({length / std::sqrt(sum_of_squares(probe_)), largest / largest_of(probe_), rate_ / 2});
  if (!is_silent_ && std::abs(attempt.h) * rate_ <= guard::kDropBelow * limits_.threshold(0)) state_.is_carried = false;
  if (largest == 0) return;
  const double norm = length / std::sqrt(static_cast<double>(num_controlled_));
  for (std::size_t i = 0; i < pattern_.size(); ++i) probe_[i] = answer[i] / norm + 0.5 * pattern_[i];
}

double ReferenceGuard::test(const ReferenceAttempt& attempt, Disturbance& disturbance, bool is_of_inputs) {
  if (!disturbance.is_carried) return 0;
  const double steepness = std::abs(attempt.h) * rate_;
  if (!follows(is_of_inputs))
    return is_of_inputs ? 0 : std::pow(steepness / limits_.threshold(attempt.share), tableau_.error_order());
  const guard::Leeway leeway = is_silent_ || next_is_silent_ ? guard::Leeway() : guard::leeway(method_);
  const double found = ratio(attempt, disturbance, is_of_inputs) /
                       guard::Limits::carried(attempt.share, is_of_inputs || is_silent_, leeway);
  if (!std::isfinite(found)) {
    if (!is_of_inputs && steepness > guard::kMendAbove * limits_.threshold(0) && mendings_ < guard::kMostMendings) {
      ++mendings_;
      return std::numeric_limits<double>::infinity();
    }
    disturbance.is_carried = false;
    return 0;
  }
  if (!is_of_inputs) mendings_ = 0;
  const bool is_steep = !is_of_inputs && steepness > guard::kTestAbove * limits_.threshold(0);
  const bool is_silent = is_of_inputs || is_silent_;
  return guard::counts({attempt.share, is_steep, is_silent}, limits_.rtol) ? found : 0;
}

std::vector<std::vector<double>> ReferenceGuard::follow(const ReferenceAttempt& attempt, Disturbance& disturbance,
                                                        bool is_of_inputs) const {
  const std::size_t size = pattern_.size(), num_stages = static_cast<std::size_t>(tableau_.num_stages);
  if (steps_by_function()) {
    const auto& product = is_of_inputs ? derivatives_.step_jvp_of_inputs : derivatives_.step_jvp;
    StepTangent found = product(attempt.is_explicit, attempt.times, attempt.h, attempt.states[0], disturbance.now);
    disturbance.end = std::move(found.end);
    return {std::move(found.error)};
  }
  const auto& product = is_of_inputs ? derivatives_.jvp_of_inputs : derivatives_.jvp;
  std::vector<Vector> slopes(num_stages, Vector(size));
  Vector v(size);
  for (std::size_t stage = 0; stage < num_stages; ++stage) {
    const bool is_closing = stage + 1 == num_stages;
    const std::span<const double> weights = tableau_.a_row(static_cast<int>(stage));
    for (std::size_t i = 0; i < size; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < stage; ++j)
        if (weights[j] != 0) sum = std::fma(weights[j], slopes[j][i], sum);
      v[i] = stage == 0 ? disturbance.now[i] : std::fma(attempt.h, sum, disturbance.now[i]);
    }
    if (is_closing) disturbance.end = v;
    if (!is_closing || tableau_.error_needs_closing_stage())
      product(attempt.times[stage], attempt.states[derivatives_.has_kinks ? 1 : stage], v, slopes[stage]);
  }
  std::vector<Vector> errors;
  for (const std::span<const double> e :
       {std::span<const double>(tableau_.e), std::span<const double>(tableau_.e_low)}) {
    Vector& error = errors.emplace_back(size);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < e.size(); ++j)
        if (e[j] != 0) error[i] += e[j] * slopes[j][i];
      error[i] *= attempt.h;
    }
  }
  return errors;
}

double ReferenceGuard::ratio(const ReferenceAttempt& attempt, Disturbance& disturbance, bool is_of_inputs) {
  const std::size_t size = pattern_.size();
  const std::vector<Vector> errors = follow(attempt, disturbance, is_of_inputs);
  const double largest = largest_of(disturbance.now), floor = limits_.floor(largest, disturbance.size),
               fading = steps_by_function() ? guard::kFading : std::exp(-std::abs(attempt.h) * rate_);
  double worst = 0;
  for (std::size_t part = 0; part < derivatives_.part_offsets.size(); ++part) {
    const std::size_t first = derivatives_.part_offsets[part];
    const std::size_t end = end_of_part(derivatives_.part_offsets, part, size);
    double sum = 0, sum_low = 0, count = 0;
    for (std::size_t i = first; i < end; ++i) {
      if (!is_controlled(rtols_[i])) continue;
      const double scale =
          std::max({std::abs(disturbance.now[i]), std::abs(disturbance.end[i]), fading * disturbance.scale[i], floor});
      const auto relative = [&](const Vector& error) { return scale > 0 ? error[i] / (rtols_[i] * scale) : 0; };
      const double one = relative(errors.front()), low = relative(errors.back());
      disturbance.next_scale[i] = scale;
      disturbance.fresh[i] =
          std::copysign(guard::kFresh * rtols_[i] * scale * pattern_[i], limits_.sign_of_error * one);
      sum += one * one;
      sum_low += low * low;
      ++count;
    }
    if (count == 0) continue;
    const double mean = sum / count;
    worst = guard::larger(worst, tableau_.has_second_companion() ? companion_square(mean, sum_low / count) : mean);
  }
  return std::sqrt(worst) * guard::growth(largest, largest_of(disturbance.end));
}

void ReferenceGuard::advance() {
  if (!(error_ <= 1)) state_.is_carried = inputs_.is_carried = false;  // taken for its length: nothing was followed
  is_silent_ = next_is_silent_;
  if (state_.is_carried && follows(false)) advance(state_);
  if (inputs_.is_carried) advance(inputs_);
  if (error_ > guard::kWatchInputsUntil) inputs_.is_carried = false;
}

void ReferenceGuard::advance(Disturbance& disturbance) const {
  disturbance.scale = disturbance.next_scale;
  disturbance.now = disturbance.end;
  for (std::size_t i = 0; i < pattern_.size(); ++i)
    if (is_controlled(rtols_[i])) disturbance.now[i] += disturbance.fresh[i];
  if (largest_of(disturbance.now) < guard::kRescaleAbove) return;
  disturbance.size /= guard::kRescaleAbove;
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    disturbance.now[i] /= guard::kRescaleAbove;
    disturbance.scale[i] /= guard::kRescaleAbove;
  }
}

}  // namespace costate::internal
