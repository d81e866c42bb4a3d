// Numbers in a device's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/cuda/internal/kernel.h"

namespace costate::internal {

template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(KernelDevice& device, std::size_t size)
      : device_(&device), size_(size), address_(size == 0 ? 0 : device.allocate(size * sizeof(T))) {}
  DeviceArray(KernelDevice& device, std::span<const T> numbers) : DeviceArray(device, numbers.size()) {
    if (size_ > 0) device.copy_to_device(address_, numbers.data(), size_ * sizeof(T));
  }
  /// Numbers that stand there already, and belong to somebody else.
  static DeviceArray view(KernelDevice& device, std::uint64_t address, std::size_t size) {
    DeviceArray array;
    array.device_ = &device;
    array.size_ = size;
    array.address_ = address;
    array.is_own_ = false;
    return array;
  }
  DeviceArray(DeviceArray&& other) noexcept { *this = std::move(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(size_, other.size_);
    std::swap(address_, other.address_);
    std::swap(is_own_, other.is_own_);
    return *this;
  }
  ~DeviceArray() {
    if (is_own_ && address_ != 0) device_->release(address_);
  }

  std::uint64_t address() const { return address_; }
  std::size_t size() const { return size_; }

  void copy_to(std::span<T> numbers) const {
    if (size_ > 0) device_->copy_to_host(numbers.data(), address_, size_ * sizeof(T));
  }
  std::vector<T> numbers() const {
    std::vector<T> all(size_);
    copy_to(all);
    return all;
  }

 private:
  KernelDevice* device_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t address_ = 0;
  bool is_own_ = true;
};

/// The numbers of an array, in T, on a device.
template <class T>
DeviceArray<T> on_device(KernelDevice& device, const HostArray& array) {
  std::vector<T> numbers(static_cast<std::size_t>(array.size()));
  array.copy_to(std::span<T>(numbers));
  return DeviceArray<T>(device, std::span<const T>(numbers));
}

}  // namespace costate::internal
