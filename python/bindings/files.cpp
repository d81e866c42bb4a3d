// Parameters, nets and fits in safetensors files.
#include <nanobind/stl/filesystem.h>

#include "costate/base/error.h"
#include "costate/io/safetensors.h"
#include "costate/train/checkpoint.h"
#include "python/bindings/fit.h"

namespace costate::python {
namespace {

nb::module_ saved_module() { return nb::module_::import_("costate._saved"); }

/// Of an array that is of neither f32 nor f64, NumPy's name of its dtype, behind the array's name.
constexpr const char* kDtypeKey = "costate.dtype.";

/// A dict's arrays and Parameters by its own names; all others by the Parameters' names.
ArrayFile to_file(nb::handle what) {
  if (!nb::isinstance<nb::dict>(what)) return {.arrays = values_by_name(to_parameters(what)), .metadata = {}};
  ArrayFile file;
  for (const auto& [key, value] : nb::borrow<nb::dict>(what)) {
    const std::string name = to_name(key);
    const bool is_parameter = nb::isinstance<Parameter>(value);
    file.arrays.emplace(name, is_parameter ? nb::cast<Parameter>(value).value() : to_host(value));
    if (is_parameter) continue;
    const auto dtype = nb::cast<std::string>(saved_module().attr("dtype_beside")(name, value));
    if (!dtype.empty()) file.metadata[kDtypeKey + name] = dtype;
  }
  return file;
}

void save(const std::filesystem::path& path, nb::handle what) {
  if (nb::isinstance<Fit>(what)) return nb::cast<const Fit&>(what).result.ensemble.save(path);
  write_safetensors(path, to_file(what));
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
  for (const auto& [name, array] : file.arrays) {
    const auto dtype = file.metadata.find(kDtypeKey + name);
    nb::object numbers = to_numpy(array);
    if (dtype != file.metadata.end()) numbers = saved_module().attr("restored")(numbers, dtype->second);
    arrays[name.c_str()] = numbers;
  }
  return nb::borrow<nb::any>(arrays);
}

/// What stands behind the last dot of a name: "weight".
std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

/// The numbers of a NumPy array or of a tensor of PyTorch, on whatever device.
HostArray of_tensor(nb::handle value) {
  if (!nb::hasattr(value, "detach")) return to_host(value);
  return to_host(nb::object(value.attr("detach")().attr("cpu")()));
}

void check_entry(const Parameter& parameter, const std::string& name, const HostArray& value) {
  if (last_part(name) == "running_mean" || last_part(name) == "running_var")
    throw NotSupported("[load_state_dict] '", name,
                       "' belongs to batch normalization, which mixes the samples of a batch; use GroupNorm.");
  if (last_part(name) != last_part(parameter.name()) || !(value.shape() == parameter.shape()))
    throw DataError("[load_state_dict] '", name, "' of shape ", value.shape(), " stands where '", parameter.name(),
                    "' of shape ", parameter.shape(), " is expected; entries must be in the net's order.");
}

nb::object load_state_dict(const nb::object& into, const nb::dict& state) {
  const std::vector<Parameter> parameters = to_parameters(into);
  std::vector<HostArray> values;
  for (const auto& [key, value] : state) {
    values.push_back(of_tensor(value));
    if (values.size() <= parameters.size()) check_entry(parameters[values.size() - 1], to_name(key), values.back());
  }
  if (values.size() != parameters.size())
    throw DataError("[load_state_dict] the net has ", parameters.size(), " Parameters and the state dict ",
                    values.size(), " entries.");
  for (std::size_t i = 0; i < values.size(); ++i) parameters[i].set_value(values[i].astype(Dtype::kF64));
  return into;
}

nb::dict state_dict(const nb::object& what, const nb::object& names) {
  const std::vector<Parameter> parameters = to_parameters(what);
  nb::dict state;
  std::size_t next = 0;
  const auto put = [&](const std::string& name) {
    if (next < parameters.size()) state[name.c_str()] = to_numpy(parameters[next].value());
    ++next;
  };
  if (names.is_none())
    for (const Parameter& parameter : parameters) put(parameter.name());
  else
    for (const nb::handle name : names) put(to_name(name));
  if (next != parameters.size() || nb::len(state) != next)
    throw InvalidArgument("[state_dict] the net has ", parameters.size(), " Parameters, whose names must differ; got ",
                          next, " names.");
  return state;
}

}  // namespace

void bind_files(nb::module_& module) {
  module.def("save", &save, nb::arg("path"), nb::arg("what"),
             R"(Writes numbers to a safetensors file.

path    of the file, which is replaced.
what    a Parameter, a list of Parameters, a net (its Parameters by their names), a Fit, or a dict of arrays and
        Parameters by names of your own.

The file has arrays of F32 and of F64. Those of integers, True and False, or other floats are written as F64 with their
dtype in the metadata, so that load gives them back as they were; DtypeError if F64 cannot hold them exactly, as integers
beyond 2**53.

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
  module.def("load_state_dict", &load_state_dict, nb::arg("into"), nb::arg("state"),
             R"(Sets Parameters from a state dict of PyTorch, and gives back `into`.

into    a net, or a list of Parameters. Layers have the shapes of PyTorch's: Linear, Conv1d, Conv2d, GroupNorm, LayerNorm.
state   model.state_dict(), or any dict of arrays. Entries are taken in their order, by shape and the last part of their
        names, such as 'weight', since the rest is named otherwise. For files of your own names, use load(path, into=net).

DataError, and nothing is set, unless entries and Parameters agree.
)");
  module.def("state_dict", &state_dict, nb::arg("what"), nb::arg("names").none() = nb::none(),
             R"(The values of Parameters as a dict of NumPy arrays, for a model of PyTorch.

what    a net, or a list of Parameters.
names   in their order; their own if left out. With those of PyTorch's model, the dict becomes its state dict:

    state = costate.state_dict(net, model.state_dict())
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
)");
}

}  // namespace costate::python
