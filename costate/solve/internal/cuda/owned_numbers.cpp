#include <utility>

#include "costate/cuda/internal/card.h"
#include "costate/solve/device.h"
#include "costate/solve/internal/cuda/device_solve.h"

namespace costate {
namespace {

std::size_t size_of(const Shape& shape) { return static_cast<std::size_t>(shape.size()); }

template <class T>
HostArray copied(const OwnedNumbers& owned) {
  std::vector<T> numbers(size_of(owned.numbers.shape));
  if (!numbers.empty())
    internal::card().copy_to_host(numbers.data(), owned.numbers.address, numbers.size() * sizeof(T));
  return {owned.numbers.shape, std::move(numbers)};
}

}  // namespace

template <class T>
OwnedNumbers internal::owned(DeviceArray<T> array, const Shape& shape) {
  const auto kept = std::make_shared<const DeviceArray<T>>(std::move(array));
  return {.numbers = {kept->address(), shape},
          .dtype = sizeof(T) == sizeof(float) ? Dtype::kF32 : Dtype::kF64,
          .memory = kept};
}

template OwnedNumbers internal::owned(DeviceArray<float>, const Shape&);
template OwnedNumbers internal::owned(DeviceArray<double>, const Shape&);

OwnedNumbers new_numbers_there(Dtype dtype, const Shape& shape) {
  internal::KernelDevice& device = internal::card();
  return dtype == Dtype::kF32 ? internal::owned(internal::DeviceArray<float>(device, size_of(shape)), shape)
                              : internal::owned(internal::DeviceArray<double>(device, size_of(shape)), shape);
}

HostArray copied_from_there(const OwnedNumbers& owned) {
  return owned.dtype == Dtype::kF32 ? copied<float>(owned) : copied<double>(owned);
}

}  // namespace costate
