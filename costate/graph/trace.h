// trace: runs a callable once on symbolic arrays and keeps what it did.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/graph/array.h"

namespace costate {

/// Name, shape and kind of one argument of a traced callable.
struct ArgumentSpec {
  std::string name;
  Shape shape;
  InputKind kind = InputKind::kSample;
};

/// Traces code that takes all its arguments as one list and returns a list of results.
/// Parameters that the code uses become further inputs, in the order of their first use.
Function trace_list(const std::vector<ArgumentSpec>& arguments,
                    const std::function<std::vector<Array>(std::span<const Array>)>& callable);

namespace internal {

/// A traced function, and the Arrays of the trace around it that its code used: they are its inputs behind `arguments`,
/// in this order.
struct CapturingFunction {
  Function function;
  std::vector<Array> captured;
};
CapturingFunction trace_capturing(const std::vector<ArgumentSpec>& arguments,
                                  const std::function<std::vector<Array>(std::span<const Array>)>& callable);

template <class Callable, std::size_t... index>
auto call_with(Callable& callable, std::span<const Array> arguments, std::index_sequence<index...>) {
  return callable(arguments[index]...);
}

template <class Callable, std::size_t... index>
constexpr bool takes_arrays(std::index_sequence<index...>) {
  return std::invocable<Callable&, std::conditional_t<(index >= 0), const Array&, void>...>;
}

/// Number of Array arguments that a callable takes; -1 if none up to 8 fits.
template <class Callable, int count = 0>
constexpr int arity() {
  if constexpr (count > 8)
    return -1;
  else if constexpr (takes_arrays<Callable>(std::make_index_sequence<static_cast<std::size_t>(count)>{}))
    return count;
  else
    return arity<Callable, count + 1>();
}

inline std::vector<Array> as_list(Array result) { return {std::move(result)}; }
inline std::vector<Array> as_list(std::vector<Array> results) { return results; }

}  // namespace internal

/// Traces `callable`, which takes one Array an argument (up to 8) and returns an Array or a std::vector<Array>.
/// Shapes are those of one sample. InvalidArgument if the number of arguments differs.
///
///     Function f = trace([](Array t, Array z) { return sin(t) * z; }, {{"t", {}}, {"z", {2}}});
template <class Callable>
Function trace(Callable callable, const std::vector<ArgumentSpec>& arguments) {
  constexpr int kArity = internal::arity<Callable>();
  static_assert(kArity >= 0, "trace takes a callable of up to 8 costate::Array arguments");
  if (static_cast<std::size_t>(kArity) != arguments.size())
    throw InvalidArgument("[trace] the callable takes ", kArity, " arguments; got ", arguments.size(),
                          " argument shapes.");
  return trace_list(arguments, [&](std::span<const Array> arrays) {
    return internal::as_list(
        internal::call_with(callable, arrays, std::make_index_sequence<static_cast<std::size_t>(kArity)>{}));
  });
}

}  // namespace costate
