// Stochastic differential equations: dz = f(t, z, …) dt + g(t, z, …) dW by fixed steps, on paths of the Brownian motion
// W that depend on (seed, stream, sample, channel) and the time alone.
//
// A step is a field of the graph: solve() takes it by Euler's rule, so that batches, lanes, threads, f32, gradients
// with their memory budget, and derivatives of any order are those of solve.h, exact for the steps that were taken.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/solve/solve.h"

namespace costate {

/// How a step is taken. All but the last converge to Ito's solution; kHeunStratonovich to Stratonovich's.
///
///   euler_maruyama      z1 = z + f h + g dW. Strong order 1/2, 1 where g does not read z; weak order 1.
///   milstein            and g g' (dW^2 - h) / 2. Strong order 1, of diagonal noise. (Milstein 1975)
///   srk                 strong order 3/2: Roessler's SRIW1 for diagonal noise, SRA1 where g does not read z
///                       (SIAM J. Numer. Anal. 48, 2010)
///   heun_stratonovich   the trapezoidal rule for f and g. Strong order 1 of diagonal noise, and where g does not read
///                       z; 1/2 of others. (Ruemelin, SIAM J. Numer. Anal. 19, 1982)
enum class SdeMethod { kEulerMaruyama, kMilstein, kSrk, kHeunStratonovich };

/// "euler_maruyama", "milstein", "srk", "heun_stratonovich".
std::string name(SdeMethod method);
/// InvalidArgument, with the nearest name, if there is none.
SdeMethod sde_method_from_name(const std::string& name);

/// f and g, traced once for one sample. What the noise is, is read off: g with the shape of the state is diagonal, a
/// channel of noise for each number of it; g of the state's shape and one axis more, [m], is a matrix, with m channels;
/// a g that does not read z is additive.
class StochasticField {
 public:
  StochasticField(Function function, Shape state, std::vector<ArgumentSpec> arguments, std::vector<Array> captured);

  /// Inputs: t [], z, one an argument, then the Parameters; outputs f and g.
  const Function& function() const { return function_; }
  const Shape& state() const { return state_; }
  /// Those declared, then those of the trace around it.
  const std::vector<ArgumentSpec>& arguments() const { return arguments_; }
  const std::vector<Array>& captured() const { return captured_; }

  /// Channels of noise.
  std::int64_t channels() const { return channels_; }
  bool is_diagonal() const { return is_diagonal_; }
  bool is_additive() const { return is_additive_; }
  /// Of diagonal noise, a number of g that reads another number of z than its own: g and z; nullopt if there is none.
  const std::optional<std::pair<std::int64_t, std::int64_t>>& foreign_read() const { return foreign_read_; }

 private:
  Function function_;
  Shape state_;
  std::vector<ArgumentSpec> arguments_;
  std::vector<Array> captured_;
  std::int64_t channels_ = 0;
  bool is_diagonal_ = false, is_additive_ = false;
  std::optional<std::pair<std::int64_t, std::int64_t>> foreign_read_;
};

/// rhs(t, z, arguments…) gives f, with z's shape, and g. ShapeError if they have other shapes.
///
///     auto field = stochastic_field({2}, {}, [](Array t, Array z, auto) { return std::pair{-z, 0.1 * z}; });
using StochasticRhs = std::function<std::pair<Array, Array>(Array t, Array z, std::span<const Array> arguments)>;
StochasticField stochastic_field(Shape state, std::vector<ArgumentSpec> arguments, const StochasticRhs& rhs);

struct SdeOptions {
  SdeMethod method = SdeMethod::kEulerMaruyama;
  std::uint64_t seed = 0;
  // So many equal steps between two times, or steps that are at most so long; at most one of the two. Neither: one step
  // an interval. Paths are found fastest where all steps are 2^-k of the whole time.
  int steps_per_interval = 0;
  double step_size = 0;
  std::size_t memory_budget = kMemoryBudget;  // as a solve's
  Dtype dtype = Dtype::kF64;                  // of batches of numbers

  bool operator==(const SdeOptions&) const = default;
};

/// The names of paths: two numbers [2] of each sample, stream and sample, whole and from 0 to 2^24 - 1. Samples of
/// equal names meet the same noise. Stream `stream` and the rows of a batch from 0 on: [batch, 2].
HostArray path_names(std::int64_t batch, std::int64_t stream = 0);

/// Solves a batch.
///
/// Shapes: z0 [batch, …state]; times [time], not descending, the same for all samples; a time that is repeated has the
///         same state again; `paths` [batch, 2] (path_names); arguments as solve() takes them.
/// Paths:  of each sample and channel W is a function of the time from times[0] to times.back(), whatever the steps,
///         the method, the dtype, the batch and the threads; brownian_path() gives it.
/// Status: as solve()'s; a sample with a state that is inf or NaN, from f or g, fails as kNonFinite. `nfe` counts
///         evaluations of f.
/// Throws: InvalidArgument for options, times and paths that are not allowed, and for a method that is not for this
///         noise; ShapeError for shapes.
Solution solve_sde(const StochasticField& field, const HostArray& z0, const HostArray& times, const SdeOptions& options,
                   const HostArray& paths, std::span<const HostArray> arguments = {});

/// The same inside a trace: the states [time, …state] of one sample. `times` are constants of the trace; `path` [2] is
/// usually an input of the program. A sample whose path has no such name fails. Derivatives by z0, arguments and
/// Parameters, of any order that solve() has; none by times and paths.
Array solve_sde(const StochasticField& field, Operand z0, Operand times, const SdeOptions& options, Operand path,
                std::span<const Array> arguments = {});

/// The paths that solve_sde() meets: W [batch, time, channels], 0 at times[0].
HostArray brownian_path(const HostArray& times, std::int64_t channels, std::uint64_t seed, const HostArray& paths);

}  // namespace costate
