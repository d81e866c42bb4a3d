// Options by name: a row of a table says how an option is written and which member of a struct holds it, so that files,
// the command line and Python are loops over the table (solve/options.h, series/fit_config_options.h).
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "costate/base/error.h"

namespace costate {

/// What an option may hold, outside of its struct. Whole numbers of a list are doubles here.
using OptionValue =
    std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>, std::vector<double>>;

/// How an option is written in a file, on the command line, in Python.
enum class OptionKind {
  kText,      // a string
  kNames,     // a list of strings; a,b on the command line
  kInteger,   // a whole number
  kNumber,    // a number
  kShare,     // a number from 0 to 1; on the command line also as 20%
  kIntegers,  // a list of whole numbers; 64,64 on the command line
  kNumbers,   // a list of numbers
  kChoice,    // one of several names
};

/// What reads and writes an option in its struct. `set` takes the type that belongs to the option's kind, and throws
/// InvalidArgument for an unknown name of a kChoice.
template <class Options>
struct OptionAccess {
  std::function<OptionValue(const Options&)> get;
  std::function<void(Options&, const OptionValue&)> set;
};

namespace internal {

template <class X>
OptionValue to_option_value(const X& x) {
  if constexpr (std::integral<X> && !std::same_as<X, bool>)
    return static_cast<std::int64_t>(x);
  else if constexpr (std::same_as<X, std::vector<std::int64_t>>)
    return std::vector<double>(x.begin(), x.end());
  else
    return x;
}

template <class X>
void assign_option(const OptionValue& value, X& x) {
  if constexpr (std::integral<X> && !std::same_as<X, bool>) {
    const std::int64_t number = std::get<std::int64_t>(value);
    if (!std::in_range<X>(number)) throw InvalidArgument("[options] the whole number ", number, " is out of range.");
    x = static_cast<X>(number);
  } else if constexpr (std::same_as<X, std::vector<std::int64_t>>) {
    x.clear();
    for (const double number : std::get<std::vector<double>>(value)) x.push_back(static_cast<std::int64_t>(number));
  } else {
    x = std::get<X>(value);
  }
}

}  // namespace internal

/// Access to what `member(options)` refers to.
template <class Options, class Member>
OptionAccess<Options> option_access(Member member) {
  return {
      .get = [member](const Options& options) { return internal::to_option_value(member(options)); },
      .set = [member](Options& options, const OptionValue& value) { internal::assign_option(value, member(options)); }};
}

/// The same of an enumeration, whose names are name(x) and from_name(name).
template <class Options, class Member, class FromName>
OptionAccess<Options> choice_access(Member member, FromName from_name) {
  return {.get = [member](const Options& options) -> OptionValue { return std::string(name(member(options))); },
          .set = [member, from_name](
                     Options& options,
                     const OptionValue& value) { member(options) = from_name(std::get<std::string>(value)); }};
}

}  // namespace costate
