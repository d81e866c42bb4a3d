// Two operations. LinearSolve factorizes A and leaves the factors in its state; FactoredSolve, which its derivatives
// are written with, takes x beside A and reads them there. Whether they are those of its own A it sees from the
// numbers: in a solve's field another stage may have come in between, and in a program of its own x is an input. Then
// it factorizes, with the same bits.
#include "costate/operations/linear_solve.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "costate/base/error.h"
#include "costate/exec/tile_op.h"
#include "costate/operations/internal/factored_solve.h"
#include "costate/operations/internal/lu_factors.h"
#include "costate/operations/internal/tile_lane.h"

namespace costate {
namespace {

using internal::factored_solve;
using internal::LuFactors;
using internal::System;
using internal::TileLane;

template <class T>
void solve_system(System system, const LuFactors<T>& factors, std::span<const T> b, std::span<T> x) {
  system == System::kGiven ? factors.solve(b, x) : factors.solve_transposed(b, x);
}

/// Factorizes, and says so in the run's report.
template <class T>
void factorize(const TileLane<T>& at, std::span<const T> a, std::size_t n, LuFactors<T>& factors) {
  factors.factorize(a, n);
  RunReport* const report = at.run.report;
  if (report == nullptr) return;
  ++report->factorizations;
  if (factors.is_singular())
    report->failures.push_back(
        {at.sample(), "singular matrix", 0, 0, "look at how the matrix is made; it is singular to rounding"});
}

/// What a solve leaves in one lane: A and its factors.
template <class T>
struct Factored {
  std::vector<T> a;
  LuFactors<T> factors;
};

template <class T>
struct LinearSolveState : TileOpState {
  std::vector<Factored<T>> lanes;  // one for all where nothing reads them
  std::vector<T> b, x;

  Factored<T>& of(std::size_t lane) { return lanes[lanes.size() == 1 ? 0 : lane]; }
};

template <class T>
class LinearSolveTileOp : public TileOp<T> {
 public:
  explicit LinearSolveTileOp(const TileOpContext& context) : context_(context) {}

  std::unique_ptr<TileOpState> make_state() const override {
    auto state = std::make_unique<LinearSolveState<T>>();
    const auto n = static_cast<std::size_t>(context_.operand_shapes[1].size());
    state->lanes.resize(context_.readers.empty() ? 1 : context_.lanes);
    for (Factored<T>& one : state->lanes) one.a.resize(n * n);
    state->b.resize(n);
    state->x.resize(n);
    return state;
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<LinearSolveState<T>&>(*run.state);
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const TileLane<T> at{context_, run, lane};
      std::ranges::fill(state.x, T{0});
      if (lane < run.num_samples) {
        Factored<T>& kept = state.of(lane);
        at.read(0, kept.a);
        at.read(1, state.b);
        factorize<T>(at, kept.a, state.b.size(), kept.factors);
        kept.factors.solve(state.b, state.x);
      }
      at.write(state.x, out);
    }
  }

 private:
  TileOpContext context_;
};

template <class T>
struct FactoredSolveState : TileOpState {
  std::vector<T> a, b, x;
  LuFactors<T> own;
};

/// Operands A, x and b: x carries the factors.
template <class T>
class FactoredSolveTileOp : public TileOp<T> {
 public:
  FactoredSolveTileOp(const TileOpContext& context, System system) : context_(context), system_(system) {}

  std::unique_ptr<TileOpState> make_state() const override {
    auto state = std::make_unique<FactoredSolveState<T>>();
    const auto n = static_cast<std::size_t>(context_.operand_shapes[2].size());
    state->a.resize(n * n);
    state->b.resize(n);
    state->x.resize(n);
    return state;
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<FactoredSolveState<T>&>(*run.state);
    auto* const solved = dynamic_cast<LinearSolveState<T>*>(run.operand_states[1]);
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const TileLane<T> at{context_, run, lane};
      std::ranges::fill(state.x, T{0});
      if (lane < run.num_samples) {
        at.read(0, state.a);
        at.read(2, state.b);
        solve_system<T>(system_, factors_of(state, solved, at), state.b, state.x);
      }
      at.write(state.x, out);
    }
  }

 private:
  static const LuFactors<T>& factors_of(FactoredSolveState<T>& state, LinearSolveState<T>* solved,
                                        const TileLane<T>& at) {
    if (solved != nullptr) {
      const Factored<T>& kept = solved->of(at.lane);
      if (kept.a == state.a) return kept.factors;
    }
    factorize<T>(at, state.a, state.b.size(), state.own);
    return state.own;
  }

  TileOpContext context_;
  System system_;
};

std::vector<double> interpret_system(System system, const std::vector<double>& a, const std::vector<double>& b) {
  LuFactors<double> factors;
  factors.factorize(a, b.size());
  std::vector<double> x(b.size());
  solve_system<double>(system, factors, b, x);
  return x;
}

/// A y = b, or A^T y = b, by the factors that the solve for x has left.
class FactoredSolve : public LoweredBy<FactoredSolve> {
 public:
  explicit FactoredSolve(System system) : system_(system) {}

  std::string name() const override { return "factored_solve"; }
  std::string attributes() const override { return system_ == System::kGiven ? "" : "transposed"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[2]; }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    return interpret_system(system_, operands[0], operands[2]);
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>&) const override;
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override;

  bool equals(const Extension& other) const override {
    const auto* const same = dynamic_cast<const FactoredSolve*>(&other);
    return same != nullptr && same->system_ == system_;
  }

  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<FactoredSolveTileOp<T>>(context, system_);
  }

 private:
  System system_;
};

/// b' - A' y for the system's A.
Array moved_side(System system, const Array& a_tangent, const Array& b_tangent, const Array& y) {
  const Array moved = b_tangent.is_empty() ? zeros(y.shape()) : b_tangent;
  if (a_tangent.is_empty()) return moved;
  return moved - matmul(system == System::kGiven ? a_tangent : transpose(a_tangent), y);
}

std::vector<Array> FactoredSolve::vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                                      const std::vector<bool>&) const {
  const bool is_given = system_ == System::kGiven;
  const Array lambda =
      factored_solve(is_given ? System::kTransposed : System::kGiven, operands[0], operands[1], cotangent);
  return {is_given ? -outer(lambda, result) : -outer(result, lambda), {}, lambda};
}

Array FactoredSolve::jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const {
  return factored_solve(system_, operands[0], operands[1], moved_side(system_, tangents[0], tangents[2], result));
}

class LinearSolve : public TileExtension<LinearSolveTileOp> {
 public:
  std::string name() const override { return "linear_solve"; }

  Shape infer_shape(std::span<const Shape> operands) const override {
    const Shape &a = operands[0], &b = operands[1];
    if (a.rank() != 2 || a[0] != a[1] || b.rank() != 1 || b[0] != a[0] || a[0] == 0)
      throw ShapeError("[linear_solve] A must be [n, n] and b [n]; got ", a, " and ", b, ".");
    return b;
  }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    return interpret_system(System::kGiven, operands[0], operands[1]);
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>&) const override {
    const Array lambda = factored_solve(System::kTransposed, operands[0], result, cotangent);
    return {-outer(lambda, result), lambda};
  }

  /// A x' = b' - A' x.
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    return factored_solve(System::kGiven, operands[0], result,
                          moved_side(System::kGiven, tangents[0], tangents[1], result));
  }

  bool equals(const Extension& other) const override { return dynamic_cast<const LinearSolve*>(&other) != nullptr; }
};

}  // namespace

Array internal::factored_solve(System system, const Array& a, const Array& x, const Array& b) {
  const Array operands[] = {a, x, b};
  return costate::apply(std::make_shared<FactoredSolve>(system), operands);
}

Array linear_solve(Operand a, Operand b) {
  const Array operands[] = {a.array, b.array};
  return apply(std::make_shared<LinearSolve>(), operands, a.where);
}

}  // namespace costate
