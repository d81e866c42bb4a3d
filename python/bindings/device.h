// Arrays that stand on a card, of any library that has DLPack, and solves of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "costate/solve/device.h"
#include "costate/solve/options.h"
#include "python/bindings/bindings.h"

namespace costate::python {

/// Whether it says that it stands on a card (__dlpack_device__).
bool stands_on_card(nb::handle value);

/// The stream that a caller names as DLPack does: 1 the legacy default one (None, too), 2 that of each thread, else a
/// handle. InvalidArgument in the name of the `caller` for 0, which DLPack leaves open, and negative numbers.
std::uint64_t to_stream(const std::string& caller, const std::optional<std::int64_t>& stream);

/// Another library's array, which stays for as long as this.
class CardArray {
 public:
  /// Taken by DLPack, ready on the stream. CallError, InvalidArgument, DtypeError or ShapeError, in the name of the
  /// `caller` and of `what` it is, for what is no array, stands elsewhere, is not of f32 or f64, or has gaps.
  CardArray(const std::string& caller, const std::string& what, nb::handle value, std::uint64_t stream);

  const DeviceNumbers& numbers() const { return numbers_; }
  Dtype dtype() const { return dtype_; }
  /// DtypeError if that is another one.
  void expect_dtype(Dtype dtype) const;

 private:
  std::string name_;
  nb::ndarray<nb::ro> array_;
  DeviceNumbers numbers_;
  Dtype dtype_ = Dtype::kF64;
};

/// Numbers on a card as an object of Python.
nb::object to_python(OwnedNumbers numbers);

/// A solve by a callable or a VectorField from an array on a card, one sample or a batch of them: a Solution, whose
/// states stand there.
nb::any solve_on_card(const nb::object& f, const nb::object& z0, const HostArray& times, const nb::sequence& args,
                      const SolveOptions& options, const nb::object& norm, bool throws, std::uint64_t stream);

}  // namespace costate::python
