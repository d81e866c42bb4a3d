// Solves that XLA calls as a part of a program that JAX has compiled: on XLA's memory, without Python
// (python/costate/jax).
#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "python/bindings/bindings.h"
#include "python/bindings/xla.h"

namespace costate::python {
namespace {

/// An array that somebody else owns, in the dtype of the solve.
struct View {
  const void* numbers;
  Shape shape;
};

/// Memory for a result.
struct Room {
  void* numbers;
  std::int64_t size;
};

/// The arrays of `count` calls from `first` on, of which each has the shape `own`: the axes of `lead`, which vmap put
/// before it, have their length or 1, where the array is the same along one. In one array of shape `into`, one call
/// after the other.
template <class T>
HostArray spread(const View& view, const Shape& own, const Shape& lead, std::int64_t first, std::int64_t count,
                 const Shape& into) {
  const auto size = static_cast<std::size_t>(own.size());
  const int axes = view.shape.rank() - own.rank();
  std::vector<T> numbers(static_cast<std::size_t>(count) * size);
  for (std::int64_t call = 0; call < count; ++call) {
    std::int64_t rest = first + call, stride = 1, place = 0;
    for (int axis = 1; axis <= axes; ++axis) {
      const std::int64_t length = view.shape[axes - axis];
      if (length != 1) place += rest % length * stride;
      rest /= lead[-axis];
      stride *= length;
    }
    std::copy_n(static_cast<const T*>(view.numbers) + static_cast<std::size_t>(place) * size, size,
                numbers.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(call) * size));
  }
  return HostArray(into, std::move(numbers));
}

/// The axes of an array before those of one call; ShapeError if it does not end in these.
Shape leading_axes(const View& view, const Shape& own) {
  const std::vector<std::int64_t>& axes = view.shape.axes();
  const auto split = axes.begin() + std::max(0, view.shape.rank() - own.rank());
  if (!std::equal(split, axes.end(), own.axes().begin(), own.axes().end()))
    throw ShapeError("[costate.jax] an array has shape ", view.shape, "; expected [...] + ", own, ".");
  return Shape(std::vector<std::int64_t>(axes.begin(), split));
}

/// The number by which a compiled program names a solve. It is drawn, so that a program which another process has
/// compiled, and JAX has kept in a file, names none of this one.
std::int64_t new_key() {
  std::random_device device;
  return static_cast<std::int64_t>((std::uint64_t{device()} << 31) ^ device());
}

/// What is computed of a solve: its states; the gradients of these, by cotangents; and how each of the two moves with
/// the inputs, by tangents.
enum class Kind { kStates, kGradient, kTangent, kGradientTangent };
constexpr std::size_t kKinds = 4;

/// A solve, as a function of (state of a sample, times, arguments) that gives states.
class XlaSolve {
 public:
  /// The same function twice: of arguments that all samples share, and of those of each sample. Samples whose control
  /// is joint step together within a call, and not across calls.
  XlaSolve(Function shared, Function each, Dtype dtype, bool is_joint)
      : functions_{std::move(shared), std::move(each)}, dtype_(dtype), is_joint_(is_joint) {}

  Dtype dtype() const { return dtype_; }

  /// Inputs are z0 [..., sample, state], times [..., sample, time] and arguments [..., own], those of a call for all
  /// its samples; then, of a gradient, cotangents [..., sample, time, state]; then, of a tangent, one of each input
  /// before. Results are states [..., sample, time, state] or their tangents, or gradients or theirs, [..., own] like
  /// z0, times and arguments.
  void run(Kind kind, std::span<const View> inputs, std::span<const Room> results) const {
    dtype_ == Dtype::kF32 ? run_in<float>(kind, inputs, results) : run_in<double>(kind, inputs, results);
  }

 private:
  struct Made {
    std::once_flag once;
    std::optional<Program> program;
  };

  const Program& program(bool is_each, Kind kind) const {
    Made& made = made_[is_each][static_cast<std::size_t>(kind)];
    std::call_once(made.once, [&] {
      Function function = functions_[is_each];
      if (kind == Kind::kGradient || kind == Kind::kGradientTangent) function = vjp(function);
      if (kind == Kind::kTangent || kind == Kind::kGradientTangent) function = jvp(function);
      made.program = compile(function, {.dtype = dtype_});
    });
    return *made.program;
  }

  /// An input as one sample has it.
  struct Own {
    Shape shape;
    bool is_of_samples;  // one value for each sample of a call, and not one for all
  };

  std::vector<Own> inputs_of(Kind kind) const {
    std::vector<Own> found;
    for (const Input& input : functions_[0].inputs()) found.push_back({input.shape, found.size() < 2});
    if (kind == Kind::kGradient || kind == Kind::kGradientTangent)
      found.push_back({{found[1].shape[0], found[0].shape[0]}, true});
    if (kind == Kind::kTangent || kind == Kind::kGradientTangent) {
      const std::size_t count = found.size();
      for (std::size_t i = 0; i < count; ++i) found.push_back(Own(found[i]));
    }
    return found;
  }

  template <class T>
  void run_in(Kind kind, std::span<const View> inputs, std::span<const Room> results) const {
    const std::vector<Own> own = inputs_of(kind);
    if (inputs.size() != own.size())
      throw InvalidArgument("[costate.jax] a solve has ", own.size(), " inputs; got ", inputs.size(), ".");
    const std::int64_t samples = inputs[0].shape[-2];
    std::vector<Shape> of_call;
    Shape lead;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      of_call.push_back(own[i].is_of_samples ? own[i].shape.with_first(samples) : own[i].shape);
      lead = broadcast_shapes(lead, leading_axes(inputs[i], of_call[i]));
    }
    const std::int64_t calls = lead.size();
    // Calls of one sample are samples of one run.
    const bool is_each = samples == 1 && calls > 1 && !is_joint_;
    const std::int64_t at_once = is_each ? calls : 1;
    const Program& made = program(is_each, kind);
    for (std::int64_t call = 0; call < calls; call += at_once) {
      std::vector<HostArray> arrays;
      for (std::size_t i = 0; i < inputs.size(); ++i)
        arrays.push_back(spread<T>(inputs[i], of_call[i], lead, call, at_once,
                                   is_each ? own[i].shape.with_first(calls) : of_call[i]));
      write<T>(made.run(arrays).outputs, call / at_once, calls / at_once, results);
    }
  }

  /// The last outputs, as one of `parts` equal parts of the results: before them stand those of the functions that were
  /// differentiated.
  template <class T>
  static void write(std::span<const HostArray> outputs, std::int64_t part, std::int64_t parts,
                    std::span<const Room> results) {
    if (results.size() > outputs.size())
      throw InvalidArgument("[costate.jax] a solve has at most ", outputs.size(), " results; asked for ",
                            results.size(), ".");
    const std::span<const HostArray> last = outputs.last(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::span<const T> numbers = last[i].data<T>();
      const auto size = static_cast<std::int64_t>(numbers.size());
      if (size * parts != results[i].size)
        throw ShapeError("[costate.jax] a result has ", size * parts, " numbers; expected ", results[i].size, ".");
      std::ranges::copy(numbers, static_cast<T*>(results[i].numbers) + part * size);
    }
  }

  std::array<Function, 2> functions_;
  Dtype dtype_;
  bool is_joint_;
  mutable std::array<std::array<Made, kKinds>, 2> made_;
};

/// The solves that programs of XLA may call, as long as Python holds them.
class Registry {
 public:
  std::int64_t add(const std::shared_ptr<const XlaSolve>& solve) {
    const std::lock_guard lock(mutex_);
    std::int64_t key = new_key();
    while (solves_.contains(key)) key = new_key();
    solves_[key] = solve;
    return key;
  }

  void remove(std::int64_t key) {
    const std::lock_guard lock(mutex_);
    solves_.erase(key);
  }

  std::shared_ptr<const XlaSolve> find(std::int64_t key) {
    const std::lock_guard lock(mutex_);
    const auto found = solves_.find(key);
    if (found == solves_.end()) throw InvalidArgument("[costate.jax] a compiled program outlived its solve.");
    return found->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::int64_t, std::shared_ptr<const XlaSolve>> solves_;
};

Registry& registry() {
  static Registry* const made = new Registry;  // threads of XLA may call until the process is gone
  return *made;
}

/// A solve that Python holds.
class HeldSolve {
 public:
  HeldSolve(const Function& shared, const Function& each, Dtype dtype, bool is_joint)
      : solve_(std::make_shared<const XlaSolve>(shared, each, dtype, is_joint)), key_(registry().add(solve_)) {}
  HeldSolve(const HeldSolve&) = delete;
  HeldSolve& operator=(const HeldSolve&) = delete;
  ~HeldSolve() { registry().remove(key_); }

  std::int64_t key() const { return key_; }

  nb::list run(std::size_t kind, const nb::sequence& inputs, const std::vector<nb::object>& shapes) const {
    if (kind >= kKinds)
      throw InvalidArgument("[costate.jax] a kind of result is at most ", kKinds - 1, "; got ", kind, ".");
    std::vector<HostArray> arrays, results;
    for (const nb::handle input : inputs) arrays.push_back(to_host(input).astype(solve_->dtype()));
    for (const nb::object& shape : shapes) results.emplace_back(to_shape(shape), solve_->dtype());
    solve_->dtype() == Dtype::kF32 ? run_in<float>(Kind(kind), arrays, results)
                                   : run_in<double>(Kind(kind), arrays, results);
    nb::list made;
    for (HostArray& result : results) made.append(to_numpy(std::move(result)));
    return made;
  }

 private:
  template <class T>
  void run_in(Kind kind, const std::vector<HostArray>& arrays, std::vector<HostArray>& results) const {
    std::vector<View> views;
    std::vector<Room> rooms;
    for (const HostArray& array : arrays) views.push_back({array.data<T>().data(), array.shape()});
    for (HostArray& result : results) rooms.push_back({result.data<T>().data(), result.size()});
    run_long([&] { solve_->run(kind, views, rooms); });
  }

  std::shared_ptr<const XlaSolve> solve_;
  std::int64_t key_;
};

Shape shape_of(const xla::Buffer& buffer) {
  return Shape(std::vector<std::int64_t>(buffer.dims, buffer.dims + buffer.rank));
}

void run_frame(const xla::CallFrame& frame, Kind kind) {
  if (frame.attributes.count != 1 || frame.attributes.kinds[0] != xla::kScalar ||
      frame.attributes.items[0]->dtype != xla::kS64)
    throw InvalidArgument("[costate.jax] a call from XLA names its solve by one whole number; got something else.");
  const std::shared_ptr<const XlaSolve> solve =
      registry().find(*static_cast<const std::int64_t*>(frame.attributes.items[0]->value));
  const int dtype = solve->dtype() == Dtype::kF32 ? xla::kF32 : xla::kF64;
  std::vector<View> inputs;
  std::vector<Room> results;
  for (const xla::Buffer* buffer : std::span(frame.arguments.items, static_cast<std::size_t>(frame.arguments.count))) {
    if (buffer->dtype != dtype) throw DtypeError("[costate.jax] an array has another dtype than the solve.");
    inputs.push_back({buffer->numbers, shape_of(*buffer)});
  }
  for (const xla::Buffer* buffer : std::span(frame.results.items, static_cast<std::size_t>(frame.results.count)))
    results.push_back({buffer->numbers, shape_of(*buffer).size()});
  const InterruptScope scope(&raise_signals);
  solve->run(kind, inputs, results);
}

xla::Error* error_of(const xla::CallFrame& frame, const char* message) {
  xla::ErrorCreateArguments arguments = {
      .header = {.size = sizeof(arguments), .extensions = nullptr}, .message = message, .code = xla::kInternal};
  return frame.api->create_error(&arguments);
}

/// A function that XLA calls.
template <Kind kind>
xla::Error* called_by_xla(xla::CallFrame* frame) {
  for (const xla::Extension* one = frame->header.extensions; one != nullptr; one = one->next)
    if (one->kind == xla::kMetadata) {
      const auto* asked = reinterpret_cast<const xla::MetadataExtension*>(one);
      asked->metadata->version.major = xla::kMajor;
      asked->metadata->version.minor = xla::kMinor;
      asked->metadata->traits = 0;
      return nullptr;
    }
  try {
    run_frame(*frame, kind);
    return nullptr;
  } catch (const nb::python_error& error) {
    // XLA passes on a text alone; so Python gets its Ctrl-C again, once the text, which runs code of its, is made.
    const nb::gil_scoped_acquire acquire;
    xla::Error* const made = error_of(*frame, error.what());
    if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();
    return made;
  } catch (const std::exception& error) {
    return error_of(*frame, error.what());
  }
}

nb::capsule capsule_of(xla::Error* (*function)(xla::CallFrame*)) {
  return nb::capsule(reinterpret_cast<void*>(function));
}

}  // namespace

void bind_xla_solve(nb::module_& module) {
  nb::class_<HeldSolve>(module, "_XlaSolve", "A solve that programs of XLA call, as long as this object lives.")
      .def(
          "__init__",
          [](HeldSolve* self, const Function& shared, const Function& each, const nb::object& dtype, bool is_joint) {
            new (self) HeldSolve(shared, each, to_dtype(dtype), is_joint);
          },
          nb::arg("shared"), nb::arg("each"), nb::arg("dtype"), nb::arg("is_joint"),
          "Of a function of (state, times, arguments) that gives states, traced with arguments that all samples share, "
          "and with those of each.")
      .def_prop_ro("key", &HeldSolve::key, "The number by which a program of XLA names it.")
      .def("run", &HeldSolve::run, nb::arg("kind"), nb::arg("inputs"), nb::arg("shapes"),
           "What the function of this place in _xla_functions would give a program of XLA, as NumPy arrays of these "
           "shapes.");
  module.def(
      "_xla_functions",
      [] {
        return nb::make_tuple(capsule_of(&called_by_xla<Kind::kStates>), capsule_of(&called_by_xla<Kind::kGradient>),
                              capsule_of(&called_by_xla<Kind::kTangent>),
                              capsule_of(&called_by_xla<Kind::kGradientTangent>));
      },
      "The functions for XLA: states, their gradients, and the tangents of each of the two.");
}

}  // namespace costate::python
