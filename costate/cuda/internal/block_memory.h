// Where the arrays of a block stand: in its shared memory as long as that has room, and otherwise in its part of a
// buffer in global memory, which the second-level cache holds if anything does.
#pragma once

#include <cstddef>
#include <string>

namespace costate::internal {

class BlockMemory {
 public:
  /// Bytes of shared memory that a block may have.
  explicit BlockMemory(std::size_t shared_limit) : shared_limit_(shared_limit) {}

  /// An array of so many numbers of a type; arrays placed first get shared memory. Returns its declaration as a
  /// pointer.
  std::string add(const std::string& type, std::size_t size_of_type, const std::string& name, std::size_t count);

  /// Whether so many bytes would still stand in shared memory.
  bool has_room(std::size_t bytes) const { return shared_ + padded_bytes(bytes) <= shared_limit_; }
  std::size_t shared_bytes() const { return shared_; }
  std::size_t global_bytes() const { return global_; }

 private:
  static constexpr std::size_t padded_bytes(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

  std::size_t shared_limit_;
  std::size_t shared_ = 0, global_ = 0;
};

}  // namespace costate::internal
