#include "costate/operations/root.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/operations/internal/dense_root.h"
#include "costate/operations/internal/sparse_root.h"
#include "costate/operations/internal/traced_system.h"

namespace costate {
namespace {

/// Nothing where the Jacobian has too many numbers, or with kAuto takes too many derivatives.
std::shared_ptr<const internal::ImplicitSystem> sparse_system(const Function& f, RootJacobian form) {
  constexpr std::size_t kMostNumbers = std::size_t{1} << 24;
  const auto n = static_cast<std::size_t>(f.output_shape(0).size());
  const std::optional<internal::IndexLists> rows = internal::dependencies(f, 0, kMostNumbers);
  if (!rows) return nullptr;
  if (form == RootJacobian::kAuto) {
    const std::vector<std::int32_t> colors = internal::color_columns(*rows, rows->transposed(n));
    if (4 * static_cast<std::size_t>(*std::max_element(colors.begin(), colors.end()) + 1) > n) return nullptr;
  }
  return std::make_shared<internal::ImplicitSystem>(
      f, *rows, form == RootJacobian::kKrylov ? internal::LinearMethod::kKrylov : internal::LinearMethod::kFactors);
}

}  // namespace

Array root(const std::function<Array(Array)>& f, Operand guess, const RootOptions& options) {
  constexpr std::int64_t kFewUnknowns = 64;
  if (options.iterations < 1 || !(options.tolerance > 0))
    throw InvalidArgument("[root] iterations must be at least 1 and the tolerance positive; got ", options.iterations,
                          " and ", options.tolerance, ".");
  const Shape shape = guess.array.shape();
  if (shape.rank() != 1 || shape.size() == 0)
    throw ShapeError("[root] the guess must be a vector; got shape ", shape, ".");
  const bool must_be_sparse = options.jacobian == RootJacobian::kSparse || options.jacobian == RootJacobian::kKrylov;
  const bool may_be_sparse =
      must_be_sparse || (options.jacobian == RootJacobian::kAuto && shape.size() >= kFewUnknowns);
  const internal::TracedSystem traced = internal::trace_system("root", f, shape);
  if (!may_be_sparse) return internal::dense_root(traced, guess.array, options);
  const auto system = sparse_system(traced.function, options.jacobian);
  if (!system && must_be_sparse)
    throw InvalidArgument("[root] the Jacobian of ", shape.size(),
                          " unknowns is not sparse: by the graph of f more than 2^24 of its numbers may be other than "
                          "0; write f without sums over all unknowns, or ask for a dense one.");
  if (!system) return internal::dense_root(traced, guess.array, options);
  return internal::sparse_root(system, {.iterations = options.iterations, .tolerance = options.tolerance},
                               stop_gradient(guess.array), traced.arguments, guess.where);
}

}  // namespace costate
