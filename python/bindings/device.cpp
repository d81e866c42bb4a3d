#include "python/bindings/device.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "costate/adjoint/device_solver.h"
#include "costate/base/error.h"
#include "python/bindings/fields.h"
#include "python/bindings/solution.h"

namespace costate::python {
namespace {

constexpr int kCuda = 2, kManaged = 13;  // kDLCUDA, kDLCUDAManaged

/// (kind, number) of the device.
std::pair<int, int> device_of(nb::handle value) {
  return nb::cast<std::pair<int, int>>(value.attr("__dlpack_device__")());
}

bool has_dlpack(nb::handle value) {
  return nb::hasattr(value, "__dlpack__") && nb::hasattr(value, "__dlpack_device__");
}

bool is_on_card(const std::pair<int, int>& device) { return device.first == kCuda || device.first == kManaged; }

Shape shape_of(const nb::ndarray<nb::ro>& array) {
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < array.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(array.shape(i)));
  return Shape(std::move(axes));
}

/// Row-major, without gaps; of an axis of one element the stride does not matter.
bool is_contiguous(const nb::ndarray<nb::ro>& array) {
  std::int64_t expected = 1;
  for (std::size_t i = array.ndim(); i-- > 0;) {
    const auto axis = static_cast<std::int64_t>(array.shape(i));
    if (axis == 0) return true;
    if (axis > 1 && array.stride(i) != expected) return false;
    expected *= axis;
  }
  return true;
}

/// An array that Costate has made there. Its memory is freed with the last that sees it.
struct PythonDeviceArray {
  OwnedNumbers owned;

  const Shape& shape() const { return owned.numbers.shape; }

  nb::object dlpack(const nb::kwargs& keywords) const {
    const nb::capsule owner(new OwnedNumbers(owned),
                            [](void* kept) noexcept { delete static_cast<OwnedNumbers*>(kept); });
    std::vector<std::size_t> axes(shape().axes().begin(), shape().axes().end());
    const nb::dlpack::dtype dtype = owned.dtype == Dtype::kF32 ? nb::dtype<float>() : nb::dtype<double>();
    const nb::ndarray<nb::array_api> array(
        reinterpret_cast<void*>(owned.numbers.address),  // NOLINT: an address on the card
        axes.size(), axes.data(), owner, nullptr, dtype, kCuda, 0);
    return nb::cast(array).attr("__dlpack__")(**keywords);
  }

  std::string text() const { return text::concat("DeviceArray(shape=", shape(), ", dtype=", name(owned.dtype), ")"); }
};

/// A solve's Solution, whose states stand on the card.
nb::object to_solution(Solution solution, const OwnedNumbers& states, const HostArray& times, bool is_single) {
  PythonSolution out{.solution = std::move(solution),
                     .times = times.astype(Dtype::kF64),
                     .is_single = is_single,
                     .states = to_python(states),
                     .shape = text::concat(states.numbers.shape)};
  return nb::cast(std::move(out));
}

/// What a solve is given on the card, held for as long as this.
struct Given {
  std::vector<CardArray> arrays;  // z0, then the arguments
  std::vector<DeviceNumbers> arguments;
  OwnedNumbers states;

  DeviceSolve there(std::uint64_t stream) const {
    return {.z0 = arrays[0].numbers(), .states = states.numbers, .arguments = arguments, .stream = stream};
  }
};

/// The arrays, of one dtype; the states have room.
Given given_on_card(const std::string& caller, const nb::object& z0, const HostArray& times, const nb::object& args,
                    Dtype dtype, std::uint64_t stream) {
  Given given;
  given.arrays.emplace_back(caller, "z0", z0, stream);
  for (const nb::handle argument : args)
    given.arrays.emplace_back(caller, text::concat("args[", given.arrays.size() - 1, "]"), argument, stream);
  for (const CardArray& array : given.arrays) array.expect_dtype(dtype);
  for (std::size_t i = 1; i < given.arrays.size(); ++i) given.arguments.push_back(given.arrays[i].numbers());
  const Shape& start = given.arrays[0].numbers().shape;
  if (start.rank() == 0 || times.shape().rank() == 0) return given;  // which the solve refuses
  given.states = new_numbers_there(dtype, start.without_first().with_first(times.shape()[-1]).with_first(start[0]));
  return given;
}

Dtype dtype_of(const std::string& caller, const nb::object& z0, std::uint64_t stream) {
  return CardArray(caller, "z0", z0, stream).dtype();
}

/// Names of what gradients are wanted of, in order: "z0", "times", and arguments of the field.
DeviceWanted to_wanted(const VectorField& field, const std::vector<std::string>& wrt) {
  std::vector<std::string> known = {"z0", "times"};
  for (const ArgumentSpec& argument : field.arguments()) known.push_back(argument.name);
  DeviceWanted wanted{.arguments = std::vector<bool>(field.arguments().size())};
  for (const std::string& name : wrt) {
    const auto at = std::ranges::find(known, name) - known.begin();
    if (at == static_cast<std::ptrdiff_t>(known.size()))
      throw InvalidArgument("[DeviceSolver] ", text::unknown_name("wrt", name, known));
    if (at == 1) wanted.times = true;
    if (at > 1) wanted.arguments[static_cast<std::size_t>(at - 2)] = true;
  }
  return wanted;
}

class PythonDevicePullback {
 public:
  PythonDevicePullback(DevicePullback pullback, Given given, Dtype dtype, std::vector<std::string> wrt,
                       const VectorField& field)
      : pullback_(std::move(pullback)), given_(std::move(given)), dtype_(dtype), wrt_(std::move(wrt)) {
    for (const ArgumentSpec& argument : field.arguments()) arguments_.push_back(argument.name);
  }

  nb::tuple run(const nb::object& cotangent, const std::optional<std::int64_t>& named) const {
    const std::uint64_t stream = to_stream("DevicePullback", named);
    const CardArray array("DevicePullback", "the cotangent", cotangent, stream);
    array.expect_dtype(dtype_);
    DeviceGradients found = run_long([&] { return pullback_(array.numbers(), stream); });
    nb::list gradients;
    for (const std::string& name : wrt_)
      gradients.append(to_python(
          name == "z0" ? found.z0
          : name == "times"
              ? found.times
              : found.arguments[static_cast<std::size_t>(std::ranges::find(arguments_, name) - arguments_.begin())]));
    return nb::tuple(gradients);
  }

 private:
  DevicePullback pullback_;
  Given given_;
  Dtype dtype_;
  std::vector<std::string> wrt_, arguments_;
};

class PythonDeviceSolver {
 public:
  PythonDeviceSolver(const VectorField& field, const SolveOptions& options, std::vector<std::string> wrt)
      : solver_(wrt.empty() ? DeviceSolver(field, options) : DeviceSolver(field, options, to_wanted(field, wrt))),
        wrt_(std::move(wrt)) {}

  bool reads_arguments() const { return solver_.reads_arguments(); }

  nb::object solve(const nb::object& z0, const nb::object& times, const nb::args& args,
                   const std::optional<std::int64_t>& named, bool throws) const {
    const HostArray numbers = to_host(times);
    const std::uint64_t stream = to_stream("DeviceSolver", named);
    const Given given = given_on_card("DeviceSolver", z0, numbers, args, dtype(), stream);
    Solution solution = run_long([&] { return solver_.solve(given.there(stream), numbers); });
    if (throws) solution.check();
    return to_solution(std::move(solution), given.states, numbers, false);
  }

  nb::tuple run(const nb::object& z0, const nb::object& times, const nb::args& args,
                const std::optional<std::int64_t>& named, bool throws) const {
    const HostArray numbers = to_host(times);
    const std::uint64_t stream = to_stream("DeviceSolver", named);
    Given given = given_on_card("DeviceSolver", z0, numbers, args, dtype(), stream);
    DeviceRun run = run_long([&] { return solver_.run(given.there(stream), numbers); });
    if (throws) run.solution.check();
    const nb::object solution = to_solution(std::move(run.solution), given.states, numbers, false);
    given.states = {};
    return nb::make_tuple(
        solution, PythonDevicePullback(std::move(run.pullback), std::move(given), dtype(), wrt_, solver_.field()));
  }

 private:
  Dtype dtype() const { return solver_.options().dtype; }

  DeviceSolver solver_;
  std::vector<std::string> wrt_;
};

constexpr const char* kSolverHelp =
    R"(Solves of one field on a card, of arrays that stand there, with their gradients; its kernels are made once.

field    a VectorField, with an argument for each further input.
wrt      names of what its pull-backs give gradients of: "z0", "times", and arguments of the field.
dtype    'f64' or 'f32', that of all arrays.
The options are those of solve: of explicit methods, with the discrete adjoint. What kernels do not have is refused here
(docs/gpu.md), where it is experimental, too.

Arrays come from any library that has DLPack (PyTorch, CuPy, JAX) and stay where they are, row-major without gaps, on the
first card; what is given back are DeviceArrays, which such libraries take by from_dlpack. `stream` is the caller's, as
DLPack numbers it: 1, or None, is the legacy default stream, 2 that of each thread, others are handles, as
torch.cuda.current_stream().cuda_stream. Work goes behind what the stream was given before, and is done when a call returns.

>>> solver = costate.DeviceSolver(field, wrt=["z0", "gain"], dtype="f32")  # doctest: +SKIP
>>> solution, pullback = solver.run(z0, [0.0, 1.0], gain)  # doctest: +SKIP
>>> by_z0, by_gain = map(torch.from_dlpack, pullback(cotangent))  # doctest: +SKIP
)";

}  // namespace

bool stands_on_card(nb::handle value) { return has_dlpack(value) && is_on_card(device_of(value)); }

std::uint64_t to_stream(const std::string& caller, const std::optional<std::int64_t>& stream) {
  const std::int64_t named = stream.value_or(1);
  if (named < 1)
    throw InvalidArgument(
        "[", caller,
        "] stream must be 1 (the legacy default stream), 2 (that of each thread) or a stream's handle; got ", named,
        ".");
  return static_cast<std::uint64_t>(named);
}

CardArray::CardArray(const std::string& caller, const std::string& what, nb::handle value, std::uint64_t stream)
    : name_(text::concat("[", caller, "] ", what)) {
  if (!has_dlpack(value))
    throw CallError(name_, " must be an array on the card that has __dlpack__, as those of PyTorch, CuPy and JAX; got ",
                    type_of(value), ". Move it there, or solve on the CPU (device='cpu').");
  const std::pair<int, int> device = device_of(value);
  if (!is_on_card(device))
    throw InvalidArgument(name_, " must stand on the card; got a ", type_of(value),
                          " that stands elsewhere. Move it there, or solve on the CPU (device='cpu').");
  if (device.second != 0)
    throw InvalidArgument(name_, " must stand on the first card, cuda:0; got one on cuda:", device.second, ".");
  const nb::object capsule = value.attr("__dlpack__")(nb::arg("stream") = stream);
  array_ = nb::cast<nb::ndarray<nb::ro>>(capsule);
  const Shape shape = shape_of(array_);
  if (array_.dtype() != nb::dtype<float>() && array_.dtype() != nb::dtype<double>())
    throw DtypeError(name_, " must hold real numbers of 32 or 64 bits; got others. Convert it on the card.");
  if (!is_contiguous(array_))
    throw ShapeError(name_, " must lie row-major without gaps; got other strides for its shape ", shape,
                     ". Make it contiguous on the card.");
  dtype_ = array_.dtype() == nb::dtype<float>() ? Dtype::kF32 : Dtype::kF64;
  numbers_ = {.address = reinterpret_cast<std::uintptr_t>(array_.data()), .shape = shape};
}

void CardArray::expect_dtype(Dtype dtype) const {
  if (dtype_ != dtype)
    throw DtypeError(name_, " must be of ", costate::name(dtype), ", as this solve; got ", costate::name(dtype_),
                     ". Convert it on the card.");
}

nb::object to_python(OwnedNumbers numbers) { return nb::cast(PythonDeviceArray{std::move(numbers)}); }

nb::any solve_on_card(const nb::object& f, const nb::object& z0, const HostArray& times, const nb::sequence& args,
                      const SolveOptions& given_options, const nb::object& norm, bool throws, std::uint64_t stream) {
  SolveOptions options = given_options;
  options.dtype = dtype_of("solve", z0, stream);
  const Given given = given_on_card("solve", z0, times, args, options.dtype, stream);
  const Shape& shape = given.arrays[0].numbers().shape;
  if (shape.rank() < 2)
    throw ShapeError("[solve] z0 on a card must be a batch [batch, …]; got shape ", shape,
                     ". Give one sample a batch axis.");
  nb::dict shapes;
  for (std::size_t i = 0; !nb::isinstance<VectorField>(f) && i < given.arguments.size(); ++i)
    shapes[nb::cast("arg" + std::to_string(i))] = nb::tuple(nb::cast(without_first(given.arguments[i].shape).axes()));
  const VectorField field = to_field("[solve] f", f, StateLayout(shape.without_first()), shapes);
  options.norm = to_norm(norm, field.state_size());
  Solution solution = run_long([&] { return solve_there(field, given.there(stream), times, options); });
  if (throws) solution.check();
  return nb::borrow<nb::any>(to_solution(std::move(solution), given.states, times, false));
}

void bind_device(nb::module_& module) {
  nb::class_<PythonDeviceArray>(
      module, "DeviceArray",
      "Numbers in a card's memory that a solve has made, freed with the last that sees them. Libraries take them by "
      "from_dlpack.")
      .def_prop_ro("shape", [](const PythonDeviceArray& self) { return nb::tuple(nb::cast(self.shape().axes())); })
      .def_prop_ro("dtype", [](const PythonDeviceArray& self) { return std::string(name(self.owned.dtype)); })
      .def("__dlpack__", &PythonDeviceArray::dlpack, "The numbers, which are there for every stream.")
      .def("__dlpack_device__", [](const PythonDeviceArray&) { return nb::make_tuple(kCuda, 0); })
      .def(
          "to_numpy", [](const PythonDeviceArray& self) { return to_numpy(copied_from_there(self.owned)); },
          "A copy on the host.")
      .def("__repr__", &PythonDeviceArray::text);

  nb::class_<PythonDevicePullback>(
      module, "DevicePullback",
      "The reverse of one run of a DeviceSolver. It holds the steps on the card, and reads "
      "the arrays that the run was given again: they must have the same numbers still.")
      .def("__call__", &PythonDevicePullback::run, nb::arg("cotangent"), nb::kw_only(), nb::arg("stream") = nb::none(),
           "DeviceArrays, the gradients that wrt names, in its order, of a cotangent of the states [batch, time, ...]: "
           "[batch, ...], by times [batch, time], and of arguments that all samples share summed over the batch.");

  const std::string signature =
      "def __init__(self, field: VectorField, *, wrt: collections.abc.Sequence[str] = (), dtype: object = 'f64'" +
      parameters_of(solve_keywords(), true) + ") -> None";
  nb::class_<PythonDeviceSolver>(module, "DeviceSolver", construct_by_init(), kSolverHelp)
      .def(
          "__init__",
          [](PythonDeviceSolver* self, const nb::object& field, std::vector<std::string> wrt, const nb::object& dtype,
             const nb::kwargs& keywords) {
            if (!nb::isinstance<VectorField>(field))
              throw CallError("[DeviceSolver] field must be a costate.VectorField, which vector_field makes; got ",
                              type_of(field), ".");
            SolveOptions options = from_keywords(solve_keywords(), keywords);
            options.dtype = to_dtype(dtype);
            new (self) PythonDeviceSolver(nb::cast<const VectorField&>(field), options, std::move(wrt));
          },
          nb::arg("field"), nb::kw_only(), nb::arg("wrt") = std::vector<std::string>(), nb::arg("dtype") = "f64",
          nb::arg("options"), nb::sig(signature.c_str()))
      .def_prop_ro(
          "reads_arguments", &PythonDeviceSolver::reads_arguments,
          "Whether an argument says when steps end (a table's knots, a time at which the field switches): it is "
          "copied to the host in each solve.")
      .def("__call__", &PythonDeviceSolver::solve, nb::arg("z0"), nb::arg("times"), nb::arg("args"), nb::kw_only(),
           nb::arg("stream") = nb::none(), nb::arg("throw") = true,
           "A Solution whose states [batch, time, ...] are a DeviceArray. Times are numbers of the host.")
      .def("run", &PythonDeviceSolver::run, nb::arg("z0"), nb::arg("times"), nb::arg("args"), nb::kw_only(),
           nb::arg("stream") = nb::none(), nb::arg("throw") = true,
           "(Solution, DevicePullback), of a solver that was made with wrt.");
}

}  // namespace costate::python
