// Explicit Runge-Kutta methods as data. The rows are in methods.def, the numbers in internal/; no solver code names a
// method.
//
// One step of size h from (t, y0), stages i = 0 .. num_stages - 1 in this order:
//
//     k_i = f(t + c_i h,  y0 + h sum_{j<i} a_ij k_j)
//     y1  = y0 + h sum_i b_i k_i
//     err =      h sum_i e_i k_i          (if the method has an embedded companion)
//
// A method may have a second companion, of an order so low that it says how fast errors fall with h (dop853). With the
// norms |.| of both estimates, control goes by |err|^2 / sqrt(|err|^2 + 0.01 |err_low|^2), which falls as a higher
// power of h than |err| (companion_square).
//
// Every method has the same form: the last stage is the closing stage k_last = f(t + h, y1). Its row of `a` is `b`, so
// b.back() is 0 and y1 is also that stage's argument. bosh3, dopri5 and tsit5 come like this; to the others it is
// appended. It is carried over as the next step's k_0, so it costs nothing extra, and it gives every method dense
// output with the right slope at both ends:
//
//     y(t + theta h) = y0 + h sum_i b_i(theta) k_i,   b_i(theta) = sum_{p=1..dense_degree} dense[i][p-1] theta^p
//
// over all num_stages + num_extra_stages stages. Extra stages serve dense output alone: evaluate them only in a step
// that contains an output time.
//
// A method of another family has a row here for its name, its orders and its error constant. Its stages are two slopes,
// at the start and at the end of the trial step by which the first step is chosen.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

namespace costate {

/// The methods by name: kEuler, kDopri5, … (methods.def).
enum class Method {
#define COSTATE_METHOD(name, spelling, order, embedded_order, dense_order, description, source) k##name,
#define COSTATE_IMPLICIT_METHOD COSTATE_METHOD
#define COSTATE_GRID_METHOD(family, ...) COSTATE_METHOD(__VA_ARGS__)
#define COSTATE_MULTISTEP_METHOD COSTATE_METHOD
#include "costate/solve/methods/methods.def"
};

/// What a step of a method is made of: stages (kExplicit, this file; kImplicit, implicit.h), or what methods.def says
/// of those that step on a grid alone; or it is CVODE's (kMultistep).
enum class MethodFamily { kExplicit, kImplicit, kPartitioned, kReversible, kAdams, kMultistep };

/// No method has more stages, extra ones included, or a dense output of higher degree: for buffers of fixed size.
inline constexpr int kMaxStages = 26;
inline constexpr int kMaxDenseDegree = 9;

/// One method. Spans point to constants of the program.
struct Tableau {
  std::string_view name;
  std::string_view description;
  std::string_view source;
  MethodFamily family;
  int order;             ///< of y1
  int embedded_order;    ///< of the error estimate's companion; 0 if there is none
  int low_order;         ///< of the second companion; 0 if there is none
  int dense_order;       ///< of y(t + theta h): local error O(h^(dense_order + 1))
  int num_stages;        ///< with the closing stage
  int num_extra_stages;  ///< for dense output only
  int dense_degree;
  /// |sum_i e_i c_i^(k-1)| / (k-1)! with k = embedded_order + 1: a step of size h in which the slope has the derivative
  /// y^(k) makes an error estimate of about this times h^k |y^(k)|. With two companions it is what
  /// companion_square() makes of both, for derivatives that grow by one factor from each to the next.
  double error_constant;
  std::span<const double> c;      ///< [num_stages + num_extra_stages]
  std::span<const double> a;      ///< rows 1, 2, … of the strictly lower triangle, packed; extra stages included
  std::span<const double> b;      ///< [num_stages], b.back() == 0
  std::span<const double> e;      ///< [num_stages], b - bhat; empty without an embedded companion
  std::span<const double> e_low;  ///< the same of the second companion
  std::span<const double> dense;  ///< [num_stages + num_extra_stages, dense_degree], row-major

  /// It may take implicit steps.
  bool is_implicit() const { return family == MethodFamily::kImplicit || family == MethodFamily::kMultistep; }
  /// It steps by a Function of the whole step (solve/internal/step_function.h), and not stage by stage.
  bool steps_by_function() const { return family != MethodFamily::kExplicit; }
  /// It steps on a grid of fixed steps alone.
  bool is_on_grid() const { return steps_by_function() && !is_implicit(); }
  /// Its steps can be taken back: Adjoint::kReversible.
  bool is_reversible() const { return family == MethodFamily::kPartitioned || family == MethodFamily::kReversible; }
  int num_all_stages() const { return num_stages + num_extra_stages; }
  bool has_error_estimate() const { return embedded_order > 0; }
  /// The error estimate reads k_last, so that it is needed before the step is accepted (dopri5, tsit5, bosh3).
  bool error_needs_closing_stage() const { return !e.empty() && e.back() != 0; }
  bool has_second_companion() const { return !e_low.empty(); }
  /// The error that control goes by is O(h^error_order): the exponent of step-size control is 1 / error_order.
  int error_order() const {
    return has_second_companion() ? 2 * (embedded_order + 1) - (low_order + 1) : embedded_order + 1;
  }
  /// a_i0 .. a_i,i-1.
  std::span<const double> a_row(int i) const {
    const auto stage = static_cast<std::size_t>(i);
    return stage == 0 ? a.first(0) : a.subspan(stage * (stage - 1) / 2, stage);
  }
  std::span<const double> dense_row(int i) const {
    const auto degree = static_cast<std::size_t>(dense_degree);
    return dense.subspan(static_cast<std::size_t>(i) * degree, degree);
  }
};

const Tableau& tableau(Method method);

/// Of the second companion's estimate in the error that control goes by.
inline constexpr double kSecondCompanionShare = 0.01;

/// The square of the error that control goes by, of the squares of two companions' estimates: that of Hairer's DOP853,
/// err^4 / (err^2 + 0.01 err_low^2). It is not finite if one of them is not.
inline double companion_square(double square, double square_low) {
  if (!std::isfinite(square_low)) return square_low;
  return square == 0 ? 0 : square / (1 + kSecondCompanionShare * (square_low / square));
}

/// "dopri5": the spelling in C++, on the command line, in Python and in files.
std::string_view name(Method method);

/// Of CVODE's: bdf and adams.
constexpr bool is_multistep(Method method) { return method == Method::kBdf || method == Method::kAdams; }

/// The method of that name. InvalidArgument, with the nearest name and the list, if there is none.
Method method_from_name(std::string_view name);

/// In the order of methods.def, the explicit ones first, those on a grid alone last.
std::span<const Method> one_step_methods();
std::span<const Method> explicit_methods();
/// Without "auto", which takes steps of both kinds.
std::span<const Method> implicit_methods();
std::span<const Method> grid_methods();
/// CVODE's.
std::span<const Method> multistep_methods();

/// out[i] = b_i(theta). theta = 0 gives zeros and theta = 1 gives b, to rounding.
/// `out` has num_all_stages() elements. Horner's rule in theta, each step one fma.
void dense_weights(const Tableau& tableau, double theta, std::span<double> out);

/// out[i] = d b_i / d theta: y'(t + theta h) = sum_i out[i] k_i.
void dense_weight_slopes(const Tableau& tableau, double theta, std::span<double> out);

}  // namespace costate
