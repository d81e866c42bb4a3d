// The kernels of one problem, by the lanes of their tiles: their source is made when it is first asked for, and
// compiled when a batch is first to run.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/kernel.h"

namespace costate::internal {

/// Threads of a block, whose tiles have 64 or 32 lanes.
inline constexpr std::size_t kBlockThreads = 256;

/// Shapes: a KernelShape, or several in a struct. May be used from many threads.
template <class Shapes>
class KernelsByLanes {
 public:
  struct Made {
    Shapes shapes;
    std::string source;
  };

  /// `add` adds the kernels to a source.
  explicit KernelsByLanes(std::function<Shapes(CudaSource&, std::size_t lanes)> add) : add_(std::move(add)) {}

  const Made& of(std::size_t lanes) const {
    const std::lock_guard lock(mutex_);
    if (const auto found = made_.find(lanes); found != made_.end()) return found->second;
    CudaSource source(kBlockThreads);
    Shapes shapes = add_(source, lanes);
    return made_.emplace(lanes, Made{std::move(shapes), source.text()}).first->second;
  }

 private:
  std::function<Shapes(CudaSource&, std::size_t)> add_;
  mutable std::mutex mutex_;
  mutable std::map<std::size_t, Made> made_;
};

}  // namespace costate::internal
