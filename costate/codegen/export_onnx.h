// Any traced function as an ONNX model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "costate/array/shape.h"
#include "costate/graph/graph.h"

namespace costate {

/// An input [period] of the function that is made of a time [], in f64 whatever the type of the model: 2 pi times the
/// share of each period that has passed. The model has an input `time` in its place.
struct OnnxClock {
  std::string phases = {}, time = "time";
  std::vector<double> periods = {};
};

struct OnnxExportOptions {
  std::string name = "function";          // of the graph
  std::vector<std::string> outputs = {};  // their names, in place of the function's
  Dtype dtype = Dtype::kF32;
  std::map<std::string, std::string> metadata = {};
  OnnxClock clock = {};  // of no input, if it names none
};

/// The bytes of a model with one input for each input of the function that is no Parameter and one output for each of
/// its outputs, [batch, …shape] with a batch of any size. Opset 17, IR version 8. Constants have all their digits.
///
/// In f64 it keeps to operations that onnxruntime's CPU provider has in that type: softplus, expm1 and log1p are made
/// of others. NotSupported, naming it, for what is left: convolutions, extensions, mod, atan2; in f64 erf, asin, acos
/// and atan, too.
std::string export_onnx(const Function& function, const OnnxExportOptions& options = {});

}  // namespace costate
