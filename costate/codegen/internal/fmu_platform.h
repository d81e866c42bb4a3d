// Where an FMU keeps its binary for a machine.
#pragma once

#include <string>

#include "costate/codegen/export_model.h"

namespace costate::internal {

struct FmuPlatform {
  std::string folder;  // "binaries/x86_64-linux/"
  std::string ending;  // ".so"
};

/// Of what a compiler makes, by its target as `cc -dumpmachine` says it: "x86_64-linux-gnu". FMI 3.0 names processor
/// and system; FMI 2.0 has names of its own for x86 ("linux64") and takes those of 3.0 for the rest. NotSupported,
/// naming the target, if it is none of Linux or macOS on x86, x86-64 or 64-bit Arm.
FmuPlatform fmu_platform(const std::string& target, FmiVersion version);

}  // namespace costate::internal
