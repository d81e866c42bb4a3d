#include "costate/exec/device.h"

#include "costate/base/names.h"

namespace costate {
namespace {

constexpr std::string_view kDeviceNames[] = {"cpu", "cuda"};

}  // namespace

std::string name(Device device) { return spelling(device, kDeviceNames); }
Device device_from_name(const std::string& name) {
  return from_spelling<Device>("costate", "device", name, kDeviceNames);
}

}  // namespace costate
