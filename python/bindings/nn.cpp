#include "costate/nn/nn.h"

#include "python/bindings/bindings.h"

namespace costate::python {

void bind_nn(nb::module_& module) {
  nb::class_<Mlp>(module, "Mlp", construct_by_init(),
                  "Linear layers with an activation between them; call it on an Array [size] inside a trace.")
      .def(
          "__init__",
          [](Mlp* self, std::int64_t size, std::vector<std::int64_t> hidden, std::int64_t out,
             const std::string& activation, const std::string& init, std::uint64_t seed, const std::string& name) {
            new (self) Mlp({.in = size,
                            .hidden = std::move(hidden),
                            .out = out,
                            .activation = activation_from_name(activation),
                            .init = init_from_name(init),
                            .seed = seed,
                            .name = name});
          },
          nb::arg("size"), nb::arg("hidden"), nb::arg("out"), nb::arg("activation") = "tanh",
          nb::arg("init") = "glorot_uniform", nb::arg("seed") = 0, nb::arg("name") = "net")
      .def_prop_ro("parameters", &Mlp::parameters, "Weights and biases, layer by layer.")
      .def(
          "__call__", [](const Mlp& net, nb::handle x) { return net(to_array(x)); }, nb::arg("x"));
}

}  // namespace costate::python
