// What a solve of numbers gives in Python.
#pragma once

#include <memory>
#include <string>

#include "costate/solve/dense_solution.h"
#include "costate/solve/solve.h"
#include "python/bindings/bindings.h"

namespace costate::python {

/// A Solution, without the batch axis if z0 had none. Its states have gone to NumPy.
struct PythonSolution {
  Solution solution;
  HostArray times;
  bool is_single;
  nb::object states;
  std::string shape;                                // of the states, for repr
  nb::object structure = nb::none();                // of a state of several arrays
  std::shared_ptr<const DenseSolution> dense = {};  // where asked for
};

/// Its states as arrays of NumPy in this structure, which own the numbers from now on.
void take_states(PythonSolution& s, const nb::object& structure);

void bind_solution(nb::module_& module);

}  // namespace costate::python
