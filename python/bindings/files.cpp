// Parameters, nets and fits in safetensors files.
#include <nanobind/stl/filesystem.h>

#include "costate/base/error.h"
#include "costate/io/safetensors.h"
#include "costate/train/checkpoint.h"
#include "python/bindings/fit.h"

namespace costate::python {
namespace {

/// A dict's arrays and Parameters by its own names; all others by the Parameters' names.
std::map<std::string, HostArray> to_named(nb::handle what) {
  if (!nb::isinstance<nb::dict>(what)) return values_by_name(to_parameters(what));
  std::map<std::string, HostArray> arrays;
  for (const auto& [key, value] : nb::borrow<nb::dict>(what))
    arrays.emplace(to_name(key),
                   nb::isinstance<Parameter>(value) ? nb::cast<Parameter>(value).value() : to_host(value));
  return arrays;
}

void save(const std::filesystem::path& path, nb::handle what) {
  if (nb::isinstance<Fit>(what)) return nb::cast<const Fit&>(what).result.ensemble.save(path);
  write_safetensors(path, {.arrays = to_named(what), .metadata = {}});
}

bool is_of_costate(const ArrayFile& file) {
  const auto format = file.metadata.find("format");  // others write this key, too
  return format != file.metadata.end() && format->second.starts_with("costate-");
}

nb::any load(const std::filesystem::path& path, const nb::object& into) {
  const ArrayFile file = read_safetensors(path);
  if (!into.is_none()) {
    set_values_by_name(to_parameters(into), file.arrays, path.string());
    return nb::borrow<nb::any>(into);
  }
  if (is_of_costate(file)) return nb::borrow<nb::any>(nb::cast(to_fit(Ensemble::from_file(file, path.string()))));
  nb::dict arrays;
  for (const auto& [name, array] : file.arrays) arrays[name.c_str()] = to_numpy(array);
  return nb::borrow<nb::any>(arrays);
}

}  // namespace

void bind_files(nb::module_& module) {
  module.def("save", &save, nb::arg("path"), nb::arg("what"),
             R"(Writes numbers to a safetensors file.

path    of the file, which is replaced.
what    a Parameter, a list of Parameters, a net (its Parameters by their names), a Fit, or a dict of arrays and
        Parameters by names of your own.

>>> import costate, tempfile, os
>>> net = costate.Mlp(2, [8], 2, seed=1)
>>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
>>> costate.save(path, net)
>>> same = costate.load(path, into=costate.Mlp(2, [8], 2))
>>> bool((same.parameters[0].value == net.parameters[0].value).all())
True
)");
  module.def("load", &load, nb::arg("path"), nb::arg("into").none() = nb::none(),
             R"(Reads a safetensors file.

path    of the file.
into    a Parameter, a list of Parameters or a net, whose values are set by their names and which is given back. Nothing
        is set if one is missing in the file or has another shape.

Without `into`: a Fit, if Fit.save or `costate fit` wrote the file (its errors and history are empty); else a dict of NumPy
arrays.
)");
}

}  // namespace costate::python
