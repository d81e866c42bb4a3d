// The models of costate/models beside flows.
#include "costate/models/models.h"

#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"
#include "python/bindings/nets.h"

namespace costate::python {
namespace {

Keywords<DeepNetOptions> deep_net_keywords() {
  using O = DeepNetOptions;
  return {required("inputs", &O::inputs),
          required("outputs", &O::outputs),
          option("width", &O::width),
          option("depth", &O::depth),
          choice("skip", &O::skip, skip_from_name),
          option("seed", &O::seed, KeywordRole::kStart)};
}

Keywords<DrivenDelaysOptions> driven_delays_keywords() {
  using O = DrivenDelaysOptions;
  return {option("delays", &O::delays), option("inputs", &O::inputs), option("hidden", &O::hidden),
          option("rate", &O::rate), option("seed", &O::seed, KeywordRole::kStart)};
}

Keywords<LatentOdeOptions> latent_ode_keywords() {
  using O = LatentOdeOptions;
  return joined(
      {option("observed", &O::observed), option("latent", &O::latent),
       choice("encoder", &O::encoder, encoder_from_name), option("encoder_units", &O::encoder_units),
       option("encoder_field_hidden", &O::encoder_field_hidden), option("gap_steps", &O::gap_steps),
       option("field_hidden", &O::field_hidden), option("decoder_hidden", &O::decoder_hidden),
       option("continuity", &O::continuity), option("seed", &O::seed, KeywordRole::kStart), option("name", &O::name)},
      of_member(solve_keywords(), &O::solve));
}

Keywords<GapRnnOptions> gap_rnn_keywords() {
  using O = GapRnnOptions;
  return {option("observed", &O::observed), option("units", &O::units), option("seed", &O::seed, KeywordRole::kStart),
          option("name", &O::name)};
}

void bind_fields(nb::module_& module) {
  module.def(
      "hamiltonian_field",
      [](std::int64_t n, const nb::callable& energy) { return hamiltonian_field(n, to_function(energy)); },
      nb::arg("n"), nb::arg("energy"),
      R"(The VectorField q' = dH/dp, p' = -dH/dq (Greydanus, Dzamba and Yosinski 2019, eq. 2), of states [q, p].

n       positions, and momenta.
energy  H(q, p) on Arrays [n], a scalar, which is constant along solutions. ShapeError if it is not a scalar.
)");
  module.def(
      "second_order_field",
      [](std::int64_t n, const nb::callable& acceleration) { return second_order_field(n, to_function(acceleration)); },
      nb::arg("n"), nb::arg("acceleration"),
      R"(The VectorField q' = v, v' = acceleration(q, v) (Norcliffe et al. 2020, eq. 2), of states [q, v].

n             positions, and velocities.
acceleration  of q and v, Arrays [n], to [n].
)");
}

void bind_deep_net(nb::module_& module) {
  bind_net<DeepNet>(module, "DeepNet", deep_net_keywords(),
                    R"(Many layers of one width, plain or with an identity around each (He et al., CVPR 2016):

    h_0 = relu(W x + b),  h_i+1 = relu(W_i h_i + b_i)  or  h_i + relu(W_i h_i + b_i),  and W h_depth + b comes out.

depth  layers from width to width.
skip   'identity', or 'none'.
seed   of the numbers that the weights are drawn from (He et al., ICCV 2015); those of residual branches are
       1 / sqrt(depth) smaller.)")
      .def(
          "__call__", [](const DeepNet& net, nb::handle x) { return net(to_array(x)); }, nb::arg("x"),
          "Inside a trace: the outputs of x [inputs].");
}

void bind_driven_delays(nb::module_& module) {
  bind_net<DrivenDelays>(
      module, "DrivenDelays", driven_delays_keywords(),
      R"(A driven system that is seen through one number y, with successive samples of it as the state
(Chen X. et al. 2022, Nature Communications 13:1016, eq. 4):

    z = (y(t), ..., y(t + delays - 1)),   z' = rate net(z, e(t), ..., e(t + delays - 1)),   t in samples

delays  numbers of the state.
inputs  numbers of the drive e.
hidden  widths of the net's layers.
rate    a sample in the net's unit of time.
seed    of the numbers that the weights are drawn from.)")
      .def_prop_ro("delays", &DrivenDelays::delays)
      .def_prop_ro(
          "net", [](const DrivenDelays& model) { return model.net(); },
          "The Mlp, which takes z, then each input's samples in order; gives z' [delays].")
      .def(
          "field",
          [](const DrivenDelays& model, std::int64_t num_samples, const std::string& interpolation) {
            return model.field(num_samples, interpolation_from_name(interpolation));
          },
          nb::arg("num_samples"), nb::arg("interpolation") = "cubic",
          "A VectorField whose arguments are u_times [num_samples], in samples, and u [num_samples, inputs]; "
          "interpolation is 'linear', 'hold' or 'cubic'.");
}

void bind_distributions(nb::module_& module) {
  nb::class_<DiagonalNormal>(module, "DiagonalNormal", "A normal distribution with independent components, in a trace.")
      .def_ro("mean", &DiagonalNormal::mean)
      .def_ro("log_variance", &DiagonalNormal::log_variance, "Of the mean's shape.")
      .def(
          "sample", [](const DiagonalNormal& q, nb::handle noise) { return q.sample(to_array(noise)); },
          nb::arg("noise"), "mean + exp(log_variance / 2) noise.");
  module.def("kl_to_standard_normal", &kl_to_standard_normal, nb::arg("q"),
             "KL(q || N(0, I)) of a DiagonalNormal, a scalar (Kingma and Welling 2014, appendix B).");
  module.def(
      "gaussian_negative_log_likelihood",
      [](nb::handle mean, nb::handle x, double sd) {
        return gaussian_negative_log_likelihood(to_array(mean), to_array(x), sd);
      },
      nb::arg("mean"), nb::arg("x"), nb::arg("sd"),
      "Inside a trace: -sum log N(x; mean, sd^2) over all elements. InvalidArgument unless sd > 0.");
  nb::class_<Observations>(module, "Observations", construct_by_init(),
                           "Irregular observations, inside a trace: times [time], which ascend strictly, and x [time, "
                           "observed].")
      .def(
          "__init__",
          [](Observations* self, nb::handle times, nb::handle x) {
            new (self) Observations{.times = to_array(times), .x = to_array(x)};
          },
          nb::arg("times"), nb::arg("x"))
      .def_ro("times", &Observations::times)
      .def_ro("x", &Observations::x);
}

void bind_latent_ode(nb::module_& module) {
  bind_net<LatentOde>(
      module, "LatentOde", latent_ode_keywords(),
      R"(The latent ODE of a time series with irregular observations (Chen et al. 2018, section 5.1; Rubanova et
al. 2019): a recurrent net reads them backwards and gives a distribution of the latent state at the first; a solve goes on from
there; a decoder gives the expected observations.

observed              numbers of an observation.
latent                numbers of the latent state.
encoder               'rnn', which is told the gaps between observations, or 'ode_rnn', which crosses them by an ODE.
encoder_units         numbers of its hidden state.
encoder_field_hidden, gap_steps  of that ODE: widths of its net's layers, Euler steps from one observation to the next.
field_hidden, decoder_hidden     widths of the layers of both nets.
continuity            weight of a term that binds the states of each half of the observations to the path.
seed                  of the numbers that the weights are drawn from.
name                  begins the names of the Parameters.

The keywords of solve, such as method, rtol and adjoint, are taken, too.)")
      .def(
          "encode", [](const LatentOde& model, const Observations& seen) { return model.encode(seen); },
          nb::arg("seen"), "The DiagonalNormal of the latent state [latent] at the first observation.")
      .def(
          "latent_path",
          [](const LatentOde& model, nb::handle z, nb::handle times) {
            return model.latent_path(to_array(z), to_array(times));
          },
          nb::arg("z"), nb::arg("times"),
          "The latent states [time, latent] at times [time] from z at times[0]; times that descend give the past.")
      .def(
          "decode", [](const LatentOde& model, nb::handle path) { return model.decode(to_array(path)); },
          nb::arg("path"), "The expected observations [time, observed] of latent states [time, latent].")
      .def(
          "predict",
          [](const LatentOde& model, nb::handle z, nb::handle times) {
            return model.predict(to_array(z), to_array(times));
          },
          nb::arg("z"), nb::arg("times"), "decode(latent_path(z, times)).")
      .def(
          "loss",
          [](const LatentOde& model, const Observations& seen, nb::handle noise, double sd) {
            return model.loss(seen, to_array(noise), sd);
          },
          nb::arg("seen"), nb::arg("noise"), nb::arg("sd"),
          "-ELBO by one sample of the first latent state, and the continuity term, a scalar: noise [latent] is "
          "standard "
          "normal, sd that of an observation.");
}

void bind_gap_rnn(nb::module_& module) {
  bind_net<GapRnn>(
      module, "GapRnn", gap_rnn_keywords(),
      R"(A recurrent net that is told the time to the next observation, against which a LatentOde is held (Chen et
al. 2018, section 5.1).

observed  numbers of an observation.
units     numbers of the hidden state.
seed      of the numbers that the weights are drawn from.
name      begins the names of the Parameters.)")
      .def("negative_log_likelihood", &GapRnn::negative_log_likelihood, nb::arg("seen"), nb::arg("sd"),
           "-sum log p of each observation but the first, given those before it, a scalar.")
      .def(
          "forecast",
          [](const GapRnn& net, const Observations& seen, nb::handle times) {
            return net.forecast(seen, to_array(times));
          },
          nb::arg("seen"), nb::arg("times"),
          "The expected observations [time, observed] at times [time] behind the last one seen.");
}

}  // namespace

void bind_models(nb::module_& module) {
  bind_fields(module);
  bind_deep_net(module);
  bind_driven_delays(module);
  bind_distributions(module);
  bind_latent_ode(module);
  bind_gap_rnn(module);
}

}  // namespace costate::python
