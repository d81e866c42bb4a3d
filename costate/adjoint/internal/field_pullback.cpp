#include "costate/adjoint/internal/field_pullback.h"

#include <algorithm>
#include <utility>

namespace costate::internal {

template <class T>
FieldPullback<T>::Sums::Sums(const FieldVjp<T>& field) : partial(field.function().make_workspace().partial_sums) {
  for (const WantedArgument& argument : field.arguments())
    of_arguments.emplace_back(argument.is_shared ? argument.size : 0);
}

template <class T>
void FieldPullback<T>::Sums::clear() {
  for (AlignedVector<T>& sum : of_arguments) std::ranges::fill(sum, T{0});
}

template <class T>
FieldPullback<T>::FieldPullback(const LaneProblem<T>& problem, const FieldVjp<T>& field)
    : field_(field),
      workspace_(field.function().make_workspace()),
      shared_(field.function().shared_size()),
      saved_(field.function().saved_size()),
      state_(problem.state_size * problem.lanes),
      time_(problem.lanes),
      slope_(state_.size()) {
  cotangents_ = {.time = time_.data(), .state = state_.data(), .arguments = {}};
  for (const WantedArgument& argument : field.arguments())
    own_.emplace_back(argument.is_shared ? 0 : argument.size * problem.lanes);
  for (AlignedVector<T>& own : own_) cotangents_.arguments.push_back(own.empty() ? nullptr : own.data());
}

template <class T>
void FieldPullback<T>::start(const std::vector<const T*>& arguments, std::size_t num_samples) {
  arguments_ = &arguments;
  num_samples_ = num_samples;
  field_.bind_inputs(nullptr, nullptr, arguments, nullptr, input_pointers_);
  field_.function().prepare(input_pointers_, shared_.data());
}

template <class T>
void FieldPullback<T>::run(Phase phase, const T* lane_weights) {
  field_.function().run(phase, {.inputs = input_pointers_,
                                .outputs = output_pointers_,
                                .shared = shared_.data(),
                                .saved = saved_.data(),
                                .workspace = &workspace_,
                                .lane_weights = lane_weights,
                                .num_samples = num_samples_,
                                .first_sample = 0,
                                .report = nullptr});
}

template <class T>
void FieldPullback<T>::run(const T* times, const T* z, const T* a) {
  field_.bind_inputs(times, z, *arguments_, a, input_pointers_);
  field_.bind_slope(slope_.data(), output_pointers_);
  run(Phase::kForward, nullptr);
  field_.bind_cotangents(cotangents_, output_pointers_);
  run(Phase::kReverse, nullptr);
}

/// Shared arguments are summed where `sums` has them.
template <class T>
void FieldPullback<T>::aim(Sums& sums) {
  FieldCotangents<T> targets = cotangents_;
  for (std::size_t i = 0; i < own_.size(); ++i)
    if (own_[i].empty()) targets.arguments[i] = sums.of_arguments[i].data();
  field_.bind_cotangents(targets, output_pointers_);
}

template <class T>
void FieldPullback<T>::add(const T* lane_weights, Sums& sums) {
  aim(sums);
  std::swap(workspace_.partial_sums, sums.partial);
  run(Phase::kAccumulate, lane_weights);
  std::swap(workspace_.partial_sums, sums.partial);
}

template <class T>
void FieldPullback<T>::finish(Sums& sums) {
  aim(sums);
  std::swap(workspace_.partial_sums, sums.partial);
  field_.function().finish_sums(output_pointers_, workspace_);
  std::swap(workspace_.partial_sums, sums.partial);
}

template class FieldPullback<float>;
template class FieldPullback<double>;

}  // namespace costate::internal
