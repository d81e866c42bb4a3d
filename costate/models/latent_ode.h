// The latent ODE of a time series with irregular observations x_i at times t_1 < … < t_N, for one sample (Chen et al.
// 2018, section 5.1, eq. 11 to 13, figure 6; Rubanova et al. 2019, sections 3.1 and 3.2), and the recurrent net that it
// is held against.
//
//   recognition   q(z_1 | x, t) = N(mean, exp(log_variance)), both read from a recurrent net run from t_N back to t_1
//   start         z_1 = mean + exp(log_variance / 2) noise            noise ~ N(0, I), an input of the program
//   dynamics      z_1, …, z_N = ODESolve(z_1, f, t_1, …, t_N)         f does not depend on t
//   observation   x_i ~ N(decoder(z_i), sd^2)
//   loss          -ELBO = -sum_i log p(x_i | z_i) + KL(q || N(0, I))
//   continuity    + weight sum_h |z_h - mean of q(z_h | half h of the observations)|^2
//
// The last term, off by default, is the idea of Iakovlev et al. 2023 ("Latent neural ODEs with sparse Bayesian multiple
// shooting") with two windows: the states z_h that each half of the observations gives on its own, at its first time,
// must lie on the path from z_1. The ELBO says nothing of states behind t_N; so bound, they go on as paths that begin
// there do.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "costate/nn/mlp.h"
#include "costate/nn/recurrent.h"
#include "costate/solve/solve.h"

namespace costate {

enum class Encoder {
  kRnn,     // h = RnnCell([x_i, t_{i+1} - t_i], h)
  kOdeRnn,  // h' = ODESolve(g, h, t_{i+1}, t_i), h = GruCell(x_i, h')   (Rubanova et al., algorithm 1)
};

/// "rnn", "ode_rnn".
std::string name(Encoder encoder);
/// InvalidArgument, with the nearest name, if there is none.
Encoder encoder_from_name(const std::string& name);

struct LatentOdeOptions {
  std::int64_t observed = 1;  // numbers of an observation
  std::int64_t latent = 4;
  Encoder encoder = Encoder::kRnn;
  std::int64_t encoder_units = 25;
  std::vector<std::int64_t> encoder_field_hidden = {20};  // of g
  int gap_steps = 1;                                      // Euler steps of g from one observation to the next
  std::vector<std::int64_t> field_hidden = {20};          // of f
  std::vector<std::int64_t> decoder_hidden = {20};
  double continuity = 0;  // weight of that term
  SolveOptions solve = {.rtol = 1e-3, .atol = 1e-4};
  std::uint64_t seed = 0;
  std::string name = "latent_ode";
};

/// A normal distribution with independent components.
struct DiagonalNormal {
  Array mean, log_variance;  // of one shape

  /// mean + exp(log_variance / 2) noise.
  Array sample(const Array& noise) const;
};

/// KL(q || N(0, I)) = sum (mean^2 + variance - 1 - log variance) / 2 (Kingma and Welling 2014, appendix B).
Array kl_to_standard_normal(const DiagonalNormal& q);

/// -sum log N(x; mean, sd^2) over all elements. InvalidArgument unless sd > 0.
Array gaussian_negative_log_likelihood(const Array& mean, const Array& x, double sd);

/// Irregular observations x [time, observed] at times [time], which ascend strictly.
struct Observations {
  Array times, x;
};

class LatentOde {
 public:
  /// InvalidArgument for sizes or gap steps below 1, or a continuity that is negative or not finite.
  explicit LatentOde(const LatentOdeOptions& options);

  /// q(z_1 | x): mean and log variance [latent] of the latent state at the first observation.
  DiagonalNormal encode(const Observations& seen) const;
  /// The latent states [time, latent] at times [time] from z at times[0]. The times ascend or, for the past, descend.
  Array latent_path(const Array& z, const Array& times) const;
  /// The expected observations [time, observed] of latent states [time, latent].
  Array decode(const Array& path) const;
  /// The expected observations [time, observed] at times [time] from z at times[0]: behind the last observation, or
  /// before the first if the times descend.
  Array predict(const Array& z, const Array& times) const { return decode(latent_path(z, times)); }
  /// The -ELBO, by one sample of z_1, and the continuity term: noise [latent] ~ N(0, I). `sd` is that of an
  /// observation.
  Array loss(const Observations& seen, const Array& noise, double sd) const;

  const LatentOdeOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  using Cell = std::variant<RnnCell, GruCell>;

  /// h carried over a gap of time by ODESolve(g, h, …): unrolled, as one solve for each gap takes four times as long.
  Array carry(Array h, const Array& gap) const;

  LatentOdeOptions options_;
  Cell cell_;
  Mlp encoder_field_;  // g
  Mlp posterior_;      // h -> [mean, log variance]
  Mlp field_, decoder_;
  std::vector<Parameter> parameters_;
};

struct GapRnnOptions {
  std::int64_t observed = 1;
  std::int64_t units = 25;
  std::uint64_t seed = 0;
  std::string name = "gap_rnn";
};

/// The baseline of Chen et al. 2018, section 5.1: a recurrent net that is told the time to the next observation,
///
///   h_i = RnnCell([x_i, t_{i+1} - t_i], h_{i-1})     x_{i+1} ~ N(W h_i + b, sd^2)
class GapRnn {
 public:
  explicit GapRnn(const GapRnnOptions& options);

  /// -sum log p(x_{i+1} | x_1, …, x_i) over all but the first observation. InvalidArgument if there is no second one.
  Array negative_log_likelihood(const Observations& seen, double sd) const;
  /// The expected observations [time, observed] at times [time] behind the last one seen, each from the one before it.
  Array forecast(const Observations& seen, const Array& times) const;

  const GapRnnOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  Array start() const;

  GapRnnOptions options_;
  RnnCell cell_;
  Linear next_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
