#include "costate/solve/internal/failure_advice.h"

#include <algorithm>
#include <cmath>

#include "costate/base/text.h"
#include "costate/solve/internal/lane_clock.h"

namespace costate::internal {
namespace {

struct FailedSolve {
  Status status;
  double start, reached, last_step;
  std::int64_t accepted, rejected;
  bool has_fixed_steps, is_implicit, has_mass_matrix, has_events, has_nonnegative;
  double min_step;  // of the options
};

/// A blow-up takes shorter and shorter steps, and a rough field has many rejected.
bool is_at_one_size(const FailedSolve& failed) {
  if (failed.is_implicit) return false;
  constexpr std::int64_t kFewest = 1000;  // fewer steps tell nothing
  constexpr double kNearlyAll = 0.8, kSpread = 4;
  const auto accepted = static_cast<double>(failed.accepted);
  if (failed.accepted < kFewest || accepted < kNearlyAll * (accepted + static_cast<double>(failed.rejected)))
    return false;
  const double mean = std::abs(failed.reached - failed.start) / accepted, last = std::abs(failed.last_step);
  return last < kSpread * mean && mean < kSpread * last;
}

std::string advice_on(const FailedSolve& failed) {
  if (failed.has_mass_matrix && failed.accepted == 0 && failed.status != Status::kMaxSteps)
    return "let z0 satisfy the algebraic equations, 0 = f_i at the rows of zeros of mass_matrix; 'rodas5p' also starts "
           "from a z0 that is near to one that does; if z0 does, the equations do not determine the state: M - "
           "h gamma J is singular for every step h";
  switch (failed.status) {
    case Status::kMaxSteps:
    case Status::kStepTooSmall:
      if (failed.has_fixed_steps) return "take longer steps, or raise max_steps";
      if (failed.status == Status::kStepTooSmall && failed.min_step > 0 &&
          is_shortest(failed.last_step, failed.min_step))
        return "lower min_step, loosen rtol and atol, or take such steps all the same, by at_min_step";
      if (failed.status == Status::kStepTooSmall && failed.has_nonnegative)
        return "look at the numbers of nonnegative there: every step takes one of them below 0, as the start may be; "
               "leave out those that the solution itself takes there";
      if (is_at_one_size(failed))
        return text::concat("nearly all steps were accepted at about one size, ",
                            std::abs(failed.reached - failed.start) / static_cast<double>(failed.accepted),
                            ": the field is stiff, or the span long beside its changes; take an implicit method, "
                            "'rodas5p' or 'kvaerno5', or raise max_steps");
      if (failed.status == Status::kMaxSteps && failed.has_events)
        return "loosen rtol and atol, raise max_steps, or look at the field there, and at events that come faster and "
               "faster, as the bounces of a ball do: a terminal event ends the solve";
      if (failed.status == Status::kMaxSteps)
        return "loosen rtol and atol, raise max_steps, or look at the field there";
      return "look at the field there, which may blow up, or loosen rtol and atol";
    case Status::kNonFinite:
      if (failed.has_events)
        return "look at the field and the events there: the state, its derivative, an event's g or what a reset "
               "gives is inf or NaN";
      return failed.is_implicit ? "look at the field there: the state or its derivative is inf or NaN, or the matrix "
                                  "I - h gamma J of the step is singular, which shorter steps mend"
                                : "look at the field there: the state or its derivative is inf or NaN";
    case Status::kInvalidTimes:
      return "give finite times that ascend or descend";
    case Status::kCoarseTimes:
      return "f32 cannot tell these times apart: subtract times[0] from times and shift the field by it, or solve in "
             "f64";
    case Status::kNoConvergence:
      return "Newton's method does not solve the equations of this step, or their matrix is singular; take shorter "
             "steps, or leave their size to a method that controls its error, as 'rodas5p' does, which needs no "
             "Newton's method";
    case Status::kOk:
      break;
  }
  return "";
}

}  // namespace

SampleFailure failure_of(std::int64_t sample, const LaneOutcome& outcome, double start, const SolveOptions& options,
                         bool has_events) {
  // Adams' formulas are implicit, and as little for stiff fields as explicit ones.
  const bool is_implicit = tableau(options.method).is_implicit() && options.method != Method::kAdams;
  return {.sample = sample,
          .reason = std::string(name(outcome.status)),
          .t = outcome.t,
          .h = outcome.h,
          .advice = advice_on({.status = outcome.status,
                               .start = start,
                               .reached = outcome.t,
                               .last_step = outcome.h,
                               .accepted = outcome.accepted,
                               .rejected = outcome.rejected,
                               .has_fixed_steps = has_fixed_steps(options),
                               .is_implicit = is_implicit,
                               .has_mass_matrix = !options.mass_matrix.empty(),
                               .has_events = has_events,
                               .has_nonnegative = !options.nonnegative.empty(),
                               .min_step = options.min_step})};
}

std::string advice_on_first_failure(const Solution& solution, const SolveOptions& options, const HostBatch& batch) {
  const auto failed = std::ranges::find_if(solution.status, [](Status status) { return status != Status::kOk; });
  if (failed == solution.status.end()) return "";
  const auto i = static_cast<std::size_t>(failed - solution.status.begin());
  const std::size_t first_time = batch.sizes.times_are_shared ? 0 : i * batch.sizes.times;
  const LaneOutcome outcome{.status = *failed,
                            .t = solution.reached[i],
                            .h = solution.last_step[i],
                            .accepted = solution.accepted[i],
                            .rejected = solution.rejected[i]};
  const double start = batch.times.at(static_cast<std::int64_t>(first_time));
  return failure_of(static_cast<std::int64_t>(i), outcome, start, options, batch.events != nullptr).advice;
}

}  // namespace costate::internal
