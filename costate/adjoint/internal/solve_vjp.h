// The reverse of a solve as operations of the graph.
//
//   solve_adjoint      Operands: the solve's result, its cotangent, the solve's operands. Result: the cotangents of z0,
//                      of the times and of the wanted arguments of samples, one after the other. Runs the reverse solve
//                      and keeps the cotangents of shared arguments, which exist summed over the batch only.
//   solve_adjoint_sum  One a shared argument or Parameter. Operands: the solve_adjoint's result, then its operands.
//                      Hands out what that one keeps.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/graph/extension.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate::internal {

class SolveAdjoint : public LoweredBy<SolveAdjoint>,
                     public StepReader,
                     public std::enable_shared_from_this<SolveAdjoint> {
 public:
  SolveAdjoint(std::shared_ptr<const SolveExtension> solve, WantedGradients wanted)
      : solve_(std::move(solve)), wanted_(std::move(wanted)) {}

  const SolveExtension& solve() const { return *solve_; }
  const WantedGradients& wanted() const { return wanted_; }
  /// Of the discrete adjoint alone: the others solve an equation of their own.
  std::optional<WantedGradients> gradients_of_steps() const override;
  bool reads_dense() const override { return costate::reads_dense(solve_->options().adjoint); }

  std::string name() const override { return "solve_adjoint"; }
  std::string attributes() const override;
  Shape infer_shape(std::span<const Shape> operands) const override;
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override;
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override;
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override;
  /// How the cotangents of the solve's `wanted` operands move with the operands of this, along `tangents` as jvp takes
  /// them.
  std::vector<Array> move_cotangents(std::span<const Array> operands, std::span<const Array> tangents,
                                     const std::vector<bool>& wanted) const;
  /// The cotangents of the operands of this if the cotangent of its result is one along which the solve's operands
  /// move, as jvp takes them.
  std::vector<Array> vjp_along(std::span<const Array> operands, std::span<const Array> moves,
                               const std::vector<bool>& wanted) const;
  /// Whether the result holds the cotangent of an operand of the solve, and which of them are wanted.
  bool is_packed(std::size_t operand) const;
  std::vector<bool> wanted_operands() const;
  std::shared_ptr<const Extension> tightened() const override { return tightened_adjoint(); }
  std::shared_ptr<const SolveAdjoint> tightened_adjoint() const;
  bool equals(const Extension& other) const override;
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const;
  std::shared_ptr<const BatchOp> lower_batch(const BatchOpContext& context) const override;

 private:
  Function tangent_adjoint(std::int64_t num_times, const MovedOperands& moved, const std::vector<bool>& wanted) const;

  std::shared_ptr<const SolveExtension> solve_;
  WantedGradients wanted_;
  mutable std::mutex mutex_;
  mutable std::map<std::tuple<std::int64_t, MovedOperands, std::vector<bool>>, Function> tangent_adjoints_;
  mutable std::shared_ptr<const SolveAdjoint> tightened_;
};

class SolveAdjointSum : public LoweredBy<SolveAdjointSum> {
 public:
  /// `position` counts the wanted arguments.
  SolveAdjointSum(std::shared_ptr<const SolveAdjoint> adjoint, std::size_t position, Shape shape)
      : adjoint_(std::move(adjoint)), position_(position), shape_(std::move(shape)) {}

  std::string name() const override { return "solve_adjoint_sum"; }
  bool is_sum_only() const override { return true; }
  Shape infer_shape(std::span<const Shape>) const override { return shape_; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override;
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override;
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override;
  std::shared_ptr<const Extension> tightened() const override {
    return std::make_shared<SolveAdjointSum>(adjoint_->tightened_adjoint(), position_, shape_);
  }
  bool equals(const Extension& other) const override;
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const;
  std::shared_ptr<const BatchOp> lower_batch(const BatchOpContext& context) const override;

 private:
  /// Which operand of the solve this is the gradient by.
  std::size_t solve_operand() const;

  std::shared_ptr<const SolveAdjoint> adjoint_;
  std::size_t position_;
  Shape shape_;
};

}  // namespace costate::internal
