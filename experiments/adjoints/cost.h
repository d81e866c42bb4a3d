// What an adjoint costs: a gradient against the number of its parameters, and the reason, the order of a product.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

/// Milliseconds of a solve and of its gradient.
struct CostRow {
  std::int64_t parameters;
  double solve, adjoint, forward;

  double adjoint_over_solve() const { return adjoint / solve; }
};

/// A network of 10 * width weights as the field: its solve, its gradient by one reverse solve, and by one forward solve
/// of tangents for each parameter (the time of one, p times).
CostRow cost_of(std::int64_t width);

/// Milliseconds of A B C.
struct ProductRow {
  std::int64_t size;
  double from_left, from_right;
};

/// A B C of a column A [d, 1], a row B [1, n] and a column C [n, 1], d = n: from the left the matrix A B is made,
/// O(dn); from the right the number B C, O(d + n). An adjoint is the second order.
ProductRow products_of(std::int64_t n);

Figure cost_figure(const std::vector<CostRow>& rows);
Figure product_figure(const std::vector<ProductRow>& rows);

}  // namespace costate::experiments
