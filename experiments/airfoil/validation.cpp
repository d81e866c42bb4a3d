#include "experiments/airfoil/validation.h"

#include <algorithm>
#include <cmath>

#include "experiments/airfoil/flow.h"
#include "experiments/line.h"

namespace costate::experiments {
namespace {

ErrorRow errors_of(const KarmanTrefftz& airfoil, double angle, std::int64_t panels) {
  const std::vector<double> places = airfoil.cosine_places(panels), exact = airfoil.pressure(places, angle);
  const FlowPast found = flow_past(airfoil.points(places), angle);
  ErrorRow row{.panels = panels, .pressure = 0, .mean = 0, .lift = std::abs(found.lift / airfoil.lift(angle) - 1)};
  double count = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (found.points(static_cast<std::int64_t>(i), 0) > kComparedChord) continue;
    const double error = std::abs(found.pressure[i] - exact[i]);
    row.pressure = std::max(row.pressure, error);
    row.mean += error * error;
    ++count;
  }
  row.mean = std::sqrt(row.mean / count);
  return row;
}

}  // namespace

double Convergence::order(double ErrorRow::*error) const {
  std::vector<double> panels, errors;
  for (const ErrorRow& row : rows) {
    panels.push_back(std::log(static_cast<double>(row.panels)));
    errors.push_back(std::log(row.*error));
  }
  return -line_through(panels, errors).slope;
}

std::vector<Convergence> converge(std::span<const std::int64_t> panels) {
  struct Case {
    std::string name;
    double center_x, center_y, edge, angle;  // angles in degrees
  };
  std::vector<Convergence> all;
  for (const Case& one : {Case{"18 degrees", -0.1, 0.1, 18, 5}, Case{"10 degrees", -0.08, 0.05, 10, 4},
                          Case{"5 degrees", -0.08, 0.05, 5, 4}, Case{"cusp", -0.08, 0.05, 0, 4}}) {
    const KarmanTrefftz airfoil(
        {.center_x = one.center_x, .center_y = one.center_y, .trailing_edge_angle = one.edge * kDegree});
    Convergence convergence{.name = one.name, .edge_degrees = one.edge, .rows = {}};
    for (const std::int64_t n : panels) convergence.rows.push_back(errors_of(airfoil, one.angle * kDegree, n));
    all.push_back(std::move(convergence));
  }
  return all;
}

Figure convergence_figure(const std::vector<Convergence>& all) {
  Figure figure{.title = "largest error of Cp, first 98 % of the chord",
                .x_label = "panels",
                .y_label = "error",
                .x_scale = Scale::kLog,
                .y_scale = Scale::kLog};
  int color = 0;
  for (const Convergence& one : all)
    figure.curves.push_back(
        Curve{.name = one.name, .color = color++}.through(one.rows, &ErrorRow::panels, &ErrorRow::pressure));
  const ErrorRow& first = all[0].rows[0];
  figure.curves.push_back(Curve{.name = "order 2", .mark = Mark::kDashed, .color = 6}.through(
      all[0].rows, &ErrorRow::panels, [&](const ErrorRow& row) {
        const double ratio = static_cast<double>(first.panels) / static_cast<double>(row.panels);
        return first.pressure * ratio * ratio / 2;
      }));
  return figure;
}

Table convergence_table(const std::vector<Convergence>& all) {
  Table table{
      .header = {"trailing edge", "panels", "largest error of Cp", "root mean square", "relative error of cl"},
      .caption = "Cp over the first 98 % of the chord. At a cusp panels of the two sides coincide in the limit."};
  for (const Convergence& one : all)
    for (const ErrorRow& row : one.rows) table.add(one.name, row.panels, row.pressure, row.mean, row.lift);
  return table;
}

}  // namespace costate::experiments
