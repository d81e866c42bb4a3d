// Continuous normalizing flows: z' = f(t, z) carries data at t = 0 to a standard normal at t = end, and
//
//     d log p(z(t)) / dt = -tr(df/dz)                            Chen et al. 2018, eq. 8
//     log p(x) = log N(z(end); 0, I) + int_0^end tr(df/dz) dt    Grathwohl et al. 2019, eq. 3
//
// with the trace exact, or estimated by eps^T (df/dz) eps with one eps for the whole solve (ibid., eq. 7). Beside it,
// what Finlay et al. 2020 add to the loss (eq. 9): the kinetic energy int |f|^2 dt and the Jacobian's squared norm
// int |eps^T df/dz|^2 dt.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "costate/solve/solve.h"

namespace costate {

enum class TraceEstimate {
  kExact,       // d products with unit vectors
  kHutchinson,  // one product with the noise
};

/// "exact", "hutchinson".
std::string name(TraceEstimate estimate);
/// InvalidArgument, with the nearest name, if there is none.
TraceEstimate trace_estimate_from_name(const std::string& name);

struct CnfOptions {
  std::int64_t dimension = 2;
  double end = 1;
  TraceEstimate trace = TraceEstimate::kExact;
  bool regularizers = false;  // solve for them too
  SolveOptions solve = {.rtol = 1e-5, .atol = 1e-5};
};

/// What a flow says of one sample.
struct FlowDensity {
  Array log_density;  // []
  Array base;         // [d]: where the flow takes it
  Array kinetic;      // []; empty, like the next, unless the options ask for regularizers
  Array jacobian;     // []: exact traces give the Frobenius norm itself
};

class Cnf {
 public:
  /// f(t, z) [d] -> [d], with whatever Parameters it uses. InvalidArgument for options out of range.
  Cnf(const std::function<Array(Array t, Array z)>& field, const CnfOptions& options);

  /// Inside a trace, at x [d]; `noise` [d] has mean 0 and variance 1 an element (the exact trace ignores it).
  FlowDensity density(const Array& x, const Array& noise) const;
  /// Inside a trace: the sample [d] that base noise [d] becomes, the flow backwards.
  Array sample(const Array& base) const;
  /// The path of base noise [d] to data, at `times` [n] that descend from `end` to 0: [n, d].
  Array path(const Array& base, const Array& times) const;
  const CnfOptions& options() const { return options_; }

 private:
  CnfOptions options_;
  VectorField flow_, augmented_;
};

/// log N(z; 0, I) of z [d].
Array log_normal(const Array& z);

}  // namespace costate
