// Enumerations with spellings: one table of names, in the order of the enumerators, read both ways.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "costate/base/error.h"

namespace costate {

template <std::size_t count>
using NameTable = std::string_view[count];

template <class Enum, std::size_t count>
std::string spelling(Enum value, const NameTable<count>& names) {
  return std::string(names[static_cast<std::size_t>(value)]);
}

/// The enumerator called `name`. InvalidArgument "[where] unknown <what> …" with the nearest name if there is none.
template <class Enum, std::size_t count>
Enum from_spelling(std::string_view where, std::string_view what, std::string_view name,
                   const NameTable<count>& names) {
  for (std::size_t i = 0; i < count; ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  throw InvalidArgument("[", where, "] ", text::unknown_name(what, name, {std::begin(names), std::end(names)}));
}

}  // namespace costate
