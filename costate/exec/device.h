// Where programs and solves run.
#pragma once

#include <string>

namespace costate {

enum class Device { kCpu, kCuda };

/// "cpu", "cuda". The way back throws InvalidArgument, with the nearest name, if there is none.
std::string name(Device device);
Device device_from_name(const std::string& name);

}  // namespace costate
