// The nets of costate/nn.
#include "costate/nn/nn.h"

#include "python/bindings/bindings.h"
#include "python/bindings/nets.h"

namespace costate::python {

nb::list values_of(const std::vector<Parameter>& parameters) {
  nb::list values;
  for (const Parameter& parameter : parameters) values.append(to_numpy(parameter.value()));
  return values;
}

void set_values(const std::vector<Parameter>& parameters, const nb::list& values) {
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].set_value(to_host(values[i]));
}

namespace {

Keywords<LinearOptions> linear_keywords() {
  using O = LinearOptions;
  return {required("inputs", &O::inputs),
          required("outputs", &O::outputs),
          choice("init", &O::init, init_from_name, KeywordRole::kStart),
          option_at<O>(
              "seed", [](auto& o) -> auto& { return o.source.seed; }, KeywordRole::kStart),
          option_at<O>(
              "stream", [](auto& o) -> auto& { return o.source.stream; }, KeywordRole::kStart),
          option("name", &O::name)};
}

Keywords<MlpOptions> mlp_keywords() {
  using O = MlpOptions;
  return {required("inputs", &O::inputs),
          required("hidden", &O::hidden),
          required("outputs", &O::outputs),
          choice("activation", &O::activation, activation_from_name),
          choice("init", &O::init, init_from_name, KeywordRole::kStart),
          option("seed", &O::seed, KeywordRole::kStart),
          option("name", &O::name)};
}

Keywords<RecurrentOptions> recurrent_keywords() {
  using O = RecurrentOptions;
  return {required("inputs", &O::inputs), required("hidden", &O::hidden),
          choice("init", &O::init, init_from_name, KeywordRole::kStart), option("seed", &O::seed, KeywordRole::kStart),
          option("name", &O::name)};
}

Keywords<ResidualOptions> residual_keywords() {
  return joined(of_member(mlp_keywords(), &ResidualOptions::branch), {option("scale", &ResidualOptions::scale)});
}

constexpr const char* kInit =
    "\n\ninit  of the weights: 'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform', "
    "'lecun_normal',\n      'torch_uniform', 'orthogonal' or 'zeros'. Biases start at 0; those of Linear and Mlp under "
    "'torch_uniform' as\n      PyTorch's.\nseed  of the numbers that they are drawn "
    "from.\nname  begins the names of the Parameters.";

template <class Cell>
void bind_cell(nb::module_& module, const char* name, const char* doc) {
  bind_net<Cell>(module, name, recurrent_keywords(), text::concat(doc, kInit).c_str())
      .def(
          "__call__", [](const Cell& cell, nb::handle x, nb::handle h) { return cell(to_array(x), to_array(h)); },
          nb::arg("x"), nb::arg("h"),
          "Inside a trace: the next hidden state [hidden] of x [inputs] and h [hidden]. ShapeError if they have other "
          "shapes.");
}

}  // namespace

void bind_nn(nb::module_& module) {
  const auto call = [](const auto& net, nb::handle x) { return net(to_array(x)); };
  constexpr const char* kCall = "Inside a trace: the outputs of x [inputs]. ShapeError if x has another shape.";
  bind_net<Linear>(
      module, "Linear", linear_keywords(),
      text::concat("y = W x + b, with the Parameters '<name>.weight' [outputs, inputs] and '<name>.bias' [outputs].",
                   kInit, "\nstream  of the seed, so that layers of one seed start differently.")
          .c_str())
      .def(
          "__call__", [call](const Linear& net, nb::handle x) { return call(net, x); }, nb::arg("x"), kCall);
  bind_net<Mlp>(module, "Mlp", mlp_keywords(),
                text::concat(R"(Linear layers of widths inputs, *hidden, outputs with an activation between them.

activation  'identity', 'tanh', 'relu', 'sigmoid', 'softplus', 'elu', 'gelu', 'silu' or 'sin'.)",
                             kInit, " Layer i has '<name>.<i>.weight' and '<name>.<i>.bias'.")
                    .c_str())
      .def(
          "__call__", [call](const Mlp& net, nb::handle x) { return call(net, x); }, nb::arg("x"), kCall);
  bind_net<Residual>(module, "Residual", residual_keywords(),
                     text::concat("x + scale F(x), F being an Mlp of these options whose inputs are as many as its "
                                  "outputs (He et al., CVPR 2016, eq. 1).",
                                  kInit)
                         .c_str())
      .def_prop_ro(
          "branch", [](const Residual& net) { return net.branch(); }, "F, with the same Parameters.")
      .def(
          "__call__", [call](const Residual& net, nb::handle x) { return call(net, x); }, nb::arg("x"), kCall);
  bind_cell<RnnCell>(
      module, "RnnCell",
      "h_next = tanh(W [x, h] + b) (Elman 1990), with the Parameters '<name>.weight' and '<name>.bias'.");
  bind_cell<GruCell>(module, "GruCell",
                     R"(The gated unit of Cho et al. 2014 (eq. 5 to 8):

    r = sigmoid(W_r [x, h] + b_r)      z = sigmoid(W_z [x, h] + b_z)
    c = tanh(W_c [x, r h] + b_c)       h_next = z h + (1 - z) c)");
}

}  // namespace costate::python
