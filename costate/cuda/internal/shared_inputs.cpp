#include "costate/cuda/internal/shared_inputs.h"

#include "costate/exec/internal/tile_function.h"

namespace costate::internal {

template <class T>
SharedInputs<T>::SharedInputs(const Function& function, std::size_t lanes, std::span<const HostArray* const> inputs,
                              std::span<const std::size_t> late_inputs) {
  std::vector<const T*> pointers;
  for (std::size_t i = 0; i < function.inputs().size(); ++i) {
    std::vector<T>& numbers = numbers_.emplace_back();
    if (function.inputs()[i].kind == InputKind::kShared) {
      numbers.resize(static_cast<std::size_t>(inputs[i]->size()));
      inputs[i]->copy_to(std::span<T>(numbers));
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
