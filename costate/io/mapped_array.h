// An array that stays in its file: what is larger than memory is read where it is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "costate/array/host_array.h"

namespace costate {

class MappedArray {
 public:
  /// Maps a .npy file, or the array `name` of a .npz file that stores it without compression (numpy.savez).
  ///
  /// Throws: IoError if the file cannot be read; DataError if it is damaged or has no such array; NotSupported for
  ///         numbers that are no floats of this machine's byte order, row by row.
  explicit MappedArray(const std::filesystem::path& path, const std::string& name = "");

  const Shape& shape() const { return shape_; }
  Dtype dtype() const { return dtype_; }

  /// The numbers first … first + out.size() - 1, by flat index. T may differ from the dtype. ShapeError if there are
  /// not as many. A file that becomes shorter meanwhile ends the process (SIGBUS), as any mapped file does.
  template <class T>
  void copy_to(std::int64_t first, std::span<T> out) const;

 private:
  struct Mapping;

  std::shared_ptr<const Mapping> mapping_;
  const char* numbers_ = nullptr;
  Shape shape_;
  Dtype dtype_ = Dtype::kF64;
};

}  // namespace costate
