#include "costate/check/check_gradient.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <optional>
#include <sstream>

#include "costate/base/error.h"
#include "costate/base/names.h"
#include "costate/base/random.h"
#include "costate/diff/diff.h"
#include "costate/diff/internal/inlined.h"
#include "costate/exec/program.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/per_node.h"
#include "costate/graph/tighten.h"

namespace costate {
namespace {

constexpr std::string_view kVerdictNames[] = {"right", "off", "unclear", "no derivative"};

// Of an input's size. Tight solves are exact to 1e-8 and less, so that differences are to 1e-6; what the loss's own
// curvature adds is extrapolated away.
constexpr double kStep = 1e-2;
// A difference is off by 5 times what half the step changes, and this share.
constexpr double kDifferenceShare = 1e-2, kDifferenceSpread = 5;

constexpr const char* kImprecise =
    "the steps of a solve are not fit to be differentiated; leave gradient_steps on, tighten rtol and atol, or take "
    "shorter fixed steps.";
constexpr const char* kFault =
    "no operation of this program approximates, so the derivative of one of them is wrong: an Extension's rule, or a "
    "fault of Costate's.";
constexpr const char* kJumps =
    "the loss changes otherwise than its derivative says: it jumps or bends there (a comparison that the state or the "
    "input decides), or stop_gradient cuts something off.";
constexpr const char* kNotFinite =
    "what it should be compared with is not finite: a solve failed, or the loss ends near this point.";
constexpr const char* kSteps =
    "it reaches the loss through comparisons, floor, sign or stop_gradient only: its gradient is 0.";

/// The same function with its Parameters as shared inputs, which may be moved without touching anyone's numbers.
Function with_free_parameters(const Function& function) {
  std::vector<Input> inputs = function.inputs();
  for (Input& input : inputs) input.parameter = nullptr;
  return Function(function.nodes(), std::move(inputs), function.outputs());
}

/// Whether some operation could be more exact (tighten).
bool approximates(const Function& function) {
  return std::ranges::any_of(function.nodes(),
                             [](const Node& node) { return node.extension && node.extension->tightened() != nullptr; });
}

/// Whether the first output depends on an input; other than by jumps, if `smoothly`.
bool reaches(const Function& function, std::size_t input, bool smoothly) {
  internal::PerNode<bool> moved;
  for (const Node& node : function.nodes()) {
    bool moves = node.op == Op::kInput && node.indices[0] == static_cast<std::int64_t>(input);
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      moves = moves || (moved[node.operands[i]] && (!smoothly || carries_derivative(node.op, i)));
    moved.push_back(moves);
  }
  return moved[function.outputs()[0].node];
}

HostArray moved(const HostArray& x, const HostArray& v, double h) {
  HostArray out(x.shape());
  for (std::int64_t i = 0; i < x.size(); ++i) out.set(i, x.at(i) + h * v.at(i));
  return out;
}

double size_of(const HostArray& x) {
  double squares = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) squares += x.at(i) * x.at(i);
  return squares > 0 ? std::sqrt(squares / static_cast<double>(x.size())) : 1;
}

/// Directional derivatives, one a sample, or one for the batch.
using Slopes = std::vector<double>;

class Checker {
 public:
  Checker(const Function& loss, std::span<const HostArray> at, const GradientCheckOptions& options)
      : options_(options),
        loss_(with_free_parameters(loss)),
        tight_loss_(tighten(loss_)),
        tight_(compile(tight_loss_)) {
    std::size_t next = 0;
    for (const Input& input : loss.inputs()) {
      if (!input.parameter && next == at.size()) throw_wrong_count(loss, at.size());
      at_.push_back(input.parameter ? input.parameter->value() : at[next++]);
    }
    if (next != at.size()) throw_wrong_count(loss, at.size());
    const RunResult result = compile(loss_).run(at_);
    num_samples_ = static_cast<std::size_t>(result.outputs[0].shape()[0]);
    if (num_samples_ == 0) throw InvalidArgument("[check_gradient] needs at least one sample; got a batch of none.");
    for (std::int64_t i = 0; i < result.outputs[0].size(); ++i)
      if (!std::isfinite(result.outputs[0].at(i)))
        throw SolveFailed("[check_gradient] the loss of sample ", i, " is ", result.outputs[0].at(i),
                          result.report.failures.empty() ? "" : ": " + result.report.failures[0].reason,
                          "; check its gradient where it is finite.");
  }

  InputCheck check(std::size_t input) const {
    if (!reaches(loss_, input, true) && reaches(loss_, input, false)) return without_derivative(input, kSteps);
    HostArray gradient;
    try {
      gradient = compile(value_and_grad(loss_, std::span(&input, 1))).run(at_).outputs[loss_.outputs().size()];
    } catch (const NotSupported& refusal) {
      return without_derivative(input, refusal.what());
    }
    std::optional<InputCheck> worst;
    for (int direction = 0; direction < options_.directions; ++direction)
      for (InputCheck& found : look_along(input, gradient, direction))
        if (!worst || ratio(found) > ratio(*worst)) worst = std::move(found);
    return *worst;
  }

  /// By how much more than allowed it is off; what is not finite counts most.
  static double ratio(const InputCheck& found) {
    if (found.verdict == GradientVerdict::kNoDerivative) return 0;
    const double ratio = found.error == 0 ? 0 : found.error / found.allowed;
    return std::isnan(ratio) ? std::numeric_limits<double>::infinity() : ratio;
  }

 private:
  [[noreturn]] static void throw_wrong_count(const Function& loss, std::size_t given) {
    throw InvalidArgument("[check_gradient] the loss takes ", loss.inputs().size() - loss.parameters().size(),
                          " inputs besides its Parameters; got ", given, ".");
  }

  InputCheck without_derivative(std::size_t input, std::string note) const {
    return {.input = loss_.inputs()[input].name, .verdict = GradientVerdict::kNoDerivative, .note = std::move(note)};
  }

  bool is_shared(std::size_t input) const { return loss_.inputs()[input].kind == InputKind::kShared; }

  HostArray direction_of(std::size_t input, int number) const {
    const Random random(options_.seed);
    HostArray v(at_[input].shape());
    for (std::int64_t i = 0; i < v.size(); ++i) {
      const double drawn = random.uniform(input, static_cast<std::uint64_t>(number * v.size() + i), -1, 1);
      v.set(i, drawn < 0 ? drawn - 0.5 : drawn + 0.5);
    }
    return v;
  }

  /// Numbers of samples as they are to be compared: summed where the input is shared.
  Slopes collect(const HostArray& of_samples, std::size_t input) const {
    Slopes slopes(is_shared(input) ? 1 : num_samples_, 0.0);
    for (std::int64_t i = 0; i < of_samples.size(); ++i)
      slopes[is_shared(input) ? 0 : static_cast<std::size_t>(i)] += of_samples.at(i);
    return slopes;
  }

  /// Tangents of a loss; nothing where there are none by this input.
  std::optional<Slopes> tangents(const Function& loss, std::size_t input, const HostArray& v) const {
    std::vector<HostArray> inputs = at_;
    inputs.push_back(v);
    try {
      const RunResult result = compile(jvp(loss, std::span(&input, 1))).run(inputs);
      return collect(result.outputs[loss.outputs().size()], input);
    } catch (const NotSupported&) {
      return std::nullopt;
    }
  }

  Slopes differences(std::size_t input, const HostArray& v, double h) const {
    std::vector<HostArray> inputs = at_;
    inputs[input] = moved(at_[input], v, h);
    const Slopes above = collect(tight_.run(inputs).outputs[0], input);
    inputs[input] = moved(at_[input], v, -h);
    Slopes slopes = collect(tight_.run(inputs).outputs[0], input);
    for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = (above[i] - slopes[i]) / (2 * h);
    return slopes;
  }

  std::vector<InputCheck> look_along(std::size_t input, const HostArray& gradient, int number) const {
    const HostArray v = direction_of(input, number);
    const double h = kStep * size_of(at_[input]);
    const Slopes far = differences(input, v, h), near = differences(input, v, h / 2);
    const std::optional<Slopes> tangent = tangents(tight_loss_, input, v);
    const std::optional<Slopes> loose = tangent ? tangents(loss_, input, v) : std::nullopt;
    std::vector<InputCheck> found;
    const auto size = gradient.size() / static_cast<std::int64_t>(far.size());
    for (std::size_t row = 0; row < far.size(); ++row) {
      InputCheck one{.input = loss_.inputs()[input].name,
                     .sample = is_shared(input) ? -1 : static_cast<std::int64_t>(row)};
      double squares = 0;
      one.gradient = 0;
      for (std::int64_t i = static_cast<std::int64_t>(row) * size; i < (static_cast<std::int64_t>(row) + 1) * size;
           ++i) {
        one.gradient += gradient.at(i) * v.at(i);
        squares += gradient.at(i) * gradient.at(i) * v.at(i) * v.at(i);
      }
      one.difference = (4 * near[row] - far[row]) / 3;
      const double spread = std::abs(far[row] - near[row]);
      if (tangent) one.tangent = (*tangent)[row];
      judge(one, {.size = std::sqrt(squares), .spread = spread, .noise = loose ? (*loose)[row] - one.tangent : 0});
      found.push_back(std::move(one));
    }
    return found;
  }

  /// How large a derivative is when its terms do not cancel, and how well the others know it.
  struct Known {
    double size = 0, spread = 0, noise = 0;
  };

  /// Against the tangent first; the differences say what both may lack.
  void judge(InputCheck& one, const Known& known) const {
    const bool has_tangent = !std::isnan(one.tangent);
    const double size = std::max(known.size, std::abs(has_tangent ? one.tangent : one.difference));
    const double rough = kDifferenceShare * size + kDifferenceSpread * known.spread + options_.atol * 1e-3;
    one.allowed = options_.rtol * size + std::min(options_.atol, 10 * std::abs(known.noise));
    one.error = std::abs(one.gradient - one.tangent);
    one.verdict = one.error <= one.allowed ? GradientVerdict::kRight : GradientVerdict::kOff;
    if (one.verdict == GradientVerdict::kOff) one.note = approximates(loss_) ? kImprecise : kFault;
    const double lacking = std::abs((has_tangent ? one.tangent : one.gradient) - one.difference);
    if (!has_tangent || (one.verdict == GradientVerdict::kRight && lacking > rough)) {
      one.allowed = rough;
      one.error = std::abs(one.gradient - one.difference);
      one.verdict = one.error <= one.allowed ? GradientVerdict::kRight : GradientVerdict::kOff;
      one.note = one.verdict == GradientVerdict::kRight ? "" : kJumps;
    }
    if (std::isnan(one.error) && std::isfinite(one.gradient)) {
      one.verdict = GradientVerdict::kUnclear;
      one.note = kNotFinite;
    }
  }

  GradientCheckOptions options_;
  Function loss_, tight_loss_;
  Program tight_;
  std::vector<HostArray> at_;
  std::size_t num_samples_ = 0;
};

}  // namespace

std::string name(GradientVerdict verdict) { return spelling(verdict, kVerdictNames); }

std::string GradientCheck::text() const {
  std::size_t width = 5;
  for (const InputCheck& one : inputs) width = std::max(width, one.input.size());
  std::ostringstream out;
  const auto pad = [&](int columns) -> std::ostream& { return out << "  " << std::setw(columns); };
  out << std::left << std::setw(static_cast<int>(width)) << "input" << std::right;
  pad(6) << "sample";
  for (const char* head : {"gradient", "tangent", "difference", "error", "allowed"}) pad(13) << head;
  out << "  verdict\n";
  for (const InputCheck& one : inputs) {
    out << std::left << std::setw(static_cast<int>(width)) << one.input << std::right;
    pad(6) << (one.sample < 0 ? "all" : std::to_string(one.sample));
    for (const double number : {one.gradient, one.tangent, one.difference, one.error, one.allowed})
      pad(13) << (std::isnan(number) ? "-" : text::number(number, 6));
    out << "  " << name(one.verdict) << "\n";
  }
  for (const InputCheck& one : inputs)
    if (!one.note.empty()) out << "'" << one.input << "': " << one.note << "\n";
  return out.str();
}

GradientCheck check_gradient(const Function& loss, std::span<const HostArray> at, const GradientCheckOptions& options) {
  internal::check_scalar_loss(loss, "check_gradient");
  if (!(options.rtol >= 0 && options.atol >= 0) || options.directions < 1)
    throw InvalidArgument("[check_gradient] rtol and atol must be at least 0 and directions at least 1; got ",
                          options.rtol, ", ", options.atol, " and ", options.directions, ".");
  const Checker checker(loss, at, options);
  GradientCheck result;
  double largest = 0;
  for (const std::size_t input : internal::all_inputs_if_empty(loss, options.wrt)) {
    result.inputs.push_back(checker.check(input));
    const InputCheck& one = result.inputs.back();
    result.ok = result.ok && one.verdict != GradientVerdict::kOff && one.verdict != GradientVerdict::kUnclear;
    if (Checker::ratio(one) <= largest) continue;
    largest = Checker::ratio(one);
    result.worst = one.input;
  }
  return result;
}

}  // namespace costate
