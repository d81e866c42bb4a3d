// The numbers of one sample of a tile, for operations that compute sample by sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "costate/exec/tile_op.h"

namespace costate::internal {

/// One lane of a run. Vectors that it reads into and writes from may be of another type than T.
template <class T>
struct TileLane {
  const TileOpContext& context;
  const TileOpRun<T>& run;
  std::size_t lane;

  /// The row of the batch, as failures name it.
  std::int64_t sample() const { return run.first_sample + static_cast<std::int64_t>(lane); }

  /// Fills `out`, which has the operand's size, with the lane's numbers, or with those that all samples share.
  template <class Vector>
  void read(std::size_t operand, Vector& out) const {
    using Number = std::remove_reference_t<decltype(*out.data())>;
    const bool is_shared = context.operand_is_shared[operand];
    const T* const from = run.operands[operand] + (is_shared ? 0 : lane);
    const std::size_t step = is_shared ? 1 : context.lanes;
    for (std::size_t i = 0; i < static_cast<std::size_t>(out.size()); ++i)
      out.data()[i] = static_cast<Number>(from[i * step]);
  }

  /// Writes the lane of a result [n, lanes].
  template <class Vector>
  void write(const Vector& from, T* out) const {
    for (std::size_t i = 0; i < static_cast<std::size_t>(from.size()); ++i)
      out[i * context.lanes + lane] = static_cast<T>(from.data()[i]);
  }
};

}  // namespace costate::internal
