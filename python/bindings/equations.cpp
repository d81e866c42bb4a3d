// Equations solved inside a trace: linear ones, roots, states at rest, and linear differential equations.
#include <string>
#include <string_view>
#include <vector>

#include "costate/base/names.h"
#include "costate/operations/operations.h"
#include "costate/solve/steady_state.h"
#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"

namespace costate::python {
namespace {

constexpr std::string_view kJacobianNames[] = {"auto", "dense", "sparse", "krylov"};

Keywords<RootOptions> root_keywords() {
  using O = RootOptions;
  return {option("iterations", &O::iterations),
          option("tolerance", &O::tolerance),
          {.name = "jacobian",
           .annotation = "str",
           .get = [](const O& options) { return nb::cast(spelling(options.jacobian, kJacobianNames)); },
           .set =
               [](O& options, nb::handle value) {
                 options.jacobian =
                     from_spelling<RootJacobian>("root", "jacobian", argument_as<std::string>(value), kJacobianNames);
               }}};
}

Array root_python(const nb::callable& f, nb::handle guess, const nb::kwargs& keywords) {
  return root([&f](const Array& x) { return to_array(f(x)); }, to_array(guess),
              from_keywords(root_keywords(), keywords));
}

/// In the shape of the guess.
Array steady_state_python(const nb::object& f, nb::handle guess, const nb::sequence& args, double t,
                          const nb::kwargs& keywords) {
  const SteadyStateOptions options = {.t = t, .root = from_keywords(root_keywords(), keywords)};
  const TracedArguments arguments = traced_arguments(args);
  const Array start = to_array(guess);
  const VectorField field = to_field("[steady_state] f", f, start.shape(), arguments.shapes);
  return reshape(steady_state(field, start, options, arguments.values), start.shape());
}

void bind_linear(nb::module_& m) {
  m.def(
      "linear_solve", [](nb::handle a, nb::handle b) { return linear_solve(to_array(a), to_array(b)); }, nb::arg("a"),
      nb::arg("b"),
      "x [n] with a x = b, for a [n, n] and b [n]; NaN where a is singular to rounding. Differentiable to any order. "
      "ShapeError if a is not square or b has another size.");
  m.def(
      "expm_multiply",
      [](nb::handle a, nb::handle b, nb::handle t) {
        if (PyCallable_Check(a.ptr()) == 0) return expm_multiply(to_array(a), to_array(b), to_array(t));
        return expm_multiply([&a](const Array& x) { return to_array(nb::borrow<nb::callable>(a)(x)); }, to_array(b),
                             to_array(t));
      },
      nb::arg("a"), nb::arg("b"), nb::arg("t"),
      R"(exp(t a) b, the state at t of x' = a x with x(0) = b, to rounding: a [n, n], b [n] or [n, columns], t a number of either sign.

Differentiable by all three to any order. It takes about 5 + 6 |t| |a| products with a, |a| being the largest sum of a column;
NaN where a or t are not finite, or where that would be more than 10^7 products. ShapeError if the shapes do not fit.

a may be a linear function of an Array [n], too, which may use any Array of the trace, for a b [n] of thousands of numbers that
each meet few others, as those of a grid do; derivatives by all that it uses. InvalidArgument if it is not linear.)");
}

void bind_roots(nb::module_& m) {
  const std::string options = parameters_of(root_keywords(), true) + ") -> " + name_of<Array>();
  m.def(
      "root", &root_python, nb::arg("f"), nb::arg("guess"), nb::arg("options"),
      nb::sig(("def root(f: collections.abc.Callable, guess: object, *" + options).c_str()),
      R"(x [n] with f(x) = 0, inside a trace, by Newton's method; derivatives by whatever f uses, through the implicit function theorem.

f           a callable from [n] to [n]; it may use any Array of the trace.
guess       [n], where the iteration begins.
iterations  with a dense Jacobian all of them are done, with a sparse one at most so many.
tolerance   of the last correction, relative to 1 + |x|, the largest element; NaN comes out where it is larger.
jacobian    'dense': all n x n derivatives in each iteration; derivatives of any order.
            'sparse': those that f's graph says may be other than 0, for thousands of unknowns that each meet few
            others, as those of a grid do; derivatives of any order. InvalidArgument if they are more than 2^24.
            'krylov': the same, with linear systems solved iteratively: for more than some 10^5 unknowns, whose factors
            would take too much memory.
            'auto': sparse from 64 unknowns on, if at most a quarter as many derivatives as unknowns give all of it.)");
  m.def(
      "steady_state", &steady_state_python, nb::arg("f"), nb::arg("guess"), nb::kw_only(),
      nb::arg("args") = nb::tuple(), nb::arg("t") = SteadyStateOptions{}.t, nb::arg("options"),
      nb::sig(("def steady_state(f: object, guess: object, *, args: collections.abc.Sequence = (), t: float = 0.0" +
               options)
                  .c_str()),
      R"(z with f(t, z, *args) = 0 for a field of solve, inside a trace, by Newton's method; whether z is stable is not looked at.

f      a callable f(t, z, ...) on costate Arrays, or a VectorField; derivatives by Arrays and Parameters that it uses are root's.
guess  where the iteration begins, in the shape of the state, which the result has too.
args   further inputs of f.
t      the time at which the field is looked at.

iterations, tolerance, jacobian  as in root.)");
}

}  // namespace

void bind_equations(nb::module_& module) {
  bind_linear(module);
  bind_roots(module);
}

}  // namespace costate::python
