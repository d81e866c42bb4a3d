// A StraightLine as a Python function on NumPy arrays [..., rows]: any number of samples at once.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "costate/codegen/internal/straight_line.h"

namespace costate::internal {

/// The arrays of a module, which its functions share.
struct NumpyConstants {
  std::string text = {};
  std::set<std::string> names = {};
  std::map<std::pair<std::string, std::vector<double>>, std::string> arrays = {};  // by the name wished for and numbers
};

/// "def name(t, y): …"; its arrays go to `constants`. NotSupported for a statement that has no form in NumPy.
std::string numpy_function(const std::string& name, const std::string& about, const StraightLine& line,
                           NumpyConstants& constants);

/// "[1.0, 2.0]", in lines of at most 110 characters.
std::string python_list(std::span<const double> numbers);

/// As it stands inside of Python's double quotes: what users name may hold quotes and backslashes.
std::string python_escaped(const std::string& text);

}  // namespace costate::internal
