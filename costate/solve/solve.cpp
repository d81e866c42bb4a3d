// Host solves: checks, then tiles of samples on threads.
#include "costate/solve/solve.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>

#include "costate/base/names.h"
#include "costate/base/threads.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/hoist.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate {
namespace {

using internal::AlignedVector;

constexpr std::string_view kControlNames[] = {"per_sample", "joint"};
constexpr std::string_view kAdjointNames[] = {"discrete", "backsolve"};

void check_options(const SolveOptions& options) {
  if (!(options.rtol >= 0 && options.atol >= 0 && options.rtol + options.atol > 0) ||
      !std::isfinite(options.rtol + options.atol))
    throw InvalidArgument("[solve] rtol and atol must be finite, at least 0 and not both 0; got rtol = ", options.rtol,
                          ", atol = ", options.atol, ".");
  if (options.steps_per_interval < 0 || options.step_size < 0 || options.first_step < 0 ||
      !std::isfinite(options.step_size + options.first_step))
    throw InvalidArgument("[solve] steps_per_interval, step_size and first_step must be finite and at least 0; got ",
                          options.steps_per_interval, ", ", options.step_size, " and ", options.first_step, ".");
  if (options.steps_per_interval > 0 && options.step_size > 0)
    throw InvalidArgument("[solve] at most one of steps_per_interval and step_size can be set; got ",
                          options.steps_per_interval, " and ", options.step_size, ".");
  if (options.max_steps < 1)
    throw InvalidArgument("[solve] max_steps must be at least 1; got ", options.max_steps, ".");
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
        throw InvalidArgument("[solve] times must ascend or descend strictly; times ", i - 1, " and ", i, " are ",
                              before, " and ", t, ".");
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
  if (axes.empty() || !(Shape(std::vector<std::int64_t>(axes.begin() + 1, axes.end())) == sizes.state))
    throw ShapeError("[solve] z0 must have shape [batch] + ", sizes.state, "; got ", z0.shape(), ".");
  sizes.batch = static_cast<std::size_t>(axes[0]);
  const int rank = times.shape().rank();
  if (rank < 1 || rank > 2 || times.shape()[-1] < 1 || (rank == 2 && times.shape()[0] != axes[0]))
    throw ShapeError("[solve] times must have shape [time] or [", axes[0], ", time]; got ", times.shape(), ".");
  sizes.times = static_cast<std::size_t>(times.shape()[-1]);
  sizes.times_are_shared = rank == 1;
  check_times(times, rank == 1 ? 1 : axes[0], times.shape()[-1]);
  if (arguments.size() != field.arguments().size())
    throw InvalidArgument("[solve] the field takes ", field.arguments().size(), " arguments; got ", arguments.size(),
                          ".");
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

/// Numbers that a lane has in the cache: its stages, and the largest values of the field.
std::size_t numbers_a_lane(const VectorField& field, const SolveOptions& options) {
  std::int64_t largest = 0;
  for (const Node& node : field.function().nodes())
    if (node.op != Op::kInput && node.op != Op::kConstant) largest = std::max(largest, node.shape.size());
  const auto stages = static_cast<std::size_t>(tableau(options.method).num_all_stages());
  return 2 * stages * static_cast<std::size_t>(field.state_size()) + 2 * static_cast<std::size_t>(largest);
}

/// Four vectors of samples; up to sixteen for small fields, where what a call of a kernel costs would count, as long as
/// they fit into the cache and all threads have work.
template <class T>
std::size_t choose_lanes(std::size_t batch, std::size_t bytes_a_lane) {
  const std::size_t width = internal::simd_lanes<T>();
  if (batch <= 2 || width == 1) return 1;
  constexpr std::size_t kCacheBytes = std::size_t{128} << 10;
  std::size_t lanes = 4 * width;
  while (lanes < 16 * width && 2 * lanes * bytes_a_lane <= kCacheBytes &&
         batch >= 4 * lanes * static_cast<std::size_t>(num_threads()))
    lanes *= 2;
  return std::min(internal::rounded_lanes<T>(batch), lanes);
}

template <class T>
AlignedVector<T> numbers_of(const HostArray& array) {
  AlignedVector<T> numbers(static_cast<std::size_t>(array.size()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<T>(array.at(static_cast<std::int64_t>(i)));
  return numbers;
}

template <class T>
class HostSolver {
 public:
  HostSolver(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options,
             std::span<const HostArray> arguments, const std::function<void()>& check_interrupt, const Sizes& sizes)
      : z0_(z0),
        times_(times),
        check_interrupt_(check_interrupt),
        sizes_(sizes),
        problem_(field, options, lanes_for(field, options), sizes.times) {
    std::size_t given = 0;
    for (std::size_t i = 1 + field.parts().size(); i < field.function().inputs().size(); ++i) {
      const Input& input = field.function().inputs()[i];
      const HostArray& value = input.parameter ? input.parameter->value() : arguments[given++];
      Argument argument{.size = static_cast<std::size_t>(input.shape.size()), .shared = {}, .of_samples = nullptr};
      if (input.kind == InputKind::kShared)
        argument.shared = numbers_of<T>(value);
      else
        argument.of_samples = &value;
      arguments_.push_back(std::move(argument));
    }
    std::vector<const T*> values;
    for (const Argument& argument : arguments_)
      values.push_back(argument.shared.empty() ? nullptr : argument.shared.data());
    internal::prepare_field<T>(problem_, values, shared_);
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
    const std::size_t workers =
        std::min(static_cast<std::size_t>(num_threads()), (sizes_.batch + problem_.lanes - 1) / problem_.lanes);
    Common common;
    parallel_for(workers, [&](std::size_t) { Worker(*this, common, solution).run(); });
    return solution;
  }

 private:
  std::size_t lanes_for(const VectorField& field, const SolveOptions& options) const {
    // One step for the whole batch means one tile.
    if (options.control == Control::kJoint)
      return sizes_.batch > 2 ? internal::rounded_lanes<T>(sizes_.batch) : std::max<std::size_t>(1, sizes_.batch);
    return choose_lanes<T>(sizes_.batch, sizeof(T) * numbers_a_lane(field, options));
  }

  /// What the threads of a solve share.
  struct Common {
    std::atomic<std::size_t> next = 0;  // who solves a sample changes no bit of it
    std::atomic<bool> is_stopped = false;
  };

  /// A thread's lanes and the samples that it takes from the batch.
  class Worker : public internal::LaneQueue {
   public:
    Worker(const HostSolver& host, Common& common, Solution& solution)
        : host_(host), common_(common), solution_(solution), solver_(host.problem_), sample_of_(host.problem_.lanes) {
      const std::size_t lanes = host.problem_.lanes;
      z0_.resize(host.problem_.state_size * lanes);
      states_.resize(host.sizes_.times * z0_.size());
      times_.resize(host.sizes_.times * lanes);
      for (std::size_t i = 0; i < host.arguments_.size(); ++i) {
        const bool is_sample = host.arguments_[i].of_samples != nullptr;
        packed_.emplace_back(is_sample ? host.arguments_[i].size * lanes : 0);
      }
      for (std::size_t i = 0; i < packed_.size(); ++i)
        pointers_.push_back(packed_[i].empty() ? host.arguments_[i].shared.data() : packed_[i].data());
    }

    void run() {
      solver_.solve_queue({.z0 = z0_.data(),
                           .times = times_.data(),
                           .arguments = pointers_,
                           .shared = host_.shared_.data(),
                           .num_samples = std::min(host_.problem_.lanes, host_.sizes_.batch)},
                          *this, states_.data());
    }

    bool load(std::size_t lane) override {
      const std::size_t sample = common_.next++;
      if (sample >= host_.sizes_.batch) return false;
      sample_of_[lane] = sample;
      fill(host_.z0_, sample, host_.problem_.state_size, lane, z0_.data());
      fill(host_.times_, host_.sizes_.times_are_shared ? 0 : sample, host_.sizes_.times, lane, times_.data());
      for (std::size_t i = 0; i < packed_.size(); ++i)
        if (host_.arguments_[i].of_samples != nullptr)
          fill(*host_.arguments_[i].of_samples, sample, host_.arguments_[i].size, lane, packed_[i].data());
      return true;
    }

    void finished(std::size_t lane) override {
      const std::size_t sample = sample_of_[lane], lanes = host_.problem_.lanes;
      const std::size_t size = host_.sizes_.times * host_.problem_.state_size;
      T* out = solution_.states.data<T>().data() + sample * size;
      for (std::size_t row = 0; row < size; ++row) out[row] = states_[row * lanes + lane];
      const internal::LaneOutcome& outcome = solver_.outcomes()[lane];
      solution_.status[sample] = outcome.status;
      solution_.reached[sample] = outcome.t;
      solution_.last_step[sample] = outcome.h;
      solution_.nfe[sample] = outcome.nfe;
      solution_.accepted[sample] = outcome.accepted;
      solution_.rejected[sample] = outcome.rejected;
    }

    bool should_stop() override {
      constexpr std::size_t kAttemptsPerLook = 16;  // at the clock, which takes as long as a step of a small system
      if (++attempts_ % kAttemptsPerLook == 0 && host_.check_interrupt_) check_interrupt();
      return common_.is_stopped.load(std::memory_order_relaxed);
    }

   private:
    void check_interrupt() {
      const auto now = std::chrono::steady_clock::now();
      if (now - last_check_ < std::chrono::milliseconds(100)) return;
      last_check_ = now;
      try {
        host_.check_interrupt_();
      } catch (...) {
        common_.is_stopped = true;
        throw;
      }
    }

    /// Row `sample` of a batch [batch, size] into column `lane` of [size, lanes].
    template <class Number>
    void fill(const HostArray& batch, std::size_t sample, std::size_t size, std::size_t lane, Number* out) const {
      for (std::size_t row = 0; row < size; ++row)
        out[row * host_.problem_.lanes + lane] =
            static_cast<Number>(batch.at(static_cast<std::int64_t>(sample * size + row)));
    }

    const HostSolver& host_;
    Common& common_;
    Solution& solution_;
    internal::LaneSolver<T> solver_;
    std::size_t attempts_ = 0;
    std::chrono::steady_clock::time_point last_check_ = std::chrono::steady_clock::now();
    std::vector<std::size_t> sample_of_;
    AlignedVector<T> z0_, states_;
    std::vector<double> times_;
    std::vector<AlignedVector<T>> packed_;
    std::vector<const T*> pointers_;
  };

  /// An argument or Parameter of the field: numbers that all samples share, or a batch.
  struct Argument {
    std::size_t size = 0;
    AlignedVector<T> shared;
    const HostArray* of_samples = nullptr;
  };

  const HostArray& z0_;
  const HostArray& times_;
  const std::function<void()>& check_interrupt_;
  Sizes sizes_;
  internal::LaneProblem<T> problem_;
  AlignedVector<T> shared_;
  std::vector<Argument> arguments_;
};

}  // namespace

std::string name(Control control) { return spelling(control, kControlNames); }
std::string name(Adjoint adjoint) { return spelling(adjoint, kAdjointNames); }
Control control_from_name(const std::string& name) {
  return from_spelling<Control>("solve", "control", name, kControlNames);
}
Adjoint adjoint_from_name(const std::string& name) {
  return from_spelling<Adjoint>("solve", "adjoint", name, kAdjointNames);
}

void Solution::check() const {
  for (std::size_t i = 0; i < status.size(); ++i)
    if (status[i] != Status::kOk)
      throw SolveFailed("[solve] sample ", i, " ended with ", name(status[i]), " at t = ", reached[i], " with step ",
                        last_step[i], " after ", accepted[i], " accepted and ", rejected[i],
                        " rejected steps; loosen rtol/atol, raise max_steps, or look at the field there.");
}

Solution solve(const VectorField& field, const HostArray& z0, const HostArray& times, const SolveOptions& options,
               std::span<const HostArray> arguments, const std::function<void()>& check_interrupt) {
  check_options(options);
  const Sizes sizes = check_inputs(field, z0, times, arguments);
  if (options.dtype == Dtype::kF32)
    return HostSolver<float>(field, z0, times, options, arguments, check_interrupt, sizes).run();
  return HostSolver<double>(field, z0, times, options, arguments, check_interrupt, sizes).run();
}

std::vector<AcceptedStep> accepted_steps(const VectorField& field, const HostArray& z0, const HostArray& times,
                                         const SolveOptions& options, std::span<const HostArray> arguments) {
  check_options(options);
  const Sizes sizes = check_inputs(field, z0, times, arguments);
  if (sizes.batch != 1) throw ShapeError("[accepted_steps] z0 must hold one sample; got a batch of ", sizes.batch, ".");
  const internal::LaneProblem<double> problem(field, options, 1, sizes.times);
  std::vector<AlignedVector<double>> values;
  std::vector<const double*> given;
  std::size_t next = 0;
  for (std::size_t i = 1 + field.parts().size(); i < field.function().inputs().size(); ++i) {
    const Input& input = field.function().inputs()[i];
    values.push_back(numbers_of<double>(input.parameter ? input.parameter->value() : arguments[next++]));
  }
  for (const auto& value : values) given.push_back(value.data());
  AlignedVector<double> shared, states(sizes.times * problem.state_size);
  internal::prepare_field<double>(problem, given, shared);
  const AlignedVector<double> start = numbers_of<double>(z0), at = numbers_of<double>(times);
  internal::LaneSolver<double> solver(problem);
  solver.solve({.z0 = start.data(), .times = at.data(), .arguments = given, .shared = shared.data(), .num_samples = 1},
               true, states.data());
  std::vector<AcceptedStep> steps;
  for (std::size_t i = 0; i < solver.records()[0].num_steps; ++i) {
    const internal::LaneStep step = solver.step(0, i);
    steps.push_back({step.t, step.h});
  }
  return steps;
}

namespace {

/// The arguments of the field without its shared computations, which are done here.
std::vector<Array> with_hoisted(const internal::HoistedField& hoisted, const VectorField& field,
                                std::span<const Array> arguments) {
  std::vector<Array> inputs = {zeros({})};  // t and the state are not read
  for (const StatePart& part : field.parts()) inputs.push_back(zeros(part.shape));
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  for (const Input& input : hoisted.prologue.inputs())
    if (input.parameter) inputs.emplace_back(*input.parameter);
  std::vector<Array> all(arguments.begin(), arguments.end());
  for (const Array& value : internal::inline_function(hoisted.prologue, inputs)) all.push_back(value);
  return all;
}

}  // namespace

Array solve(const VectorField& field, Operand z0, Operand times, const SolveOptions& options,
            std::span<const Array> arguments) {
  check_options(options);
  if (arguments.size() != field.arguments().size())
    throw InvalidArgument("[solve] the field takes ", field.arguments().size(), " arguments; got ", arguments.size(),
                          ".");
  if (const auto hoisted = internal::hoist_shared(field))
    return solve(hoisted->field, z0, times, options, with_hoisted(*hoisted, field, arguments));
  std::vector<Array> operands = {reshape(z0, {z0.array.shape().size()}), times.array};
  operands.insert(operands.end(), arguments.begin(), arguments.end());
  for (const Input& input : field.function().inputs())
    if (input.parameter) operands.emplace_back(*input.parameter);
  return apply(std::make_shared<internal::SolveExtension>(field, options), operands, z0.where);
}

}  // namespace costate
