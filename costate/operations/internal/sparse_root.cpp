// Two operations. NewtonRoot gives [2, n]: the root, and the point one correction before it, at which its last
// factors were made. JacobianSolve solves with J(root) or its transpose by factors of J at that point, refined to
// rounding: they are those that NewtonRoot has left in its state if it ran just before, or made anew, with the same
// bits. With lambda = J^-T xbar (Blondel et al. 2022, eq. 4)
//
//     thetabar = -lambda^T df/dtheta,   and from J y = b:  bbar = J^-T ybar,  Jbar = -bbar y^T,
//
// the last as the derivative of bbar^T J y by x and the arguments. All of it is operations, so that it nests.
#include "costate/operations/internal/sparse_root.h"

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/internal/builder.h"
#include "costate/operations/internal/reference_newton.h"
#include "costate/operations/internal/tile_lane.h"

namespace costate::internal {
namespace {

using SystemPointer = std::shared_ptr<const ImplicitSystem>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// What a thread keeps: the system at a sample's numbers, and a lane's factors for whoever solves with them next.
template <class T>
struct FactorState : TileOpState {
  explicit FactorState(const SystemPointer& system, std::size_t lanes) : sample(system), factors(lanes) {
    for (auto& each : factors) each = std::make_unique<JacobianFactors>(*system);
  }

  SampleSystem sample;
  std::vector<std::unique_ptr<JacobianFactors>> factors;  // [lanes]
};

std::string stalled_text(const char* what, const LinearFailure& failure) {
  return text::concat("the linear system ", what, " has a relative residual of ", failure.residual, " after ",
                      failure.iterations, " iterations; scale the unknowns alike, or ask for a sparse Jacobian, whose ",
                      "factors need no iteration");
}

template <class T>
class NewtonRootOp : public TileOp<T> {
 public:
  NewtonRootOp(SystemPointer system, const NewtonOptions& options, TileOpContext context)
      : system_(std::move(system)), options_(options), context_(std::move(context)) {}

  std::unique_ptr<TileOpState> make_state() const override {
    return std::make_unique<FactorState<T>>(system_, context_.lanes);
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<FactorState<T>&>(*run.state);
    const auto n = static_cast<Eigen::Index>(system_->size());
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const TileLane<T> at{context_, run, lane};
      Numbers both = Numbers::Zero(2 * n);
      if (lane < run.num_samples) {
        for (std::size_t i = 0; i < system_->num_arguments(); ++i) at.read(1 + i, state.sample.arguments()[i]);
        Numbers guess(n);
        at.read(0, guess);
        JacobianFactors& factors = *state.factors[lane];
        const std::int64_t before = factors.num_factorizations();
        const NewtonOutcome outcome = newton(state.sample, std::move(guess), options_, factors);
        if (run.report != nullptr) run.report->factorizations += factors.num_factorizations() - before;
        if (outcome.end == NewtonOutcome::End::kRoot) {
          both << outcome.root, outcome.last;
        } else {
          both.setConstant(kNan);
          if (run.report != nullptr) report(outcome, at.sample(), *run.report);
        }
      }
      at.write(both, out);
    }
  }

 private:
  void report(const NewtonOutcome& outcome, std::int64_t sample, RunReport& report) const {
    using End = NewtonOutcome::End;
    const std::string where = text::concat("the largest residual is ", outcome.residual, " after ", outcome.evaluations,
                                           " evaluations of f; ");
    const std::string advice =
        outcome.end == End::kSingular
            ? "some unknowns are not determined by f, or the guess is where its Jacobian is singular"
        : outcome.end == End::kStalled ? stalled_text("of a correction", outcome.linear)
                                       : "give a better guess or more iterations";
    report.failures.push_back(
        {sample, outcome.end == End::kSingular ? "singular Jacobian" : "no root", 0, 0, where + advice});
  }

  SystemPointer system_;
  NewtonOptions options_;
  TileOpContext context_;
};

/// Operands: [2, n] of NewtonRoot, the arguments, b.
template <class T>
class JacobianSolveOp : public TileOp<T> {
 public:
  JacobianSolveOp(SystemPointer system, Side side, TileOpContext context)
      : system_(std::move(system)), side_(side), context_(std::move(context)) {}

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<FactorState<T>>(system_, 1); }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<FactorState<T>&>(*run.state);
    const auto n = static_cast<Eigen::Index>(system_->size());
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const TileLane<T> at{context_, run, lane};
      Numbers y = Numbers::Zero(n);
      if (lane < run.num_samples) {
        for (std::size_t i = 0; i < system_->num_arguments(); ++i) at.read(1 + i, state.sample.arguments()[i]);
        Numbers points(2 * n), b(n);
        at.read(0, points);
        at.read(1 + system_->num_arguments(), b);
        y = solve(state, at, points, b);
      }
      at.write(y, out);
    }
  }

 private:
  /// NaN where the root is (NewtonRoot has said why), and where J is singular there.
  Numbers solve(FactorState<T>& state, const TileLane<T>& at, const Numbers& points, const Numbers& b) const {
    const auto n = static_cast<Eigen::Index>(system_->size());
    const Numbers nan = Numbers::Constant(n, kNan);
    if (!points.allFinite() || !b.allFinite()) return nan;
    if (b.isZero(0)) return Numbers::Zero(n);
    JacobianFactors& factors = factors_at(state, at, points.tail(n));
    const std::optional<Numbers> y = state.sample.solve_near(side_, points.head(n), b, factors);
    if (y) return *y;
    if (at.run.report == nullptr) return nan;
    if (const std::optional<LinearFailure> failure = factors.failure())
      at.run.report->failures.push_back(
          {at.sample(), "no derivative of a root", 0, 0, stalled_text("of a derivative", *failure)});
    else
      at.run.report->failures.push_back(
          {at.sample(), "singular Jacobian", 0, 0, "at this root no derivative exists, or it is lost in rounding"});
    return nan;
  }

  /// Those of NewtonRoot if they are of this point: inside of a field, a state holds what another stage left. In f32
  /// the point itself was rounded.
  JacobianFactors& factors_at(FactorState<T>& state, const TileLane<T>& at, const Numbers& x) const {
    const std::vector<double> point = state.sample.point_of(x);
    if (auto* root = dynamic_cast<FactorState<T>*>(at.run.operand_states[0]);
        root != nullptr && std::is_same_v<T, double> && root->factors.size() == context_.lanes &&
        root->factors[at.lane]->point == point)
      return *root->factors[at.lane];
    JacobianFactors& own = *state.factors[0];
    const std::int64_t before = own.num_factorizations();
    if (own.point != point) state.sample.factorize(x, own);
    if (at.run.report != nullptr) at.run.report->factorizations += own.num_factorizations() - before;
    return own;
  }

  SystemPointer system_;
  Side side_;
  TileOpContext context_;
};

/// The root as [n], and the inputs of ImplicitSystem's functions: it, and the arguments among some operands.
Array root_of(const Array& points) { return points[0]; }

std::vector<Array> inputs_of(const ImplicitSystem& system, const Array& points, std::span<const Array> operands) {
  std::vector<Array> inputs = {root_of(points)};
  for (std::size_t i = 0; i < system.num_arguments(); ++i) inputs.push_back(operands[1 + i]);
  return inputs;
}

/// A cotangent or tangent of the root as one of [2, n]: where the last factors were made changes nothing.
Array of_points(const Array& of_root) { return stack({of_root, zeros(of_root.shape())}); }

Array jacobian_solve(const SystemPointer& system, Side side, const Array& points, std::span<const Array> operands,
                     const Array& b);

class JacobianSolve : public LoweredBy<JacobianSolve> {
 public:
  JacobianSolve(SystemPointer system, Side side) : system_(std::move(system)), side_(side) {}

  std::string name() const override { return "jacobian_solve"; }
  std::string attributes() const override { return side_ == Side::kJacobian ? "" : "transposed"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands.back(); }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    return reference_jacobian_solve(*system_, side_, operands);
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>&) const override {
    const Side other = side_ == Side::kJacobian ? Side::kTransposed : Side::kJacobian;
    const Array b_cotangent = jacobian_solve(system_, other, operands[0], operands, cotangent);
    std::vector<Array> inputs = inputs_of(*system_, operands[0], operands);
    inputs.push_back(result);
    inputs.push_back(-b_cotangent);
    const std::vector<Array> moved = inline_function(system_->product_vjp(side_), inputs);
    std::vector<Array> cotangents = {of_points(moved[1])};
    for (std::size_t i = 0; i < system_->num_arguments(); ++i) cotangents.push_back(moved[2 + i]);
    cotangents.push_back(b_cotangent);
    return cotangents;
  }

  /// J y' = b' - J' y.
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    const auto or_zero = [](const Array& tangent, const Shape& shape) {
      return tangent.is_empty() ? zeros(shape) : tangent;
    };
    std::vector<Array> inputs = inputs_of(*system_, operands[0], operands);
    inputs.push_back(result);
    inputs.push_back(tangents[0].is_empty() ? zeros(result.shape()) : root_of(tangents[0]));
    for (std::size_t i = 0; i < system_->num_arguments(); ++i)
      inputs.push_back(or_zero(tangents[1 + i], operands[1 + i].shape()));
    inputs.push_back(zeros(result.shape()));
    const Array moved = inline_function(system_->product_jvp(side_), inputs)[1];
    return jacobian_solve(system_, side_, operands[0], operands, or_zero(tangents.back(), result.shape()) - moved);
  }

  bool equals(const Extension& other) const override {
    const auto* solve = dynamic_cast<const JacobianSolve*>(&other);
    return solve != nullptr && solve->system_ == system_ && solve->side_ == side_;
  }

  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<JacobianSolveOp<T>>(system_, side_, context);
  }

 private:
  SystemPointer system_;
  Side side_;
};

/// `operands`: of either operation; the arguments stand behind the first.
Array jacobian_solve(const SystemPointer& system, Side side, const Array& points, std::span<const Array> operands,
                     const Array& b) {
  std::vector<Array> all = {points};
  for (std::size_t i = 0; i < system->num_arguments(); ++i) all.push_back(operands[1 + i]);
  all.push_back(b);
  return costate::apply(std::make_shared<JacobianSolve>(system, side), all);
}

/// Operands: the guess, the arguments.
class NewtonRoot : public LoweredBy<NewtonRoot> {
 public:
  NewtonRoot(SystemPointer system, const NewtonOptions& options) : system_(std::move(system)), options_(options) {}

  std::string name() const override { return "root"; }
  std::string attributes() const override {
    return text::concat("colors=", system_->num_colors(), ", nonzeros=", system_->columns().members.size());
  }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0].with_first(2); }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    return reference_newton(*system_, options_, operands);
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>&) const override {
    std::vector<Array> inputs = inputs_of(*system_, result, operands);
    inputs.push_back(-jacobian_solve(system_, Side::kTransposed, result, operands, root_of(cotangent)));
    const std::vector<Array> moved = inline_function(system_->value_vjp(), inputs);
    std::vector<Array> cotangents = {Array()};
    for (std::size_t i = 0; i < system_->num_arguments(); ++i) cotangents.push_back(moved[2 + i]);
    return cotangents;
  }

  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    std::vector<Array> inputs = inputs_of(*system_, result, operands);
    inputs.push_back(zeros(operands[0].shape()));
    for (std::size_t i = 0; i < system_->num_arguments(); ++i)
      inputs.push_back(tangents[1 + i].is_empty() ? zeros(operands[1 + i].shape()) : tangents[1 + i]);
    const Array moved = inline_function(system_->value_jvp(), inputs)[1];
    return of_points(jacobian_solve(system_, Side::kJacobian, result, operands, -moved));
  }

  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<NewtonRootOp<T>>(system_, options_, context);
  }

 private:
  SystemPointer system_;
  NewtonOptions options_;
};

}  // namespace

Array sparse_root(SystemPointer system, const NewtonOptions& options, const Array& guess,
                  std::span<const Array> arguments, std::source_location where) {
  std::vector<Array> operands = {guess};
  operands.insert(operands.end(), arguments.begin(), arguments.end());
  return root_of(costate::apply(std::make_shared<NewtonRoot>(std::move(system), options), operands, where));
}

}  // namespace costate::internal
