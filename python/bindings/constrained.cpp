// minimize_constrained.
#include "costate/train/constrained.h"

#include "costate/base/error.h"
#include "python/bindings/bindings.h"
#include "python/bindings/keywords.h"

namespace costate::python {
namespace {

struct PythonMinimum {
  HostArray x;
  ConstrainedMinimum found;
};

Keywords<ConstrainedOptions> constrained_keywords() {
  using O = ConstrainedOptions;
  const Keywords<MinimizeOptions> each = {option("steps", &MinimizeOptions::steps),
                                          option("history", &MinimizeOptions::history)};
  return joined({option("rounds", &O::rounds), option("violation", &O::violation), option("penalty", &O::penalty),
                 option("penalty_growth", &O::penalty_growth)},
                of_member(each, &O::each));
}

/// What a callable gives of x; nothing where there is none.
Array value_of(const nb::object& call, const Array& x) { return call.is_none() ? Array() : to_array(call(x)); }

nb::any minimize_python(const nb::callable& objective, const nb::object& x0, const nb::object& equations,
                        const nb::object& limits, const nb::kwargs& keywords) {
  const ConstrainedOptions options = from_keywords(constrained_keywords(), keywords);
  PythonMinimum minimum{.x = to_host(x0).astype(Dtype::kF64), .found = {}};
  const ConstrainedProblem problem = constrained_problem(
      [&](Array x) {
        return ConstrainedLoss{.objective = to_array(objective(x)),
                               .g = {.equations = value_of(equations, x), .limits = value_of(limits, x)}};
      },
      minimum.x.shape());
  run_long([&] { minimum.found = minimize_constrained(minimum.x, problem, options); });
  return nb::borrow<nb::any>(nb::cast(std::move(minimum)));
}

}  // namespace

void bind_constrained(nb::module_& module) {
  nb::class_<PythonMinimum>(module, "ConstrainedMinimum", "Where minimize_constrained came to.")
      .def_prop_ro(
          "x", [](const PythonMinimum& m) { return to_numpy(m.x); }, "The point, shaped like x0.")
      .def_prop_ro(
          "equations", [](const PythonMinimum& m) { return to_numpy(m.found.constraints.equations); },
          "Their values there.")
      .def_prop_ro(
          "limits", [](const PythonMinimum& m) { return to_numpy(m.found.constraints.limits); }, "Their values there.")
      .def_prop_ro(
          "equation_multipliers", [](const PythonMinimum& m) { return to_numpy(m.found.multipliers.lambda.equations); },
          "What a unit of each equation is worth, in units of the objective.")
      .def_prop_ro(
          "limit_multipliers", [](const PythonMinimum& m) { return to_numpy(m.found.multipliers.lambda.limits); },
          "The same of the limits; 0 of those that do not matter.")
      .def_prop_ro(
          "violation", [](const PythonMinimum& m) { return m.found.violation; },
          "How far the constraints are from being kept.")
      .def_prop_ro(
          "rounds", [](const PythonMinimum& m) { return m.found.rounds; }, "Rounds of L-BFGS.")
      .def_prop_ro(
          "steps", [](const PythonMinimum& m) { return m.found.steps; }, "Steps of all rounds.")
      .def("__repr__", [](const PythonMinimum& m) {
        return text::concat("ConstrainedMinimum(x=", m.x.shape(), ", violation=", m.found.violation, ")");
      });
  const std::string signature =
      "def minimize_constrained(objective: collections.abc.Callable, x0: object, *, equations: "
      "collections.abc.Callable | None = None, limits: collections.abc.Callable | None = None" +
      parameters_of(constrained_keywords(), true) + ") -> ConstrainedMinimum";
  module.def(
      "minimize_constrained", &minimize_python, nb::arg("objective"), nb::arg("x0"), nb::kw_only(),
      nb::arg("equations") = nb::none(), nb::arg("limits") = nb::none(), nb::arg("options"), nb::sig(signature.c_str()),
      R"(The lowest point of objective(x) where equations(x) = 0 and limits(x) <= 0, by the augmented Lagrangian and L-BFGS.

objective  gives a number; equations and limits give vectors; all are callables on a costate Array of x0's shape.
x0         where the search begins.
rounds     at most so many, each of at most `steps` steps of L-BFGS that keeps `history` pairs, until the constraints are
           kept within `violation`. penalty is the first penalty, and grows by penalty_growth where a round leaves more
           than a quarter of the violation.

Whether it came to a point that keeps the constraints is what the result's `violation` tells. (Nocedal and Wright 2006,
Numerical Optimization, 17.3 and 17.4.)

>>> import costate, numpy as np
>>> found = costate.minimize_constrained(lambda x: x[0] + x[1], [1.0, 0.5], equations=lambda x: costate.stack([x[0] ** 2 + x[1] ** 2 - 2]))
>>> bool(np.allclose(found.x, [-1, -1], atol=1e-6))
True
)");
}

}  // namespace costate::python
