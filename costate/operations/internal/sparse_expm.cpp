// Two operations, each the other's derivative. SparseExpm gives x = e^(tA) b. ExpmNumbers gives the gradient by A's
// numbers of c^T x, at A's places:
//
//     abar_ij = integral from 0 to t of lambda_i(s) x_j(s) ds,    lambda(s) = e^((t - s) A^T) c,    x(s) = e^(sA) b,
//
// as the exact derivative of the Taylor steps. Their own derivatives are those of dx = the upper half of
// e^(t [A E; 0 A]) [0; b] (Van Loan 1978), of which both are made.
#include "costate/operations/internal/sparse_expm.h"

#include <Eigen/Core>
#include <limits>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/trace.h"
#include "costate/operations/internal/sparse_generator.h"
#include "costate/operations/internal/taylor_exponential.h"
#include "costate/operations/internal/tile_lane.h"

namespace costate::internal {
namespace {

using PlacesPointer = std::shared_ptr<const MatrixPlaces>;
using Column = SparseGenerator::Column;

struct GeneratorState : TileOpState {
  explicit GeneratorState(const MatrixPlaces& places) : generator(places) {}
  SparseGenerator generator;
};

/// Operands: A's numbers, b, t, and for ExpmNumbers c.
template <class T>
class SparseExpmOp : public TileOp<T> {
 public:
  SparseExpmOp(PlacesPointer places, TileOpContext context)
      : places_(std::move(places)), context_(std::move(context)) {}

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<GeneratorState>(*places_); }

  void run(const TileOpRun<T>& run, T* out) const override {
    SparseGenerator& generator = static_cast<GeneratorState&>(*run.state).generator;
    const bool is_gradient = run.operands.size() == 4;
    const auto n = static_cast<Eigen::Index>(places_->size());
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const TileLane<T> at{context_, run, lane};
      Column result = Column::Zero(is_gradient ? static_cast<Eigen::Index>(places_->count()) : n);
      if (lane < run.num_samples) {
        std::span<double> numbers = generator.numbers();
        Column b(n), t(1), c(is_gradient ? n : 0);
        at.read(0, numbers);
        at.read(1, b);
        at.read(2, t);
        if (is_gradient) at.read(3, c);
        if (!generator.set(t(0))) {
          result.setConstant(std::numeric_limits<double>::quiet_NaN());
          if (!is_gradient && run.report != nullptr)
            run.report->failures.push_back({at.sample(), "no exponential", 0, 0, internal::kNoExponential});
        } else if (is_gradient) {
          generator.gradient(std::move(b), std::move(c), {result.data(), static_cast<std::size_t>(result.size())});
        } else {
          generator.multiply(b);
          result = std::move(b);
        }
      }
      at.write(result, out);
    }
  }

 private:
  PlacesPointer places_;
  TileOpContext context_;
};

Array turned(const MatrixPlaces& places, const Array& numbers) {
  return gather(numbers, places.turned(), {places.count()});
}

Array product(const MatrixPlaces& places, const Array& numbers, const Array& x) {
  const Array factors = gather(x, places.columns_of_numbers(), {places.count()});
  return scatter(numbers * factors, places.rows_of_numbers(), x.shape());
}

/// The tangent of e^(tA) b as A moves along E.
Array tangent_by_numbers(const MatrixPlaces& places, const Array& numbers, const Array& moved, const Array& b,
                         const Array& t) {
  const std::vector<std::int64_t> positions = places.doubled_numbers();
  const auto count = static_cast<std::int64_t>(positions.size());
  const Array both = gather(concat({numbers, moved}), positions, {count});
  return sparse_expm_multiply(places.doubled(), both, concat({zeros(b.shape()), b}), t, std::source_location::current())
      .slice(0, b.shape()[0]);
}

Array or_zeros(const Array& tangent, const Array& of) { return tangent.is_empty() ? zeros(of.shape()) : tangent; }

/// A as a full matrix, for the meaning of both operations.
Eigen::MatrixXd full_matrix(const MatrixPlaces& places, const std::vector<double>& numbers) {
  const auto n = static_cast<Eigen::Index>(places.size());
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(n, n);
  const std::vector<std::int64_t> rows = places.rows_of_numbers(), columns = places.columns_of_numbers();
  for (std::size_t k = 0; k < numbers.size(); ++k) matrix(rows[k], columns[k]) = numbers[k];
  return matrix;
}

/// By the matrix as it stands, without a shift.
Eigen::MatrixXd full_exponential(const Eigen::MatrixXd& matrix, double t, Eigen::MatrixXd b) {
  const TaylorScheme scheme = choose_scheme(matrix.cwiseAbs().colwise().sum().maxCoeff(), t);
  multiply_exponential(
      scheme, 0, [&](double factor, const Eigen::MatrixXd& x) -> Eigen::MatrixXd { return factor * (matrix * x); }, b);
  return b;
}

class ExpmNumbers;

/// Of either operation: its places.
template <class Self>
class ExpmOperation : public LoweredBy<Self> {
 public:
  explicit ExpmOperation(PlacesPointer places) : places_(std::move(places)) {}
  std::string attributes() const override {
    return text::concat("size=", places_->size(), ", nonzeros=", places_->count());
  }
  bool equals(const Extension& other) const override {
    const auto* same = dynamic_cast<const Self*>(&other);
    return same != nullptr && same->places_ == places_;
  }
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<SparseExpmOp<T>>(places_, context);
  }

 protected:
  PlacesPointer places_;
};

class SparseExpm : public ExpmOperation<SparseExpm> {
 public:
  using ExpmOperation::ExpmOperation;
  std::string name() const override { return "expm_multiply"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[1]; }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    const Eigen::Map<const Column> b(operands[1].data(), static_cast<Eigen::Index>(operands[1].size()));
    const Eigen::MatrixXd x = full_exponential(full_matrix(*places_, operands[0]), operands[2][0], b);
    return {x.data(), x.data() + x.size()};
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override;

  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    const Array &numbers = operands[0], &b = operands[1], &t = operands[2];
    Array moved = zeros(result.shape());
    if (!tangents[0].is_empty()) moved = moved + tangent_by_numbers(*places_, numbers, tangents[0], b, t);
    if (!tangents[1].is_empty())
      moved = moved + sparse_expm_multiply(places_, numbers, tangents[1], t, std::source_location::current());
    if (!tangents[2].is_empty()) moved = moved + product(*places_, numbers, result) * tangents[2];
    return moved;
  }
};

class ExpmNumbers : public ExpmOperation<ExpmNumbers> {
 public:
  using ExpmOperation::ExpmOperation;
  std::string name() const override { return "expm_numbers"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0]; }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    const auto n = static_cast<Eigen::Index>(places_->size());
    const Eigen::MatrixXd turned = full_matrix(*places_, operands[0]).transpose();
    const Eigen::Map<const Column> b(operands[1].data(), n), c(operands[3].data(), n);
    Eigen::MatrixXd blocks = Eigen::MatrixXd::Zero(2 * n, 2 * n), start = Eigen::MatrixXd::Zero(2 * n, n);
    blocks << turned, c * b.transpose(), Eigen::MatrixXd::Zero(n, n), turned;
    start.bottomRows(n).setIdentity();
    const Eigen::MatrixXd gradient = full_exponential(blocks, operands[2][0], start).topRows(n);
    const std::vector<std::int64_t> rows = places_->rows_of_numbers(), columns = places_->columns_of_numbers();
    std::vector<double> sums;
    for (std::size_t k = 0; k < rows.size(); ++k) sums.push_back(gradient(rows[k], columns[k]));
    return sums;
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                         const std::vector<bool>&) const override {
    std::vector<Array> inputs(operands.begin(), operands.end());
    inputs.push_back(cotangent);
    std::vector<Array> outputs = inline_function(along_cotangent(), inputs);
    return {outputs.begin() + 1, outputs.end()};
  }

  Array jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const override {
    std::vector<Array> inputs(operands.begin(), operands.end());
    for (std::size_t i = 0; i < operands.size(); ++i) inputs.push_back(or_zeros(tangents[i], operands[i]));
    return inline_function(along_tangents(), inputs)[1];
  }

 private:
  std::vector<ArgumentSpec> arguments(const std::vector<std::string>& names) const {
    const auto n = static_cast<std::int64_t>(places_->size());
    std::vector<ArgumentSpec> specs;
    for (const std::string& name : names)
      for (const auto& [what, shape] :
           {std::pair("numbers", Shape{places_->count()}), {"b", Shape{n}}, {"t", Shape{}}, {"c", Shape{n}}})
        specs.push_back({name + what, shape});
    return specs;
  }

  /// The sum of w times the result is the derivative of c^T e^(tA) b as A moves along w; its gradient by A's numbers,
  /// b, t and c.
  const Function& along_cotangent() const {
    const std::lock_guard lock(mutex_);
    if (along_cotangent_.is_empty()) {
      std::vector<ArgumentSpec> specs = arguments({""});
      specs.push_back({"w", {places_->count()}});
      const std::vector<std::size_t> wanted = {0, 1, 2, 3};
      along_cotangent_ = value_and_grad(
          trace_list(specs,
                     [&](std::span<const Array> in) {
                       return std::vector<Array>{sum(in[3] * tangent_by_numbers(*places_, in[0], in[4], in[1], in[2]))};
                     }),
          wanted);
    }
    return along_cotangent_;
  }

  /// The gradient, by A's numbers, of the tangent of c^T e^(tA) b.
  const Function& along_tangents() const {
    const std::lock_guard lock(mutex_);
    if (along_tangents_.is_empty()) {
      const std::vector<std::size_t> wanted = {0};
      along_tangents_ =
          value_and_grad(trace_list(arguments({"", "d"}),
                                    [&](std::span<const Array> in) {
                                      const auto where = std::source_location::current();
                                      const Array x = sparse_expm_multiply(places_, in[0], in[1], in[2], where);
                                      const Array moved = tangent_by_numbers(*places_, in[0], in[4], in[1], in[2]) +
                                                          sparse_expm_multiply(places_, in[0], in[5], in[2], where) +
                                                          product(*places_, in[0], x) * in[6];
                                      return std::vector<Array>{sum(in[7] * x) + sum(in[3] * moved)};
                                    }),
                         wanted);
    }
    return along_tangents_;
  }

  mutable std::mutex mutex_;
  mutable Function along_cotangent_, along_tangents_;
};

std::vector<Array> SparseExpm::vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                                   const std::vector<bool>& wanted) const {
  const Array &numbers = operands[0], &t = operands[2];
  std::vector<Array> cotangents(3);
  if (wanted[0]) {
    const Array all[] = {numbers, operands[1], t, cotangent};
    cotangents[0] = costate::apply(std::make_shared<ExpmNumbers>(places_), all);
  }
  if (wanted[1])
    cotangents[1] = sparse_expm_multiply(places_->transposed(), turned(*places_, numbers), cotangent, t,
                                         std::source_location::current());
  if (wanted[2]) cotangents[2] = sum(cotangent * product(*places_, numbers, result));
  return cotangents;
}

}  // namespace

Array sparse_expm_multiply(PlacesPointer places, const Array& numbers, const Array& b, const Array& t,
                           std::source_location where) {
  const Array operands[] = {numbers, b, t};
  return costate::apply(std::make_shared<SparseExpm>(std::move(places)), operands, where);
}

}  // namespace costate::internal
