#include "costate/base/threads.h"
#include "costate/exec/machine.h"
#include "python/bindings/bindings.h"

NB_MODULE(_core, module) {
  namespace nb = nanobind;
  using namespace costate::python;
  module.doc() = "The compiled part of costate; import costate instead.";
  module.attr("__version__") = COSTATE_VERSION;
  bind_errors(module);
  bind_array(module);
  bind_function(module);
  bind_nn(module);
  bind_solve(module);
  bind_fit(module);
  module.def("simd_target", &costate::simd_target, "The instruction set whose kernels run on this machine.");
  module.def("set_num_threads", &costate::set_num_threads, nb::arg("threads"),
             "Threads that solves and fits use from now on; 0 for all cores. Results do not depend on it.");
  module.def("num_threads", &costate::num_threads, "Threads in use.");
}
