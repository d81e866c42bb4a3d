// Makes the table of methods from methods.def and the coefficients in internal/, and evaluates dense-output weights.
#include "costate/solve/methods/tableau.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/solve/methods/implicit.h"
#include "costate/solve/methods/internal/complete.h"
#include "costate/solve/methods/internal/dense_polynomial.h"
#include "costate/solve/methods/internal/dop853.h"
#include "costate/solve/methods/internal/dopri5.h"
#include "costate/solve/methods/internal/dopri8.h"
#include "costate/solve/methods/internal/low_order.h"
#include "costate/solve/methods/internal/tsit5.h"
#include "costate/solve/methods/internal/vern7.h"
#include "costate/solve/methods/internal/vern9.h"

namespace costate {
namespace {

/// Methods of SciPy's solve_ivp, and the one to take here; the last three are for stiff systems.
constexpr std::pair<std::string_view, std::string_view> kNamesOfScipy[] = {{"RK45", "dopri5"},   {"RK23", "bosh3"},
                                                                           {"DOP853", "dop853"}, {"Radau", "radau5"},
                                                                           {"BDF", "bdf"},       {"LSODA", "auto"}};

/// The columns of methods.def.
struct MethodRow {
  std::string_view name;
  int order;
  int embedded_order;
  int dense_order;
  std::string_view description;
  std::string_view source;
};

constexpr double error_constant_of(std::span<const double> e, std::span<const double> c, int power) {
  double sum = 0, factorial = 1;
  for (std::size_t i = 0; i < e.size(); ++i) {
    double term = e[i];
    for (int p = 0; p < power; ++p) term *= c[i];
    sum += term;
  }
  for (int p = 2; p <= power; ++p) factorial *= p;
  return (sum < 0 ? -sum : sum) / factorial;
}

/// Of two companions: for h -> 0 the root of companion_square() is 10 |err|^2 / |err_low|.
template <class Data>
constexpr double error_constant_of(int order, int low_order) {
  const double constant = error_constant_of(Data::e, Data::c, order);
  if (low_order == 0) return constant;
  return 10 * constant * constant / error_constant_of(Data::e_low, Data::c, low_order);
}

template <class Published>
constexpr Tableau make_tableau(const MethodRow& row) {
  using Exact = internal::Complete<Published>;
  using Data = internal::Rounded<Published>;
  static_assert(Exact::kAllStages <= kMaxStages && Exact::dense_degree() <= kMaxDenseDegree);
  return {.name = row.name,
          .description = row.description,
          .source = row.source,
          .family = MethodFamily::kExplicit,
          .order = row.order,
          .embedded_order = row.embedded_order,
          .low_order = Exact::low_order(),
          .dense_order = row.dense_order,
          .num_stages = static_cast<int>(Exact::kStages),
          .num_extra_stages = static_cast<int>(Exact::num_extra()),
          .dense_degree = static_cast<int>(Exact::dense_degree()),
          .error_constant = error_constant_of<Data>(row.embedded_order, Exact::low_order()),
          .c = Data::c,
          .a = Data::a,
          .b = Data::b,
          .e = Data::e,
          .e_low = Data::e_low,
          .dense = Data::dense};
}

constexpr Tableau kTableaus[] = {
#define COSTATE_METHOD(name, spelling, order, embedded_order, dense_order, description, source) \
  make_tableau<internal::coefficients::name>({#spelling, order, embedded_order, dense_order, description, source}),
#include "costate/solve/methods/methods.def"
};

constexpr Method kMethods[] = {
#define COSTATE_METHOD(name, spelling, order, embedded_order, dense_order, description, source) Method::k##name,
#define COSTATE_IMPLICIT_METHOD COSTATE_METHOD
#define COSTATE_GRID_METHOD(family, ...) COSTATE_METHOD(__VA_ARGS__)
#define COSTATE_MULTISTEP_METHOD COSTATE_METHOD
#include "costate/solve/methods/methods.def"
};
constexpr Method kImplicitMethods[] = {
#define COSTATE_IMPLICIT_METHOD(name, spelling, order, embedded_order, dense_order, description, source) \
  Method::k##name,
#define COSTATE_SWITCHING_METHOD(...)
#include "costate/solve/methods/methods.def"
};
constexpr MethodFamily kGridFamilies[] = {
#define COSTATE_GRID_METHOD(family, ...) MethodFamily::k##family,
#include "costate/solve/methods/methods.def"
};
constexpr std::size_t kNumExplicit = std::size(kTableaus), kNumOnGrid = std::size(kGridFamilies),
                      kNumOneStep = static_cast<std::size_t>(Method::kBdf);

/// Of a method that steps by a Function.
Tableau row_without_stages(MethodFamily family, double error_constant, const MethodRow& row) {
  static constexpr double kNodes[] = {0, 1}, kLower[] = {1}, kFirst[] = {1, 0}, kNone[] = {0, 0};
  return {.name = row.name,
          .description = row.description,
          .source = row.source,
          .family = family,
          .order = row.order,
          .embedded_order = row.embedded_order,
          .low_order = 0,
          .dense_order = row.dense_order,
          .num_stages = 2,
          .num_extra_stages = 0,
          .dense_degree = 1,
          .error_constant = error_constant,
          .c = kNodes,
          .a = kLower,
          .b = kFirst,
          .e = {},
          .e_low = {},
          .dense = kNone};
}

/// In the order of methods.def.
const std::vector<Tableau>& rows_without_stages() {
  static const std::vector<Tableau> rows = {
#define COSTATE_IMPLICIT_METHOD(name, spelling, order, embedded_order, dense_order, description, source)    \
  row_without_stages(MethodFamily::kImplicit, implicit_error_constant(Method::k##name, embedded_order + 1), \
                     {#spelling, order, embedded_order, dense_order, description, source}),
#define COSTATE_SWITCHING_METHOD(name, spelling, order, embedded_order, dense_order, description, source) \
  row_without_stages(MethodFamily::kImplicit, tableau(kAutoExplicit).error_constant,                      \
                     {#spelling, order, embedded_order, dense_order, description, source}),
#define COSTATE_GRID_METHOD(family, name, spelling, order, embedded_order, dense_order, description, source) \
  row_without_stages(MethodFamily::k##family, 0, {#spelling, order, embedded_order, dense_order, description, source}),
#define COSTATE_MULTISTEP_METHOD(name, spelling, order, embedded_order, dense_order, description, source) \
  row_without_stages(MethodFamily::kMultistep, 0, {#spelling, order, embedded_order, dense_order, description, source}),
#include "costate/solve/methods/methods.def"
  };
  return rows;
}

}  // namespace

const Tableau& tableau(Method method) {
  const auto index = static_cast<std::size_t>(method);
  return index < kNumExplicit ? kTableaus[index] : rows_without_stages()[index - kNumExplicit];
}

std::string_view name(Method method) { return tableau(method).name; }

std::span<const Method> one_step_methods() { return std::span(kMethods).first(kNumOneStep); }
std::span<const Method> explicit_methods() { return std::span(kMethods).first(kNumExplicit); }
std::span<const Method> implicit_methods() { return kImplicitMethods; }
std::span<const Method> grid_methods() { return one_step_methods().last(kNumOnGrid); }
std::span<const Method> multistep_methods() { return std::span(kMethods).subspan(kNumOneStep); }

Method method_from_name(std::string_view wanted) {
  std::vector<std::string> known;
  for (Method method : kMethods) {
    if (name(method) == wanted) return method;
    known.emplace_back(name(method));
  }
  for (const auto& [of_scipy, ours] : kNamesOfScipy)
    if (wanted == of_scipy && std::ranges::find(known, ours) != known.end())
      throw InvalidArgument("[solve] unknown method '", wanted, "'; what SciPy's ", of_scipy, " is for, '", ours,
                            "' does here.");
  throw InvalidArgument("[solve] ", text::unknown_name("method", wanted, known));
}

void dense_weights(const Tableau& tableau, double theta, std::span<double> out) {
  for (int i = 0; i < tableau.num_all_stages(); ++i)
    out[static_cast<std::size_t>(i)] = internal::dense_weight(tableau.dense_row(i), theta);
}

void dense_weight_slopes(const Tableau& tableau, double theta, std::span<double> out) {
  for (int i = 0; i < tableau.num_all_stages(); ++i)
    out[static_cast<std::size_t>(i)] = internal::dense_weight_slope(tableau.dense_row(i), theta);
}

}  // namespace costate
