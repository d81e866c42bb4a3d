// What runs kernels: a card, or in tests an emulation of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace costate::internal {

/// How a kernel of a source is launched.
struct KernelShape {
  std::string name;
  std::size_t threads = 0;       // of a block, as the two below
  std::size_t shared_bytes = 0;  // of shared memory
  std::size_t global_bytes = 0;  // of a buffer whose address is one of the kernel's arguments
  std::size_t rare_bytes = 0;    // of these: what few steps of a solve read
};

/// A source that is compiled.
class KernelModule {
 public:
  virtual ~KernelModule() = default;
  /// `words`: the kernel's one argument, a struct whose members have eight bytes each. Behind what the stream was given
  /// before (0: the default one), and what was copied to the device. Returns when all is done.
  virtual void launch(const KernelShape& kernel, std::size_t blocks, const std::vector<std::uint64_t>& words,
                      std::uint64_t stream) = 0;
};

class KernelDevice {
 public:
  virtual ~KernelDevice() = default;
  /// Bytes of shared memory that a block can have.
  virtual std::size_t shared_limit() const = 0;
  virtual std::uint64_t allocate(std::size_t bytes) = 0;
  virtual void release(std::uint64_t address) noexcept = 0;
  virtual void copy_to_device(std::uint64_t to, const void* from, std::size_t bytes) = 0;
  virtual void copy_to_host(void* to, std::uint64_t from, std::size_t bytes) = 0;
  /// Until all is done that a caller's stream was given.
  virtual void wait(std::uint64_t stream) = 0;
  /// Compiled once in a process for the same text, as long as that is among those that were last loaded.
  virtual std::shared_ptr<KernelModule> load(const std::string& source) = 0;
};

}  // namespace costate::internal
