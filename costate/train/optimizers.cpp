// All Parameters are one flat vector of doubles here.
#include "costate/train/optimizers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "costate/base/names.h"
#include "costate/exec/kernels/kernels.h"

namespace costate {
namespace {

constexpr std::string_view kOptimizers[] = {"adam", "adamw", "sgd", "lbfgs"};

/// Eight sums side by side, so that vectors hold them and none waits for each of its additions.
double dot(const std::vector<double>& x, const std::vector<double>& y) {
  constexpr std::size_t kSums = 8;
  double sums[kSums] = {};
  const std::size_t whole = x.size() / kSums * kSums;
  for (std::size_t i = 0; i < whole; i += kSums)
    for (std::size_t j = 0; j < kSums; ++j) sums[j] += x[i + j] * y[i + j];
  for (std::size_t i = whole; i < x.size(); ++i) sums[i - whole] += x[i] * y[i];
  return std::accumulate(std::begin(sums), std::end(sums), 0.0);
}

void check_options(const OptimizerOptions& options) {
  const auto is_share = [](double x) { return x >= 0 && x < 1; };
  if (!is_share(options.beta1) || !is_share(options.beta2) || !is_share(options.momentum))
    throw InvalidArgument("[Optimizer] beta1, beta2 and momentum must be at least 0 and below 1; got ", options.beta1,
                          ", ", options.beta2, " and ", options.momentum, ".");
  if (!(options.epsilon > 0) || !(options.weight_decay >= 0) || !(options.clip_norm >= 0) || options.history < 1)
    throw InvalidArgument(
        "[Optimizer] epsilon must be positive, weight_decay and clip_norm at least 0, history at least 1; got ",
        options.epsilon, ", ", options.weight_decay, ", ", options.clip_norm, " and ", options.history, ".");
  if (options.kind == OptimizerKind::kLbfgs && (options.weight_decay > 0 || options.clip_norm > 0))
    throw InvalidArgument(
        "[Optimizer] lbfgs searches along the loss itself and takes neither weight_decay nor clip_norm; add the "
        "penalty to the loss.");
}

}  // namespace

std::string name(OptimizerKind kind) { return spelling(kind, kOptimizers); }

OptimizerKind optimizer_from_name(const std::string& name) {
  return from_spelling<OptimizerKind>("optimizer", "optimizer", name, kOptimizers);
}

Optimizer::Optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters)
    : options_(options), parameters_(std::move(parameters)) {
  check_options(options);
  for (const Parameter& parameter : parameters_) size_ += static_cast<std::size_t>(parameter.shape().size());
  if (size_ == 0) throw InvalidArgument("[Optimizer] needs at least one parameter; got none.");
  gradient_.resize(size_);
  first_.assign(size_, 0.0);
  second_.assign(size_, 0.0);
}

template <class Visit>
void Optimizer::for_each_parameter(Visit visit) const {
  std::size_t first = 0;
  for (const Parameter& parameter : parameters_) {
    const std::span<double> x = parameter.numbers();
    visit(x, first);
    first += x.size();
  }
}

Optimizer::Numbers Optimizer::values() const {
  Numbers all(size_);
  for_each_parameter([&](std::span<double> x, std::size_t first) { std::ranges::copy(x, all.data() + first); });
  return all;
}

void Optimizer::set_values(const Numbers& values) {
  for_each_parameter(
      [&](std::span<double> x, std::size_t first) { std::copy_n(values.data() + first, x.size(), x.data()); });
}

void Optimizer::flatten(const Evaluation& evaluation, Numbers& gradient) const {
  const std::vector<HostArray>& gradients = evaluation.gradients;
  if (gradients.size() != parameters_.size())
    throw ShapeError("[Optimizer] evaluate must give one gradient for each of the ", parameters_.size(),
                     " parameters; got ", gradients.size(), ".");
  std::size_t first = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!(gradients[i].shape() == parameters_[i].shape()))
      throw ShapeError("[Optimizer] the gradient of '", parameters_[i].name(), "' must have its shape ",
                       parameters_[i].shape(), "; got ", gradients[i].shape(), ".");
    const auto count = static_cast<std::size_t>(gradients[i].size());
    gradients[i].copy_to(std::span(gradient).subspan(first, count));
    first += count;
  }
}

StepResult Optimizer::step(const std::function<Evaluation()>& evaluate, double learning_rate) {
  Evaluation evaluation = evaluate();
  StepResult result{.loss = evaluation.loss,
                    .gradient_norm = 0,
                    .was_skipped = false,
                    .report = std::move(evaluation.report),
                    .misclassified = evaluation.misclassified};
  flatten(evaluation, gradient_);
  result.gradient_norm = std::sqrt(dot(gradient_, gradient_));
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    result.was_skipped = true;
    return result;
  }
  if (options_.weight_decay > 0 && options_.kind != OptimizerKind::kAdamW) {
    const Numbers x = values();
    for (std::size_t i = 0; i < size_; ++i) gradient_[i] += options_.weight_decay * x[i];
  }
  if (options_.clip_norm > 0 && result.gradient_norm > options_.clip_norm)
    for (double& g : gradient_) g *= options_.clip_norm / result.gradient_norm;
  ++steps_;
  if (options_.kind == OptimizerKind::kLbfgs)
    result.was_skipped = !step_lbfgs(result.loss, evaluate, learning_rate, result.report);
  else if (options_.kind == OptimizerKind::kSgd)
    step_sgd(learning_rate);
  else
    step_adam(learning_rate);
  return result;
}

/// With the corrections of the moments, c1 and c2, taken out of each element, as section 2 of the paper proposes:
/// rate (m / c1) / (sqrt(v / c2) + epsilon) = (rate sqrt(c2) / c1) m / (sqrt(v) + epsilon sqrt(c2)).
void Optimizer::step_adam(double learning_rate) {
  const double correct1 = 1 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double root = std::sqrt(1 - std::pow(options_.beta2, static_cast<double>(steps_)));
  const internal::AdamUpdate update{
      .beta1 = options_.beta1,
      .beta2 = options_.beta2,
      .decay = options_.kind == OptimizerKind::kAdamW ? 1 - learning_rate * options_.weight_decay : 1.0,
      .rate = learning_rate * root / correct1,
      .epsilon = options_.epsilon * root};
  for_each_parameter([&](std::span<double> x, std::size_t first) {
    internal::adam_update(update, gradient_.data() + first, first_.data() + first, second_.data() + first, x.data(),
                          x.size());
  });
}

void Optimizer::step_sgd(double learning_rate) {
  for_each_parameter([&](std::span<double> x, std::size_t first) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      double& velocity = first_[first + i];
      velocity = options_.momentum * velocity + gradient_[first + i];
      x[i] -= learning_rate * velocity;
    }
  });
}

/// -H g by the two-loop recursion (algorithm 7.4).
Optimizer::Numbers Optimizer::lbfgs_direction(const Numbers& gradient) const {
  Numbers q = gradient;
  std::vector<double> alphas(moves_.size());
  for (std::size_t k = moves_.size(); k-- > 0;) {
    alphas[k] = dot(moves_[k], q) / dot(moves_[k], differences_[k]);
    for (std::size_t i = 0; i < size_; ++i) q[i] -= alphas[k] * differences_[k][i];
  }
  if (!moves_.empty()) {
    const double scale = dot(moves_.back(), differences_.back()) / dot(differences_.back(), differences_.back());
    for (double& element : q) element *= scale;
  }
  for (std::size_t k = 0; k < moves_.size(); ++k) {
    const double beta = dot(differences_[k], q) / dot(moves_[k], differences_[k]);
    for (std::size_t i = 0; i < size_; ++i) q[i] += (alphas[k] - beta) * moves_[k][i];
  }
  for (double& element : q) element = -element;
  return q;
}

/// Keeps a pair if the loss curves upward along it, so that H stays positive definite.
void Optimizer::remember(Numbers move, Numbers difference) {
  if (dot(move, difference) <= 1e-10 * dot(difference, difference)) return;
  moves_.push_back(std::move(move));
  differences_.push_back(std::move(difference));
  if (moves_.size() <= static_cast<std::size_t>(options_.history)) return;
  moves_.erase(moves_.begin());
  differences_.erase(differences_.begin());
}

bool Optimizer::step_lbfgs(double loss, const std::function<Evaluation()>& evaluate, double learning_rate,
                           RunReport& report) {
  constexpr double kSufficientDecrease = 1e-4;  // c_1 of Nocedal and Wright, section 3.1
  constexpr int kMaxTrials = 25;
  const Numbers start = values();
  Numbers direction = lbfgs_direction(gradient_);
  double slope = dot(direction, gradient_);
  if (!(slope < 0)) {  // a stale history: begin again along the gradient
    moves_.clear();
    differences_.clear();
    direction = lbfgs_direction(gradient_);
    slope = dot(direction, gradient_);
  }
  double length = moves_.empty() ? learning_rate / std::max(1.0, std::sqrt(-slope)) : 1.0;
  for (int trial = 0; trial < kMaxTrials && slope < 0; ++trial) {
    Numbers x = start;
    for (std::size_t i = 0; i < size_; ++i) x[i] += length * direction[i];
    set_values(x);
    const Evaluation there = evaluate();
    report.merge(there.report);
    Numbers difference(size_);
    flatten(there, difference);
    const bool is_finite = std::isfinite(there.loss) && std::isfinite(dot(difference, difference));
    // Lower by more than nothing: where the demand is below the rounding of the loss, so is what it would gain.
    if (is_finite && there.loss < loss && there.loss <= loss + kSufficientDecrease * length * slope) {
      for (std::size_t i = 0; i < size_; ++i) {
        difference[i] -= gradient_[i];
        x[i] -= start[i];
      }
      remember(std::move(x), std::move(difference));
      return true;
    }
    // The minimum of the parabola through loss, slope and the trial, kept within [0.1, 0.5] of the length.
    const double parabola = is_finite ? -slope * length / (2 * (there.loss - loss - slope * length)) : 0.0;
    length *= std::clamp(parabola, 0.1, 0.5);
  }
  set_values(start);
  moves_.clear();
  differences_.clear();
  return false;
}

std::map<std::string, HostArray> Optimizer::state() const {
  std::map<std::string, HostArray> state;
  state.emplace("steps", HostArray::vector({static_cast<double>(steps_)}));
  state.emplace("first", HostArray::vector(first_));
  state.emplace("second", HostArray::vector(second_));
  Numbers moves, differences;
  for (std::size_t k = 0; k < moves_.size(); ++k) {
    moves.insert(moves.end(), moves_[k].begin(), moves_[k].end());
    differences.insert(differences.end(), differences_[k].begin(), differences_[k].end());
  }
  state.emplace("moves", HostArray::vector(std::move(moves)));
  state.emplace("differences", HostArray::vector(std::move(differences)));
  return state;
}

void Optimizer::set_state(const std::map<std::string, HostArray>& state) {
  const auto numbers = [&](const std::string& key) {
    const auto found = state.find(key);
    if (found == state.end()) throw DataError("[Optimizer] the state lacks '", key, "'; it is of another optimizer.");
    const auto data = found->second.data<double>();
    return Numbers(data.begin(), data.end());
  };
  const Numbers first = numbers("first"), second = numbers("second"), moves = numbers("moves"),
                differences = numbers("differences"), steps = numbers("steps");
  if (first.size() != size_ || second.size() != size_ || moves.size() % size_ != 0 ||
      differences.size() != moves.size() || steps.size() != 1)
    throw DataError("[Optimizer] the state is of other parameters: ", first.size(), " numbers for ", size_, ".");
  first_ = first;
  second_ = second;
  steps_ = static_cast<std::int64_t>(steps[0]);
  moves_.clear();
  differences_.clear();
  for (auto at = std::size_t{0}; at < moves.size(); at += size_) {
    const auto begin = static_cast<std::ptrdiff_t>(at), end = static_cast<std::ptrdiff_t>(at + size_);
    moves_.emplace_back(moves.begin() + begin, moves.begin() + end);
    differences_.emplace_back(differences.begin() + begin, differences.begin() + end);
  }
}

}  // namespace costate
