#include "costate/adjoint/device_solver.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <optional>
#include <variant>

#include "costate/adjoint/internal/cuda/take_back.h"
#include "costate/base/error.h"
#include "costate/cuda/internal/card.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/host_solver.h"

namespace costate {
namespace {

/// Of the field's arguments, then its Parameters, of which none is.
internal::WantedGradients wanted_of(const VectorField& field, const DeviceWanted& wanted) {
  if (!wanted.arguments.empty() && wanted.arguments.size() != field.arguments().size())
    throw InvalidArgument("[DeviceSolver] wanted must say it of each of the field's ", field.arguments().size(),
                          " arguments; got ", wanted.arguments.size(), ".");
  internal::WantedGradients all{.times = wanted.times, .arguments = wanted.arguments};
  all.arguments.resize(field.function().inputs().size() - 1 - field.parts().size());
  return all;
}

const SolveOptions& checked(const VectorField& field, const SolveOptions& options) {
  check_options(options);
  internal::check_tolerances(options, field);
  return options;
}

}  // namespace

struct DeviceSolver::Implementation {
  /// The problem with its gradients, and the kernels of its reverse sweep.
  struct Differentiated {
    internal::DeviceGradientProblem problem;
    internal::AdjointKernels kernels;

    Differentiated(const VectorField& field, const SolveOptions& options, const internal::WantedGradients& wanted,
                   std::size_t shared_limit)
        : problem(field, options, wanted), kernels(internal::adjoint_kernels(problem, shared_limit)) {}
  };

  VectorField field;
  internal::KernelDevice& device;
  std::optional<const Differentiated> gradient;
  std::optional<const internal::DeviceProblem> alone;  // of a solver without gradients
  internal::SolveKernels solve_kernels;
  std::vector<bool> wanted;
  mutable std::atomic<std::size_t> capacity = 64;  // steps of a sample that the next run has room for

  Implementation(const VectorField& solved, const SolveOptions& options, const DeviceWanted* asked)
      : field(solved),
        device(internal::card()),
        gradient(asked != nullptr ? std::optional<const Differentiated>(std::in_place, field, options,
                                                                        wanted_of(field, *asked), device.shared_limit())
                                  : std::nullopt),
        alone(asked != nullptr ? std::nullopt
                               : std::optional<const internal::DeviceProblem>(std::in_place, field, options)),
        solve_kernels(internal::solve_kernels(problem(), device.shared_limit())) {
    constexpr std::size_t kSmall = 32;  // what kernels do not have is refused here, and not by the first solve
    solve_kernels.of(kSmall);
    if (asked == nullptr) return;
    wanted = asked->arguments;
    wanted.resize(field.arguments().size());
    gradient->kernels.of(kSmall);
  }

  const internal::DeviceProblem& problem() const { return gradient ? gradient->problem.problem : *alone; }
  bool is_f32() const { return problem().options.dtype == Dtype::kF32; }
};

/// What the reverse reads of a solve: its numbers, and its steps.
struct DevicePullback::Record {
  std::shared_ptr<const DeviceSolver::Implementation> solver;
  HostArray z0 = {}, times = {};
  std::vector<HostArray> values = {};  // of what does not stand on the card
  internal::HostSizes sizes = {};
  internal::DeviceGiven given = {};
  std::size_t lanes = 0;
  std::variant<internal::DeviceSolved<float>, internal::DeviceSolved<double>> steps = {};

  internal::DeviceBatch batch() const {
    internal::DeviceBatch numbers{.z0 = z0,
                                  .times = times,
                                  .values = {},
                                  .batch = sizes.batch,
                                  .num_times = sizes.times,
                                  .times_are_shared = sizes.times_are_shared,
                                  .given = given};
    for (const HostArray& value : values) numbers.values.push_back(&value);
    return numbers;
  }
  Shape of_states() const {
    return sizes.state.with_first(static_cast<std::int64_t>(sizes.times))
        .with_first(static_cast<std::int64_t>(sizes.batch));
  }

  template <class T>
  Solution solve(std::span<const HostArray> arguments);
  template <class T>
  DeviceGradients take_back(const DeviceNumbers& cotangents, std::uint64_t stream) const;
};

/// `arguments`: those that the host has.
template <class T>
Solution DevicePullback::Record::solve(std::span<const HostArray> arguments) {
  const DeviceSolver::Implementation& of = *solver;
  const internal::DeviceBatch numbers = batch();
  lanes = internal::lanes_of_batch(of.solve_kernels, sizes.batch);
  const internal::SolveKernels::Made& made = of.solve_kernels.of(lanes);
  const auto module = of.device.load(made.source);
  const internal::DeviceInputs<T> inputs(of.device, of.problem(), of.problem().field, lanes, numbers);
  Solution solution;
  const auto solve_in = [&](std::size_t room) {
    steps = internal::launch_solve<T>(of.device, *module, made.shapes, of.problem(), lanes, inputs, numbers, room);
    solution = internal::solution_of(of.problem(), {.z0 = z0, .times = times, .arguments = arguments, .sizes = sizes},
                                     std::get<internal::DeviceSolved<T>>(steps), true);
    return static_cast<std::size_t>(std::ranges::max(solution.accepted));
  };
  if (of.gradient)
    of.capacity = internal::solve_with_room(of.capacity, solve_in);
  else
    solve_in(0);
  return solution;
}

template <class T>
DeviceGradients DevicePullback::Record::take_back(const DeviceNumbers& cotangents, std::uint64_t stream) const {
  const DeviceSolver::Implementation& of = *solver;
  const internal::DeviceGradientProblem& problem = of.gradient->problem;
  internal::DeviceBatch numbers = batch();
  numbers.given.stream = stream;
  internal::DeviceGradient<T> found =
      internal::take_back(of.device, problem, of.gradient->kernels, std::get<internal::DeviceSolved<T>>(steps), lanes,
                          numbers, cotangents.address);
  const auto samples = static_cast<std::int64_t>(sizes.batch);
  DeviceGradients gradients;
  gradients.z0 = owned(std::move(found.start), sizes.state.with_first(samples));
  if (problem.wants_times)
    gradients.times = owned(std::move(found.times), {samples, static_cast<std::int64_t>(sizes.times)});
  const std::vector<std::int64_t> counted = found.evaluations.numbers();
  gradients.evaluations = std::accumulate(counted.begin(), counted.end(), std::int64_t{0});
  const OwnedNumbers sums = owned(std::move(found.sums), {static_cast<std::int64_t>(problem.shared_size())});
  std::uint64_t at = sums.numbers.address;
  auto own = found.own.begin();
  for (std::size_t i = 0; i < of.wanted.size(); ++i) {
    OwnedNumbers& gradient = gradients.arguments.emplace_back();
    if (!of.wanted[i]) continue;
    const ArgumentSpec& argument = of.field.arguments()[i];
    if (argument.kind == InputKind::kSample) {
      gradient = owned(std::move(*own++), argument.shape.with_first(samples));
      continue;
    }
    gradient = {.numbers = {at, argument.shape}, .dtype = sums.dtype, .memory = sums.memory};
    at += static_cast<std::uint64_t>(argument.shape.size()) * sizeof(T);
  }
  return gradients;
}

DeviceGradients DevicePullback::operator()(const DeviceNumbers& cotangents, std::uint64_t stream) const {
  const Shape expected = record_->of_states();
  if (!(cotangents.shape == expected))
    throw ShapeError("[DevicePullback] cotangents must have the states' shape ", expected, "; got ", cotangents.shape,
                     ".");
  if (expected.size() > 0 && cotangents.address == 0)
    throw InvalidArgument("[DevicePullback] numbers on a card have an address; got 0.");
  return record_->solver->is_f32() ? record_->take_back<float>(cotangents, stream)
                                   : record_->take_back<double>(cotangents, stream);
}

namespace {

/// A run whose steps the record keeps.
Solution recorded(DevicePullback::Record& record, const DeviceSolve& there, const HostArray& times) {
  const DeviceSolver::Implementation& of = *record.solver;
  record.sizes = internal::check_there(of.field, there, times);
  if (record.sizes.batch == 0)
    throw ShapeError("[DeviceSolver] z0 must hold one sample at least; got ", there.z0.shape, ".");
  record.times = times;
  record.given = internal::given_there(of.field, there);
  const std::vector<HostArray> arguments =
      internal::read_by_host(of.device, of.field, of.problem().stops.get(), there, of.problem().options.dtype);
  for (const internal::FieldValue& value : internal::field_values(of.field, arguments))
    record.values.push_back(*value.value);
  return of.is_f32() ? record.solve<float>(arguments) : record.solve<double>(arguments);
}

}  // namespace

DeviceSolver::DeviceSolver(const VectorField& field, const SolveOptions& options)
    : implementation_(std::make_shared<const Implementation>(field, checked(field, options), nullptr)) {}

DeviceSolver::DeviceSolver(const VectorField& field, const SolveOptions& options, const DeviceWanted& wanted) {
  checked(field, options);
  if (options.adjoint != Adjoint::kDiscrete)
    throw NotSupported("[DeviceSolver] a card has the adjoint 'discrete' alone; got '", name(options.adjoint),
                       "'. Differentiate on the CPU (device = cpu).");
  implementation_ = std::make_shared<const Implementation>(field, options, &wanted);
}

const VectorField& DeviceSolver::field() const { return implementation_->field; }
const SolveOptions& DeviceSolver::options() const { return implementation_->problem().options; }
bool DeviceSolver::reads_arguments() const {
  const auto& stops = implementation_->problem().stops;
  return stops != nullptr && stops->of_arguments.has_value();
}

Solution DeviceSolver::solve(const DeviceSolve& there, const HostArray& times) const {
  DevicePullback::Record record{.solver = implementation_};
  return recorded(record, there, times);
}

DeviceRun DeviceSolver::run(const DeviceSolve& there, const HostArray& times) const {
  if (!implementation_->gradient)
    throw InvalidArgument("[DeviceSolver] this solver was made without gradients; say which are wanted.");
  const auto record = std::make_shared<DevicePullback::Record>(DevicePullback::Record{.solver = implementation_});
  Solution solution = recorded(*record, there, times);
  return {.solution = std::move(solution), .pullback = DevicePullback(record)};
}

}  // namespace costate
