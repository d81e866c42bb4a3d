// errors.def as Python exceptions: costate.ShapeError is both a costate.Error and a ValueError.
#include "costate/base/error.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

constexpr std::size_t kMostKinds = 16;
PyObject* exceptions[kMostKinds];

PyObject* make_exception(nb::module_& module, PyObject* base, PyObject* python_base, ErrorKind kind) {
  const ErrorInfo& info = error_info(kind);
  const nb::object bases = nb::steal(PyTuple_Pack(2, base, python_base));
  const std::string name = "costate." + std::string(info.name),
                    doc = std::string(info.sentence) + " " + std::string(info.cure);
  PyObject* exception = PyErr_NewExceptionWithDoc(name.c_str(), doc.c_str(), bases.ptr(), nullptr);
  module.attr(std::string(info.name).c_str()) = nb::handle(exception);
  return exception;
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    PyErr_SetString(exceptions[static_cast<std::size_t>(error.kind())], error.what());
  }
}

}  // namespace

void bind_errors(nb::module_& module) {
  PyObject* base = PyErr_NewExceptionWithDoc("costate.Error", "Base of all exceptions of costate.", nullptr, nullptr);
  module.attr("Error") = nb::handle(base);
#define COSTATE_ERROR(name, sentence, cure, python, exit_code) \
  exceptions[static_cast<std::size_t>(ErrorKind::k##name)] =   \
      make_exception(module, base, PyExc_##python, ErrorKind::k##name);
#include "costate/base/errors.def"
#undef COSTATE_ERROR
  nb::register_exception_translator(translate);
}

}  // namespace costate::python
