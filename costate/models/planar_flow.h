// Planar flows, in steps and in continuous time.
//
//     z_k+1 = z_k + u h(w . z_k + b), h = tanh                     Rezende and Mohamed 2015, eq. 10
//     log |det dz_k+1/dz_k| = log |1 + u . w h'(w . z_k + b)|      ibid., eq. 12
//     z' = sum_n sigma_n(t) u_n(t) tanh(w_n(t) . z + b_n(t))       Chen et al. 2018, sec. 4
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "costate/nn/mlp.h"

namespace costate {

struct PlanarOptions {
  std::int64_t dimension = 2;
  std::int64_t count = 8;  // layers of the flow in steps, units of the one in continuous time
  std::uint64_t seed = 0;
};

class PlanarFlow {
 public:
  /// InvalidArgument unless dimension and count are at least 1.
  explicit PlanarFlow(const PlanarOptions& options);

  /// z [d] after all layers, and log |det dz_K/dz_0| []. Each u is moved so that its layer is invertible (ibid.,
  /// appendix A.1): u + (m(w . u) - w . u) w / |w|^2 with m(a) = -1 + log(1 + e^a).
  std::pair<Array, Array> operator()(Array z) const;
  /// The z [d] that the flow takes to `end` [d]: layer by layer, w . z by bisection, to 1e-11 of |w . u|.
  Array inverse(Array end) const;
  const PlanarOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  struct Layer {
    Array w, u, b;  // u as it was moved
  };
  Layer layer(std::int64_t k) const;

  PlanarOptions options_;
  std::vector<Parameter> parameters_;  // w [K, d], u [K, d], b [K]
};

/// The field of the continuous planar flow: w, u, b and the gate sigma come from a hypernetwork of t (1-32-32-…).
class PlanarField {
 public:
  /// InvalidArgument unless dimension and count are at least 1.
  explicit PlanarField(const PlanarOptions& options);

  /// z' [d] at t [] and z [d].
  Array operator()(const Array& t, const Array& z) const;
  const PlanarOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return hypernet_.parameters(); }

 private:
  PlanarOptions options_;
  Mlp hypernet_;
};

}  // namespace costate
