// errors.def as Python exceptions: costate.ShapeError is both a costate.Error and a ValueError.
#include <regex>

#include "costate/base/error.h"
#include "python/bindings/bindings.h"
#include "python/bindings/keywords.h"

namespace costate::python {
namespace {

constexpr std::size_t kMostKinds = 16;
PyObject* exceptions[kMostKinds];
PyObject* call_error;

PyObject* make_exception(nb::module_& module, PyObject* base, PyObject* python_base, const std::string& name,
                         const std::string& doc) {
  const nb::object bases = nb::steal(PyTuple_Pack(2, base, python_base));
  PyObject* exception = PyErr_NewExceptionWithDoc(("costate." + name).c_str(), doc.c_str(), bases.ptr(), nullptr);
  module.attr(name.c_str()) = nb::handle(exception);
  return exception;
}

/// Without the line of C++ that called, which is one of the bindings; the traceback has the user's.
std::string without_place(const char* message) {
  static const std::regex place(R"( at [^ ]*\.(cpp|h):\d+)");
  return std::regex_replace(message, place, "");
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const CallError& error) {
    PyErr_SetString(call_error, error.what());
  } catch (const Error& error) {
    PyErr_SetString(exceptions[static_cast<std::size_t>(error.kind())],
                    with_keywords(without_place(error.what())).c_str());
  }
}

}  // namespace

void bind_errors(nb::module_& module) {
  PyObject* base = PyErr_NewExceptionWithDoc("costate.Error", "Base of all exceptions of costate.", nullptr, nullptr);
  module.attr("Error") = nb::handle(base);
#define COSTATE_ERROR(name, sentence, cure, python, exit_code) \
  exceptions[static_cast<std::size_t>(ErrorKind::k##name)] =   \
      make_exception(module, base, PyExc_##python, #name, sentence " " cure);
#include "costate/base/errors.def"
#undef COSTATE_ERROR
  call_error = make_exception(module, base, PyExc_TypeError, "CallError",
                              "A call has an argument of the wrong name, number or type. The message says which.");
  nb::register_exception_translator(translate);
}

}  // namespace costate::python
