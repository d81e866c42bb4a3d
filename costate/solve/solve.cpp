// Host solves: checks, then tiles of samples on threads.
#include "costate/solve/solve.h"

#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/base/threads.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate {
namespace {

using internal::AlignedVector;

constexpr std::string_view kControlNames[] = {"per_sample", "joint"};
constexpr std::string_view kAdjointNames[] = {"discrete", "backsolve"};

template <std::size_t count>
std::size_t find_name(std::string_view what, const std::string& wanted, const std::string_view (&names)[count]) {
  for (std::size_t i = 0; i < count; ++i)
    if (names[i] == wanted) return i;
  throw InvalidArgument("[solve] ", text::unknown_name(what, wanted, std::vector<std::string>(std::begin(names), std::end(names))));
}

void check_options(const SolveOptions& options) {
  if (!(options.rtol >= 0 && options.atol >= 0 && options.rtol + options.atol > 0) || !std::isfinite(options.rtol + options.atol))
    throw InvalidArgument("[solve] rtol and atol must be finite, at least 0 and not both 0; got rtol = ", options.rtol,
                          ", atol = ", options.atol, ".");
  if (options.steps_per_interval < 0 || options.step_size < 0 || options.first_step < 0 ||
      !std::isfinite(options.step_size + options.first_step))
    throw InvalidArgument("[solve] steps_per_interval, step_size and first_step must be finite and at least 0; got ",
                          options.steps_per_interval, ", ", options.step_size, " and ", options.first_step, ".");
  if (options.steps_per_interval > 0 && options.step_size > 0)
    throw InvalidArgument("[solve] at most one of steps_per_interval and step_size can be set; got ",
                          options.steps_per_interval, " and ", options.step_size, ".");
  if (options.max_steps < 1) throw InvalidArgument("[solve] max_steps must be at least 1; got ", options.max_steps, ".");
}

void check_times(const HostArray& times, std::int64_t rows, std::int64_t count) {
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t i = 0; i < count; ++i) {
      const double t = times.at(row * count + i);
      if (!std::isfinite(t)) throw InvalidArgument("[solve] times must be finite; time ", i, " is ", t, ".");
      if (i == 0) continue;
      const double before = times.at(row * count + i - 1);
      const bool rises = times.at(row * count + 1) > times.at(row * count);
      if (t == before || (t > before) != rises)
        throw InvalidArgument("[solve] times must ascend or descend strictly; times ", i - 1, " and ", i, " are ", before,
                              " and ", t, ".");
    }
}

/// Sizes of a host solve, checked.
struct Sizes {
  std::size_t batch = 0;
  std::size_t times = 0;
  bool times_are_shared = true;
  Shape state;  // of one sample, as z0 has it
};

Sizes check_inputs(const VectorField& field, const HostArray& z0, const HostArray& times,
                   std::span<const HostArray> arguments) {
  Sizes sizes;
  const Shape flat{field.state_size()};
  sizes.state = field.parts().size() == 1 ? field.parts()[0].shape : flat;
  const std::vector<std::int64_t>& axes = z0.shape().axes();
  if (axes.empty() || !(Shape(std::vector<std::int64_t>(axes.begin() + 1, axes.end())) == sizes.state) || axes[0] < 1)
    throw ShapeError("[solve] z0 must have shape [batch] + ", sizes.state, "; got ", z0.shape(), ".");
  sizes.batch = static_cast<std::size_t>(axes[0]);
  const int rank = times.shape().rank();
  if (rank < 1 || rank > 2 || times.shape()[-1] < 1 || (rank == 2 && times.shape()[0] != axes[0]))
    throw ShapeError("[solve] times must have shape [time] or [", axes[0], ", time]; got ", times.shape(), ".");
  sizes.times = static_cast<std::size_t>(times.shape()[-1]);
  sizes.times_are_shared = rank == 1;
  check_times(times, rank == 1 ? 1 : axes[0], times.shape()[-1]);
  if (arguments.size() != field.arguments().size())
    throw InvalidArgument("[solve] the field takes ", field.arguments().size(), " arguments; got ", arguments.size(), ".");
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const ArgumentSpec& spec = field.arguments()[i];
    std::vector<std::int64_t> expected = spec.shape.axes();
    if (spec.kind == InputKind::kSample) expected.insert(expected.begin(), axes[0]);
    if (!(arguments[i].shape() == Shape(expected)))
      throw ShapeError("[solve] argument '", spec.name, "' must have shape ", Shape(expected), "; got ",
                       arguments[i].shape(), ".");
  }
  return sizes;
}

std::size_t choose_lanes(std::size_t batch, std::size_t width) {
  if (batch <= 2 || width == 1) return 1;
  return std::min((batch + width - 1) / width * width, 4 * width);
}

template <class T>
AlignedVector<T> numbers_of(const HostArray& array) {
  AlignedVector<T> numbers(static_cast<std::size_t>(array.size()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<T>(array.at(static_cast<std::int64_t>(i)));
  return numbers;
}

/// Rows [first, first + lanes) of a batch [batch, size] as [size, lanes]; the last sample fills what is over.
template <class T, class Read>
void pack(std::size_t size, std::size_t first, std::size_t batch, std::size_t lanes, T* out, Read read) {
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::size_t sample = std::min(first + lane, batch - 1);
    for (std::size_t row = 0; row < size; ++row) out[row * lanes + lane] = static_cast<T>(read(sample * size + row));
  }
}

template <class T>
class HostSolver {
 public:
  HostSolver(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options,
             std::span<const HostArray> arguments, const Sizes& sizes)
      : field_(field), z0_(z0), times_(times), arguments_(arguments), sizes_(sizes),
        problem_(field, options, lanes_for(options), sizes.times), shared_(problem_.function.shared_size()) {
    std::size_t given = 0;
    for (std::size_t i = 1 + field.parts().size(); i < field.function().inputs().size(); ++i) {
      const Input& input = field.function().inputs()[i];
      const HostArray& value = input.parameter ? input.parameter->value() : arguments[given++];
      shared_values_.push_back(input.kind == InputKind::kShared ? numbers_of<T>(value) : AlignedVector<T>());
    }
    std::vector<const T*> pointers(1 + field.parts().size(), nullptr);
    for (const auto& value : shared_values_) pointers.push_back(value.empty() ? nullptr : value.data());
    problem_.function.prepare(pointers, shared_.data());
  }

  Solution run() {
    Solution solution;
    std::vector<std::int64_t> axes = {static_cast<std::int64_t>(sizes_.batch), static_cast<std::int64_t>(sizes_.times)};
    axes.insert(axes.end(), sizes_.state.axes().begin(), sizes_.state.axes().end());
    solution.states = HostArray(Shape(axes), std::is_same_v<T, float> ? Dtype::kF32 : Dtype::kF64);
    solution.status.resize(sizes_.batch);
    solution.reached.resize(sizes_.batch);
    solution.last_step.resize(sizes_.batch);
    for (auto* counter : {&solution.nfe, &solution.accepted, &solution.rejected}) counter->resize(sizes_.batch);
    const std::size_t tiles = (sizes_.batch + problem_.lanes - 1) / problem_.lanes;
    const std::size_t chunks = std::min<std::size_t>(tiles, 64);
    parallel_for(chunks, [&](std::size_t chunk) {
      internal::LaneSolver<T> solver(problem_);
      for (std::size_t tile = chunk * tiles / chunks; tile < (chunk + 1) * tiles / chunks; ++tile)
        run_tile(solver, tile * problem_.lanes, solution);
    });
    return solution;
  }

 private:
  std::size_t lanes_for(const SolveOptions& options) const {
    const std::size_t width = internal::simd_lanes<T>();
    // One step for the whole batch means one tile.
    if (options.control == Control::kJoint && sizes_.batch > 2) return (sizes_.batch + width - 1) / width * width;
    if (options.control == Control::kJoint) return sizes_.batch;
    return choose_lanes(sizes_.batch, width);
  }

  void run_tile(internal::LaneSolver<T>& solver, std::size_t first, Solution& solution) const {
    const std::size_t lanes = problem_.lanes, state = problem_.state_size;
    AlignedVector<T> z0(state * lanes), states(sizes_.times * state * lanes);
    std::vector<double> times(sizes_.times * lanes);
    pack(state, first, sizes_.batch, lanes, z0.data(), [&](std::size_t i) { return z0_.at(static_cast<std::int64_t>(i)); });
    pack(sizes_.times, first, sizes_.batch, lanes, times.data(), [&](std::size_t i) {
      return times_.at(static_cast<std::int64_t>(sizes_.times_are_shared ? i % sizes_.times : i));
    });
    std::vector<AlignedVector<T>> packed(shared_values_.size());
    std::vector<const T*> pointers;
    std::size_t given = 0;
    for (std::size_t i = 0; i < shared_values_.size(); ++i) {
      const Input& input = field_.function().inputs()[1 + field_.parts().size() + i];
      if (input.kind == InputKind::kShared) {
        given += input.parameter ? 0 : 1;
        pointers.push_back(shared_values_[i].data());
        continue;
      }
      const HostArray& value = arguments_[given++];
      const auto size = static_cast<std::size_t>(input.shape.size());
      packed[i].resize(size * lanes);
      pack(size, first, sizes_.batch, lanes, packed[i].data(), [&](std::size_t k) { return value.at(static_cast<std::int64_t>(k)); });
      pointers.push_back(packed[i].data());
    }
    const std::size_t count = std::min(lanes, sizes_.batch - first);
    solver.solve({.z0 = z0.data(), .times = times.data(), .arguments = pointers, .shared = shared_.data(), .num_samples = count},
                 false, states.data());
    store(solver, first, count, states, solution);
  }

  void store(const internal::LaneSolver<T>& solver, std::size_t first, std::size_t count, const AlignedVector<T>& states,
             Solution& solution) const {
    const std::size_t lanes = problem_.lanes, size = sizes_.times * problem_.state_size;
    T* out = solution.states.data<T>().data() + first * size;
    for (std::size_t lane = 0; lane < count; ++lane) {
      for (std::size_t row = 0; row < size; ++row) out[lane * size + row] = states[row * lanes + lane];
      const internal::LaneOutcome& outcome = solver.outcomes()[lane];
      solution.status[first + lane] = outcome.status;
      solution.reached[first + lane] = outcome.t;
      solution.last_step[first + lane] = outcome.h;
      solution.nfe[first + lane] = outcome.nfe;
      solution.accepted[first + lane] = outcome.accepted;
      solution.rejected[first + lane] = outcome.rejected;
    }
  }

  const VectorField& field_;
  const HostArray& z0_;
  const HostArray& times_;
  std::span<const HostArray> arguments_;
  Sizes sizes_;
  internal::LaneProblem<T> problem_;
  AlignedVector<T> shared_;
  std::vector<AlignedVector<T>> shared_values_;
};

}  // namespace

std::string name(Control control) { return std::string(kControlNames[static_cast<std::size_t>(control)]); }
std::string name(Adjoint adjoint) { return std::string(kAdjointNames[static_cast<std::size_t>(adjoint)]); }
Control control_from_name(const std::string& name) { return static_cast<Control>(find_name("control", name, kControlNames)); }
Adjoint adjoint_from_name(const std::string& name) { return static_cast<Adjoint>(find_name("adjoint", name, kAdjointNames)); }

void Solution::check() const {
  for (std::size_t i = 0; i < status.size(); ++i)
    if (status[i] != Status::kOk)
      throw SolveFailed("[solve] sample ", i, " ended with ", name(status[i]), " at t = ", reached[i], " with step ",
                        last_step[i], " after ", accepted[i], " accepted and ", rejected[i],
                        " rejected steps; loosen rtol/atol, raise max_steps, or look at the field there.");
}

Solution solve(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options,
               std::span<const HostArray> arguments) {
  check_options(options);
  const Sizes sizes = check_inputs(field, z0, times, arguments);
  if (options.dtype == Dtype::kF32) return HostSolver<float>(field, z0, times, options, arguments, sizes).run();
  return HostSolver<double>(field, z0, times, options, arguments, sizes).run();
}

Array solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options, std::span<const Array> arguments) {
  check_options(options);
  std::vector<Array> operands = {reshape(z0, {z0.array.shape().size()}), times.array};
  operands.insert(operands.end(), arguments.begin(), arguments.end());
  if (arguments.size() != field.arguments().size())
    throw InvalidArgument("[solve] the field takes ", field.arguments().size(), " arguments; got ", arguments.size(), ".");
  for (const Input& input : field.function().inputs())
    if (input.parameter) operands.emplace_back(*input.parameter);
  return apply(std::make_shared<internal::SolveExtension>(field, options), operands, z0.where);
}

}  // namespace costate
