// CVODE's side of the same systems, one after the other: BDF, dense, right-hand side and Jacobian in C. Objects are
// made once. Prints and writes what costate_side.cpp does.
//
// usage: stiff_cvode_side NUMBER RTOL SECONDS FILE
#include <cvodes/cvodes.h>
#include <nvector/nvector_serial.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "bench/side.h"
#include "bench/stiff/rates.h"

namespace {

int rhs(sunrealtype, N_Vector state, N_Vector slope, void* data) {
  const double *k = static_cast<const double*>(data), *y = N_VGetArrayPointer(state);
  double* f = N_VGetArrayPointer(slope);
  const double a = k[0] * y[0], b = k[1] * y[1] * y[2], c = k[2] * y[1] * y[1];
  f[0] = b - a;
  f[1] = a - b - c;
  f[2] = c;
  return 0;
}

int jacobian(sunrealtype, N_Vector state, N_Vector, SUNMatrix matrix, void* data, N_Vector, N_Vector, N_Vector) {
  const double *k = static_cast<const double*>(data), *y = N_VGetArrayPointer(state);
  double* j = SUNDenseMatrix_Data(matrix);  // by columns
  j[0] = -k[0];
  j[1] = k[0];
  j[2] = 0;
  j[3] = k[1] * y[2];
  j[4] = -k[1] * y[2] - 2 * k[2] * y[1];
  j[5] = 2 * k[2] * y[1];
  j[6] = k[1] * y[1];
  j[7] = -k[1] * y[1];
  j[8] = 0;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given = bench::arguments(argc, argv, "NUMBER RTOL SECONDS FILE");
  const std::int64_t number = std::stoll(given[0]);
  const double rtol = std::stod(given[1]), seconds = std::stod(given[2]);
  SUNContext context = nullptr;
#ifdef SUN_COMM_NULL
  SUNContext_Create(SUN_COMM_NULL, &context);
#else
  SUNContext_Create(nullptr, &context);
#endif
  N_Vector y = N_VNew_Serial(3, context), tolerances = N_VNew_Serial(3, context);
  double* state = N_VGetArrayPointer(y);
  const double atols[] = {1e-4 * rtol, 1e-8 * rtol, 1e-4 * rtol};
  for (int k = 0; k < 3; ++k) N_VGetArrayPointer(tolerances)[k] = atols[k];
  const auto start = [&] {
    state[0] = 1;
    state[1] = state[2] = 0;
  };
  start();
  double rates[3];
  void* memory = CVodeCreate(CV_BDF, context);
  SUNMatrix matrix = SUNDenseMatrix(3, 3, context);
  SUNLinearSolver solver = SUNLinSol_Dense(y, matrix, context);
  bool is_ok = CVodeInit(memory, rhs, 0, y) == 0 && CVodeSVtolerances(memory, rtol, tolerances) == 0 &&
               CVodeSetUserData(memory, rates) == 0 && CVodeSetLinearSolver(memory, solver, matrix) == 0 &&
               CVodeSetJacFn(memory, jacobian) == 0 && CVodeSetMaxNumSteps(memory, 1'000'000) == 0 &&
               CVodeSetStopTime(memory, 1e4) == 0;
  std::vector<double> ends(static_cast<std::size_t>(3 * number));
  long steps = 0;
  std::printf("{");
  bench::print_times("ms", seconds, [&] {
    steps = 0;
    for (std::int64_t i = 0; i < number; ++i) {
      for (std::int64_t j = 0; j < 3; ++j) rates[j] = bench::robertson_rate(i, j);
      start();
      double reached = 0;
      is_ok = is_ok && CVodeReInit(memory, 0, y) == 0 && CVodeSetStopTime(memory, 1e4) == 0 &&
              CVode(memory, 1e4, y, &reached, CV_NORMAL) >= 0;
      long taken = 0;
      CVodeGetNumSteps(memory, &taken);
      steps += taken;
      for (std::size_t k = 0; k < 3; ++k) ends[3 * static_cast<std::size_t>(i) + k] = state[k];
    }
  });
  std::printf(", \"steps\": %.5g}\n", static_cast<double>(steps) / static_cast<double>(number));
  std::ofstream(given[3], std::ios::binary)
      .write(reinterpret_cast<const char*>(ends.data()), static_cast<std::streamsize>(ends.size() * sizeof(double)));
  return is_ok ? 0 : 1;
}
