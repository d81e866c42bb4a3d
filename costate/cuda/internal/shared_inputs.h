// What all samples share of a Function's inputs, and what is made of it once, on the CPU: transposed weights,
// constants.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/graph/graph.h"

namespace costate::internal {

template <class T>
class SharedInputs {
 public:
  /// `inputs`: one for each input of the Function, Parameters included; those of samples are not read.
  SharedInputs(const Function& function, std::size_t lanes, std::span<const HostArray* const> inputs,
               std::span<const std::size_t> late_inputs = {});

  std::span<const T> of_input(std::size_t input) const { return numbers_[input]; }
  /// TileFunction::prepare's.
  std::span<const T> prepared() const { return prepared_; }

 private:
  std::vector<std::vector<T>> numbers_;  // by input
  std::vector<T> prepared_;
};

extern template class SharedInputs<float>;
extern template class SharedInputs<double>;

/// Blocks of a launch: one a tile, up to what keeps any card busy; of more tiles, blocks take several in turn.
inline std::size_t num_blocks(std::size_t batch, std::size_t lanes) {
  constexpr std::size_t kMost = 1024;
  const std::size_t tiles = (batch + lanes - 1) / lanes;
  return tiles < kMost ? tiles : kMost;
}

}  // namespace costate::internal
