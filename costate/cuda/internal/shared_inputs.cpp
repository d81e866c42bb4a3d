#include "costate/cuda/internal/shared_inputs.h"

#include "costate/exec/internal/tile_function.h"

namespace costate::internal {

template <class T>
SharedInputs<T>::SharedInputs(const Function& function, std::size_t lanes, std::span<const HostArray> inputs,
                              std::span<const std::size_t> late_inputs) {
  std::size_t next = 0;
  std::vector<const T*> pointers;
  for (const Input& input : function.inputs()) {
    std::vector<T>& numbers = numbers_.emplace_back();
    const HostArray* given = input.parameter ? &input.parameter->value() : &inputs[next++];
    if (input.kind == InputKind::kShared) {
      numbers.resize(static_cast<std::size_t>(given->size()));
      given->copy_to(std::span<T>(numbers));
    }
    pointers.push_back(numbers.empty() ? nullptr : numbers.data());
  }
  const TileFunction<T> tile(function, lanes, late_inputs);
  prepared_.resize(tile.shared_size());
  tile.prepare(pointers, prepared_.data());
}

template class SharedInputs<float>;
template class SharedInputs<double>;

}  // namespace costate::internal
