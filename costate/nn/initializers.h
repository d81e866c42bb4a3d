// Where weights start. With fan_in and fan_out the axes of a matrix [out, in]:
//
//   glorot      variance 2 / (fan_in + fan_out)   Glorot and Bengio, AISTATS 2010, eq. 12 and 16
//   he          variance 2 / fan_in               He et al., ICCV 2015, eq. 10
//   lecun       variance 1 / fan_in               LeCun et al., Efficient BackProp, 1998, eq. 16
//   torch       variance 1 / (3 fan_in)           PyTorch's nn.Linear and nn.Conv2d: kaiming_uniform_ with a = sqrt(5)
//   orthogonal  rows or columns orthonormal       Saxe et al., ICLR 2014
#pragma once

#include <cstdint>
#include <string>

#include "costate/array/host_array.h"

namespace costate {

enum class Init {
  kGlorotUniform,
  kGlorotNormal,
  kHeUniform,
  kHeNormal,
  kLecunUniform,
  kLecunNormal,
  kTorchUniform,
  kOrthogonal,
  kZeros
};

/// "glorot_uniform": the spelling in Python and in files.
std::string name(Init init);
/// InvalidArgument, with the nearest name, if there is none.
Init init_from_name(const std::string& name);

/// Which random numbers weights take: those of (seed, stream), one a weight by its flat index.
struct WeightSource {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

/// Weights [out, in]. ShapeError if the shape is not a matrix with at least one row and column.
HostArray initial_weights(Init init, const Shape& shape, const WeightSource& source);

/// The biases [out] beside weights [out, in] of the same source: uniform numbers of the weights' variance for
/// kTorchUniform, as PyTorch has them, and 0 for all others. ShapeError as above.
HostArray initial_bias(Init init, const Shape& weights, const WeightSource& source);

}  // namespace costate
