#include "costate/solve/options.h"

#include <cmath>

#include "costate/base/error.h"
#include "costate/base/names.h"

namespace costate {
namespace {

constexpr std::string_view kControlNames[] = {"per_sample", "joint"};
constexpr std::string_view kErrorNormNames[] = {"rms", "part_rms", "max"};
constexpr std::string_view kAtMinStepNames[] = {"fail", "accept"};
constexpr std::string_view kAdjointNames[] = {"discrete",   "backsolve", "reversible", "interpolating",
                                              "quadrature", "forward",   "cvodes"};
constexpr std::string_view kFirstStepNames[] = {"method", "hairer"};
constexpr std::string_view kGradientStepsNames[] = {"auto", "on", "off"};

/// Numbers that were cast to an enumeration index tables of its enumerators.
template <class Enum>
void check_enumerator(const char* option, Enum value, std::size_t count) {
  if (static_cast<std::size_t>(value) >= count)
    throw InvalidArgument("[solve] ", option, " must be one of ", count, " enumerators; got number ",
                          static_cast<int>(value), ".");
}

void check_enumerators(const SolveOptions& options) {
  check_enumerator("method", options.method, one_step_methods().size() + multistep_methods().size());
  check_enumerator("error_norm", options.error_norm, std::size(kErrorNormNames));
  check_enumerator("at_min_step", options.at_min_step, std::size(kAtMinStepNames));
  check_enumerator("control", options.control, std::size(kControlNames));
  check_enumerator("adjoint", options.adjoint, std::size(kAdjointNames));
  check_enumerator("gradient_steps", options.gradient_steps, std::size(kGradientStepsNames));
  check_enumerator("first_step_rule", options.step_control.first_step_rule, std::size(kFirstStepNames));
}

void check_step_control(const StepControl& control) {
  for (const auto& [name, value] : {std::pair("safety", control.safety),
                                    {"factor_min", control.factor_min},
                                    {"factor_min_accepted", control.factor_min_accepted},
                                    {"factor_rejected", control.factor_rejected},
                                    {"factor_rejected_again", control.factor_rejected_again},
                                    {"factor_max", control.factor_max},
                                    {"factor_max_after_reject", control.factor_max_after_reject},
                                    {"previous_floor", control.previous_floor}})
    if (!(value > 0) || !std::isfinite(value))
      throw InvalidArgument("[solve] ", name, " must be positive and finite; got ", value, ".");
  if (!std::isfinite(control.beta1 + control.beta2 + control.beta3))
    throw InvalidArgument("[solve] beta1, beta2 and beta3 must be finite; got ", control.beta1, ", ", control.beta2,
                          " and ", control.beta3, ".");
}

/// What CVODE is not asked for here.
void check_multistep(const SolveOptions& options) {
  for (const auto& [what, is_set] : {std::pair("a list of rtol", !options.rtols.empty()),
                                     {"error_norm", options.error_norm != ErrorNorm::kRms},
                                     {"norm", !options.norm.is_empty()},
                                     {"control = 'joint'", options.control == Control::kJoint},
                                     {"at_min_step", options.at_min_step != AtMinStep::kFail},
                                     {"gradient_steps = 'on'", options.gradient_steps == GradientSteps::kOn},
                                     {"a setting of the step control", !(options.step_control == StepControl{})},
                                     {"a fixed step", options.steps_per_interval > 0 || options.step_size > 0}})
    if (is_set)
      throw InvalidArgument("[solve] ", what, " is not for '", name(options.method),
                            "', whose steps are SUNDIALS'; leave it out, or take '",
                            internal::own_instead_of(options.method), "'.");
}

/// "'rodas5p', 'radau5'": the names of the methods that can do something.
std::string methods_that(bool (*can)(Method)) {
  std::vector<std::string> names;
  for (const Method method : one_step_methods())
    if (can(method)) names.push_back(text::concat("'", name(method), "'"));
  return text::join(names);
}

/// What only implicit methods can do, and what they cannot.
void check_implicit(const SolveOptions& options) {
  if (!options.mass_matrix.empty() && !allows_mass_matrix(options.method))
    throw InvalidArgument("[solve] mass_matrix is for ", methods_that(allows_mass_matrix), "; got '",
                          name(options.method), "'. Take one of them, or solve for y' in the field.");
  for (const double entry : options.mass_matrix)
    if (!std::isfinite(entry))
      throw InvalidArgument("[solve] the numbers of mass_matrix must be finite; got ", entry, ".");
  if (options.method == Method::kAuto && (options.steps_per_interval > 0 || options.step_size > 0))
    throw InvalidArgument(
        "[solve] 'auto' goes by the error and the stiffness of its steps; got fixed steps. Leave step_size and "
        "steps_per_interval out, or choose the method.");
  if (options.adjoint == Adjoint::kCvodes && !is_multistep(options.method))
    throw InvalidArgument("[solve] adjoint = 'cvodes' is for 'bdf' and 'adams'; got '", name(options.method),
                          "'. Take adjoint = 'discrete', which is exact for the steps taken.");
  if (is_multistep(options.method)) check_multistep(options);
  if (options.adjoint == Adjoint::kBacksolve && tableau(options.method).is_implicit())
    throw InvalidArgument("[solve] adjoint = 'backsolve' is for explicit methods; got '", name(options.method),
                          "'. A field that asks for an implicit method grows as fast backwards as it decays forwards: "
                          "take 'discrete', 'interpolating' or 'quadrature'.");
}

/// Which adjoints a method has, and what only some adjoints can do.
void check_adjoint(const SolveOptions& options, bool is_fixed) {
  const Tableau& method = tableau(options.method);
  if (options.adjoint == Adjoint::kReversible && !method.is_reversible()) {
    throw InvalidArgument("[solve] adjoint = 'reversible' is for methods whose steps can be taken back: ",
                          methods_that([](Method one) { return tableau(one).is_reversible(); }), "; got '", method.name,
                          "'. Take one of them, or adjoint = 'discrete'.");
  }
  if (!takes_back_steps(options.adjoint) && method.is_on_grid())
    throw InvalidArgument("[solve] adjoint = '", name(options.adjoint), "' is for ",
                          options.adjoint == Adjoint::kBacksolve ? "explicit Runge-Kutta" : "Runge-Kutta",
                          " methods; got '", method.name, "'. Take adjoint = 'discrete'.");
  for (const auto& [key, value] :
       {std::pair("adjoint_rtol", options.adjoint_rtol), {"adjoint_atol", options.adjoint_atol}}) {
    if (!(value >= 0) || !std::isfinite(value))
      throw InvalidArgument("[solve] ", key, " must be finite and at least 0 (that of the solve); got ", value, ".");
    if (value > 0 && takes_back_steps(options.adjoint))
      throw InvalidArgument("[solve] ", key, " is for adjoints that solve an equation of their own; '",
                            name(options.adjoint), "' takes the steps back. Leave it out, or take another one.");
    if (value > 0 && is_fixed)
      throw InvalidArgument("[solve] ", key, " is for steps chosen by the error; here they are fixed (",
                            name(options.method), "). Leave it out, or choose a method with an error estimate.");
  }
  if (is_fixed && reads_dense(options.adjoint))
    throw InvalidArgument("[solve] adjoint = '", name(options.adjoint),
                          "' reads the state between the steps, which fixed steps do not keep. Choose steps by the "
                          "error, or take adjoint = 'discrete'.");
  if (!options.mass_matrix.empty() && !takes_back_steps(options.adjoint))
    throw InvalidArgument("[solve] adjoint = '", name(options.adjoint),
                          "' is for y' = f; got a mass_matrix. Take adjoint = 'discrete'.");
}

/// What is not set unless a caller sets it, and has no effect on fixed steps.
void check_fixed(const SolveOptions& options) {
  for (const auto& [name, is_set] : {std::pair("max_step", options.max_step > 0),
                                     {"min_step", options.min_step > 0},
                                     {"stop_at", !options.stop_at.empty()}})
    if (is_set)
      throw InvalidArgument("[solve] ", name, " is for steps chosen by the error; here they are fixed (",
                            costate::name(options.method),
                            "). Put times into `times` where they should end, or set step_size.");
  for (const auto& [name, is_set] : {std::pair("rtols", !options.rtols.empty()),
                                     {"atols", !options.atols.empty()},
                                     {"norm", !options.norm.is_empty()},
                                     {"nonnegative", !options.nonnegative.empty()}})
    if (is_set)
      throw InvalidArgument("[solve] ", name, " is for steps chosen by the error; here they are fixed (",
                            costate::name(options.method),
                            "). Leave it out, or choose a method with an error estimate.");
}

}  // namespace

std::string name(Control control) { return spelling(control, kControlNames); }
std::string name(Adjoint adjoint) { return spelling(adjoint, kAdjointNames); }
Control control_from_name(const std::string& name) {
  return from_spelling<Control>("solve", "control", name, kControlNames);
}
bool takes_back_steps(Adjoint adjoint) { return adjoint == Adjoint::kDiscrete || adjoint == Adjoint::kReversible; }
bool reads_dense(Adjoint adjoint) { return adjoint == Adjoint::kInterpolating || adjoint == Adjoint::kQuadrature; }
Adjoint adjoint_from_name(const std::string& name) {
  return from_spelling<Adjoint>("solve", "adjoint", name, kAdjointNames);
}

std::string name(ErrorNorm error_norm) { return spelling(error_norm, kErrorNormNames); }
ErrorNorm error_norm_from_name(const std::string& name) {
  return from_spelling<ErrorNorm>("solve", "error_norm", name, kErrorNormNames);
}

std::string name(AtMinStep at_min_step) { return spelling(at_min_step, kAtMinStepNames); }
AtMinStep at_min_step_from_name(const std::string& name) {
  return from_spelling<AtMinStep>("solve", "at_min_step", name, kAtMinStepNames);
}

std::string name(FirstStep first_step_rule) { return spelling(first_step_rule, kFirstStepNames); }
FirstStep first_step_from_name(const std::string& name) {
  return from_spelling<FirstStep>("solve", "first_step_rule", name, kFirstStepNames);
}

std::string name(GradientSteps gradient_steps) { return spelling(gradient_steps, kGradientStepsNames); }
GradientSteps gradient_steps_from_name(const std::string& name) {
  return from_spelling<GradientSteps>("solve", "gradient_steps", name, kGradientStepsNames);
}

bool allows_mass_matrix(Method method) {
  return method == Method::kRodas5p || method == Method::kRadau5 || method == Method::kRadauIIA3 ||
         method == Method::kRadauIIA5;
}

bool has_fixed_steps(const SolveOptions& options) {
  return options.steps_per_interval > 0 || options.step_size > 0 || !tableau(options.method).has_error_estimate();
}

std::string_view internal::own_instead_of(Method multistep) {
  return name(multistep == Method::kBdf ? Method::kKvaerno5 : Method::kVern7);
}

void check_options(const SolveOptions& options) {
  check_enumerators(options);
  if (!(options.rtol >= 0 && options.atol >= 0 && options.rtol + options.atol > 0) ||
      !std::isfinite(options.rtol + options.atol))
    throw InvalidArgument("[solve] rtol and atol must be finite, at least 0 and not both 0; got rtol = ", options.rtol,
                          ", atol = ", options.atol, ".");
  if (options.steps_per_interval < 0 || options.step_size < 0 || options.first_step < 0 ||
      !std::isfinite(options.step_size + options.first_step))
    throw InvalidArgument("[solve] steps_per_interval, step_size and first_step must be finite and at least 0; got ",
                          options.steps_per_interval, ", ", options.step_size, " and ", options.first_step, ".");
  if (options.steps_per_interval > 0 && options.step_size > 0)
    throw InvalidArgument("[solve] at most one of steps_per_interval and step_size can be set; got ",
                          options.steps_per_interval, " and ", options.step_size, ".");
  if (!(options.max_step >= 0) || !std::isfinite(options.max_step))
    throw InvalidArgument("[solve] max_step must be finite and at least 0 (no limit); got ", options.max_step, ".");
  if (!(options.min_step >= 0) || !std::isfinite(options.min_step))
    throw InvalidArgument("[solve] min_step must be finite and at least 0 (no limit); got ", options.min_step, ".");
  if (options.max_step > 0 && options.min_step > options.max_step)
    throw InvalidArgument("[solve] min_step must not be above max_step; got ", options.min_step, " and ",
                          options.max_step, ".");
  if (options.at_min_step == AtMinStep::kAccept && options.min_step == 0)
    throw InvalidArgument("[solve] at_min_step is for solves with a min_step; set min_step, too.");
  for (const double t : options.stop_at)
    if (!std::isfinite(t)) throw InvalidArgument("[solve] times in stop_at must be finite; got ", t, ". Remove it.");
  const bool is_fixed = has_fixed_steps(options);
  if (is_fixed) check_fixed(options);
  check_implicit(options);
  check_adjoint(options, is_fixed);
  check_step_control(options.step_control);
  if (options.max_steps < 1)
    throw InvalidArgument("[solve] max_steps must be at least 1; got ", options.max_steps, ".");
}

void check_times(std::span<const double> times) {
  if (times.empty()) throw InvalidArgument("[solve] times must hold at least the start time; got none. Pass [t0, …].");
  const bool ascends = times.back() >= times.front();
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (!std::isfinite(times[i]))
      throw InvalidArgument("[solve] times must be finite; times[", i, "] is ", times[i], ". Remove it.");
    if (i > 0 && (ascends ? times[i] < times[i - 1] : times[i] > times[i - 1]))
      throw InvalidArgument("[solve] times must not turn back; times[", i - 1, "] is ", times[i - 1], " and times[", i,
                            "] is ", times[i], ". Sort them.");
  }
}

void check_times(const HostArray& times) {
  const std::int64_t count = times.shape()[-1];
  const std::vector<double> numbers = times.numbers();
  for (std::int64_t row = 0; row < times.size() / count; ++row)
    check_times(std::span(numbers).subspan(static_cast<std::size_t>(row * count), static_cast<std::size_t>(count)));
}

#define COSTATE_MEMBER(name) option_access<SolveOptions>([](auto& options) -> auto& { return options.name; })
#define COSTATE_CHOICE(name, from_name) \
  choice_access<SolveOptions>(          \
      [](auto& options) -> auto& { return options.name; }, from_name)

const std::vector<SolveOption>& solve_options() {
  using enum OptionKind;
  static const std::vector<SolveOption> options = {
      {"method", kChoice, COSTATE_CHOICE(method, method_from_name)},
      {"rtol", kNumber, COSTATE_MEMBER(rtol)},
      {"atol", kNumber, COSTATE_MEMBER(atol)},
      {"rtols", kNumbers, COSTATE_MEMBER(rtols)},
      {"atols", kNumbers, COSTATE_MEMBER(atols)},
      {"error_norm", kChoice, COSTATE_CHOICE(error_norm, error_norm_from_name)},
      {"first_step", kNumber, COSTATE_MEMBER(first_step)},
      {"min_step", kNumber, COSTATE_MEMBER(min_step)},
      {"at_min_step", kChoice, COSTATE_CHOICE(at_min_step, at_min_step_from_name)},
      {"max_step", kNumber, COSTATE_MEMBER(max_step)},
      {"stop_at", kNumbers, COSTATE_MEMBER(stop_at)},
      {"mass_matrix", kNumbers, COSTATE_MEMBER(mass_matrix)},
      {"nonnegative", kNumbers, COSTATE_MEMBER(nonnegative)},
      {"step_size", kNumber, COSTATE_MEMBER(step_size)},
      {"steps_per_interval", kInteger, COSTATE_MEMBER(steps_per_interval)},
      {"max_steps", kInteger, COSTATE_MEMBER(max_steps)},
      {"control", kChoice, COSTATE_CHOICE(control, control_from_name)},
      {"adjoint", kChoice, COSTATE_CHOICE(adjoint, adjoint_from_name)},
      {"adjoint_rtol", kNumber, COSTATE_MEMBER(adjoint_rtol)},
      {"adjoint_atol", kNumber, COSTATE_MEMBER(adjoint_atol)},
      {"gradient_steps", kChoice, COSTATE_CHOICE(gradient_steps, gradient_steps_from_name)},
      {"memory_budget", kInteger, COSTATE_MEMBER(memory_budget)},
      {"safety", kNumber, COSTATE_MEMBER(step_control.safety)},
      {"factor_min", kNumber, COSTATE_MEMBER(step_control.factor_min)},
      {"factor_min_accepted", kNumber, COSTATE_MEMBER(step_control.factor_min_accepted)},
      {"factor_rejected", kNumber, COSTATE_MEMBER(step_control.factor_rejected)},
      {"factor_rejected_again", kNumber, COSTATE_MEMBER(step_control.factor_rejected_again)},
      {"factor_max", kNumber, COSTATE_MEMBER(step_control.factor_max)},
      {"factor_max_after_reject", kNumber, COSTATE_MEMBER(step_control.factor_max_after_reject)},
      {"beta1", kNumber, COSTATE_MEMBER(step_control.beta1)},
      {"beta2", kNumber, COSTATE_MEMBER(step_control.beta2)},
      {"beta3", kNumber, COSTATE_MEMBER(step_control.beta3)},
      {"previous_floor", kNumber, COSTATE_MEMBER(step_control.previous_floor)},
      {"first_step_rule", kChoice, COSTATE_CHOICE(step_control.first_step_rule, first_step_from_name)},
  };
  return options;
}

#undef COSTATE_MEMBER
#undef COSTATE_CHOICE

}  // namespace costate
