// Pythons that tests run exported modules and graphs with.
#pragma once

#include <cstdlib>
#include <string>

namespace costate::test {

/// The Python that an environment variable names, python3 by default.
inline std::string named_python(const char* variable) {
  const char* named = std::getenv(variable);
  return named == nullptr ? "python3" : named;
}

/// Whether it has all of the packages "onnx, onnxruntime". They are looked for and not imported, which takes a second
/// or more.
inline bool imports(const std::string& python, const std::string& packages) {
  return std::system((python + " -c 'import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, \"" +
                      packages + "\".split(\", \"))))' > /dev/null 2>&1")
                         .c_str()) == 0;
}

}  // namespace costate::test
