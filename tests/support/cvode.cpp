// Owns the CVODES objects of one solve and copies the numbers out; see cvode.h for the contract.
#include "tests/support/cvode.h"

#include <cvodes/cvodes.h>
#include <nvector/nvector_serial.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace costate::test {
namespace {

using Vector = std::vector<double>;

// SUNDIALS 7 takes a communicator, whose null need not be 0; SUNDIALS 6 took a pointer to one.
#ifdef SUN_COMM_NULL
const SUNComm kNoCommunicator = SUN_COMM_NULL;
#else
constexpr std::nullptr_t kNoCommunicator = nullptr;
#endif

void check(int flag, const char* call) {
  if (flag < 0) throw std::runtime_error(std::string("[cvode] ") + call + " returned " + std::to_string(flag) + ".");
}

std::span<double> view(N_Vector vector) {
  return {N_VGetArrayPointer(vector), static_cast<std::size_t>(N_VGetLength(vector))};
}

class CvodeRun {
 public:
  CvodeRun(const CvodeField& field, std::span<const double> y0, std::span<const double> parameters, double t0,
           const CvodeOptions& options)
      : field_(field), parameters_(parameters), size_(y0.size()) {
    check(SUNContext_Create(kNoCommunicator, &context_), "SUNContext_Create");
    y_ = N_VNew_Serial(static_cast<sunindextype>(y0.size()), context_);
    std::copy(y0.begin(), y0.end(), view(y_).begin());
    memory_ = CVodeCreate(CV_ADAMS, context_);
    check(CVodeInit(memory_, &CvodeRun::rhs, t0, y_), "CVodeInit");
    check(CVodeSStolerances(memory_, options.rtol, options.atol), "CVodeSStolerances");
    check(CVodeSetUserData(memory_, this), "CVodeSetUserData");
    check(CVodeSetMaxNumSteps(memory_, 10'000'000), "CVodeSetMaxNumSteps");
    solver_ = SUNNonlinSol_FixedPoint(y_, 0, context_);
    check(CVodeSetNonlinearSolver(memory_, solver_), "CVodeSetNonlinearSolver");
  }

  CvodeRun(const CvodeRun&) = delete;
  CvodeRun& operator=(const CvodeRun&) = delete;

  ~CvodeRun() {
    CVodeFree(&memory_);
    if (sensitivity_solver_ != nullptr) SUNNonlinSolFree(sensitivity_solver_);
    SUNNonlinSolFree(solver_);
    if (sensitivities_ != nullptr) N_VDestroyVectorArray(sensitivities_, num_directions());
    N_VDestroy(y_);
    SUNContext_Free(&context_);
  }

  /// Directions 0 .. p - 1 are the parameters, p .. p + n - 1 the elements of y0.
  void add_sensitivities(const CvodeOptions& options) {
    sensitivities_ = N_VCloneVectorArray(num_directions(), y_);
    for (std::size_t i = 0; i < parameters_.size() + size_; ++i) {
      std::ranges::fill(view(sensitivities_[i]), 0.0);
      if (i >= parameters_.size()) view(sensitivities_[i])[i - parameters_.size()] = 1;
    }
    check(CVodeSensInit1(memory_, num_directions(), CV_STAGGERED, &CvodeRun::sensitivity_rhs, sensitivities_),
          "CVodeSensInit1");
    Vector atol(parameters_.size() + size_, options.atol);
    check(CVodeSensSStolerances(memory_, options.rtol, atol.data()), "CVodeSensSStolerances");
    check(CVodeSetSensErrCon(memory_, SUNTRUE), "CVodeSetSensErrCon");
    sensitivity_solver_ = SUNNonlinSol_FixedPointSens(num_directions(), y_, 0, context_);
    check(CVodeSetNonlinearSolverSensStg(memory_, sensitivity_solver_), "CVodeSetNonlinearSolverSensStg");
  }

  void record(CvodeSolution& solution) const {
    solution.states.emplace_back(view(y_).begin(), view(y_).end());
    if (sensitivities_ == nullptr) return;
    auto& by_p = solution.by_p.emplace_back();
    auto& by_y0 = solution.by_y0.emplace_back();
    for (std::size_t i = 0; i < parameters_.size() + size_; ++i) {
      auto& target = i < parameters_.size() ? by_p : by_y0;
      target.emplace_back(view(sensitivities_[i]).begin(), view(sensitivities_[i]).end());
    }
  }

  CvodeSolution run(std::span<const double> times) {
    CvodeSolution solution;
    record(solution);
    for (double t_out : times.subspan(1)) {
      double reached = 0;
      check(CVode(memory_, t_out, y_, &reached, CV_NORMAL), "CVode");
      if (sensitivities_ != nullptr) check(CVodeGetSens(memory_, &reached, sensitivities_), "CVodeGetSens");
      record(solution);
    }
    return solution;
  }

 private:
  int num_directions() const { return static_cast<int>(parameters_.size() + size_); }

  static int rhs(double t, N_Vector y, N_Vector dy, void* self) {
    const auto& run = *static_cast<const CvodeRun*>(self);
    run.field_.rhs(t, view(y), run.parameters_, view(dy));
    return 0;
  }

  static int sensitivity_rhs(int, double t, N_Vector y, N_Vector, int direction, N_Vector y_dot, N_Vector out,
                             void* self, N_Vector, N_Vector) {
    const auto& run = *static_cast<const CvodeRun*>(self);
    Vector p_dot(run.parameters_.size());
    const auto index = static_cast<std::size_t>(direction);
    if (index < p_dot.size()) p_dot[index] = 1;
    run.field_.jvp(t, view(y), run.parameters_, view(y_dot), p_dot, view(out));
    return 0;
  }

  const CvodeField& field_;
  std::span<const double> parameters_;
  std::size_t size_;
  SUNContext context_ = nullptr;
  N_Vector y_ = nullptr;
  N_Vector* sensitivities_ = nullptr;
  void* memory_ = nullptr;
  SUNNonlinearSolver solver_ = nullptr;
  SUNNonlinearSolver sensitivity_solver_ = nullptr;
};

}  // namespace

CvodeSolution cvode_solve(const CvodeField& field, std::span<const double> y0, std::span<const double> parameters,
                          std::span<const double> times, const CvodeOptions& options) {
  return CvodeRun(field, y0, parameters, times[0], options).run(times);
}

CvodeSolution cvode_sensitivities(const CvodeField& field, std::span<const double> y0,
                                  std::span<const double> parameters, std::span<const double> times,
                                  const CvodeOptions& options) {
  CvodeRun run(field, y0, parameters, times[0], options);
  run.add_sensitivities(options);
  return run.run(times);
}

}  // namespace costate::test
