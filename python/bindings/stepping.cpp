// Methods and step-size control as numbers, for steps on tensors that only Python can take (python/costate/torch): a
// field that cannot be traced is evaluated there, by the coefficients and the rules of the solver here.
#include <string>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/solve/control/controller.h"
#include "costate/solve/control/initial_step.h"
#include "costate/solve/control/step_ends.h"
#include "costate/solve/methods/implicit.h"
#include "costate/solve/methods/tableau.h"
#include "costate/solve/options.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

std::vector<double> to_list(std::span<const double> values) { return {values.begin(), values.end()}; }

/// The coefficients of a method by its name. NotSupported for others, whose steps are not a sum of slopes.
const Tableau& explicit_tableau(const std::string& method) {
  const Tableau& found = tableau(method_from_name(method));
  if (found.steps_by_function())
    throw NotSupported(
        "[solve] '", method,
        "' is no explicit Runge-Kutta method: it needs a field that can be traced; got one that cannot.");
  return found;
}

/// A Tableau (solve/methods/tableau.h) as a dict, its triangle and its dense output as lists of rows.
nb::dict tableau_of(const std::string& method) {
  const Tableau& t = explicit_tableau(method);
  nb::list a, dense;
  for (int i = 0; i < t.num_all_stages(); ++i) {
    a.append(nb::cast(to_list(t.a_row(i))));
    dense.append(nb::cast(to_list(t.dense_row(i))));
  }
  nb::dict found;
  found["order"] = t.order;
  found["error_order"] = t.error_order();
  found["num_stages"] = t.num_stages;
  found["error_needs_closing_stage"] = t.error_needs_closing_stage();
  found["c"] = to_list(t.c);
  found["a"] = a;
  found["b"] = to_list(t.b);
  found["e"] = to_list(t.e);
  found["e_low"] = to_list(t.e_low);
  found["dense"] = dense;
  return found;
}

constexpr const char* kFamilies[] = {"explicit", "implicit", "partitioned", "reversible", "adams", "multistep"};

/// What there is to know of a method before one chooses it.
nb::dict describe(Method method) {
  const Tableau& t = tableau(method);
  nb::dict found;
  found["description"] = std::string(t.description);
  found["source"] = std::string(t.source);
  found["family"] = kFamilies[static_cast<int>(t.family)];
  found["order"] = t.order;
  found["adaptive"] = t.has_error_estimate();
  found["reversible"] = t.is_reversible();
  found["mass_matrix"] = allows_mass_matrix(method);
  return found;
}

/// The nodes c, the matrix a and the weights b of an implicit Runge-Kutta method.
nb::tuple implicit_tableau_of(const std::string& method) {
  const ImplicitMethod data = implicit_method(method_from_name(method));
  if (data.diagonal == nullptr && data.collocation == nullptr)
    throw NotSupported("[solve] '", method, "' is no implicit Runge-Kutta method.");
  const auto& c = data.diagonal != nullptr ? data.diagonal->c : data.collocation->c;
  const auto& b = data.diagonal != nullptr ? data.diagonal->b : data.collocation->b;
  std::vector<std::vector<double>> a = data.diagonal != nullptr ? data.diagonal->a : data.collocation->a;
  for (std::vector<double>& row : a) row.resize(c.size());
  return nb::make_tuple(c, a, b);
}

/// The options of solve that make its controller torchdiffeq's.
nb::dict rule_of_torchdiffeq() {
  const StepControl rule = StepControl::torchdiffeq();
  nb::dict found;
  found["factor_min_accepted"] = rule.factor_min_accepted;
  found["factor_rejected"] = rule.factor_rejected;
  found["factor_rejected_again"] = rule.factor_rejected_again;
  found["beta1"] = rule.beta1;
  found["beta2"] = rule.beta2;
  found["first_step_rule"] = name(rule.first_step_rule);
  return found;
}

/// decide_step with the state that it hands on.
class StepController {
 public:
  StepController(const StepControl& control, int error_order) : control_(control), error_order_(error_order) {}

  std::pair<bool, double> decide(double error) {
    const StepDecision decision = decide_step(control_, state_, error, error_order_);
    state_ = decision.next;
    return {decision.accepted, decision.factor};
  }

 private:
  StepControl control_;
  ControlState state_;
  int error_order_;
};

StepControl control_by(const std::string& rule) {
  return rule == "torchdiffeq" ? StepControl::torchdiffeq() : StepControl{};
}

StepController make_controller(const std::string& method, const std::string& rule, double safety, double smallest,
                               double largest) {
  StepControl control = control_by(rule);
  control.safety = safety;
  control.factor_min = smallest;
  control.factor_max = largest;
  if (rule == "torchdiffeq") control.factor_max_after_reject = largest;
  return {control, explicit_tableau(method).error_order()};
}

}  // namespace

void bind_stepping(nb::module_& module) {
  nb::class_<StepController>(module, "_StepController", "Decides on attempted steps, one after the other.")
      .def("decide", &StepController::decide, nb::arg("error"),
           "Whether the step is accepted, and the next size in units of this one.");
  module.def(
      "methods",
      [] {
        nb::dict found;
        for (const auto methods : {one_step_methods(), multistep_methods()})
          for (const Method method : methods) found[nb::cast(std::string(name(method)))] = describe(method);
        return found;
      },
      R"(The methods of solve by name: for each a dict with its description, source, family, order, and whether its steps go by
their error (adaptive), can be taken back (reversible) and allow a mass matrix.

>>> import costate
>>> [name for name, method in costate.methods().items() if method["reversible"]]
['symplectic_euler', 'velocity_verlet', 'reversible_heun', 'alf']
)");
  module.attr("_NEAR_END") = kNearEnd;
  module.def("_implicit_tableau", &implicit_tableau_of, nb::arg("method"),
             "Nodes, matrix and weights of an implicit Runge-Kutta method.");
  module.def("_rule_of_torchdiffeq", &rule_of_torchdiffeq,
             "The options of solve that make its controller torchdiffeq's.");
  module.def("_tableau", &tableau_of, nb::arg("method"), "The coefficients of an explicit Runge-Kutta method.");
  module.def("_step_controller", &make_controller, nb::arg("method"), nb::arg("rule"), nb::arg("safety"),
             nb::arg("smallest"), nb::arg("largest"), "A controller by the rule 'costate' or 'torchdiffeq'.");
  module.def("_companion_square", &companion_square, nb::arg("square"), nb::arg("square_low"),
             "The square of the error that control goes by, of the squares of two companions' estimates.");
  module.def(
      "_trial_step", [](double state, double slope) { return trial_step({.state = state, .slope = slope}); },
      nb::arg("state"), nb::arg("slope"), "The step that shows how fast the slope changes.");
  module.def(
      "_first_step",
      [](const std::string& method, const std::string& rule, double trial, double slope, double curvature) {
        return initial_step(trial, {.slope = slope, .curvature = curvature}, explicit_tableau(method),
                            control_by(rule).first_step_rule);
      },
      nb::arg("method"), nb::arg("rule"), nb::arg("trial"), nb::arg("slope"), nb::arg("curvature"),
      "The first step after the trial, by the rule 'costate' or 'torchdiffeq'.");
}

}  // namespace costate::python
