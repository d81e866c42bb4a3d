// solve as an operation of the graph. Operands: z0 [state], times [time], the field's arguments, then its Parameters.
// Result: the states [time, state]; with events one vector, the states and what EventField::max_events says.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/exec/tile_op.h"
#include "costate/graph/extension.h"
#include "costate/solve/internal/event_field.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/solve.h"

namespace costate::internal {

class SolveExtension;

/// The reverse rule: cotangents of the operands of a solve. The adjoint stage, which sees this one, defines it.
std::vector<Array> solve_vjp(const std::shared_ptr<const SolveExtension>& solve, std::span<const Array> operands,
                             const Array& result, const Array& cotangent, const std::vector<bool>& wanted);

/// For each argument of a field, then each Parameter: the kind of its tangent, if it has one. That may be of a sample
/// where the argument is not.
using MovedArguments = std::vector<std::optional<InputKind>>;

/// Which operands of a solve besides z0 have tangents.
struct MovedOperands {
  bool times = false;
  MovedArguments arguments;

  auto operator<=>(const MovedOperands&) const = default;
};

/// An operation whose operand 0 is a solve's result, of which it reads what the solve keeps of its steps. Results of
/// other solves may be operands of it like any numbers: an argument, a cotangent.
class StepReader {
 public:
  virtual ~StepReader() = default;
  /// The gradients that it makes of the kept evaluations; nullopt if it reads the result alone.
  virtual std::optional<WantedGradients> gradients_of_steps() const = 0;
  /// Whether it reads SolveState::dense.
  virtual bool reads_dense() const = 0;
};

/// The reader of the steps, nullptr if it takes the result for numbers.
const StepReader* step_reader(const ResultReader& reader);

/// A run whose steps a StepReader reads keeps them, and of their evaluations what the first one needs; any other
/// evaluates them again. The dense output is kept for who reads that.
class SolveExtension : public LoweredBy<SolveExtension>, public std::enable_shared_from_this<SolveExtension> {
 public:
  /// Whether the options are the user's, or what tightened() made of them.
  enum class Exactness { kAsGiven, kTightened };

  /// `known_times`: the numbers of the times, where they are constants of the trace. An f32 program would round them.
  /// With `events`, the field is theirs.
  SolveExtension(VectorField field, SolveOptions options, std::vector<double> known_times,
                 std::shared_ptr<const EventField> events = nullptr, Exactness exactness = Exactness::kAsGiven)
      : field_(std::move(field)),
        options_(std::move(options)),
        known_times_(std::move(known_times)),
        events_(std::move(events)),
        exactness_(exactness) {}

  const VectorField& field() const { return field_; }
  const SolveOptions& options() const { return options_; }
  const std::vector<double>& known_times() const { return known_times_; }
  /// Null for a solve without.
  const EventField* events() const { return events_.get(); }
  /// The options in a program that computes in T: tightened tolerances are not below its rounding.
  template <class T>
  SolveOptions options_in() const;

  /// A solve of state and tangent together, as a Function: operands, tangents of the `moved` arguments and of the
  /// times, tangent of z0 -> the result, and its tangent. Made once, so that all who take derivatives of this solve
  /// share one.
  Function tangent_solve(std::int64_t num_times, const MovedOperands& moved) const;
  /// Its inputs; an empty tangent is 0.
  static std::vector<Array> tangent_inputs(std::span<const Array> operands, std::span<const Array> tangents);
  /// Which operands have tangents, of which kind. NotSupported if there is no derivative along these.
  MovedOperands moved_operands(std::span<const Array> operands, std::span<const Array> tangents) const;

  std::string name() const override { return "solve"; }
  std::string attributes() const override;
  Shape infer_shape(std::span<const Shape> operands) const override;
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override;
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override;
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override;
  /// By dopri8 at tolerances / 100, with the gradient guard; made once. Solves in the field likewise.
  std::shared_ptr<const Extension> tightened() const override { return tightened_solve(); }
  std::shared_ptr<const SolveExtension> tightened_solve() const;
  /// The same solve, whose gradients are those of another adjoint.
  std::shared_ptr<const SolveExtension> with_adjoint(Adjoint adjoint) const;
  std::int64_t largest_image() const override;
  bool equals(const Extension& other) const override;
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const;
  std::shared_ptr<const BatchOp> lower_batch(const BatchOpContext& context) const override;
  /// NotSupported if what the field takes as shared by all samples is one of each.
  void check_kinds(const std::vector<bool>& operand_is_shared) const;

 private:
  VectorField field_;
  SolveOptions options_;
  std::vector<double> known_times_;
  std::shared_ptr<const EventField> events_;
  Exactness exactness_;
  mutable std::mutex mutex_;  // of what is made when it is first asked for, and is the same whenever that is
  mutable std::map<std::pair<std::int64_t, MovedOperands>, Function> tangent_solves_;
  mutable std::shared_ptr<const SolveExtension> tightened_;
};

/// What is kept of a solve on one tile: the solver with its records, and the inputs it ran on, for the reverse sweep.
template <class T>
struct SolveState : TileOpState {
  explicit SolveState(const LaneProblem<T>& problem) : solver(problem) {}

  LaneSolver<T> solver;
  std::optional<DenseRecord<T>> dense;  // of the steps, if it is read
  AlignedVector<T> z0, states, shared;
  std::vector<double> times;
  std::vector<AlignedVector<T>> spread;  // shared operands that the field takes per sample
  std::vector<const T*> arguments;
  LaneInputs<T> inputs;
};

/// Runs a solve for the samples of a tile. Keeps records and frames for a StepReader.
template <class T>
class SolveTileOp : public TileOp<T> {
 public:
  SolveTileOp(std::shared_ptr<const SolveExtension> extension, const TileOpContext& context);

  std::unique_ptr<TileOpState> make_state() const override;
  std::size_t kept_bytes() const override;
  bool reads_given(std::size_t operand) const override;
  void run(const TileOpRun<T>& run, T* out) const override;

 private:
  template <class Number>
  void spread_operand(const TileOpRun<T>& run, std::size_t operand, Number* out) const;
  bool load_times(const TileOpRun<T>& run, std::vector<double>& times) const;
  void load_inputs(const TileOpRun<T>& run, SolveState<T>& state) const;
  void write_events(const LaneEvents<T>& events, T* out) const;

  std::shared_ptr<const SolveExtension> extension_;
  TileOpContext context_;
  LaneProblem<T> problem_;
  bool keeps_dense_;
};

}  // namespace costate::internal
