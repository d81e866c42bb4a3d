// SUNDIALS' CVODES, which methods 'bdf' and 'adams' are. Costate is built without it: its shared library is looked for
// when a solve first asks for one of them, and its C functions by their names. Version 6 or 7, with numbers in double,
// as libsundials-dev of Debian 12 and 13 brings it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>

namespace costate::internal::sundials {

// SUNDIALS' own are pointers, too. A realtype is double, a sunindextype 64 bits.
using Context = void*;
using Vector = void*;
using Matrix = void*;
using LinearSolver = void*;
using NonlinearSolver = void*;
using Memory = void*;
using Rhs = int (*)(double t, Vector y, Vector slope, void* data);
using Jacobian = int (*)(double t, Vector y, Vector slope, Matrix j, void* data, Vector, Vector, Vector);
using RhsB = int (*)(double t, Vector y, Vector lambda, Vector slope, void* data);
using JacobianB = int (*)(double t, Vector y, Vector lambda, Vector slope, Matrix j, void* data, Vector, Vector,
                          Vector);

inline constexpr int kAdams = 1, kBdf = 2, kNormal = 1, kOneStep = 2, kPolynomial = 2;
inline constexpr int kTooMuchWork = -1, kTooMuchAccuracy = -2, kErrorFailure = -3, kConvergenceFailure = -4,
                     kSetupFailure = -6, kConstraintFailure = -15, kIllInput = -22;

// COSTATE_CVODES(result, name, parameters)
#define COSTATE_CVODES_FUNCTIONS                                                   \
  COSTATE_CVODES(int, SUNContext_Create, (void*, Context*))                        \
  COSTATE_CVODES(int, SUNContext_Free, (Context*))                                 \
  COSTATE_CVODES(Vector, N_VNew_Serial, (std::int64_t, Context))                   \
  COSTATE_CVODES(void, N_VDestroy, (Vector))                                       \
  COSTATE_CVODES(double*, N_VGetArrayPointer, (Vector))                            \
  COSTATE_CVODES(Matrix, SUNDenseMatrix, (std::int64_t, std::int64_t, Context))    \
  COSTATE_CVODES(double*, SUNDenseMatrix_Data, (Matrix))                           \
  COSTATE_CVODES(void, SUNMatDestroy, (Matrix))                                    \
  COSTATE_CVODES(LinearSolver, SUNLinSol_Dense, (Vector, Matrix, Context))         \
  COSTATE_CVODES(int, SUNLinSolFree, (LinearSolver))                               \
  COSTATE_CVODES(NonlinearSolver, SUNNonlinSol_FixedPoint, (Vector, int, Context)) \
  COSTATE_CVODES(int, SUNNonlinSolFree, (NonlinearSolver))                         \
  COSTATE_CVODES(Memory, CVodeCreate, (int, Context))                              \
  COSTATE_CVODES(void, CVodeFree, (Memory*))                                       \
  COSTATE_CVODES(int, CVodeInit, (Memory, Rhs, double, Vector))                    \
  COSTATE_CVODES(int, CVodeReInit, (Memory, double, Vector))                       \
  COSTATE_CVODES(int, CVodeSVtolerances, (Memory, double, Vector))                 \
  COSTATE_CVODES(int, CVodeSetUserData, (Memory, void*))                           \
  COSTATE_CVODES(int, CVodeSetLinearSolver, (Memory, LinearSolver, Matrix))        \
  COSTATE_CVODES(int, CVodeSetJacFn, (Memory, Jacobian))                           \
  COSTATE_CVODES(int, CVodeSetNonlinearSolver, (Memory, NonlinearSolver))          \
  COSTATE_CVODES(int, CVodeSetMaxNumSteps, (Memory, long))                         \
  COSTATE_CVODES(int, CVodeSetStopTime, (Memory, double))                          \
  COSTATE_CVODES(int, CVodeSetInitStep, (Memory, double))                          \
  COSTATE_CVODES(int, CVodeSetMinStep, (Memory, double))                           \
  COSTATE_CVODES(int, CVodeSetMaxStep, (Memory, double))                           \
  COSTATE_CVODES(int, CVodeSetConstraints, (Memory, Vector))                       \
  COSTATE_CVODES(int, CVode, (Memory, double, Vector, double*, int))               \
  COSTATE_CVODES(int, CVodeGetDky, (Memory, double, int, Vector))                  \
  COSTATE_CVODES(int, CVodeGetNumSteps, (Memory, long*))                           \
  COSTATE_CVODES(int, CVodeGetNumErrTestFails, (Memory, long*))                    \
  COSTATE_CVODES(int, CVodeGetNumNonlinSolvConvFails, (Memory, long*))             \
  COSTATE_CVODES(int, CVodeGetCurrentStep, (Memory, double*))                      \
  COSTATE_CVODES(int, CVodeAdjInit, (Memory, long, int))                           \
  COSTATE_CVODES(int, CVodeF, (Memory, double, Vector, double*, int, int*))        \
  COSTATE_CVODES(int, CVodeCreateB, (Memory, int, int*))                           \
  COSTATE_CVODES(int, CVodeInitB, (Memory, int, RhsB, double, Vector))             \
  COSTATE_CVODES(int, CVodeReInitB, (Memory, int, double, Vector))                 \
  COSTATE_CVODES(int, CVodeSVtolerancesB, (Memory, int, double, Vector))           \
  COSTATE_CVODES(int, CVodeSetUserDataB, (Memory, int, void*))                     \
  COSTATE_CVODES(int, CVodeSetLinearSolverB, (Memory, int, LinearSolver, Matrix))  \
  COSTATE_CVODES(int, CVodeSetJacFnB, (Memory, int, JacobianB))                    \
  COSTATE_CVODES(int, CVodeSetNonlinearSolverB, (Memory, int, NonlinearSolver))    \
  COSTATE_CVODES(int, CVodeSetMaxNumStepsB, (Memory, int, long))                   \
  COSTATE_CVODES(int, CVodeQuadInitB, (Memory, int, RhsB, Vector))                 \
  COSTATE_CVODES(int, CVodeQuadReInitB, (Memory, int, Vector))                     \
  COSTATE_CVODES(int, CVodeSetQuadErrConB, (Memory, int, int))                     \
  COSTATE_CVODES(int, CVodeQuadSStolerancesB, (Memory, int, double, double))       \
  COSTATE_CVODES(int, CVodeB, (Memory, double, int))                               \
  COSTATE_CVODES(int, CVodeGetB, (Memory, int, double*, Vector))                   \
  COSTATE_CVODES(int, CVodeGetQuadB, (Memory, int, double*, Vector))

/// The functions by their own names.
struct Library {
#define COSTATE_CVODES(result, name, parameters) result(*name) parameters = nullptr;
  COSTATE_CVODES_FUNCTIONS
#undef COSTATE_CVODES
  /// What keeps it from writing to stderr, as a status says what was wrong: in version 6, and in version 7.
  int (*CVodeSetErrFile)(Memory, std::FILE*) = nullptr;
  int (*SUNContext_ClearErrHandlers)(Context) = nullptr;
  /// No communicator, for SUNContext_Create: version 7, if it was built with Open MPI, has MPI's own word for it, and
  /// would ask an MPI that nobody has started about any other.
  void* no_communicator = nullptr;
};

/// NotSupported, in one sentence, if the library is not there.
const Library& library();
/// The functions of the first shared library of these names that is there; NotSupported as above.
Library load_library(std::span<const char* const> names);

}  // namespace costate::internal::sundials
