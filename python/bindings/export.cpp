// Fit.export: what `costate export` does.
#include <nanobind/stl/filesystem.h>

#include "costate/base/error.h"
#include "costate/codegen/codegen.h"
#include "python/bindings/fit.h"

namespace costate::python {
namespace {

const SeriesModel& member_of(const Fit& fit, std::size_t member) {
  const std::vector<Member>& members = fit.result.ensemble.members();
  if (member < 1 || member > members.size())
    throw InvalidArgument("[export] member must be from 1 to ", members.size(), "; got ", member, ".");
  return members[member - 1].model;
}

}  // namespace

void bind_export(nb::class_<Fit>& type) {
  type.def(
      "export",
      [](const Fit& fit, const std::filesystem::path& path, const std::string& to,
         const std::optional<std::string>& prefix, const std::string& dtype, const std::string& math, bool vjp,
         std::int64_t steps, std::size_t member) {
        constexpr std::int64_t kMostSteps = 10'000;  // they are unrolled; the command line allows as many
        if (steps < 0 || steps > kMostSteps)
          throw InvalidArgument("[export] steps must be from 0 to ", kMostSteps, "; got ", steps, ".");
        const ModelExportOptions options{.c = {.prefix = prefix.value_or(prefix_of(path.stem())),
                                               .dtype = dtype_from_name(dtype),
                                               .math = c_math_from_name(math)},
                                         .has_vjp = vjp,
                                         .steps = steps};
        write_export(member_of(fit, member), export_target_from_name(to), options, path);
      },
      nb::arg("path"), nb::kw_only(), nb::arg("to"), nb::arg("prefix").none() = nb::none(), nb::arg("dtype") = "f64",
      nb::arg("math") = "libm", nb::arg("vjp") = false, nb::arg("steps") = 0, nb::arg("member") = 1,
      R"(Writes the model as source for other places, as `costate export` does. What is there must be an earlier export.

path    the file.
to      'c': one C99 header with the solver inside; 'python': a module that needs NumPy alone; 'onnx';
        'torch': a module to be trained further, with its weights beside it as NAME.safetensors; 'fmu' and
        'fmu3': for simulators, of FMI 2.0 and 3.0.
prefix  what names begin with; None: the file's own name.
dtype   'f64' or 'f32'.
math    of C: exp, tanh and their like from the C library ('libm'), or written out ('builtin').
vjp     of C: also the vector-Jacobian product of the rate.
steps   of ONNX: a solve of so many fixed steps; 0: the rate of change alone.
member  which of the models of a fit with several seeds, from 1 on.)");
}

}  // namespace costate::python
