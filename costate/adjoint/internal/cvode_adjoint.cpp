#include "costate/adjoint/internal/cvode_adjoint.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "costate/base/error.h"

namespace costate::internal {

/// What CVODES calls.
struct CvodeAdjoint::Calls {
  static CvodeAdjoint& of(void* data) { return *static_cast<CvodeAdjoint*>(data); }

  static int slope(double t, sundials::Vector y, sundials::Vector slope, void* data) {
    CvodeAdjoint& adjoint = of(data);
    double* out = adjoint.objects_.library().N_VGetArrayPointer(slope);
    ++adjoint.evaluations_;
    adjoint.slope_.run(t, adjoint.objects_.library().N_VGetArrayPointer(y), std::span(&out, 1));
    return std::all_of(out, out + adjoint.problem_.state_size, [](double x) { return std::isfinite(x); }) ? 0 : 1;
  }

  /// J by columns, or minus its transpose.
  static void write_jacobian(CvodeAdjoint& adjoint, double t, sundials::Vector y, sundials::Matrix matrix,
                             bool transposed) {
    const std::size_t n = adjoint.problem_.state_size;
    double* rows = adjoint.rows_.data();
    double* columns = adjoint.objects_.library().SUNDenseMatrix_Data(matrix);
    adjoint.jacobian_.run(t, adjoint.objects_.library().N_VGetArrayPointer(y), std::span(&rows, 1));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) columns[j * n + i] = transposed ? -rows[j * n + i] : rows[i * n + j];
  }
  static int jacobian(double t, sundials::Vector y, sundials::Vector, sundials::Matrix matrix, void* data,
                      sundials::Vector, sundials::Vector, sundials::Vector) {
    write_jacobian(of(data), t, y, matrix, false);
    return 0;
  }
  static int jacobian_of_lambda(double t, sundials::Vector y, sundials::Vector, sundials::Vector,
                                sundials::Matrix matrix, void* data, sundials::Vector, sundials::Vector,
                                sundials::Vector) {
    write_jacobian(of(data), t, y, matrix, true);
    return 0;
  }

  /// -(lambda df/dy), or with `of_arguments` -(lambda df/d arguments) of all wanted ones behind each other.
  static int product(double t, sundials::Vector y, sundials::Vector lambda, sundials::Vector slope, void* data,
                     bool of_arguments) {
    CvodeAdjoint& adjoint = of(data);
    const sundials::Library& call = adjoint.objects_.library();
    double* out = call.N_VGetArrayPointer(slope);
    const std::size_t size = of_arguments ? adjoint.num_arguments_ : adjoint.problem_.state_size;
    adjoint.targets_.assign(1 + adjoint.sizes_.size(), nullptr);
    if (!of_arguments) adjoint.targets_[0] = out;
    double* next = out;
    for (std::size_t i = 0; of_arguments && i < adjoint.sizes_.size(); next += adjoint.sizes_[i++])
      adjoint.targets_[1 + i] = next;
    ++adjoint.evaluations_;
    adjoint.vjp_.run(t, call.N_VGetArrayPointer(y), adjoint.targets_, call.N_VGetArrayPointer(lambda));
    for (std::size_t i = 0; i < size; ++i) out[i] = -out[i];
    return std::all_of(out, out + size, [](double x) { return std::isfinite(x); }) ? 0 : 1;
  }
  static int lambda(double t, sundials::Vector y, sundials::Vector lambda, sundials::Vector slope, void* data) {
    return product(t, y, lambda, slope, data, false);
  }
  static int quadrature(double t, sundials::Vector y, sundials::Vector lambda, sundials::Vector slope, void* data) {
    return product(t, y, lambda, slope, data, true);
  }
};

/// The vectors and solvers of both directions.
struct CvodeAdjoint::Objects {
  explicit Objects(const CvodeAdjoint& adjoint)
      : y(adjoint.objects_.vector(adjoint.problem_.state_size)),
        tolerances(adjoint.objects_.vector(adjoint.problem_.state_size)),
        lambda(adjoint.objects_.vector(adjoint.problem_.state_size)) {
    const CvodeObjects& make = adjoint.objects_;
    const std::size_t size = adjoint.problem_.state_size;
    if (adjoint.num_arguments_ > 0) integral = make.vector(adjoint.num_arguments_);
    if (adjoint.problem_.is_bdf) {
      matrix = make.matrix(size);
      matrix_back = make.matrix(size);
      linear = make.dense_solver(y, matrix);
      linear_back = make.dense_solver(lambda, matrix_back);
    } else {
      nonlinear = make.fixed_point(y);
      nonlinear_back = make.fixed_point(lambda);
    }
  }

  CvodeHandle y, tolerances, lambda;
  CvodeHandle integral = no_handle(), matrix = no_handle(), matrix_back = no_handle(), linear = no_handle(),
              linear_back = no_handle(), nonlinear = no_handle(), nonlinear_back = no_handle();
};

CvodeAdjoint::CvodeAdjoint(const CvodeProblem& problem)
    : problem_(problem),
      slope_(problem.slope, 1),
      jacobian_(problem.jacobian, 1),
      vjp_(*problem.vjp, 1 + problem.wanted.size()) {
  const auto& inputs = problem.field.function().inputs();
  const std::size_t first = 1 + problem.field.parts().size();
  for (const std::size_t i : problem.wanted) sizes_.push_back(static_cast<std::size_t>(inputs[first + i].shape.size()));
  num_arguments_ = std::accumulate(sizes_.begin(), sizes_.end(), std::size_t{0});
  rows_.resize(problem.is_bdf ? problem.state_size * problem.state_size : 0);
}

CvodeGradients CvodeAdjoint::run(std::span<const double> z0, std::span<const double> times,
                                 std::span<const std::vector<double>> arguments, std::span<const double> cotangent) {
  const std::size_t size = problem_.state_size;
  if (!stops_of_sample(problem_.field, problem_.options.stop_at, arguments).stops.empty())
    throw NotSupported(
        "[vjp] adjoint = 'cvodes' cannot stop where an input bends; the field reads a table at t, or stop_at is set. "
        "Take a method of Costate's own and adjoint = 'discrete'.");
  std::vector<const double*> pointers;
  for (const std::vector<double>& argument : arguments) pointers.push_back(argument.data());
  for (CvodeFunction* function : {&slope_, &jacobian_, &vjp_}) function->prepare(pointers);
  evaluations_ = 0;
  CvodeGradients gradients;
  gradients.z0.assign(size, 0.0);
  for (const std::size_t count : sizes_) gradients.arguments.emplace_back(count, 0.0);
  if (std::ranges::all_of(cotangent, [](double w) { return w == 0; })) return gradients;
  bool is_ok = true;
  if (times.back() != times.front()) {
    Objects objects(*this);
    const CvodeHandle memory = objects_.memory(problem_.is_bdf);  // freed before what it was given
    is_ok = solve_forward(z0, times, memory.get(), objects) &&
            solve_backward(times, cotangent, memory.get(), objects, gradients);
  } else {
    for (std::size_t i = 0; i < cotangent.size(); ++i) gradients.z0[i % size] += cotangent[i];
  }
  if (!is_ok) {
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    std::ranges::fill(gradients.z0, kUnknown);
    for (auto& argument : gradients.arguments) std::ranges::fill(argument, kUnknown);
  }
  gradients.nfe = evaluations_;
  return gradients;
}

bool CvodeAdjoint::solve_forward(std::span<const double> z0, std::span<const double> times, sundials::Memory memory,
                                 Objects& objects) {
  const sundials::Library& call = objects_.library();
  std::ranges::copy(z0, objects_.numbers(objects.y));
  std::ranges::copy(problem_.atols, objects_.numbers(objects.tolerances));
  call.CVodeInit(memory, &Calls::slope, times.front(), objects.y.get());
  call.CVodeSVtolerances(memory, problem_.rtols.front(), objects.tolerances.get());
  call.CVodeSetUserData(memory, this);
  if (problem_.is_bdf) {
    call.CVodeSetLinearSolver(memory, objects.linear.get(), objects.matrix.get());
    call.CVodeSetJacFn(memory, &Calls::jacobian);
  } else {
    call.CVodeSetNonlinearSolver(memory, objects.nonlinear.get());
  }
  limit_steps(objects_, problem_, memory, objects.lambda);
  call.CVodeSetMaxNumSteps(memory, static_cast<long>(problem_.options.max_steps));
  call.CVodeSetStopTime(memory, times.back());
  // By polynomials: Hermite's leave Adams' gradients at 1e-6 whatever the tolerance.
  constexpr long kStepsOfCheckpoint = 150;
  if (call.CVodeAdjInit(memory, kStepsOfCheckpoint, sundials::kPolynomial) != 0) return false;
  double reached = 0;
  int num_checkpoints = 0;
  return call.CVodeF(memory, times.back(), objects.y.get(), &reached, sundials::kNormal, &num_checkpoints) >= 0;
}

/// From output to output, at each of which lambda jumps by its cotangent.
bool CvodeAdjoint::solve_backward(std::span<const double> times, std::span<const double> cotangent,
                                  sundials::Memory memory, Objects& objects, CvodeGradients& gradients) {
  const sundials::Library& call = objects_.library();
  const std::size_t size = problem_.state_size;
  double* lambda = objects_.numbers(objects.lambda);
  double* integral = num_arguments_ > 0 ? objects_.numbers(objects.integral) : nullptr;
  std::fill_n(lambda, size, 0.0);
  std::fill_n(integral, num_arguments_, 0.0);
  const auto jump = [&](std::size_t output) {
    for (std::size_t i = 0; i < size; ++i) lambda[i] += cotangent[output * size + i];
  };
  int which = 0;
  bool is_ok = call.CVodeCreateB(memory, problem_.is_bdf ? sundials::kBdf : sundials::kAdams, &which) == 0;
  std::size_t output = times.size() - 1;
  jump(output);
  while (output > 0 && times[output - 1] == times.back()) jump(--output);
  is_ok = is_ok && call.CVodeInitB(memory, which, &Calls::lambda, times.back(), objects.lambda.get()) == 0;
  const SolveOptions& options = problem_.options;
  const double rtol = options.adjoint_rtol > 0 ? options.adjoint_rtol : problem_.rtols.front();
  if (options.adjoint_atol > 0) std::fill_n(objects_.numbers(objects.tolerances), size, options.adjoint_atol);
  call.CVodeSVtolerancesB(memory, which, rtol, objects.tolerances.get());
  call.CVodeSetUserDataB(memory, which, this);
  call.CVodeSetMaxNumStepsB(memory, which, static_cast<long>(problem_.options.max_steps));
  if (problem_.is_bdf) {
    call.CVodeSetLinearSolverB(memory, which, objects.linear_back.get(), objects.matrix_back.get());
    call.CVodeSetJacFnB(memory, which, &Calls::jacobian_of_lambda);
  } else {
    call.CVodeSetNonlinearSolverB(memory, which, objects.nonlinear_back.get());
  }
  if (num_arguments_ > 0) {
    is_ok = is_ok && call.CVodeQuadInitB(memory, which, &Calls::quadrature, objects.integral.get()) == 0;
    call.CVodeSetQuadErrConB(memory, which, 1);
    call.CVodeQuadSStolerancesB(memory, which, rtol,
                                options.adjoint_atol > 0 ? options.adjoint_atol : std::ranges::min(problem_.atols));
  }
  while (is_ok && output > 0) {
    double reached = times[--output];
    is_ok = call.CVodeB(memory, reached, sundials::kNormal) >= 0;
    if (!is_ok) break;
    call.CVodeGetB(memory, which, &reached, objects.lambda.get());
    if (num_arguments_ > 0) call.CVodeGetQuadB(memory, which, &reached, objects.integral.get());
    jump(output);
    while (output > 0 && times[output - 1] == times[output]) jump(--output);
    if (output == 0) break;
    is_ok = call.CVodeReInitB(memory, which, times[output], objects.lambda.get()) == 0;
    if (num_arguments_ > 0) is_ok = is_ok && call.CVodeQuadReInitB(memory, which, objects.integral.get()) == 0;
  }
  std::copy_n(lambda, size, gradients.z0.begin());
  for (std::vector<double>& argument : gradients.arguments) {
    std::copy_n(integral, argument.size(), argument.begin());
    integral += argument.size();
  }
  return is_ok;
}

}  // namespace costate::internal
