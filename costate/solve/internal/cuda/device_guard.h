// The gradient guard (solve/control/gradient_guard.h) of a solve's kernel: tangents of the field, and what disturbances
// are held to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "costate/cuda/internal/device_array.h"
#include "costate/solve/control/gradient_guard.h"
#include "costate/solve/internal/cuda/device_field.h"
#include "costate/solve/internal/cuda/kernel_writer.h"

namespace costate::internal {

template <class T>
class DeviceInputs;

struct DeviceGuard {
  DeviceGuard(const VectorField& field, const SolveOptions& options, const ErrorMeasure& measure, bool reads_time);

  guard::Limits limits;
  std::vector<double> rtols;    // [state] disturbance_rtols
  std::vector<double> pattern;  // [state]; 0 where a number is not controlled
  std::size_t num_controlled;
  bool field_has_kinks;
  DeviceField of_state;                  // inputs: the field's, then the tangents of the state's parts
  std::optional<DeviceField> of_inputs;  // and then those of arguments and Parameters, where there are derivatives
  std::vector<HostArray> patterns;       // the latter's, of one sample

  /// The latter's tangents on a device, as a tile of so many lanes reads them; copied there once, since they are as
  /// large as what all samples share. T is the options' dtype.
  template <class T>
  const std::vector<DeviceArray<T>>& tangents(KernelDevice& device, std::size_t lanes) const;

 private:
  using Tangents = std::variant<std::vector<DeviceArray<float>>, std::vector<DeviceArray<double>>>;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<KernelDevice*, std::size_t>, Tangents> tangents_;
};

/// What stands of the guard in a kernel: places, binds and numbers of guard.inc.
class GuardedKernelWriter : public KernelWriter {
 protected:
  using KernelWriter::KernelWriter;

  /// The field, with its vjp, is the main one; its arguments are placed.
  void place_guard();

 private:
  /// Numbers of eight bytes, of the type and of four; its three flags.
  std::size_t guard_lanes_size() const { return lanes() * (6 * 8 + device_size(dtype()) + 8 * 4) + 64; }
  void set_guard();
  void bind_probes();
  void add_tangent(const std::string& which, const DeviceField& field);
};

/// The numbers of DeviceGuard on a device: the members of a kernel's argument that guard.inc reads.
template <class T>
class DeviceGuardInputs {
 public:
  DeviceGuardInputs(KernelDevice& device, const DeviceProblem& problem, std::size_t lanes,
                    const DeviceInputs<T>& inputs);

  const std::vector<std::uint64_t>& words() const { return words_; }

 private:
  void give(DeviceArray<T> array) { words_.push_back(arrays_.emplace_back(std::move(array)).address()); }
  void give(KernelDevice& device, std::span<const double> numbers);
  void give_prepared(KernelDevice& device, const DeviceField& field, std::size_t lanes, const SharedNumbers& numbers);

  std::vector<DeviceArray<T>> arrays_;
  std::vector<DeviceArray<double>> doubles_;
  std::vector<std::uint64_t> words_;
};

}  // namespace costate::internal
