#include <pthread.h>

#include <cstdio>

#include "costate/base/log.h"
#include "costate/base/threads.h"
#include "costate/base/version.h"
#include "costate/exec/machine.h"
#include "python/bindings/bindings.h"
#include "python/bindings/delays.h"
#include "python/bindings/keywords.h"
#include "python/bindings/tensors.h"

namespace costate::python {

nb::type_slots construct_by_init() {
  static const PyType_Slot slots[] = {
      {Py_tp_init, reinterpret_cast<void*>(+[](PyObject* self, PyObject* args, PyObject* keywords) {
         const nb::object init = nb::steal(PyObject_GetAttrString(self, "__init__"));
         return init.is_valid() && nb::steal(PyObject_Call(init.ptr(), args, keywords)).is_valid() ? 0 : -1;
       })},
      {0, nullptr}};
  return nb::type_slots(slots);
}

namespace {

/// What is logged names the keywords of a call, as errors do, and not the options of the command line.
void log_with_keywords() {
  set_log_sink([](LogLevel level, const std::string& message) {
    std::fputs(text::concat("costate [", name(level), "] ", with_keywords(message), "\n").c_str(), stderr);
  });
}

}  // namespace
}  // namespace costate::python

NB_MODULE(_core, module) {
  namespace nb = nanobind;
  using namespace costate::python;
  module.doc() = "The compiled part of costate; import costate instead.";
  module.attr("__version__") = costate::version();
  log_with_keywords();
  pthread_atfork(nullptr, nullptr, &costate::stay_on_calling_thread);
  bind_errors(module);
  bind_array(module);
  bind_functions(module);
  bind_equations(module);
  bind_image_functions(module);
  bind_function(module);
  bind_pullback(module);
  bind_derivatives(module);
  bind_nn(module);
  bind_dense(module);
  bind_events(module);
  bind_vector_field(module);
  bind_solve(module);
  bind_device(module);
  bind_delays(module);
  bind_sde(module);
  bind_stepping(module);
  bind_tensor_solve(module);
  bind_watch(module);
  bind_xla_solve(module);
  bind_flows(module);
  bind_models(module);
  bind_image_nets(module);
  bind_data(module);
  bind_optimizers(module);
  bind_constrained(module);
  bind_train(module);
  bind_labelled(module);
  bind_classifier(module);
  bind_fit(module);
  bind_fit_calls(module);
  bind_files(module);
  bind_runs(module);
  module.def("simd_target", &costate::simd_target, "The instruction set whose kernels run on this machine.");
  module.def("set_num_threads", &costate::set_num_threads, nb::arg("threads"),
             "Threads that solves and fits use from now on; 0 for all cores. Results do not depend on it.");
  module.def("num_threads", &costate::num_threads, "Threads in use.");
}
