#include "costate/adjoint/internal/cotangent_integral.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace costate::internal {
namespace {

// A piece of 2^-12 of a step is taken as it is: the field jumps there, and no rule does better.
constexpr std::size_t kMostHalvings = 12;

}  // namespace

template <class T>
CotangentIntegral<T>::CotangentIntegral(const LaneProblem<T>& problem, const FieldVjp<T>& field, const Rule& rule)
    : problem_(problem),
      field_(field),
      rule_(rule),
      lanes_(problem.lanes),
      pullback_(problem, field),
      sums_(field),
      rough_sums_(field),
      field_times_(problem.time, problem.lanes),
      times_(lanes_),
      time_values_(problem.time.count * lanes_),
      z_(problem.state_size * lanes_),
      a_(z_.size()),
      weights_(lanes_) {
  levels_.reserve(kMostHalvings + 1);
  for (const WantedArgument& argument : field.arguments()) {
    const bool is_own = !argument.is_shared && rule.of_samples;
    has_own_ = has_own_ || is_own;
    has_shared_ = has_shared_ || argument.is_shared;
    for (auto* buffers : {&own_, &rough_own_}) buffers->emplace_back(is_own ? argument.size * lanes_ : 0);
  }
}

template <class T>
void CotangentIntegral<T>::start(const std::vector<const T*>& arguments, std::size_t num_samples,
                                 SolveGradients<T>& gradients) {
  pullback_.start(arguments, num_samples);
  gradients_ = &gradients;
}

template <class T>
typename CotangentIntegral<T>::Level& CotangentIntegral<T>::level(std::size_t depth) {
  if (depth == levels_.size()) {
    Level& added = levels_.emplace_back();
    for (auto* times : {&added.from, &added.to}) times->resize(lanes_);
    for (auto* flags : {&added.of_sample, &added.in_sum}) flags->resize(lanes_);
  }
  return levels_[depth];
}

template <class T>
std::int64_t CotangentIntegral<T>::add(const Interval& interval) {
  if (!has_own_ && !has_shared_) return 0;
  interval_ = interval;
  evaluations_ = 0;
  std::size_t num_steps = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (interval.counts[lane] != 0) num_steps = std::max(num_steps, interval.steps->steps(lane).ends.size());
  for (std::size_t i = 0; i < num_steps; ++i) {
    Level& whole = level(0);
    whole.of_sum = has_shared_;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const DenseSteps<T>& steps = interval.steps->steps(lane);
      const bool has_step = interval.counts[lane] != 0 && i < steps.ends.size();
      whole.in_sum[lane] = has_step ? 1 : 0;
      whole.of_sample[lane] = has_step && has_own_ ? 1 : 0;
      if (!has_step) continue;
      whole.from[lane] = steps.starts[i];
      whole.to[lane] = steps.ends[i];
    }
    add_piece(0);
  }
  return evaluations_;
}

/// Takes what is exact enough, and goes on with halves for the rest.
template <class T>
void CotangentIntegral<T>::add_piece(std::size_t depth) {
  Level& piece = level(depth);
  evaluate(piece);
  const bool is_last = depth == kMostHalvings;
  bool any_left = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (piece.of_sample[lane] == 0) continue;
    if (is_last || judge_sample(lane)) {
      take_sample(lane);
      piece.of_sample[lane] = 0;
    }
    any_left = any_left || piece.of_sample[lane] != 0;
  }
  if (piece.of_sum && (is_last || judge_sum())) {
    take_sum();
    piece.of_sum = false;
  }
  if (!any_left && !piece.of_sum) return;
  for (const bool is_first : {true, false}) {
    Level& half = level(depth + 1);
    half.of_sample = piece.of_sample;
    half.in_sum = piece.in_sum;
    half.of_sum = piece.of_sum;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const double middle = 0.5 * (piece.from[lane] + piece.to[lane]);
      half.from[lane] = is_first ? piece.from[lane] : middle;
      half.to[lane] = is_first ? middle : piece.to[lane];
    }
    add_piece(depth + 1);
  }
}

template <class T>
void CotangentIntegral<T>::evaluate(const Level& piece) {
  for (auto* sums : {&sums_, &rough_sums_}) sums->clear();
  for (auto* buffers : {&own_, &rough_own_})
    for (AlignedVector<T>& values : *buffers) std::ranges::fill(values, T{0});
  for (const QuadratureNode& node : rule_.nodes) add_node(piece, node);
  if (!piece.of_sum) return;
  for (auto* sums : {&sums_, &rough_sums_}) pullback_.finish(*sums);
}

template <class T>
void CotangentIntegral<T>::add_node(const Level& piece, const QuadratureNode& node) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const double half = 0.5 * (piece.to[lane] - piece.from[lane]);
    times_[lane] = piece.has(lane) ? std::fma(node.at, half, 0.5 * (piece.from[lane] + piece.to[lane]))
                                   : interval_.idle_times[lane];
    weights_[lane] = piece.has(lane) ? static_cast<T>(-half * node.weight) : T{0};
    evaluations_ += piece.has(lane) ? 1 : 0;
    field_times_.set(lane, times_[lane]);
  }
  if (problem_.reads_time) field_times_.write(time_values_.data());
  interval_.state->write_states(times_.data(), z_.data());
  interval_.adjoint->write_states(times_.data(), a_.data());
  pullback_.run(time_values_.data(), z_.data(), a_.data());
  const auto rough_share = static_cast<T>(node.gauss_weight / node.weight);
  for (std::size_t i = 0; i < own_.size(); ++i)
    for (std::size_t k = 0; k < own_[i].size(); ++k) {
      if (piece.of_sample[k % lanes_] == 0) continue;
      const T part = weights_[k % lanes_] * pullback_.of_samples(i)[k];
      own_[i][k] += part;
      rough_own_[i][k] += rough_share * part;
    }
  if (!piece.of_sum) return;
  pullback_.add(weights_.data(), sums_);
  if (node.gauss_weight == 0) return;
  for (std::size_t lane = 0; lane < lanes_; ++lane) weights_[lane] *= rough_share;
  pullback_.run(time_values_.data(), z_.data(), a_.data());  // adding may use up what the reverse has left
  pullback_.add(weights_.data(), rough_sums_);
}

/// How far the pair's two integrals over the piece are apart, in tolerances at the larger of the whole integral so far
/// and with this piece.
template <class T>
double CotangentIntegral<T>::deviation(T piece, T rough, T sum) const {
  constexpr double kRounding = 32 * std::numeric_limits<T>::epsilon();
  const double size = std::max(std::abs(static_cast<double>(sum)), std::abs(static_cast<double>(sum + piece)));
  const double allowed = rule_.atol + std::max(rule_.rtol, kRounding) * size;
  return piece == rough ? 0 : static_cast<double>(piece - rough) / allowed;
}

template <class T>
bool CotangentIntegral<T>::judge_sample(std::size_t lane) const {
  double squares = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < own_.size(); ++i)
    for (std::size_t k = lane; k < own_[i].size(); k += lanes_, ++count) {
      const double off = deviation(own_[i][k], rough_own_[i][k], gradients_->arguments[i][k]);
      squares += off * off;
    }
  return !(squares > static_cast<double>(count));
}

template <class T>
bool CotangentIntegral<T>::judge_sum() const {
  double squares = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < sums_.of_arguments.size(); ++i)
    for (std::size_t k = 0; k < sums_.of_arguments[i].size(); ++k, ++count) {
      const double off =
          deviation(sums_.of_arguments[i][k], rough_sums_.of_arguments[i][k], gradients_->arguments[i][k]);
      squares += off * off;
    }
  return !(squares > static_cast<double>(count));
}

template <class T>
void CotangentIntegral<T>::take_sample(std::size_t lane) {
  for (std::size_t i = 0; i < own_.size(); ++i)
    for (std::size_t k = lane; k < own_[i].size(); k += lanes_) gradients_->arguments[i][k] += own_[i][k];
}

template <class T>
void CotangentIntegral<T>::take_sum() {
  for (std::size_t i = 0; i < sums_.of_arguments.size(); ++i)
    for (std::size_t k = 0; k < sums_.of_arguments[i].size(); ++k)
      gradients_->arguments[i][k] += sums_.of_arguments[i][k];
}

template class CotangentIntegral<float>;
template class CotangentIntegral<double>;

}  // namespace costate::internal
