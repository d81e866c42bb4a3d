// A library that is loaded when it is first needed, since most machines do not have it.
#pragma once

#include <span>
#include <string>

#include "costate/base/error.h"

namespace costate::internal {

class LoadedLibrary {
 public:
  /// The first of these files that can be loaded; `what` it is, for the message of NotSupported if none can.
  LoadedLibrary(const std::string& what, std::span<const std::string> files);

  /// The function of that name. NotSupported if the library has none.
  template <class Signature>
  Signature* function(const char* name) const {
    return reinterpret_cast<Signature*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  std::string what_, file_;
  void* handle_ = nullptr;  // for the rest of the process
};

}  // namespace costate::internal
