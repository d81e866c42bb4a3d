// The POLLU problem (Mazzia and Magherini, Test Set for Initial Value Problem Solvers, 2008) with a factor of each
// rate. bench/stiff/diffrax_pollu.py has the same.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "costate/costate.h"

namespace bench {

inline costate::VectorField pollu() {
  struct Reaction {
    double rate;
    std::vector<std::int64_t> taken, made;  // species, from 1 on
  };
  static const std::vector<Reaction> reactions = {
      {0.35, {1}, {2, 3}},        {0.266e2, {2, 4}, {1}},      {0.123e5, {5, 2}, {1, 6}},
      {0.86e-3, {7}, {5, 5, 8}},  {0.82e-3, {7}, {8}},         {0.15e5, {7, 6}, {5, 8}},
      {0.13e-3, {9}, {10, 5, 8}}, {0.24e5, {9, 6}, {11}},      {0.165e5, {11, 2}, {10, 12, 1}},
      {0.9e4, {11, 1}, {13}},     {0.22e-1, {13}, {11, 1}},    {0.12e5, {10, 2}, {14, 1}},
      {0.188e1, {14}, {7, 5}},    {0.163e5, {1, 6}, {15}},     {0.48e7, {3}, {4}},
      {0.35e-3, {4}, {16}},       {0.175e-1, {4}, {3}},        {0.1e9, {16}, {6, 6}},
      {0.444e12, {16}, {3}},      {0.124e4, {17, 6}, {18, 5}}, {0.21e1, {19}, {2}},
      {0.578e1, {19}, {1, 3}},    {0.474e-1, {1, 4}, {19}},    {0.178e4, {19, 1}, {20}},
      {0.312e1, {20}, {19, 1}}};
  namespace cs = costate;
  return cs::vector_field({20}, {{"factors", {25}}}, [](cs::Array, cs::Array y, cs::Array factors) {
    std::vector<cs::Array> slopes(20, cs::constant(0.0));
    std::int64_t r = 0;
    for (const Reaction& reaction : reactions) {
      cs::Array speed = reaction.rate * factors[r++];
      for (const std::int64_t k : reaction.taken) speed = speed * y[k - 1];
      for (const std::int64_t k : reaction.taken)
        slopes[static_cast<std::size_t>(k - 1)] = slopes[static_cast<std::size_t>(k - 1)] - speed;
      for (const std::int64_t k : reaction.made)
        slopes[static_cast<std::size_t>(k - 1)] = slopes[static_cast<std::size_t>(k - 1)] + speed;
    }
    return cs::stack(slopes);
  });
}

/// [number, 20].
inline costate::HostArray pollu_start(std::int64_t number) {
  costate::HostArray start(costate::Shape{number, 20});
  for (std::int64_t i = 0; i < number; ++i)
    for (const auto& [species, value] :
         std::vector<std::pair<std::int64_t, double>>{{1, 0.2}, {3, 0.04}, {6, 0.1}, {7, 0.3}, {8, 0.01}, {16, 0.007}})
      start.set(20 * i + species, value);
  return start;
}

}  // namespace bench
