#include "costate/solve/internal/cuda/solve_kernel.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/solve/control/halving_error.h"
#include "costate/solve/control/initial_step.h"
#include "costate/solve/control/step_ends.h"
#include "costate/solve/internal/cuda/device_guard.h"
#include "costate/solve/internal/lowered_time.h"
#include "costate/solve/status.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

// What is done lane by lane, then the block that does it: solve_stages.inc begins its loop, and the others go on in it.
// clang-format off
constexpr std::string_view kSolve =
#include "costate/solve/internal/cuda/stops.inc"
#include "costate/solve/internal/cuda/lanes.inc"
#include "costate/solve/internal/cuda/guard.inc"
#include "costate/solve/internal/cuda/solve_stages.inc"
#include "costate/solve/internal/cuda/guard_ask.inc"
#include "costate/solve/internal/cuda/solve_errors.inc"
#include "costate/solve/internal/cuda/guard_attempt.inc"
#include "costate/solve/internal/cuda/solve_outputs.inc"
    ;
// clang-format on

void refuse(bool is_asked_for, const std::string& what) {
  if (is_asked_for)
    throw NotSupported("[solve] device = cuda does not have ", what, " yet; solve on the CPU (device = cpu).");
}

/// Methods by name, and what they do at each step; the rest is for the field.
const SolveOptions& checked(const SolveOptions& options) {
  const Tableau& tableau = costate::tableau(options.method);
  refuse(is_multistep(options.method) || tableau.steps_by_function(),
         text::concat("the method '", name(options.method), "', only the explicit ones"));
  refuse(!options.norm.is_empty(), "a norm of one's own");
  return options;
}

/// As LaneProblem's.
std::shared_ptr<const DeviceGuard> made_guard(const VectorField& field, const DeviceProblem& problem, StepsAre steps) {
  const SolveOptions& options = problem.options;
  const bool is_guarded = options.gradient_steps == GradientSteps::kOn ||
                          (options.gradient_steps == GradientSteps::kAuto && options.adjoint == Adjoint::kDiscrete &&
                           steps == StepsAre::kDifferentiated);
  if (problem.is_fixed || !is_guarded) return nullptr;
  return std::make_shared<const DeviceGuard>(field, options, problem.measure, problem.reads_time);
}

WantedGradients no_arguments(const VectorField& field) {
  return {.times = false, .arguments = std::vector<bool>(field.function().inputs().size() - 1 - field.parts().size())};
}

class SolveKernelWriter : public GuardedKernelWriter {
 public:
  SolveKernelWriter(CudaSource& source, const std::string& name, const DeviceProblem& problem, std::size_t lanes,
                    std::size_t shared_limit)
      : GuardedKernelWriter(source, name, problem, problem.field, lanes, shared_limit) {}

  KernelShape write() {
    add_field("_field");
    set_sizes();
    set_statuses();
    set_control();
    set_tableau();
    set_groups();
    place_arrays();
    place_shared();
    const std::size_t often = global_bytes();
    if (problem().guard) place_guard();  // last: most attempts read little of it
    KernelShape shape = finish(kSolve, "_solve");
    shape.rare_bytes = shape.global_bytes - often;
    return shape;
  }

 private:
  /// Stages whose slopes are kept; the first one's is evaluated where the second's will be.
  std::size_t num_slopes() const { return std::max<std::size_t>(2, num_stages()); }

  void set_sizes() {
    set("all_stages", num_slopes());
    const bool is_in_error = tableau().error_needs_closing_stage() && !problem().is_fixed;
    set("attempt_end", closing() + (is_in_error ? 1 : 0));
    set("evaluations", closing() - (is_in_error ? 0 : 1));
    set_text("knows_closing", is_in_error ? "true" : "false");
    set_if(is_in_error, "closing_in_error");
    set_if(problem().options.control == Control::kJoint, "joint");
    set_if(tableau().has_second_companion(), "two_companions");
    set_if(problem().measure.is_largest, "largest");
    set_if(problem().keeps_dense, "dense");
    // Numbers of eight bytes, of the type and of four; its four flags.
    set("lanes_size", lanes_size());
    set_text("sqrt", source().helper("sqrt", dtype()));
    for (const char* function : {"sqrt", "log", "exp"}) source().helper(function, Dtype::kF64);
  }

  std::size_t lanes_size() const {
    return lanes() * ((problem().stops ? 17 : 15) * 8 + 3 * device_size(dtype()) + 11 * 4) + 64;
  }

  void set_statuses() {
    set("status_ok", static_cast<std::size_t>(Status::kOk));
    set("status_max_steps", static_cast<std::size_t>(Status::kMaxSteps));
    set("status_too_small", static_cast<std::size_t>(Status::kStepTooSmall));
    set("status_non_finite", static_cast<std::size_t>(Status::kNonFinite));
  }

  void set_control() {
    const StepControl& control = problem().options.step_control;
    set_number("safety", control.safety);
    set_number("factor_min", control.factor_min);
    set_number("factor_min_accepted", control.factor_min_accepted);
    set_number("factor_rejected", control.factor_rejected);
    set_number("factor_rejected_again", control.factor_rejected_again);
    set_number("factor_max", control.factor_max);
    set_number("factor_max_after_reject", control.factor_max_after_reject);
    set_number("beta1", control.beta1);
    set_number("beta2", control.beta2);
    set_number("beta3", control.beta3);
    set_number("previous_floor", control.previous_floor);
    set_number("smallest_step", kSmallestStep);
    set_number("second_companion_share", kSecondCompanionShare);
    if (problem().is_fixed) return;
    set_number("near_end", kNearEnd);
    set_number("minus_exponent", -1.0 / tableau().error_order());
    set_number("order", tableau().error_order());
    set_number("error_constant", tableau().error_constant);
    set_number("method_order", tableau().order);
    set_number("first_error", kFirstError);
    set_number("hairers_error", kHairersError);
    set_text("halving_error", c_number(halving_error(control, tableau().error_order()), dtype()));
    for (const NamedBound& bound : kNamedFirstStepBounds) set_number(bound.name, bound.value);
    set_if(control.first_step_rule == FirstStep::kHairers, "first_step_of_hairer");
  }

  void set_groups() {
    std::vector<std::size_t> begin, end, count;
    for (const ErrorGroup& group : problem().measure.groups) {
      begin.push_back(group.begin);
      end.push_back(group.end);
      count.push_back(group.count);
    }
    const std::vector<double>& limited = problem().options.nonnegative;
    const std::vector<std::size_t> nonnegative(limited.begin(), limited.end());
    set_if(!nonnegative.empty(), "nonnegative");
    set("num_nonnegative", nonnegative.size());
    set_text("groups", whole_numbers("int", "group_begin", begin) + whole_numbers("int", "group_end", end) +
                           whole_numbers(real(), "group_count", count) +
                           (nonnegative.empty() ? std::string() : whole_numbers("int", "nonnegative", nonnegative)));
    set("num_groups", begin.size());
  }

  /// What a step works on has the shared memory first; then what samples share.
  void place_arrays() {
    place(name() + "_lanes", lanes_size(), "lanes", 1);
    for (const char* state : {"y", "at", "y_next"}) place(state, tile_state());
    place_field_scratch();
    place_saved();
    place("slopes", num_slopes() * tile_state());
    if (!problem().is_fixed) place("weights", num_slopes() * lanes());
    if (problem().reads_time) place_time(1);
    for (std::size_t part = 0; part < problem().part_offsets.size(); ++part) {
      const std::size_t offset = problem().part_offsets[part] * lanes();
      bind("binds", text::concat("field.in", problem().field.num_times + part, " = at + ", offset));
      bind("slope_binds", text::concat("field.out", part, " = slope + ", offset));
    }
  }
};

}  // namespace

DeviceProblem::DeviceProblem(const VectorField& vector_field, const SolveOptions& solve_options, StepsAre steps)
    : options(checked(solve_options)),
      tableau(&costate::tableau(solve_options.method)),
      state_size(static_cast<std::size_t>(vector_field.state_size())),
      part_offsets(internal::part_offsets(vector_field)),
      measure(error_measure(solve_options, part_offsets, state_size)),
      is_fixed(has_fixed_steps(solve_options)),
      reads_time(internal::reads_time(vector_field.function())),
      keeps_dense(steps == StepsAre::kDense),
      guard(made_guard(vector_field, *this, steps)),
      field(guard ? linearize(vector_field, no_arguments(vector_field)) : LinearField{vector_field.function(), {}},
            reads_time, solve_options.dtype) {
  StopTables tables(vector_field, options, options.dtype, field.rounds_time, 1);
  if (!tables.is_empty()) stops = std::make_shared<const StopTables>(std::move(tables));
}

KernelShape add_solve_kernel(CudaSource& source, const std::string& name, const DeviceProblem& problem,
                             std::size_t lanes, std::size_t shared_limit) {
  return SolveKernelWriter(source, name, problem, lanes, shared_limit).write();
}

}  // namespace costate::internal
