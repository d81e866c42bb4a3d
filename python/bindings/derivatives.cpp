// Derivatives of Functions, and of Arrays inside a trace.
#include "costate/base/error.h"
#include "costate/check/check_gradient.h"
#include "costate/diff/diff.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

std::string type_and_hint(nb::handle wrt) {
  return text::concat(type_of(wrt), nb::hasattr(wrt, "parameters") ? ", whose .parameters may be meant." : ".");
}

/// What `wrt` lists.
nb::iterable to_items(nb::handle wrt, const char* expected) {
  if (!nb::isinstance<nb::iterable>(wrt)) throw CallError("[wrt] expected ", expected, "; got ", type_and_hint(wrt));
  return nb::borrow<nb::iterable>(wrt);
}

InputKind tangents_from_name(const std::string& name) {
  if (name == "shared") return InputKind::kShared;
  if (name == "sample") return InputKind::kSample;
  throw InvalidArgument("[jvp] ", text::unknown_name("shared_tangents", name, {"shared", "sample"}));
}

/// Of a Function, or of Arrays within a trace.
nb::any jacobian_python(const nb::object& f, const nb::object& wrt) {
  if (nb::isinstance<Function>(f)) {
    const auto& function = nb::cast<const Function&>(f);
    return nb::borrow<nb::any>(nb::cast(jacobian(function, positions_of(function, wrt))));
  }
  if (!holds_arrays(f))
    throw CallError("[jacobian] f must be a costate.Function, or an Array of the trace; got ", type_of(f), ".");
  if (!nb::isinstance<Array>(wrt) && !nb::isinstance<Parameter>(wrt))
    throw CallError("[jacobian] wrt must be one Array of the trace, or a Parameter; got ", type_of(wrt), ".");
  return nb::borrow<nb::any>(nb::cast(jacobian(to_array(f), to_array(wrt))));
}

constexpr const char* kValueAndGradHelp =
    R"(A Function of f's outputs, the first of which is a scalar loss, then its gradients.

f               a Function of one sample's loss.
wrt             names of inputs, or Parameters, of which the gradients are wanted; all inputs if left out.
gradient_error  whether an estimate of each gradient's error follows the gradients: the same gradient with all solves at
                tightened tolerances, minus it. All together takes 1.3 to 3 times the evaluations. Below a millionth of
                rtol (for dopri8, a hundredth), and below rounding (1e-5 of a gradient in f32), it is noise.

The gradient for an input of samples is one a sample, [batch, ...]. The gradient for a Parameter or a shared input is summed
over the batch: divide by its length if the loss of the batch is the mean of its samples' losses.

>>> import costate, numpy as np
>>> rate = costate.Parameter("rate", 2.0)
>>> loss = costate.trace(lambda x: costate.square(rate * x), {"x": ()})
>>> value, by_rate = costate.compile(costate.value_and_grad(loss, wrt=rate))(np.array([1.0, 3.0]))
>>> value, float(by_rate)
(array([ 4., 36.]), 40.0)

How exact is the gradient of a solve at a loose tolerance? It should be exp(-1):

>>> end = costate.trace(lambda z0: costate.solve(lambda t, z: -z, z0, [0.0, 1.0], rtol=1e-2)[-1, 0], {"z0": (1,)})
>>> _, gradient, error = costate.compile(costate.value_and_grad(end, gradient_error=True))([1.0])
>>> bool(abs(gradient + error - np.exp(-1)) < 0.1 * abs(gradient - np.exp(-1)))
True
)";

constexpr const char* kCheckGradientHelp =
    R"(Checks the gradient of a loss, and names the input that is off: a GradientCheck, which prints as a table.

f           a Function of one sample's loss.
inputs      one array an input, as a Program takes them; Parameters have their current values.
wrt         names of inputs, or Parameters, to check; all inputs if left out.
rtol        the share of itself by which a gradient may be off.
atol        by how much it may be off at most where a tangent at f's own tolerances is no more exact.
directions  how many random directions each input is moved along.
seed        of the directions.

Each input moves alone. The gradient is compared with the tangent of the same loss whose solves are at tightened tolerances,
and with differences of that loss. An input that has no derivative is said to have none, and does not end the check. All is in
f64.

>>> import costate, numpy as np
>>> from_rest = {"gradient_steps": "off"}  # steps that see the state alone, which does not move here
>>> end = lambda z0: costate.solve(lambda t, z: 2 - z, z0, [0.0, 10.0], **from_rest)[-1, 0]
>>> check = costate.check_gradient(costate.trace(end, {"z0": (1,)}), [2.0])
>>> check.ok, check.worst, check.inputs[0].verdict
(False, 'z0', 'off')
)";

constexpr const char* kJacobianHelp = R"(A Function of f's outputs, then the Jacobian of each output by each of `wrt`.

f       a Function; or an Array, inside a trace, which gives the Jacobian as an Array.
wrt     names of inputs, or Parameters; all inputs if left out. Inside a trace, one Array or Parameter.

The Jacobian of y by x has shape y.shape + x.shape. It is one a sample, [batch, ...], by Parameters and shared inputs, too. It
takes as many derivatives as x or y has numbers, whichever are fewer.

>>> import costate, numpy as np
>>> f = costate.trace(lambda x: costate.stack([x[0] * x[1], x[1]]), {"x": (2,)})
>>> costate.compile(costate.jacobian(f))(np.array([3.0, 5.0]))[1]
array([[5., 3.],
       [0., 1.]])
)";

void bind_check_gradient(nb::module_& module) {
  nb::class_<InputCheck>(module, "InputCheck",
                         "What check_gradient found of an input; numbers that are not to be had are NaN.")
      .def_ro("input", &InputCheck::input, "Its name.")
      .def_ro("sample", &InputCheck::sample, "The row of the batch that agrees least; -1 for what all samples share.")
      .def_ro("gradient", &InputCheck::gradient, "The gradient along the direction.")
      .def_ro("tangent", &InputCheck::tangent, "The forward derivative along it, at tightened tolerances.")
      .def_ro("difference", &InputCheck::difference, "The loss's differences along it.")
      .def_ro("error", &InputCheck::error, "By how much the gradient is off.")
      .def_ro("allowed", &InputCheck::allowed, "By how much it may be.")
      .def_prop_ro(
          "verdict", [](const InputCheck& one) { return name(one.verdict); },
          "'right', 'off', 'unclear' or 'no derivative'.")
      .def_ro("note", &InputCheck::note, "What is the matter; '' if nothing is.")
      .def("__repr__", [](const InputCheck& one) { return GradientCheck{.inputs = {one}}.text(); });
  nb::class_<GradientCheck>(module, "GradientCheck", "What check_gradient found; prints as a table.")
      .def_ro("inputs", &GradientCheck::inputs, "An InputCheck for each input that was checked.")
      .def_ro("worst", &GradientCheck::worst, "The input that is off most, in units of what is allowed.")
      .def_ro("ok", &GradientCheck::ok, "Whether no input is off or unclear.")
      .def("__repr__", &GradientCheck::text);
  module.def(
      "check_gradient",
      [](const Function& f, const nb::args& inputs, const nb::object& wrt, double rtol, double atol, int directions,
         std::uint64_t seed) {
        const GradientCheckOptions options{
            .wrt = positions_of(f, wrt), .rtol = rtol, .atol = atol, .directions = directions, .seed = seed};
        const BatchInputs batch = to_batch(f, inputs);
        return run_long([&] { return check_gradient(f, batch.arrays, options); });
      },
      nb::arg("f"), nb::arg("inputs"), nb::kw_only(), nb::arg("wrt").none() = nb::none(),
      nb::arg("rtol") = GradientCheckOptions{}.rtol, nb::arg("atol") = GradientCheckOptions{}.atol,
      nb::arg("directions") = GradientCheckOptions{}.directions, nb::arg("seed") = GradientCheckOptions{}.seed,
      kCheckGradientHelp);
}

}  // namespace

std::vector<std::size_t> positions_of(const Function& function, const nb::object& wrt) {
  std::vector<std::size_t> positions;
  if (wrt.is_none()) return positions;
  const bool is_one = nb::isinstance<nb::str>(wrt) || nb::isinstance<Parameter>(wrt);
  constexpr const char* kExpected = "names of inputs and Parameters";
  for (const nb::handle item : is_one ? nb::object(nb::make_tuple(wrt)) : to_items(wrt, kExpected)) {
    if (!nb::isinstance<nb::str>(item) && !nb::isinstance<Parameter>(item))
      throw CallError("[wrt] expected ", kExpected, "; got ", type_and_hint(item));
    std::vector<std::string> known;
    std::size_t found = function.inputs().size();
    for (std::size_t i = 0; i < function.inputs().size(); ++i) {
      const Input& input = function.inputs()[i];
      known.push_back(input.name);
      const bool matches = nb::isinstance<Parameter>(item)
                               ? input.parameter && *input.parameter == nb::cast<Parameter>(item)
                               : input.name == nb::cast<std::string>(item);
      if (matches) found = i;
    }
    if (found == function.inputs().size()) {
      if (nb::isinstance<Parameter>(item))
        throw InvalidArgument("[wrt] the function does not use Parameter '", nb::cast<Parameter>(item).name(),
                              "'; leave it out.");
      throw InvalidArgument("[wrt] ", text::unknown_name("input", nb::cast<std::string>(item), known));
    }
    positions.push_back(found);
  }
  if (positions.empty()) throw InvalidArgument("[wrt] no input is named; leave wrt out for all of them.");
  return positions;
}

void bind_derivatives(nb::module_& module) {
  bind_check_gradient(module);
  module.def(
      "vjp", [](const Function& f, const nb::object& wrt) { return vjp(f, positions_of(f, wrt)); }, nb::arg("f"),
      nb::arg("wrt").none() = nb::none(),
      "Reverse mode: takes f's inputs and one cotangent an output; gives f's outputs, then one cotangent an input.");
  module.def(
      "jvp",
      [](const Function& f, const nb::object& wrt, const std::string& shared_tangents) {
        return jvp(f, positions_of(f, wrt), tangents_from_name(shared_tangents));
      },
      nb::arg("f"), nb::arg("wrt").none() = nb::none(), nb::arg("shared_tangents") = "shared",
      R"(Forward mode: takes f's inputs and one tangent an input; gives f's outputs, then one tangent an output. Of
value_and_grad(loss): Hessian-vector products, through a solve too.

f                a Function.
wrt              names of inputs, or Parameters, that move; all inputs if left out.
shared_tangents  of Parameters and shared inputs: 'shared', one tangent for all samples, or 'sample', [batch, ...], one each.
)");
  module.def(
      "value_and_grad",
      [](const Function& f, const nb::object& wrt, bool gradient_error) {
        return value_and_grad(f, positions_of(f, wrt), {.gradient_error = gradient_error});
      },
      nb::arg("f"), nb::arg("wrt").none() = nb::none(), nb::kw_only(), nb::arg("gradient_error") = false,
      kValueAndGradHelp);
  module.def("jacobian", &jacobian_python, nb::arg("f"), nb::arg("wrt").none() = nb::none(), kJacobianHelp);
  module.def(
      "hessian", [](const Function& f, const nb::object& wrt) { return hessian(f, positions_of(f, wrt)); },
      nb::arg("f"), nb::arg("wrt").none() = nb::none(),
      R"(A Function of second derivatives: f's outputs, the first of which is a scalar, then a Hessian for each pair of `wrt`.

f       a Function of one sample's loss.
wrt     names of inputs, or Parameters; all inputs if left out. The Hessian by x and y has shape x.shape + y.shape.

It is one a sample, [batch, ...]. If both x and y are Parameters or shared inputs, it is summed over the batch, as gradients
are. It takes as many gradients as y has numbers.

>>> import costate, numpy as np
>>> f = costate.trace(lambda x: x[0] * x[0] * x[1], {"x": (2,)})
>>> costate.compile(costate.hessian(f))(np.array([3.0, 5.0]))[1]
array([[10.,  6.],
       [ 6.,  0.]])
)");
  module.def(
      "gradient",
      [](const Array& value, const nb::object& wrt) -> nb::object {
        std::vector<Array> arrays;
        const bool is_one = nb::isinstance<Array>(wrt) || nb::isinstance<Parameter>(wrt);
        if (is_one)  // an Array is a sequence too, of elements that value was not computed from
          arrays.push_back(to_array(wrt));
        else
          for (const nb::handle x : to_items(wrt, "an Array or a list of Arrays")) arrays.push_back(to_array(x));
        const std::vector<Array> gradients = gradient(value, arrays);
        return is_one ? nb::cast(gradients[0]) : nb::cast(gradients);
      },
      nb::arg("value"), nb::arg("wrt"),
      "Inside a trace: the gradient of a scalar with respect to an Array, or to each of a list of Arrays.");
}

}  // namespace costate::python
