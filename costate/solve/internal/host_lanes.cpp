#include "costate/solve/internal/host_lanes.h"

#include <algorithm>

#include "costate/base/threads.h"
#include "costate/exec/internal/image_lanes.h"
#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

/// About how many numbers a lane keeps in the cache: its stages, and the largest values of the field.
std::size_t numbers_per_lane(const VectorField& field, const SolveOptions& options) {
  std::int64_t largest = 0;
  for (const Node& node : field.function().nodes())
    if (node.op != Op::kInput && node.op != Op::kConstant) largest = std::max(largest, node.shape.size());
  if (tableau(options.method).is_implicit()) {  // its matrix and the factors, and some vectors
    const auto n = static_cast<std::size_t>(field.state_size());
    return 3 * n * n + 40 * n + 2 * static_cast<std::size_t>(largest);
  }
  const auto stages = static_cast<std::size_t>(tableau(options.method).num_all_stages());
  return 2 * stages * static_cast<std::size_t>(field.state_size()) + 2 * static_cast<std::size_t>(largest);
}

/// Four vectors of samples; up to sixteen for small fields, where a kernel's call costs as much as its arithmetic, as
/// long as they fit into the cache and all threads have work.
template <class T>
std::size_t choose_lanes(std::size_t batch, std::size_t bytes_per_lane) {
  const std::size_t width = simd_lanes<T>();
  if (batch <= kMostAlone || width == 1) return 1;
  constexpr std::size_t kCacheBytes = std::size_t{128} << 10;
  std::size_t lanes = 4 * width;
  while (lanes < 16 * width && 2 * lanes * bytes_per_lane <= kCacheBytes &&
         batch >= 4 * lanes * static_cast<std::size_t>(num_threads()))
    lanes *= 2;
  return std::min(rounded_lanes<T>(batch), lanes);
}

}  // namespace

template <class T>
std::size_t host_lanes(const VectorField& field, const SolveOptions& options, std::size_t batch) {
  // One step for the whole batch means one tile.
  if (options.control == Control::kJoint)
    return batch > kMostAlone ? rounded_lanes<T>(batch) : std::max<std::size_t>(1, batch);
  return lanes_for_images<T>(batch, choose_lanes<T>(batch, sizeof(T) * numbers_per_lane(field, options)),
                             largest_image(field.function()));
}

template std::size_t host_lanes<float>(const VectorField&, const SolveOptions&, std::size_t);
template std::size_t host_lanes<double>(const VectorField&, const SolveOptions&, std::size_t);

}  // namespace costate::internal
