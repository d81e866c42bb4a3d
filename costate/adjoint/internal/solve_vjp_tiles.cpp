// The reverse of a solve on tiles and on one sample: who sweeps, and what of a solve's state they read.
#include <algorithm>
#include <cmath>

#include "costate/adjoint/internal/adjoint_sweep.h"
#include "costate/adjoint/internal/cvode_adjoint_op.h"
#include "costate/adjoint/internal/solve_vjp.h"
#include "costate/base/error.h"
#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

template <class T>
struct SweepState : GradientState<T> {
  AlignedVector<T> cotangent;
  std::unique_ptr<AdjointSweep<T>> sweep;
};

/// A sample that failed, and padding, have NaN states, and so perhaps NaN cotangents: they count nothing. Nor do those
/// of outputs after an event that ended a sample.
template <class T>
void drop_failed(const LaneSolver<T>& solver, std::size_t num_samples, AlignedVector<T>& cotangent) {
  const std::size_t lanes = solver.outcomes().size();
  const auto drop = [&](std::size_t lane, std::size_t first_row, std::size_t end_row) {
    for (std::size_t row = first_row; row < end_row; ++row) cotangent[row * lanes + lane] = T{0};
  };
  for (std::size_t row = 0; num_samples < lanes && row < cotangent.size() / lanes; ++row)
    std::fill_n(cotangent.data() + row * lanes + num_samples, lanes - num_samples, T{0});
  for (std::size_t lane = 0; lane < num_samples; ++lane) {
    const std::size_t size = solver.problem().state_size;
    if (solver.outcomes()[lane].status != Status::kOk)
      drop(lane, 0, cotangent.size() / lanes);
    else if (solver.events() != nullptr)
      drop(lane, solver.next_output(lane) * size, solver.problem().num_times * size);
  }
}

/// Numbers of a solve's result, of one sample.
template <class T>
std::size_t result_size(const LaneProblem<T>& problem) {
  return problem.num_times * problem.state_size + (problem.events ? problem.events->events.tail_size() : 0);
}

template <class T>
class AdjointTileOp : public TileOp<T> {
 public:
  AdjointTileOp(const SolveAdjoint& adjoint, const TileOpContext& context)
      : context_(context),
        options_(adjoint.solve().options_in<T>()),
        problem_(adjoint.solve().field(), sweep_options(options_), context.lanes,
                 static_cast<std::size_t>(context.operand_shapes[3][0]), adjoint.wanted(), adjoint.solve().events()),
        field_(problem_) {}

  std::unique_ptr<TileOpState> make_state() const override {
    auto state = std::make_unique<SweepState<T>>();
    state->sweep = make_sweep(problem_, field_, options_);
    state->gradients.clear(problem_, field_.arguments());
    state->cotangent.resize(result_size(problem_) * problem_.lanes);
    return state;
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<SweepState<T>&>(*run.state);
    const auto& solve = static_cast<const SolveState<T>&>(*run.operand_states[0]);
    const Spread motion = context_.operand_is_shared[1] ? Spread::kRow : Spread::kFull;
    spread<T>({run.operands[1], motion}, state.cotangent.data(), result_size(problem_), problem_.lanes);
    drop_failed(solve.solver, run.num_samples, state.cotangent);
    const FinishedSolve<T> finished{.solver = &solve.solver,
                                    .inputs = solve.inputs,
                                    .states = run.operands[0],
                                    .dense = solve.dense ? &*solve.dense : nullptr};
    const std::int64_t nfe = state.sweep->run(finished, state.cotangent.data(), state.gradients);
    if (run.report != nullptr) run.report->nfe_backward += nfe;
    out = std::copy(state.gradients.z0.begin(), state.gradients.z0.end(), out);
    out = std::copy(state.gradients.times.begin(), state.gradients.times.end(), out);
    for (std::size_t i = 0; i < field_.arguments().size(); ++i)
      if (!field_.arguments()[i].is_shared)
        out = std::copy(state.gradients.arguments[i].begin(), state.gradients.arguments[i].end(), out);
  }

 private:
  TileOpContext context_;
  SolveOptions options_;
  LaneProblem<T> problem_;
  FieldVjp<T> field_;
};

template <class T>
class SumTileOp : public TileOp<T> {
 public:
  explicit SumTileOp(std::size_t position) : position_(position) {}

  void run(const TileOpRun<T>&, T*) const override {
    COSTATE_CHECK(false, "a sum over the batch has no value a sample");
  }
  void accumulate(const TileOpRun<T>& run, T* out) const override {
    const auto& sum = static_cast<const GradientState<T>&>(*run.operand_states[0]).gradients.arguments[position_];
    const T scale = static_cast<T>(run.scale);
    for (std::size_t i = 0; i < sum.size(); ++i) out[i] += scale * sum[i];
  }

 private:
  std::size_t position_;
};

OneSample run_one_sample(const SolveAdjoint& adjoint, std::span<const std::vector<double>> operands) {
  const SolveExtension& solve = adjoint.solve();
  if (solve.options().adjoint == Adjoint::kCvodes) return one_by_cvodes(adjoint, operands);
  const std::size_t num_times = operands[3].size();
  const LaneProblem<double> problem(solve.field(), solve.options(), 1, num_times, adjoint.gradients_of_steps(),
                                    solve.events());
  const LaneProblem<double> of_sweep(solve.field(), sweep_options(solve.options()), 1, num_times, adjoint.wanted(),
                                     solve.events());
  const FieldVjp<double> field(of_sweep);
  std::vector<const double*> arguments;
  for (const std::vector<double>& operand : operands.subspan(4)) arguments.push_back(operand.data());
  AlignedVector<double> shared, states(operands[0].size());
  prepare_field<double>(problem, arguments, shared);
  const LaneInputs<double> inputs{.z0 = operands[2].data(),
                                  .times = operands[3].data(),
                                  .arguments = arguments,
                                  .shared = shared.data(),
                                  .num_samples = 1};
  LaneSolver<double> solver(problem);
  DenseRecord<double> dense(problem);
  solver.solve(inputs, true, states.data(), nullptr, adjoint.reads_dense() ? &dense : nullptr);
  AlignedVector<double> cotangent(operands[1].begin(), operands[1].end());
  drop_failed(solver, 1, cotangent);
  const FinishedSolve<double> finished{.solver = &solver, .inputs = inputs, .states = states.data(), .dense = &dense};
  SolveGradients<double> gradients;
  make_sweep(of_sweep, field, solve.options())->run(finished, cotangent.data(), gradients);
  OneSample one;
  one.result.assign(gradients.z0.begin(), gradients.z0.end());
  one.result.insert(one.result.end(), gradients.times.begin(), gradients.times.end());
  for (std::size_t i = 0; i < field.arguments().size(); ++i) {
    const auto& values = gradients.arguments[i];
    if (!field.arguments()[i].is_shared) one.result.insert(one.result.end(), values.begin(), values.end());
    one.sums.emplace_back(values.begin(), values.end());
  }
  return one;
}

}  // namespace

template <class T>
std::unique_ptr<TileOp<T>> SolveAdjoint::lower(const TileOpContext& context) const {
  if (solve_->options().adjoint == Adjoint::kCvodes) return std::make_unique<CvodeAdjointOp<T>>(*this, context);
  return std::make_unique<AdjointTileOp<T>>(*this, context);
}

template std::unique_ptr<TileOp<float>> SolveAdjoint::lower(const TileOpContext&) const;
template std::unique_ptr<TileOp<double>> SolveAdjoint::lower(const TileOpContext&) const;

template <class T>
std::unique_ptr<TileOp<T>> SolveAdjointSum::lower(const TileOpContext&) const {
  return std::make_unique<SumTileOp<T>>(position_);
}

template std::unique_ptr<TileOp<float>> SolveAdjointSum::lower(const TileOpContext&) const;
template std::unique_ptr<TileOp<double>> SolveAdjointSum::lower(const TileOpContext&) const;

std::vector<double> SolveAdjoint::interpret(std::span<const std::vector<double>> operands) const {
  return run_one_sample(*this, operands).result;
}

std::vector<double> SolveAdjointSum::interpret(std::span<const std::vector<double>> operands) const {
  return run_one_sample(*adjoint_, operands.subspan(1)).sums[position_];
}

}  // namespace costate::internal
