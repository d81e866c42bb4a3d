#include "costate/codegen/internal/model_values.h"

#include <numbers>

#include "costate/codegen/internal/model_functions.h"
#include "costate/series/internal/model_numbers.h"
#include "costate/solve/control/initial_step.h"
#include "costate/solve/control/step_ends.h"
#include "costate/solve/internal/stop_rule.h"
#include "costate/solve/methods/tableau.h"
#include "costate/source/internal/c_text.h"
#include "costate/source/internal/made_by.h"

namespace costate::internal {
namespace {

void set_conditions(const SeriesModel& model, std::set<std::string>& conditions) {
  const Tableau& method = exported_method(model);
  const bool has_inputs = !model.input_names().empty(), has_covariates = !model.covariate_names().empty();
  const bool has_phases = !model.options().periods.empty(),
             has_drive = has_inputs || has_covariates || model.has_events();
  const auto set = [&](const char* condition, bool holds) {
    if (holds) conditions.insert(condition);
  };
  set("inputs", has_inputs);
  set("covariates", has_covariates);
  set("events", model.has_events());
  set("phases", has_phases);
  set("drive", has_drive);
  set("context", has_drive || has_phases);
  set("stops", has_inputs || model.has_events());
  set("starts", has_hidden_states(model) || model.knows_unmeasured_starts());
  set("delays", model.options().delay > 0);
  set("adaptive", method.has_error_estimate());
  set("two_companions", method.has_second_companion());
  set("closing_in_error", method.error_needs_closing_stage());
  set("cubic", model.options().interpolation == Interpolation::kCubic);
}

void set_sizes(const SeriesModel& model, std::map<std::string, std::string>& values) {
  const auto set = [&](const char* name, std::size_t size) { values[name] = std::to_string(size); };
  const auto copies = static_cast<std::size_t>(model.options().delay);
  const auto lag = static_cast<std::size_t>(model.options().lag);
  set("measured", model.num_measured());
  set("states", model.num_states());
  set("inputs", model.input_names().size());
  set("covariates", model.covariate_names().size());
  set("events", model.event_names().size());
  set("periods", model.options().periods.size());
  set("columns", model.num_measured() / (copies + 1));
  set("copies", copies);
  set("lag", lag);
  set("samples", copies * lag + 1);
  set("stages", static_cast<std::size_t>(exported_method(model).num_stages));
}

}  // namespace

const Tableau& exported_method(const SeriesModel& model) {
  const Tableau& method = tableau(model.options().solve.method);
  if (method.steps_by_function())
    throw NotSupported("[export] the model solves by '", method.name,
                       "', and only explicit Runge-Kutta methods have source. Fit with one of them.");
  return method;
}

void describe_model(const SeriesModel& model, const std::function<std::string(double)>& number,
                    TemplateValues& values) {
  set_conditions(model, values.conditions);
  set_sizes(model, values.values);
  const SolveOptions& solve = model.options().solve;
  const StepControl& control = solve.step_control;
  const Tableau& method = exported_method(model);
  const double order = method.error_order();
  const auto set = [&](const char* name, std::string text) { values.values[name] = std::move(text); };
  const auto of_time = [](double value) { return c_number(value, Dtype::kF64); };
  set("method", std::string(method.name));
  set("description", std::string(method.description));
  set("time_scale", of_time(model.normalization().time_scale));
  set("longest_step", of_time(model.longest_step() / model.normalization().time_scale));
  set("length_rounding", of_time(kLengthRounding));
  set("pi", of_time(std::numbers::pi));
  set("interpolation", name(model.options().interpolation));
  set("rtol", of_time(solve.rtol));
  set("atol", of_time(solve.atol));
  set("max_steps", std::to_string(kPredictionSteps));
  // Both distances are shares of |t|, above the least that doubles tell apart.
  set("stop_tolerance", of_time(stop_tolerance(1, 0)));
  set("stop_inside", of_time(StopKind{}.inside(1)));
  set("unmeasured_note", model.knows_unmeasured_starts() ? " (NAN where a state may be unmeasured and is)" : "");
  if (!method.has_error_estimate()) return;
  set("factor_max", number(control.factor_max));
  set("factor_max_after_reject", number(control.factor_max_after_reject));
  set("factor_rejected", number(control.factor_rejected));
  set("factor_rejected_again", number(control.factor_rejected_again));
  set("factor_min", number(control.factor_min));
  set("factor_min_accepted", number(control.factor_min_accepted));
  set("beta1", number(control.beta1));
  set("beta2", number(control.beta2));
  set("minus_exponent", number(-1.0 / order));
  set("safety", number(control.safety));
  set("previous_floor", number(control.previous_floor));
  set("first_error", number(kFirstError));
  for (const NamedBound& bound : kNamedFirstStepBounds) set(bound.name, number(bound.value));
  set("near_end", of_time(kNearEnd));
  set("smallest_step", of_time(kSmallestStep));
  set("second_companion_share", number(kSecondCompanionShare));
  set("error_constant", number(method.error_constant));
  set("order", number(order));
  set("order_less_one", number(order - 1));
}

std::string list_of_names(const std::vector<std::string>& names) {
  std::vector<std::string> listed;
  for (const std::string& name : names) {
    const bool needs_quotes = name.find(',') != std::string::npos || name.starts_with('"');
    if (!needs_quotes) {
      listed.push_back(name);
      continue;
    }
    std::string& quoted = listed.emplace_back("\"");
    for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
    quoted += '"';
  }
  return text::join(listed);
}

std::string about_model(const SeriesModel& model) {
  const auto list = [](const char* what, const std::vector<std::string>& names) {
    return names.empty() ? "" : text::concat(what, printable(list_of_names(names)), "\n");
  };
  const TimeScale& scale = model.time_scale();
  std::string text = text::concat(made_by(), ": a neural ODE that was fitted to a time series.\n\n");
  text += list("Measured states: ", model.state_names());
  if (has_hidden_states(model))
    text += text::concat("Hidden states:   ", model.num_states() - model.num_measured(), "\n");
  text += list("Inputs:          ", model.input_names());
  text += list("Covariates:      ", model.covariate_names());
  text += list("Kinds of events: ", model.event_names());
  if (!scale.unit.empty())
    text += text::concat("Times:           ", printable(scale.unit + " since " + scale.origin), "\n");
  return text + text::concat("Spacing of data: ", model.spacing(), "\n");
}

}  // namespace costate::internal
