#include "costate/adjoint/internal/solve_vjp.h"

#include <algorithm>

#include "costate/adjoint/internal/backsolve.h"
#include "costate/adjoint/internal/discrete_sweep.h"
#include "costate/base/error.h"
#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

/// What a thread keeps of a reverse solve.
template <class T>
struct GradientState : TileOpState {
  SolveGradients<T> gradients;
  AlignedVector<T> cotangent;
};

template <class T, class Sweep>
struct SweepState : GradientState<T> {
  SweepState(const LaneProblem<T>& problem, const FieldVjp<T>& field) : sweep(problem, field) {}
  Sweep sweep;
};

/// A sample that failed, and padding, have NaN states, and so perhaps NaN cotangents: they count nothing.
template <class T>
void drop_failed(const LaneSolver<T>& solver, std::size_t num_samples, AlignedVector<T>& cotangent) {
  const std::size_t lanes = solver.outcomes().size();
  for (std::size_t lane = 0; lane < lanes; ++lane)
    if (lane >= num_samples || solver.outcomes()[lane].status != Status::kOk)
      for (std::size_t i = lane; i < cotangent.size(); i += lanes) cotangent[i] = T{0};
}

template <class T, class Sweep>
class AdjointTileOp : public TileOp<T> {
 public:
  AdjointTileOp(const SolveAdjoint& adjoint, const TileOpContext& context)
      : context_(context),
        problem_(adjoint.solve().field(), adjoint.solve().options(), context.lanes,
                 static_cast<std::size_t>(context.operand_shapes[3][0]), adjoint.wanted()),
        field_(problem_) {}

  std::unique_ptr<TileOpState> make_state() const override {
    auto state = std::make_unique<SweepState<T, Sweep>>(problem_, field_);
    state->gradients.clear(problem_, field_.arguments());
    state->cotangent.resize(problem_.num_times * problem_.state_size * problem_.lanes);
    return state;
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<SweepState<T, Sweep>&>(*run.state);
    const auto& solve = static_cast<const SolveState<T>&>(*run.operand_states[0]);
    const Spread motion = context_.operand_is_shared[1] ? Spread::kRow : Spread::kFull;
    spread<T>({run.operands[1], motion}, state.cotangent.data(), problem_.num_times * problem_.state_size,
              problem_.lanes);
    drop_failed(solve.solver, run.num_samples, state.cotangent);
    const FinishedSolve<T> finished{.solver = &solve.solver, .inputs = solve.inputs, .states = run.operands[0]};
    const std::int64_t nfe = state.sweep.run(finished, state.cotangent.data(), state.gradients);
    if (run.report != nullptr) run.report->nfe_backward += nfe;
    out = std::copy(state.gradients.z0.begin(), state.gradients.z0.end(), out);
    out = std::copy(state.gradients.times.begin(), state.gradients.times.end(), out);
    for (std::size_t i = 0; i < field_.arguments().size(); ++i)
      if (!field_.arguments()[i].is_shared)
        out = std::copy(state.gradients.arguments[i].begin(), state.gradients.arguments[i].end(), out);
  }

  void accumulate(const TileOpRun<T>&, T*) const override {
    COSTATE_CHECK(false, "the cotangents of samples are not a sum over the batch");
  }

 private:
  TileOpContext context_;
  LaneProblem<T> problem_;
  FieldVjp<T> field_;
};

template <class T>
class SumTileOp : public TileOp<T> {
 public:
  explicit SumTileOp(std::size_t position) : position_(position) {}

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<TileOpState>(); }
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

template <class T>
std::unique_ptr<TileOp<T>> lower_adjoint(const SolveAdjoint& adjoint, const TileOpContext& context) {
  if (adjoint.solve().options().adjoint == Adjoint::kBacksolve)
    return std::make_unique<AdjointTileOp<T, Backsolve<T>>>(adjoint, context);
  return std::make_unique<AdjointTileOp<T, DiscreteSweep<T>>>(adjoint, context);
}

/// A forward and a reverse solve of one sample on the engine: operands of solve_adjoint in, its result and the kept
/// sums out.
struct OneSample {
  std::vector<double> result;
  std::vector<std::vector<double>> sums;  // one a wanted argument, empty where not shared
};

OneSample run_one_sample(const SolveAdjoint& adjoint, std::span<const std::vector<double>> operands) {
  const SolveExtension& solve = adjoint.solve();
  const LaneProblem<double> problem(solve.field(), solve.options(), 1, operands[3].size(), adjoint.wanted());
  const FieldVjp<double> field(problem);
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
  solver.solve(inputs, true, states.data());
  const FinishedSolve<double> finished{.solver = &solver, .inputs = inputs, .states = states.data()};
  SolveGradients<double> gradients;
  if (solve.options().adjoint == Adjoint::kBacksolve)
    Backsolve<double>(problem, field).run(finished, operands[1].data(), gradients);
  else
    DiscreteSweep<double>(problem, field).run(finished, operands[1].data(), gradients);
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

std::string SolveAdjoint::attributes() const {
  return text::concat("adjoint=", costate::name(solve_->options().adjoint));
}

Shape SolveAdjoint::infer_shape(std::span<const Shape> operands) const {
  const auto& inputs = solve_->field().function().inputs();
  const std::size_t first = 1 + solve_->field().parts().size();
  std::int64_t size = solve_->field().state_size() + operands[3].size();
  for (std::size_t i = 0; first + i < inputs.size(); ++i)
    if (wanted_.arguments[i] && inputs[first + i].kind == InputKind::kSample) size += inputs[first + i].shape.size();
  return Shape{size};
}

std::vector<double> SolveAdjoint::interpret(std::span<const std::vector<double>> operands) const {
  return run_one_sample(*this, operands).result;
}

bool SolveAdjoint::equals(const Extension& other) const {
  const auto* adjoint = dynamic_cast<const SolveAdjoint*>(&other);
  return adjoint != nullptr && adjoint->solve_ == solve_ && adjoint->wanted_ == wanted_;
}

std::unique_ptr<TileOp<float>> SolveAdjoint::lower_f32(const TileOpContext& context) const {
  return lower_adjoint<float>(*this, context);
}

std::unique_ptr<TileOp<double>> SolveAdjoint::lower_f64(const TileOpContext& context) const {
  return lower_adjoint<double>(*this, context);
}

std::vector<double> SolveAdjointSum::interpret(std::span<const std::vector<double>> operands) const {
  return run_one_sample(*adjoint_, operands.subspan(1)).sums[position_];
}

bool SolveAdjointSum::equals(const Extension& other) const {
  const auto* sum = dynamic_cast<const SolveAdjointSum*>(&other);
  return sum != nullptr && sum->adjoint_->equals(*adjoint_) && sum->position_ == position_;
}

std::unique_ptr<TileOp<float>> SolveAdjointSum::lower_f32(const TileOpContext&) const {
  return std::make_unique<SumTileOp<float>>(position_);
}

std::unique_ptr<TileOp<double>> SolveAdjointSum::lower_f64(const TileOpContext&) const {
  return std::make_unique<SumTileOp<double>>(position_);
}

std::vector<Array> solve_vjp(const std::shared_ptr<const SolveExtension>& solve, std::span<const Array> operands,
                             const Array& result, const Array& cotangent, const std::vector<bool>& wanted) {
  // The stages of a step share the inner solve's state, of which the reverse sweep would find the last one's.
  for (const Node& node : solve->field().function().nodes())
    if (node.op == Op::kExtension && node.extension->name() == solve->name())
      throw NotSupported(
          "[vjp] a solve whose field solves another equation has no reverse derivative; solve both as one system.");
  const WantedGradients gradients{.times = wanted[1], .arguments = {wanted.begin() + 2, wanted.end()}};
  if (solve->options().adjoint == Adjoint::kDiscrete) solve->keep_records(gradients);
  const auto adjoint = std::make_shared<SolveAdjoint>(solve, gradients);
  std::vector<Array> inputs = {result, cotangent};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  const Array packed = costate::apply(adjoint, inputs);
  inputs.insert(inputs.begin(), packed);

  std::vector<Array> cotangents(operands.size());
  std::int64_t offset = 0;
  const auto next = [&](const Shape& shape) {
    offset += shape.size();
    return reshape(packed.slice(offset - shape.size(), offset), shape);
  };
  cotangents[0] = next(operands[0].shape());
  cotangents[1] = next(operands[1].shape());
  std::size_t position = 0;
  const auto& field_inputs = solve->field().function().inputs();
  for (std::size_t i = 2; i < operands.size(); ++i) {
    if (!wanted[i]) continue;
    const bool is_shared = field_inputs[i - 1 + solve->field().parts().size()].kind == InputKind::kShared;
    cotangents[i] =
        is_shared ? costate::apply(std::make_shared<SolveAdjointSum>(adjoint, position, operands[i].shape()), inputs)
                  : next(operands[i].shape());
    ++position;
  }
  return cotangents;
}

}  // namespace costate::internal
