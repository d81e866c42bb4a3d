// How an ONNX model begins; an earlier export is known by it.
#pragma once

#include "costate/codegen/internal/protobuf.h"

namespace costate::internal {

/// The first fields of ModelProto: the version of its form, and the name of the producer.
inline ProtoRecord onnx_head() {
  constexpr std::uint64_t kIrVersion = 8;
  return ProtoRecord().number(1, kIrVersion).bytes(2, "costate");
}

}  // namespace costate::internal
