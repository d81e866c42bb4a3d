#include "costate/solve/internal/cvode_solver.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "costate/base/error.h"
#include "costate/base/interrupt.h"
#include "costate/base/threads.h"
#include "costate/solve/internal/failure_advice.h"
#include "costate/solve/internal/field_stops.h"

namespace costate::internal {

CvodeObjects::CvodeObjects()
    : library_(sundials::library()),
      context_(nullptr, [](void* context) { sundials::library().SUNContext_Free(&context); }) {
  sundials::Context context = nullptr;
  COSTATE_CHECK(library_.SUNContext_Create(library_.no_communicator, &context) == 0, "SUNDIALS gives no context");
  if (library_.SUNContext_ClearErrHandlers != nullptr) library_.SUNContext_ClearErrHandlers(context);
  context_.reset(context);
}

CvodeHandle CvodeObjects::vector(std::size_t size) const {
  return {library_.N_VNew_Serial(static_cast<std::int64_t>(size), context()),
          [](void* vector) { sundials::library().N_VDestroy(vector); }};
}

CvodeHandle CvodeObjects::matrix(std::size_t size) const {
  const auto n = static_cast<std::int64_t>(size);
  return {library_.SUNDenseMatrix(n, n, context()), [](void* matrix) { sundials::library().SUNMatDestroy(matrix); }};
}

CvodeHandle CvodeObjects::dense_solver(const CvodeHandle& vector, const CvodeHandle& matrix) const {
  return {library_.SUNLinSol_Dense(vector.get(), matrix.get(), context()),
          [](void* solver) { sundials::library().SUNLinSolFree(solver); }};
}

CvodeHandle CvodeObjects::fixed_point(const CvodeHandle& vector) const {
  return {library_.SUNNonlinSol_FixedPoint(vector.get(), 0, context()),
          [](void* solver) { sundials::library().SUNNonlinSolFree(solver); }};
}

CvodeHandle CvodeObjects::memory(bool is_bdf) const {
  CvodeHandle memory(library_.CVodeCreate(is_bdf ? sundials::kBdf : sundials::kAdams, context()),
                     [](void* held) { sundials::library().CVodeFree(&held); });
  COSTATE_CHECK(memory != nullptr, "CVODES gives no memory");
  if (library_.CVodeSetErrFile != nullptr) library_.CVodeSetErrFile(memory.get(), nullptr);
  return memory;
}

void limit_steps(const CvodeObjects& objects, const CvodeProblem& problem, sundials::Memory memory,
                 const CvodeHandle& spare) {
  const sundials::Library& call = objects.library();
  const SolveOptions& options = problem.options;
  if (options.min_step > 0) call.CVodeSetMinStep(memory, options.min_step);
  if (options.max_step > 0) call.CVodeSetMaxStep(memory, options.max_step);
  if (options.nonnegative.empty()) return;
  constexpr double kAtLeastZero = 1;
  std::fill_n(objects.numbers(spare), problem.state_size, 0.0);
  for (const double index : options.nonnegative) objects.numbers(spare)[static_cast<std::size_t>(index)] = kAtLeastZero;
  call.CVodeSetConstraints(memory, spare.get());
}

struct CvodeSolver::Calls {
  static CvodeSolver& of(void* data) { return *static_cast<CvodeSolver*>(data); }

  /// A slope that is not finite asks for a shorter step.
  static int slope(double t, sundials::Vector y, sundials::Vector slope, void* data) {
    CvodeSolver& solver = of(data);
    double* out = solver.objects_.library().N_VGetArrayPointer(slope);
    ++solver.outcome_.nfe;
    solver.slope_.run(std::clamp(t, solver.earliest_, solver.latest_), solver.objects_.library().N_VGetArrayPointer(y),
                      std::span(&out, 1));
    return std::all_of(out, out + solver.problem_.state_size, [](double x) { return std::isfinite(x); }) ? 0 : 1;
  }

  static int jacobian(double t, sundials::Vector y, sundials::Vector, sundials::Matrix matrix, void* data,
                      sundials::Vector, sundials::Vector, sundials::Vector) {
    CvodeSolver& solver = of(data);
    const std::size_t n = solver.problem_.state_size;
    double* rows = solver.rows_.data();
    double* columns = solver.objects_.library().SUNDenseMatrix_Data(matrix);
    solver.jacobian_.run(std::clamp(t, solver.earliest_, solver.latest_),
                         solver.objects_.library().N_VGetArrayPointer(y), std::span(&rows, 1));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) columns[j * n + i] = rows[i * n + j];
    return 0;
  }
};

namespace {

Status status_of(int flag) {
  switch (flag) {
    case sundials::kTooMuchWork:
      return Status::kMaxSteps;
    case sundials::kTooMuchAccuracy:
    case sundials::kErrorFailure:
    case sundials::kConstraintFailure:
    case sundials::kIllInput:  // a start below 0 that must not be
      return Status::kStepTooSmall;
    case sundials::kConvergenceFailure:
    case sundials::kSetupFailure:
      return Status::kNoConvergence;
    default:
      return flag < 0 ? Status::kNonFinite : Status::kOk;
  }
}

}  // namespace

CvodeSolver::CvodeSolver(const CvodeProblem& problem)
    : problem_(problem),
      slope_(problem.slope, 1),
      jacobian_(problem.jacobian, 1),
      y_(objects_.vector(problem.state_size)),
      other_(objects_.vector(problem.state_size)),
      tolerances_(objects_.vector(problem.state_size)),
      matrix_(problem.is_bdf ? objects_.matrix(problem.state_size) : no_handle()),
      linear_(problem.is_bdf ? objects_.dense_solver(y_, matrix_) : no_handle()),
      nonlinear_(problem.is_bdf ? no_handle() : objects_.fixed_point(y_)),
      memory_(objects_.memory(problem.is_bdf)) {
  std::ranges::copy(problem.atols, objects_.numbers(tolerances_));
  rows_.resize(problem.is_bdf ? problem.state_size * problem.state_size : 0);
}

LaneOutcome CvodeSolver::solve(std::span<const double> z0, std::span<const double> times,
                               std::span<const std::vector<double>> arguments, double* states) {
  std::vector<const double*> pointers;
  for (const std::vector<double>& argument : arguments) pointers.push_back(argument.data());
  slope_.prepare(pointers);
  jacobian_.prepare(pointers);
  stops_ = stops_of_sample(problem_.field, problem_.options.stop_at, arguments).stops;
  direction_ = times.back() >= times.front() ? 1 : -1;
  if (direction_ < 0) std::ranges::reverse(stops_);
  std::fill_n(states, times.size() * problem_.state_size, std::numeric_limits<double>::quiet_NaN());
  std::ranges::copy(z0, states);
  std::ranges::copy(z0, objects_.numbers(y_));
  outcome_ = before_ = LaneOutcome{};
  t_ = times.front();
  outcome_.status = step_to_the_end(times, states);
  outcome_.t = t_;
  outcome_.implicit = problem_.is_bdf ? outcome_.accepted : 0;
  return outcome_;
}

/// Over the stretches between stops, each of which CVODE begins anew, at its lowest order.
Status CvodeSolver::step_to_the_end(std::span<const double> times, double* states) {
  const std::size_t size = problem_.state_size;
  if (!std::ranges::all_of(std::span(objects_.numbers(y_), size), [](double y) { return std::isfinite(y); }))
    return Status::kNonFinite;
  std::size_t next = 1;
  const auto is_ahead = [&](double t) { return direction_ * (t - t_) > 0; };
  const auto write_reached = [&] {
    for (; next < times.size() && !is_ahead(times[next]); ++next) {
      const bool is_inside = times[next] != t_;
      if (is_inside) objects_.library().CVodeGetDky(memory_.get(), times[next], 0, other_.get());
      std::copy_n(objects_.numbers(is_inside ? other_ : y_), size, states + next * size);
    }
  };
  write_reached();
  Stop from{.time = t_};
  for (const Stop& stop : stops_)
    if (stop.time == t_) from = stop;
  InterruptPoll poll;
  while (next < times.size()) {
    const auto stop = std::ranges::find_if(stops_, [&](const Stop& one) { return is_ahead(one.time); });
    const bool is_last = stop == stops_.end() || direction_ * (times.back() - stop->time) <= 0;
    const Stop to = is_last ? Stop{.time = times.back()} : *stop;
    Status status = begin_stretch(from, to);
    for (; status == Status::kOk && t_ != to.time; poll()) {
      if (outcome_.accepted + outcome_.rejected >= problem_.options.max_steps) return Status::kMaxSteps;
      status = step(to.time);
      if (status == Status::kOk) write_reached();
    }
    if (status != Status::kOk) return status;
    from = to;
  }
  return Status::kOk;
}

Status CvodeSolver::begin_stretch(const Stop& from, const Stop& to) {
  const sundials::Library& call = objects_.library();
  const SolveOptions& options = problem_.options;
  const double start = from.time + direction_ * from.inside, end = to.time - direction_ * to.inside;
  earliest_ = std::min(start, end);
  latest_ = std::max(start, end);
  before_ = outcome_;
  sundials::Memory memory = memory_.get();
  if (is_begun_) {
    call.CVodeReInit(memory, t_, y_.get());
  } else {
    call.CVodeInit(memory, &Calls::slope, t_, y_.get());
    call.CVodeSVtolerances(memory, problem_.rtols.front(), tolerances_.get());
    call.CVodeSetUserData(memory, this);
    if (problem_.is_bdf) {
      call.CVodeSetLinearSolver(memory, linear_.get(), matrix_.get());
      call.CVodeSetJacFn(memory, &Calls::jacobian);
    } else {
      call.CVodeSetNonlinearSolver(memory, nonlinear_.get());
    }
    limit_steps(objects_, problem_, memory, other_);
    is_begun_ = true;
  }
  if (options.first_step > 0)
    call.CVodeSetInitStep(memory, direction_ * std::min(options.first_step, std::abs(to.time - t_)));
  return status_of(call.CVodeSetStopTime(memory, to.time));
}

Status CvodeSolver::step(double end) {
  const int flag = objects_.library().CVode(memory_.get(), end, y_.get(), &t_, sundials::kOneStep);
  count_steps();
  return status_of(flag);
}

void CvodeSolver::count_steps() {
  const sundials::Library& call = objects_.library();
  long steps = 0, errors = 0, divergences = 0;
  call.CVodeGetNumSteps(memory_.get(), &steps);
  call.CVodeGetNumErrTestFails(memory_.get(), &errors);
  call.CVodeGetNumNonlinSolvConvFails(memory_.get(), &divergences);
  call.CVodeGetCurrentStep(memory_.get(), &outcome_.h);
  outcome_.accepted = before_.accepted + steps;
  outcome_.rejected = before_.rejected + errors + divergences;
}

Solution solve_by_cvode(const VectorField& field, const SolveOptions& options, const HostBatch& batch) {
  const HostSizes& sizes = batch.sizes;
  Solution solution;
  make_room(solution, sizes.batch);
  sundials::library();  // before any thread asks for it
  const CvodeProblem problem(field, options);
  const auto numbers = [&](const HostArray& array, bool is_of_samples, std::size_t sample) {
    const auto count = static_cast<std::size_t>(array.size()) / (is_of_samples ? sizes.batch : 1);
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i)
      values[i] = array.at(static_cast<std::int64_t>((is_of_samples ? sample * count : 0) + i));
    return values;
  };
  const std::vector<FieldValue> given = field_values(field, batch.arguments);
  const std::size_t size = sizes.times * problem.state_size;  // of a sample's states
  std::vector<double> all(sizes.batch * size);
  std::atomic<std::size_t> following = 0;
  parallel_for(std::min(static_cast<std::size_t>(num_threads()), sizes.batch), [&](std::size_t) {
    CvodeSolver solver(problem);
    for (std::size_t sample = following++; sample < sizes.batch; sample = following++) {
      std::vector<std::vector<double>> arguments;
      for (const FieldValue& value : given)
        arguments.push_back(numbers(*value.value, value.input->kind == InputKind::kSample, sample));
      const std::vector<double> z0 = numbers(batch.z0, true, sample);
      const std::vector<double> times = numbers(batch.times, !sizes.times_are_shared, sample);
      keep_outcome(solution, sample, solver.solve(z0, times, arguments, all.data() + sample * size));
    }
  });
  const Shape rows = sizes.state.with_first(static_cast<std::int64_t>(sizes.times));
  solution.states =
      HostArray(rows.with_first(static_cast<std::int64_t>(sizes.batch)), std::move(all)).astype(options.dtype);
  solution.advice = advice_on_first_failure(solution, options, batch);
  return solution;
}

}  // namespace costate::internal
