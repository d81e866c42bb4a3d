#include "costate/adjoint/internal/field_vjp.h"

#include "costate/diff/diff.h"

namespace costate::internal {
namespace {

template <class T>
std::vector<WantedArgument> list_arguments(const LaneProblem<T>& problem, const WantedGradients& wanted) {
  const std::size_t first = 1 + problem.part_offsets.size();
  const auto& inputs = problem.field.function().inputs();
  std::vector<WantedArgument> arguments;
  for (std::size_t i = 0; first + i < inputs.size(); ++i)
    if (wanted.arguments[i])
      arguments.push_back({.index = i,
                           .size = static_cast<std::size_t>(inputs[first + i].shape.size()),
                           .is_shared = inputs[first + i].kind == InputKind::kShared});
  return arguments;
}

template <class T>
TileFunction<T> lower_vjp(const LaneProblem<T>& problem, bool wants_times,
                          const std::vector<WantedArgument>& arguments) {
  const std::size_t num_parts = problem.part_offsets.size();
  std::vector<std::size_t> wanted, late;
  for (std::size_t i = wants_times ? 0 : 1; i < 1 + num_parts; ++i) wanted.push_back(i);
  for (const WantedArgument& argument : arguments) wanted.push_back(1 + num_parts + argument.index);
  for (std::size_t part = 0; part < num_parts; ++part) late.push_back(problem.field.function().inputs().size() + part);
  return TileFunction<T>(vjp(problem.field.function(), wanted), problem.lanes, late);
}

}  // namespace

template <class T>
FieldVjp<T>::FieldVjp(const LaneProblem<T>& problem, const WantedGradients& wanted)
    : problem_(problem),
      wants_times_(wanted.times),
      arguments_(list_arguments(problem, wanted)),
      function_(lower_vjp(problem, wants_times_, arguments_)) {}

template <class T>
void FieldVjp<T>::bind_inputs(const T* times, const T* y, std::span<const T* const> arguments, const T* cotangent,
                              std::vector<const T*>& pointers) const {
  bind_field_inputs(problem_, times, y, arguments, pointers);
  for (const std::size_t offset : problem_.part_offsets) pointers.push_back(cotangent + offset * problem_.lanes);
}

template <class T>
void FieldVjp<T>::bind_slope(T* slope, std::vector<T*>& pointers) const {
  pointers.clear();
  for (const std::size_t offset : problem_.part_offsets) pointers.push_back(slope + offset * problem_.lanes);
  pointers.resize((wants_times_ ? 1 : 0) + 2 * problem_.part_offsets.size() + arguments_.size(), nullptr);
}

template <class T>
void FieldVjp<T>::bind_cotangents(const FieldCotangents<T>& cotangents, std::vector<T*>& pointers) const {
  pointers.assign(problem_.part_offsets.size(), nullptr);
  if (wants_times_) pointers.push_back(cotangents.time);
  for (const std::size_t offset : problem_.part_offsets)
    pointers.push_back(cotangents.state == nullptr ? nullptr : cotangents.state + offset * problem_.lanes);
  pointers.insert(pointers.end(), cotangents.arguments.begin(), cotangents.arguments.end());
}

template class FieldVjp<float>;
template class FieldVjp<double>;

}  // namespace costate::internal
