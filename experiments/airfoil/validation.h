// Panels against the conformal map of Karman-Trefftz airfoils.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

struct ErrorRow {
  std::int64_t panels;
  double pressure;  // the largest error of Cp over the first 98 % of the chord
  double mean;      // its root mean square there
  double lift;      // relative error
};

struct Convergence {
  std::string name;
  double edge_degrees;  // of the trailing edge
  std::vector<ErrorRow> rows;

  /// -slope of log(error) over log(panels), by least squares.
  double order(double ErrorRow::*error) const;
};

/// Trailing edges of 18, 10 and 5 degrees, and Joukowski's cusp last.
std::vector<Convergence> converge(std::span<const std::int64_t> panels);

Figure convergence_figure(const std::vector<Convergence>& all);
Table convergence_table(const std::vector<Convergence>& all);

}  // namespace costate::experiments
