// Any traced function as C99: one header of straight-line loops over named arrays, for one sample.
#pragma once

#include <string>

#include "costate/array/shape.h"
#include "costate/graph/graph.h"

namespace costate {

/// Where exp, tanh and their like come from: the C library, or functions in the source itself, which are the library's
/// own formulas.
enum class CMath { kLibm, kBuiltin };

/// "libm", "builtin". The way back throws InvalidArgument, with the nearest name, if there is none.
std::string name(CMath math);
CMath c_math_from_name(const std::string& name);

struct CExportOptions {
  std::string prefix = "model";  // of every name
  Dtype dtype = Dtype::kF64;
  CMath math = CMath::kLibm;
};

/// A header with `static inline void PREFIX_NAME(const T* input, …, T* output, …)`, NAME being `function_name`: the
/// inputs of the function that are no Parameters, in order, and its outputs. Parameters are constants with the values
/// that they have now; an output that is summed over a batch (a gradient) is the one sample's. Derivatives are
/// functions, so that vjp(f) and value_and_grad(f) are exported like any other.
///
/// The source needs no memory but its stack, keeps no state and calls nothing but math.h, and with CMath::kBuiltin not
/// even that. It does the library's arithmetic in the library's order: where multiply-adds are fused (x86-64 with
/// -mfma, Arm) and contraction is off (-std=c99, or -ffp-contract=off), kBuiltin gives the bits of
/// compile(function, {.dtype}).run().
///
/// Throws: InvalidArgument for a prefix or a name that is no C identifier; NotSupported, naming it, for an operation
/// that has no C source: convolutions, extensions but interpolate, and with kBuiltin tan, asin, acos, atan, atan2,
/// sinh, cosh, pow, mod, in f64 erf, and constants that are not finite.
std::string export_c(const Function& function, const CExportOptions& options = {},
                     const std::string& function_name = "function");

}  // namespace costate
