// Newton's iterations are operations on numbers. What has derivatives is a mark on their result: by J dx = -df at the
// last point, with the factors that the last correction has left, it moves as the implicit function theorem says. These
// derivatives are operations themselves, at a point that moves as the root does: so any order follows.
#include "costate/operations/internal/dense_root.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/dropped_mark.h"
#include "costate/graph/internal/builder.h"
#include "costate/operations/internal/factored_solve.h"
#include "costate/operations/linear_solve.h"

namespace costate::internal {
namespace {

/// Operands: a number, and what it moves as.
class MovesAs : public DroppedMark {
 public:
  std::string name() const override { return "moves_as"; }
  std::vector<Array> vjp(std::span<const Array>, const Array&, const Array& cotangent,
                         const std::vector<bool>&) const override {
    return {Array(), cotangent};
  }
  Array jvp(std::span<const Array>, const Array&, std::span<const Array> tangents) const override {
    return tangents[1];
  }
  bool equals(const Extension& other) const override { return dynamic_cast<const MovesAs*>(&other) != nullptr; }
};

/// f(x, arguments), and J = df/dx.
class DenseSystem {
 public:
  explicit DenseSystem(Function f) : f_(std::move(f)), both_(jacobian(f_, kOfX)) {}

  struct At {
    Array value, jacobian;
  };
  At at(std::span<const Array> inputs) const {
    const std::vector<Array> both = inline_function(both_, inputs);
    return {both[0], both[1]};
  }

  /// How f moves with its arguments at a fixed x; an empty tangent is 0.
  Array along(std::vector<Array> inputs, std::span<const Array> tangents) const {
    std::vector<bool> moved;
    for (const Array& tangent : tangents) {
      moved.push_back(!tangent.is_empty());
      if (moved.back()) inputs.push_back(tangent);
    }
    return inline_function(derivative(moved, forward_,
                                      [](const Function& f, const std::vector<std::size_t>& wrt) {
                                        return jvp(f, wrt, InputKind::kSample);
                                      }),
                           inputs)[1];
  }

  /// What a cotangent of f is for the `wanted` arguments; an empty Array for the others.
  std::vector<Array> back(std::vector<Array> inputs, const Array& cotangent, const std::vector<bool>& wanted) const {
    inputs.push_back(cotangent);
    const std::vector<Array> found =
        inline_function(derivative(wanted, reverse_,
                                   [](const Function& f, const std::vector<std::size_t>& wrt) { return vjp(f, wrt); }),
                        inputs);
    std::vector<Array> cotangents;
    std::size_t next = 1;
    for (const bool one : wanted) cotangents.push_back(one ? found[next++] : Array());
    return cotangents;
  }

 private:
  static constexpr std::size_t kOfX[] = {0};
  using Made = std::map<std::vector<bool>, Function>;

  /// By the arguments that are marked, of which there is one; made at the first call.
  template <class Make>
  const Function& derivative(const std::vector<bool>& marked, Made& made, Make make) const {
    const std::lock_guard lock(mutex_);
    Function& found = made[marked];
    if (!found.is_empty()) return found;
    std::vector<std::size_t> wrt;
    for (std::size_t i = 0; i < marked.size(); ++i)
      if (marked[i]) wrt.push_back(1 + i);
    return found = make(f_, wrt);
  }

  Function f_, both_;
  mutable std::mutex mutex_;
  mutable Made forward_, reverse_;
};

/// Operands: the root, the point before it, the correction between them, whose linear_solve has the factors, and the
/// arguments.
class DenseRoot : public DroppedMark {
 public:
  explicit DenseRoot(std::shared_ptr<const DenseSystem> system) : system_(std::move(system)) {}

  std::string name() const override { return "dense_root"; }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override {
    std::vector<Array> cotangents(kFirst);
    const std::vector<bool> of_arguments(wanted.begin() + kFirst, wanted.end());
    if (std::ranges::count(of_arguments, true) == 0) {
      cotangents.resize(operands.size());
      return cotangents;
    }
    const std::vector<Array> inputs = inputs_of(operands, result);
    const Array lambda =
        factored_solve(System::kTransposed, system_->at(inputs).jacobian, operands[kCorrection], -cotangent);
    for (Array& each : system_->back(inputs, lambda, of_arguments)) cotangents.push_back(std::move(each));
    return cotangents;
  }

  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    const auto of_arguments = tangents.subspan(kFirst);
    if (std::ranges::all_of(of_arguments, [](const Array& tangent) { return tangent.is_empty(); })) return {};
    const std::vector<Array> inputs = inputs_of(operands, result);
    return -factored_solve(System::kGiven, system_->at(inputs).jacobian, operands[kCorrection],
                           system_->along(inputs, of_arguments));
  }

  bool equals(const Extension& other) const override {
    const auto* const same = dynamic_cast<const DenseRoot*>(&other);
    return same != nullptr && same->system_ == system_;
  }

 private:
  enum Operand : std::size_t { kRoot, kPoint, kCorrection, kFirst };

  static std::vector<Array> inputs_of(std::span<const Array> operands, const Array& result) {
    const Array point[] = {operands[kPoint], result};
    std::vector<Array> inputs = {costate::apply(std::make_shared<MovesAs>(), point)};
    inputs.insert(inputs.end(), operands.begin() + kFirst, operands.end());
    return inputs;
  }

  std::shared_ptr<const DenseSystem> system_;
};

}  // namespace

Array dense_root(const TracedSystem& traced, const Array& guess, const RootOptions& options) {
  const auto system = std::make_shared<const DenseSystem>(traced.function);
  std::vector<Array> inputs = {stop_gradient(guess)};
  inputs.insert(inputs.end(), traced.arguments.begin(), traced.arguments.end());
  Array correction;
  for (int iteration = 0; iteration <= options.iterations; ++iteration) {
    const auto [value, jacobian] = system->at(inputs);
    correction = linear_solve(stop_gradient(jacobian), value);
    if (iteration < options.iterations) inputs[0] = stop_gradient(inputs[0] - correction);
  }
  const Array& x = inputs[0];
  std::vector<Array> operands = {x - correction, x, correction};
  operands.insert(operands.end(), traced.arguments.begin(), traced.arguments.end());
  const Array size = reduce_max(abs(correction) / (1.0 + abs(x)), {0});
  return where(broadcast_to(size <= options.tolerance, x.shape()),
               costate::apply(std::make_shared<DenseRoot>(system), operands),
               full(x.shape(), std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace costate::internal
