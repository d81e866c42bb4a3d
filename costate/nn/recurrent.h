// Recurrent cells: one step of a hidden state h that has read x. [x, h] is x with h behind it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/nn/linear.h"

namespace costate {

struct RecurrentOptions {
  std::int64_t inputs = 0;
  std::int64_t hidden = 0;
  Init init = Init::kGlorotUniform;
  std::uint64_t seed = 0;
  std::string name = "cell";
};

/// h_next = tanh(W [x, h] + b) (Elman 1990). Parameters "<name>.weight" [hidden, inputs + hidden] and "<name>.bias".
class RnnCell {
 public:
  /// InvalidArgument unless inputs and hidden are at least 1.
  explicit RnnCell(const RecurrentOptions& options);

  /// x [inputs], h [hidden] -> [hidden]. ShapeError if they have other shapes.
  Array operator()(const Array& x, const Array& h) const;
  const RecurrentOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return next_.parameters(); }

 private:
  RecurrentOptions options_;
  Linear next_;
};

/// The gated unit of Cho et al. 2014 (eq. 5 to 8):
///
///     r = sigmoid(W_r [x, h] + b_r)      z = sigmoid(W_z [x, h] + b_z)
///     c = tanh(W_c [x, r h] + b_c)       h_next = z h + (1 - z) c
///
/// Parameters "<name>.reset.weight", "<name>.reset.bias", then the same of "update" (z) and "candidate" (c).
class GruCell {
 public:
  /// InvalidArgument unless inputs and hidden are at least 1.
  explicit GruCell(const RecurrentOptions& options);

  /// x [inputs], h [hidden] -> [hidden]. ShapeError if they have other shapes.
  Array operator()(const Array& x, const Array& h) const;
  const RecurrentOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  RecurrentOptions options_;
  Linear reset_, update_, candidate_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
