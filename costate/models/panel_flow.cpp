// All matrices are [panel, point]: what a panel brings about at a point. Neighbours along the panels are then
// neighbours in memory, and adding them up moves nothing.
#include "costate/models/panel_flow.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "costate/base/error.h"
#include "costate/operations/linear_solve.h"

namespace costate {
namespace {

constexpr double kPi = std::numbers::pi;

/// The coordinates of all points, and the panels between them.
struct Outline {
  std::int64_t panels;
  Array x, y;            // [panels + 1]
  Array dx, dy, length;  // [panels]
};

void check_shape(const Shape& points, const char* where) {
  if (points.rank() != 2 || points[1] != 2 || points[0] < 1)
    throw ShapeError("[", where, "] points must be [n + 1, 2]; got ", points, ".");
}

Outline outline_of(const Array& points, const char* where) {
  check_shape(points.shape(), where);
  const std::int64_t panels = points.shape()[0] - 1;
  const Array columns = transpose(points);
  Outline outline{.panels = panels, .x = columns[0], .y = columns[1], .dx = {}, .dy = {}, .length = {}};
  const auto steps = [&](const Array& x) { return x.slice(1, panels + 1) - x.slice(0, panels); };
  outline.dx = steps(outline.x);
  outline.dy = steps(outline.y);
  outline.length = sqrt(outline.dx * outline.dx + outline.dy * outline.dy);
  return outline;
}

/// Neighbouring panels. The matrices of a block stay in the cache while they go through all operations.
struct Block {
  std::int64_t first, last;

  std::int64_t size() const { return last - first; }
};

std::vector<Block> blocks_of(std::int64_t panels) {
  constexpr std::int64_t kNumbers = 8192;  // of a matrix [panel, point]
  const std::int64_t rows = std::max<std::int64_t>(1, kNumbers / panels);
  std::vector<Block> blocks;
  for (std::int64_t first = 0; first < panels; first += rows) blocks.push_back({first, std::min(first + rows, panels)});
  return blocks;
}

/// Where the points stand in a panel's own coordinates, in which it goes from 0 to 1. [panel, point], the last point
/// left out.
struct LocalPoints {
  Array x, y;
  Array starts, ends;  // 1 where the panel starts or ends at the point
};

/// A number of each panel of the block, for all points.
Array by_panel(const Array& x, const Block& block) {
  const std::int64_t points = x.shape()[0];
  return broadcast_to(reshape(x.slice(block.first, block.last), {block.size(), 1}), {block.size(), points});
}

LocalPoints local_points(const Outline& outline, const Block& block) {
  const std::int64_t n = outline.panels;
  const Shape grid = {block.size(), n};
  HostArray starts(grid), ends(grid);
  for (std::int64_t row = 0; row < block.size(); ++row) {
    starts.set({row, block.first + row}, 1);
    ends.set({row, (block.first + row + 1) % n}, 1);
  }
  const Array square = outline.length * outline.length, x = outline.x.slice(0, n), y = outline.y.slice(0, n);
  const Array ux = by_panel(outline.dx / square, block), uy = by_panel(outline.dy / square, block);
  const Array px = broadcast_to(x, grid) - by_panel(x, block), py = broadcast_to(y, grid) - by_panel(y, block);
  return {px * ux + py * uy, py * ux - px * uy, constant(starts), constant(ends)};
}

/// psi at the points for gamma = 1 at a panel's start, and at its end, 0 at its other one.
struct Influence {
  Array of_start, of_end;  // [panel, point]
};

/// With t = x + i y in the panel's coordinates, length l and log|t - s| integrated over s from 0 to 1:
///   ∫ log(l |t - s|) ds   = x D + log(l |t - 1|) - y theta - 1,
///   ∫ log(l |t - s|) s ds = ((x^2 - y^2) D + log(l |t - 1|)) / 2 - x y theta - x / 2 - 1 / 4,
/// where D = log|t / (t - 1)| and theta = arg t - arg(t - 1). D is found without the cancellation of two logarithms:
/// far from a short panel it is multiplied by the square of a large number. At the panel's own ends D and theta stand
/// beside factors of 0.
Influence influence_of(const Outline& outline, const Block& block) {
  const auto [x, y, starts, ends] = local_points(outline, block);
  const Array before = x - 1.0, y_square = y * y;
  const Array to_end = before * before + y_square + ends;  // |t - 1|^2, 1 where that is 0
  const Array theta = atan2(-y, x * before + y_square + (starts + ends));
  const Array twice_d = log1p((x + before) * (1.0 - (starts + ends)) / to_end), log_square = log(to_end);
  const Array y_theta = y * theta, log_length = by_panel(log(outline.length), block);
  const Array whole = 0.5 * (x * twice_d + log_square) - y_theta + log_length - 1.0;
  const Array twice_end =
      0.5 * ((x * x - y_square) * twice_d + log_square) + log_length - x * (2.0 * y_theta + 1.0) - 0.5;
  const Array scale = by_panel(outline.length / (4 * kPi), block);
  const Array of_end = scale * twice_end;
  return {2.0 * scale * whole - of_end, of_end};
}

/// psi at the points [value, point] for each value gamma: what its two panels bring about.
Array influence_of_values(const Outline& outline) {
  const Array none = zeros({1, outline.panels});
  std::vector<Array> of_starts, of_ends = {none};
  for (const Block& block : blocks_of(outline.panels)) {
    const Influence influence = influence_of(outline, block);
    of_starts.push_back(influence.of_start);
    of_ends.push_back(influence.of_end);
  }
  of_starts.push_back(none);
  return concat(of_starts) + concat(of_ends);
}

/// The rows of the last two equations, whose right sides are 0, and the column of psi_0.
std::vector<double> border_numbers(std::int64_t n) {
  std::vector<double> kutta(static_cast<std::size_t>(n + 2), 0.0), smooth(static_cast<std::size_t>(n + 2), 0.0);
  const auto end = static_cast<std::size_t>(n);
  kutta[0] = kutta[end] = 1;
  smooth[0] = smooth[2] = 1;
  smooth[1] = -2;
  smooth[end] = smooth[end - 2] = -1;
  smooth[end - 1] = 2;
  kutta.insert(kutta.end(), smooth.begin(), smooth.end());
  kutta.push_back(-1);
  return kutta;
}

/// The matrix [n + 2, n + 2] of the equations in the header, unknowns gamma and psi_0: the influence of each value
/// gamma, transposed, and its border, by one gather from both.
Array matrix_of(const Outline& outline) {
  const std::int64_t n = outline.panels;
  const Array numbers =
      concat({reshape(influence_of_values(outline), {(n + 1) * n}), constant(HostArray::vector(border_numbers(n)))});
  const std::int64_t border = (n + 1) * n, psi_column = border + 2 * (n + 2);
  std::vector<std::int64_t> positions;
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t value = 0; value <= n; ++value) positions.push_back(value * n + row);
    positions.push_back(psi_column);
  }
  for (std::int64_t i = border; i < psi_column; ++i) positions.push_back(i);
  return gather(numbers, std::move(positions), {n + 2, n + 2});
}

/// Lift and drag are those of the pressure's force (along y, along x) turned by the angle; gamma^2 is quadratic and the
/// arm linear along a panel, for which Simpson's rule is exact.
PanelFlow coefficients(const Outline& outline, const Array& speed, const Array& angle) {
  const std::int64_t n = outline.panels;
  const auto starts = [&](const Array& x) { return x.slice(0, n); };
  const auto ends = [&](const Array& x) { return x.slice(1, n + 1); };
  const auto middles = [&](const Array& x) { return 0.5 * (starts(x) + ends(x)); };
  const Array first = square(starts(speed)), middle = square(middles(speed)), last = square(ends(speed));
  const Array mean = (first + 4.0 * middle + last) / 6.0;
  const Array along_x = sum(mean * outline.dy), along_y = -sum(mean * outline.dx);
  const auto turning = [&](const Array& x, const Array& y) { return (x - 0.25) * outline.dx + y * outline.dy; };
  const Array turned = first * turning(starts(outline.x), starts(outline.y)) +
                       4.0 * middle * turning(middles(outline.x), middles(outline.y)) +
                       last * turning(ends(outline.x), ends(outline.y));
  return {.speed = speed,
          .pressure = 1.0 - square(speed),
          .lift = 2.0 * sum(middles(speed) * outline.length),
          .drag = along_x * cos(angle) + along_y * sin(angle),
          .moment = sum(turned) / 6.0};
}

// ---- outlines as numbers

struct Point {
  double x, y;
};

/// Twice the area of the triangle, positive if a, b, c go round anticlockwise.
double turn(const Point& a, const Point& b, const Point& c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

bool overlap(double a, double b, double c, double d) {
  return std::max(std::min(a, b), std::min(c, d)) <= std::min(std::max(a, b), std::max(c, d));
}

/// Whether the panels a b and c d have a point in common.
bool meet(const Point& a, const Point& b, const Point& c, const Point& d) {
  return overlap(a.x, b.x, c.x, d.x) && overlap(a.y, b.y, c.y, d.y) && turn(a, b, c) * turn(a, b, d) <= 0 &&
         turn(c, d, a) * turn(c, d, b) <= 0;
}

void check_panels(const std::vector<Point>& points) {
  const std::size_t n = points.size() - 1;
  double twice_area = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Point &a = points[i], &b = points[i + 1];
    if (!(std::hypot(b.x - a.x, b.y - a.y) > 0))
      throw InvalidArgument("[check_outline] panel ", i, " has no length: points ", i, " and ", i + 1, " are both (",
                            a.x, ", ", a.y, "); leave one out.");
    twice_area += a.x * b.y - b.x * a.y;
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 2; j < n; ++j)
      if (!(i == 0 && j == n - 1) && meet(points[i], points[i + 1], points[j], points[j + 1]))
        throw InvalidArgument("[check_outline] the outline crosses itself: panel ", i, " from (", points[i].x, ", ",
                              points[i].y, ") meets panel ", j, " from (", points[j].x, ", ", points[j].y,
                              "); the upper side must be above the lower one.");
  if (!(twice_area > 0))
    throw InvalidArgument("[check_outline] points must go round anticlockwise, from the trailing edge along the upper ",
                          "side; these go round clockwise. Reverse their order.");
}

}  // namespace

PanelFlow panel_flow(Operand points, Operand angle) {
  const Outline outline = outline_of(points.array, "panel_flow");
  const std::int64_t n = outline.panels;
  if (angle.array.shape().rank() != 0)
    throw ShapeError("[panel_flow] the angle must be a scalar; got shape ", angle.array.shape(), ".");
  if (n < kFewestPanels) throw InvalidArgument("[panel_flow] needs at least ", kFewestPanels, " panels; got ", n, ".");
  const Array free_stream = outline.x * sin(angle) - outline.y * cos(angle);
  const Array solution = linear_solve(matrix_of(outline), concat({free_stream.slice(0, n), zeros({2})}));
  return coefficients(outline, solution.slice(0, n + 1), angle.array);
}

Array outline_area(Operand points) {
  const Outline outline = outline_of(points.array, "outline_area");
  const std::int64_t n = outline.panels;
  return 0.5 * sum(outline.x.slice(0, n) * outline.dy - outline.y.slice(0, n) * outline.dx);
}

void check_outline(const HostArray& points) {
  check_shape(points.shape(), "check_outline");
  const std::int64_t n = points.shape()[0] - 1;
  if (n < kFewestPanels)
    throw InvalidArgument("[check_outline] an outline needs at least ", kFewestPanels, " panels; got ", n, ".");
  std::vector<Point> all;
  for (std::int64_t i = 0; i <= n; ++i) {
    all.push_back({points(i, 0), points(i, 1)});
    if (!std::isfinite(all.back().x) || !std::isfinite(all.back().y))
      throw InvalidArgument("[check_outline] point ", i, " is not finite.");
  }
  if (all.front().x != all.back().x || all.front().y != all.back().y)
    throw InvalidArgument("[check_outline] the trailing edge must be closed: the last point must be the first, (",
                          all.front().x, ", ", all.front().y, "); it is (", all.back().x, ", ", all.back().y, ").");
  check_panels(all);
}

}  // namespace costate
