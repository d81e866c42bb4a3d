#include "costate/nn/nn.h"

#include "python/bindings/bindings.h"

namespace costate::python {

namespace {

nb::tuple state_of(const Mlp& net) {
  const MlpOptions& options = net.options();
  nb::list values;
  for (const Parameter& parameter : net.parameters()) values.append(to_numpy(parameter.value()));
  return nb::make_tuple(options.inputs, options.hidden, options.outputs, name(options.activation), options.name, values);
}

void set_state(Mlp& net, const nb::tuple& state) {
  new (&net) Mlp({.inputs = nb::cast<std::int64_t>(state[0]),
                  .hidden = nb::cast<std::vector<std::int64_t>>(state[1]),
                  .outputs = nb::cast<std::int64_t>(state[2]),
                  .activation = activation_from_name(nb::cast<std::string>(state[3])),
                  .name = nb::cast<std::string>(state[4])});
  for (std::size_t i = 0; i < net.parameters().size(); ++i) net.parameters()[i].set_value(to_host(state[5][i]));
}

}  // namespace

void bind_nn(nb::module_& module) {
  nb::class_<Mlp>(module, "Mlp", construct_by_init(),
                  "Linear layers with an activation between them; call it on an Array [size] inside a trace.")
      .def(
          "__init__",
          [](Mlp* self, std::int64_t size, std::vector<std::int64_t> hidden, std::int64_t out,
             const std::string& activation, const std::string& init, std::uint64_t seed, const std::string& name) {
            new (self) Mlp({.inputs = size,
                            .hidden = std::move(hidden),
                            .outputs = out,
                            .activation = activation_from_name(activation),
                            .init = init_from_name(init),
                            .seed = seed,
                            .name = name});
          },
          nb::arg("size"), nb::arg("hidden"), nb::arg("out"), nb::arg("activation") = "tanh",
          nb::arg("init") = "glorot_uniform", nb::arg("seed") = 0, nb::arg("name") = "net")
      .def_prop_ro("parameters", &Mlp::parameters, "Weights and biases, layer by layer.")
      .def("__repr__",
           [](const Mlp& net) {
             const MlpOptions& options = net.options();
             return text::concat("Mlp(", options.inputs, ", [", text::join(options.hidden), "], ", options.outputs,
                                 ", activation='", name(options.activation), "', name='", options.name, "')");
           })
      .def("__getstate__", &state_of)
      .def("__setstate__", &set_state)
      .def(
          "__call__", [](const Mlp& net, nb::handle x) { return net(to_array(x)); }, nb::arg("x"));
}

}  // namespace costate::python
