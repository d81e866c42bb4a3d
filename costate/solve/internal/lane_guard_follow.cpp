// What a step makes of a disturbance, and how far it is off.
#include <algorithm>
#include <cmath>

#include "costate/solve/internal/lane_guard.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {

/// The disturbance through the stages of the attempt.
template <class T>
void LaneGuard<T>::follow(const GuardedAttempt<T>& attempt, const LaneClock& clock, Disturbance& disturbance) {
  if (problem_.function_step) return follow_function_step(attempt, clock, disturbance);
  const std::size_t num_parts = problem_.part_offsets.size();
  const Slopes<T> slopes{disturbance.slopes.data(), padded(rows_ * lanes_), rows_, lanes_};
  for (std::size_t stage = 0; stage < static_cast<std::size_t>(problem_.tableau->num_stages); ++stage) {
    const bool is_closing = stage == problem_.closing();
    T* v = is_closing ? disturbance.end.data() : disturbance.stage.data();
    write_stage_state(*problem_.tableau, stage, disturbance.now.data(), attempt.steps, slopes, v);
    if (is_closing && !problem_.tableau->error_needs_closing_stage()) break;
    Tangent& tangent = *disturbance.tangent;
    tangent.stage_times.set_all(problem_.tableau->c[stage], clock.t.data(), clock.h.data(), attempt.first_times,
                                attempt.last_times);
    tangent.stage_times.write(tangent.times.data());
    const T* y = shared_.field_has_kinks ? attempt.frame.state(1) : stage == 0 ? attempt.y : attempt.frame.state(stage);
    input_pointers_.clear();
    for (const std::size_t offset : disturbance.field->time.offsets)
      input_pointers_.push_back(tangent.times.data() + offset * lanes_);
    for (const std::size_t offset : problem_.part_offsets) input_pointers_.push_back(y + offset * lanes_);
    input_pointers_.insert(input_pointers_.end(), attempt.inputs.arguments.begin(), attempt.inputs.arguments.end());
    for (const std::size_t offset : problem_.part_offsets) input_pointers_.push_back(v + offset * lanes_);
    for (const AlignedVector<T>& pattern : disturbance.field->arguments) input_pointers_.push_back(pattern.data());
    output_pointers_.assign(num_parts, nullptr);
    for (const std::size_t offset : problem_.part_offsets)
      output_pointers_.push_back(disturbance.slopes.data() + stage * slopes.stride + offset * lanes_);
    run_tangent(attempt, tangent);
  }
}

/// The tangents of the step's end and of its estimate.
template <class T>
void LaneGuard<T>::follow_function_step(const GuardedAttempt<T>& attempt, const LaneClock& clock,
                                        Disturbance& disturbance) {
  const FunctionStepProblem<T>& step = *problem_.function_step;
  bool any_implicit = attempt.is_explicit == nullptr, any_explicit = false;
  for (std::size_t lane = 0; attempt.is_explicit != nullptr && lane < lanes_; ++lane) {
    mask_[lane] = attempt.is_explicit[lane] != 0 ? T{1} : T{0};
    any_explicit |= clock.is_active[lane] != 0 && mask_[lane] != 0;
    any_implicit |= clock.is_active[lane] != 0 && mask_[lane] == 0;
  }
  T *end = disturbance.end.data(), *error = disturbance.slopes.data();
  output_pointers_.assign({nullptr, nullptr, end, error});
  if (any_implicit) follow_step(attempt, clock, step.step.nodes, *disturbance.tangent, disturbance.now.data());
  if (!any_explicit) return;
  T *other_end = disturbance.stage.data(), *other_error = error + padded(rows_ * lanes_);
  if (any_implicit) output_pointers_.assign({nullptr, nullptr, other_end, other_error});
  follow_step(attempt, clock, step.explicit_step->step.nodes, *disturbance.of_explicit_step, disturbance.now.data());
  if (!any_implicit) return;
  select_lanes(mask_.data(), other_end, end, end, rows_, lanes_);
  select_lanes(mask_.data(), other_error, error, error, rows_, lanes_);
}

/// One kind of step in all lanes; output_pointers_ are bound.
template <class T>
void LaneGuard<T>::follow_step(const GuardedAttempt<T>& attempt, const LaneClock& clock,
                               const std::vector<double>& nodes, Tangent& tangent, const T* now) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const StepTimes step{
        .t = clock.t[lane], .h = clock.h[lane], .first = attempt.first_times[lane], .last = attempt.last_times[lane]};
    for (std::size_t i = 0; i < nodes.size(); ++i) tangent.stage_times.set(lane, step.at(nodes[i]), i);
  }
  tangent.stage_times.write(tangent.times.data());
  bind_step_inputs<T>(tangent.field.time, lanes_, tangent.times.data(), attempt.steps, attempt.y,
                      attempt.inputs.arguments, input_pointers_);
  input_pointers_.push_back(now);
  for (const AlignedVector<T>& pattern : tangent.field.arguments) input_pointers_.push_back(pattern.data());
  run_tangent(attempt, tangent);
}

template <class T>
void LaneGuard<T>::run_tangent(const GuardedAttempt<T>& attempt, Tangent& tangent) {
  const TileFunction<T>& function = tangent.field.function;
  if (!tangent.is_prepared) function.prepare(input_pointers_, tangent.shared.data());
  tangent.is_prepared = true;
  function.run(Phase::kForward, {.inputs = input_pointers_,
                                 .outputs = output_pointers_,
                                 .shared = tangent.shared.data(),
                                 .saved = tangent.saved.data(),
                                 .workspace = &tangent.workspace,
                                 .lane_weights = nullptr,
                                 .num_samples = attempt.inputs.num_samples,
                                 .first_sample = 0,
                                 .report = nullptr});
}

/// The error of the lane's disturbance in this attempt, in units of what it may be; and s_i.
template <class T>
double LaneGuard<T>::find_ratio(const LaneClock& clock, Disturbance& disturbance, std::size_t lane) {
  const guard::Limits& limits = shared_.limits;
  const Tableau& tableau = *problem_.tableau;
  const bool has_second = tableau.has_second_companion();
  const std::size_t stride = padded(rows_ * lanes_);
  const double h = clock.h[lane];
  double largest = 0, largest_after = 0, worst = 0;
  for (std::size_t row = 0; row < rows_; ++row) {
    if (!is_controlled(shared_.rtols[row])) continue;
    const std::size_t i = row * lanes_ + lane;
    largest = std::max(largest, std::abs(static_cast<double>(disturbance.now[i])));
    largest_after = std::max(largest_after, std::abs(static_cast<double>(disturbance.end[i])));
  }
  const double floor = limits.floor(largest, disturbance.size[lane]),
               fading = problem_.function_step ? guard::kFading : std::exp(-std::abs(h) * rate_[lane]);
  for (std::size_t part = 0; part < problem_.part_offsets.size(); ++part) {
    const std::size_t first = problem_.part_offsets[part];
    const std::size_t end = end_of_part(problem_.part_offsets, part, rows_);
    double sum = 0, sum_low = 0, count = 0;
    for (std::size_t row = first; row < end; ++row) {
      if (!is_controlled(shared_.rtols[row])) continue;
      const std::size_t i = row * lanes_ + lane;
      const double before = static_cast<double>(disturbance.now[i]), after = static_cast<double>(disturbance.end[i]);
      const double scale =
          std::max({std::abs(before), std::abs(after), fading * static_cast<double>(disturbance.scale[i]), floor});
      const auto relative = [&](std::span<const double> e) {
        double error = 0;
        for (std::size_t j = 0; j < e.size(); ++j)
          if (e[j] != 0) error += e[j] * static_cast<double>(disturbance.slopes[j * stride + i]);
        return scale > 0 ? h * error / (shared_.rtols[row] * scale) : 0;
      };
      const double allowed = shared_.rtols[row] * scale;
      const double ratio = !problem_.function_step ? relative(tableau.e)
                           : allowed > 0           ? static_cast<double>(disturbance.slopes[i]) / allowed
                                                   : 0;
      const double low = has_second ? relative(tableau.e_low) : 0;
      disturbance.next_scale[i] = static_cast<T>(scale);
      disturbance.fresh[i] = static_cast<T>(std::copysign(
          guard::kFresh * allowed * static_cast<double>(shared_.pattern[row]), limits.sign_of_error * ratio));
      sum += ratio * ratio;
      sum_low += low * low;
      ++count;
    }
    if (count == 0) continue;
    const double mean = sum / count;
    worst = guard::larger(worst, has_second ? companion_square(mean, sum_low / count) : mean);
  }
  return std::sqrt(worst) * guard::growth(largest, largest_after);
}

template void LaneGuard<float>::follow(const GuardedAttempt<float>&, const LaneClock&, Disturbance&);
template void LaneGuard<double>::follow(const GuardedAttempt<double>&, const LaneClock&, Disturbance&);
template void LaneGuard<float>::follow_function_step(const GuardedAttempt<float>&, const LaneClock&, Disturbance&);
template void LaneGuard<double>::follow_function_step(const GuardedAttempt<double>&, const LaneClock&, Disturbance&);
template void LaneGuard<float>::follow_step(const GuardedAttempt<float>&, const LaneClock&, const std::vector<double>&,
                                            Tangent&, const float*);
template void LaneGuard<double>::follow_step(const GuardedAttempt<double>&, const LaneClock&,
                                             const std::vector<double>&, Tangent&, const double*);
template void LaneGuard<float>::run_tangent(const GuardedAttempt<float>&, Tangent&);
template void LaneGuard<double>::run_tangent(const GuardedAttempt<double>&, Tangent&);
template double LaneGuard<float>::find_ratio(const LaneClock&, Disturbance&, std::size_t);
template double LaneGuard<double>::find_ratio(const LaneClock&, Disturbance&, std::size_t);

}  // namespace costate::internal
