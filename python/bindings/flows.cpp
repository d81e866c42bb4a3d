// Continuous and planar normalizing flows.
#include "costate/base/error.h"
#include "costate/models/cnf.h"
#include "costate/models/planar_flow.h"
#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"
#include "python/bindings/nets.h"

namespace costate::python {
namespace {

Keywords<CnfOptions> cnf_keywords() {
  using O = CnfOptions;
  return joined({option("dimension", &O::dimension), option("end", &O::end),
                 choice("trace", &O::trace, trace_estimate_from_name), option("regularizers", &O::regularizers)},
                of_member(solve_keywords(), &O::solve));
}

Keywords<PlanarOptions> planar_keywords() {
  using O = PlanarOptions;
  return {option("dimension", &O::dimension), option("count", &O::count),
          option("seed", &O::seed, KeywordRole::kStart)};
}

/// None for an Array that was not asked for.
nb::object or_none(const Array& array) { return array.is_empty() ? nb::object(nb::none()) : nb::cast(array); }

FlowDensity density_of(const Cnf& flow, nb::handle x, const nb::object& noise) {
  if (!noise.is_none()) return flow.density(to_array(x), to_array(noise));
  if (flow.options().trace != TraceEstimate::kExact)
    throw InvalidArgument("[Cnf.density] an estimated trace needs noise [", flow.options().dimension,
                          "] of mean 0 and variance 1; give it, or make the flow with trace='exact'.");
  return flow.density(to_array(x), zeros({flow.options().dimension}));
}

void bind_cnf(nb::module_& module) {
  nb::class_<FlowDensity>(module, "FlowDensity", "What a flow says of one sample, inside a trace.")
      .def_ro("log_density", &FlowDensity::log_density, "A scalar.")
      .def_ro("base", &FlowDensity::base, "[dimension]: where the flow takes the sample.")
      .def_prop_ro(
          "kinetic", [](const FlowDensity& density) { return or_none(density.kinetic); },
          "The integral of |f|^2; None, like the next, unless the flow was made with regularizers=True.")
      .def_prop_ro(
          "jacobian", [](const FlowDensity& density) { return or_none(density.jacobian); },
          "The integral of |noise df/dz|^2, or of the squared Frobenius norm of df/dz if the trace is exact.");
  const std::string signature =
      "def __init__(self, field: collections.abc.Callable" + parameters_of(cnf_keywords()) + ") -> None";
  nb::class_<Cnf>(
      module, "Cnf", construct_by_init(),
      R"(A continuous normalizing flow: z' = f(t, z) carries data at t = 0 to a standard normal at t = end, and

    log p(x) = log N(z(end); 0, I) + integral of tr(df/dz)     (Chen et al. 2018, eq. 8; Grathwohl et al. 2019, eq. 3)

field         f(t, z) on Arrays, [dimension] to [dimension].
dimension     of a sample.
end           the time at which the flow has reached the normal distribution.
trace         'exact', or 'hutchinson', which estimates it by one product with noise (ibid., eq. 7).
regularizers  whether density also gives the kinetic energy and the Jacobian's norm (Finlay et al. 2020, eq. 9).

The keywords of solve, such as method, rtol and adjoint, are taken, too. Train the Parameters of the field on -log_density.)")
      .def(
          "__init__",
          [](Cnf* self, const nb::callable& field, const nb::kwargs& options) {
            new (self) Cnf(to_function(field), from_keywords(cnf_keywords(), options));
          },
          nb::arg("field"), nb::arg("options"), nb::sig(signature.c_str()))
      .def("density", &density_of, nb::arg("x"), nb::arg("noise").none() = nb::none(),
           "Inside a trace: the FlowDensity at x [dimension]. Noise [dimension] has mean 0 and variance 1 an element; "
           "an "
           "exact trace needs none.")
      .def(
          "sample", [](const Cnf& flow, nb::handle base) { return flow.sample(to_array(base)); }, nb::arg("base"),
          "Inside a trace: the sample [dimension] that base noise [dimension] becomes, the flow backwards.")
      .def(
          "path",
          [](const Cnf& flow, nb::handle base, nb::handle times) { return flow.path(to_array(base), to_array(times)); },
          nb::arg("base"), nb::arg("times"),
          "Inside a trace: the path of base noise to data, at times [n] that descend from end to 0: [n, dimension].");
  module.def(
      "log_normal", [](nb::handle z) { return log_normal(to_array(z)); }, nb::arg("z"),
      "Inside a trace: log N(z; 0, I) of z [d], a scalar.");
}

void bind_planar(nb::module_& module) {
  constexpr const char* kOptions = R"(

dimension  of a sample.
count      how many layers of the one, units of the other.
seed       of the numbers that the weights are drawn from.)";
  bind_net<PlanarFlow>(
      module, "PlanarFlow", planar_keywords(),
      text::concat(
          "Planar layers z + u tanh(w . z + b) (Rezende and Mohamed 2015, eq. 10), each moved so that it is "
          "invertible (ibid.,\nappendix A.1). Parameters 'planar.w' [count, dimension], 'planar.u', 'planar.b' "
          "[count].",
          kOptions)
          .c_str())
      .def(
          "__call__", [](const PlanarFlow& flow, nb::handle z) { return flow(to_array(z)); }, nb::arg("z"),
          "Inside a trace: z [dimension] after all layers, and the logarithm of the Jacobian's determinant.")
      .def(
          "inverse", [](const PlanarFlow& flow, nb::handle end) { return flow.inverse(to_array(end)); }, nb::arg("end"),
          "Inside a trace: the z [dimension] that the flow takes to `end`, by bisection.");
  bind_net<PlanarField>(
      module, "PlanarField", planar_keywords(),
      text::concat("The field of the continuous planar flow, z' = sum of sigma(t) u(t) tanh(w(t) . z + b(t)), whose "
                   "coefficients come from a\nnet of t (Chen et al. 2018, section 4).",
                   kOptions)
          .c_str())
      .def(
          "__call__",
          [](const PlanarField& field, nb::handle t, nb::handle z) { return field(to_array(t), to_array(z)); },
          nb::arg("t"), nb::arg("z"), "Inside a trace: z' [dimension] at t and z [dimension].");
}

}  // namespace

void bind_flows(nb::module_& module) {
  bind_cnf(module);
  bind_planar(module);
}

}  // namespace costate::python
