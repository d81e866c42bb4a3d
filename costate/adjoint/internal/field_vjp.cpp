#include "costate/adjoint/internal/field_vjp.h"

namespace costate::internal {
namespace {

template <class T>
std::vector<WantedArgument> list_arguments(const LaneProblem<T>& problem) {
  const std::vector<bool>& wanted = problem.gradients->arguments;
  std::vector<WantedArgument> arguments;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Input& argument = problem.argument(i);
    if (wanted[i])
      arguments.push_back({.index = i,
                           .size = static_cast<std::size_t>(argument.shape.size()),
                           .is_shared = argument.kind == InputKind::kShared});
  }
  return arguments;
}

}  // namespace

template <class T>
FieldVjp<T>::FieldVjp(const LaneProblem<T>& problem) : problem_(problem), arguments_(list_arguments(problem)) {}

template <class T>
void FieldVjp<T>::bind_inputs(const T* times, const T* y, std::span<const T* const> arguments, const T* cotangent,
                              std::vector<const T*>& pointers) const {
  bind_field_inputs(problem_, times, y, arguments, pointers);
  const std::size_t first = pointers.size() - problem_.num_late_inputs;
  for (std::size_t part = 0; part < problem_.num_late_inputs; ++part)
    pointers[first + part] = cotangent + problem_.part_offsets[part] * problem_.lanes;
}

template <class T>
void FieldVjp<T>::bind_slope(T* slope, std::vector<T*>& pointers) const {
  pointers.clear();
  for (const std::size_t offset : problem_.part_offsets) pointers.push_back(slope + offset * problem_.lanes);
  pointers.resize(problem_.part_offsets.size() + problem_.num_late_outputs, nullptr);
}

template <class T>
void FieldVjp<T>::bind_cotangents(const FieldCotangents<T>& cotangents, std::vector<T*>& pointers) const {
  pointers.assign(problem_.part_offsets.size(), nullptr);
  if (wants_times()) pointers.push_back(cotangents.time);
  for (const std::size_t offset : problem_.part_offsets)
    pointers.push_back(cotangents.state == nullptr ? nullptr : cotangents.state + offset * problem_.lanes);
  pointers.insert(pointers.end(), cotangents.arguments.begin(), cotangents.arguments.end());
}

template class FieldVjp<float>;
template class FieldVjp<double>;

}  // namespace costate::internal
