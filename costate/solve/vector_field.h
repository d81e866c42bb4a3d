// The right-hand side of z' = f(t, z, …), traced once for one sample.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/trace.h"

namespace costate {

/// A named piece of the state. The state is solved as one flat vector, pieces after each other.
struct StatePart {
  std::string name;
  Shape shape;
};

/// A traced field. Inputs of its Function: t [], one a part, one an argument, then the Parameters it uses; outputs: the
/// derivative of each part. Arrays of a trace around it that its code uses are captured: they become its last
/// arguments, which a solve in that trace passes by itself.
class VectorField {
 public:
  VectorField(Function function, std::vector<StatePart> parts, std::vector<ArgumentSpec> arguments,
              std::vector<Array> captured = {});

  const Function& function() const { return function_; }
  const std::vector<StatePart>& parts() const { return parts_; }
  /// Those declared, then those captured.
  const std::vector<ArgumentSpec>& arguments() const { return arguments_; }
  const std::vector<Array>& captured() const { return captured_; }
  /// Numbers in the whole state.
  std::int64_t state_size() const { return state_size_; }
  /// Where a part starts in the flat state. InvalidArgument, with the nearest name, if there is no such part.
  std::int64_t offset_of(const std::string& part) const;

 private:
  Function function_;
  std::vector<StatePart> parts_;
  std::vector<ArgumentSpec> arguments_;
  std::vector<Array> captured_;
  std::int64_t state_size_ = 0;
};

namespace internal {
using FieldRhs = std::function<std::vector<Array>(Array, std::span<const Array>, std::span<const Array>)>;
VectorField build_field(std::vector<StatePart> parts, std::vector<ArgumentSpec> arguments, const FieldRhs& rhs);
/// The same for code of a user, who is warned of inputs whose knots a solve cannot find.
VectorField trace_field(std::vector<StatePart> parts, std::vector<ArgumentSpec> arguments, const FieldRhs& rhs);
}  // namespace internal

/// A field of one state: rhs(t, z, arguments…) gives dz/dt with z's shape. ShapeError if it does not.
///
///     auto field = vector_field({2}, [&](Array t, Array z) { return net(z); });
///     auto driven = vector_field({2}, {{"u", {1}}}, [](Array t, Array z, Array u) { return … });
template <class Rhs>
VectorField vector_field(Shape state, std::vector<ArgumentSpec> arguments, Rhs rhs) {
  return internal::trace_field({{"z", std::move(state)}}, std::move(arguments),
                               [&](Array t, std::span<const Array> parts, std::span<const Array> more) {
                                 std::vector<Array> all = {t, parts[0]};
                                 all.insert(all.end(), more.begin(), more.end());
                                 constexpr int kArity = internal::arity<Rhs>();
                                 static_assert(kArity >= 2, "the right-hand side takes t, z and its arguments");
                                 if (static_cast<std::size_t>(kArity) != all.size())
                                   throw InvalidArgument("[vector_field] the right-hand side takes ", kArity - 2,
                                                         " arguments besides t and z; ", more.size(), " are declared.");
                                 return internal::as_list(internal::call_with(
                                     rhs, all, std::make_index_sequence<static_cast<std::size_t>(kArity)>{}));
                               });
}

template <class Rhs>
VectorField vector_field(Shape state, Rhs rhs) {
  return vector_field(std::move(state), {}, std::move(rhs));
}

/// The same with arguments as a list, for code that does not know their number beforehand: rhs(t, z, arguments).
VectorField vector_field_list(Shape state, std::vector<ArgumentSpec> arguments,
                              const std::function<Array(Array, Array, std::span<const Array>)>& rhs);

/// A field of several named parts: rhs(t, parts) gives one derivative a part, in order.
VectorField vector_field(std::vector<StatePart> parts,
                         const std::function<std::vector<Array>(Array, std::span<const Array>)>& rhs);

}  // namespace costate
