#include "costate/models/viscous_flow.h"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"

namespace costate {
namespace {

using std::numbers::pi;

/// What the equations know before they are solved.
struct FlowConditions {
  PolarGrid grid;
  double viscosity;
  Array jacobian;         // J [rings + 1, angles]
  Array along, across;    // [angles] z_theta of the shape along and across the free stream
  Array place, height;    // [angles] z there
  Array free_stream;      // [angles] psi_free at the outer radius
  Array wake;             // [angles] what a unit of drag adds to it
  Array vorticity_ratio;  // [angles] of the outermost ring to the one before
  Array angle_weights;    // [angles] dtheta of each
};

/// The unknowns by name.
struct FlowUnknowns {
  Array stream, vorticity;  // [rings + 1, angles]
  Array constant;           // by which psi differs far away
  Array pressure;           // [angles] 0 first
  Array force;              // [angles] drag from theta_0 to theta_j
};

/// A constant [angles] of its value at j = 0, 1, …
template <class Value>
Array by_angle(const PolarGrid& grid, const Value& value) {
  std::vector<double> values;
  for (std::int64_t j = 0; j < grid.angles; ++j) values.push_back(value(static_cast<double>(j)));
  return constant(HostArray::vector(values));
}

FlowConditions flow_conditions(const MappedGrid& shape, const Array& angle, double viscosity) {
  const PolarGrid& grid = shape.grid;
  const Array phi = by_angle(grid, [&](double j) { return grid.angle(j); }) - angle;
  const Array from_wake = atan2(sin(phi), cos(phi));  // within pi
  const auto q = [&](std::int64_t ring) {
    return sqrt(shape.radius * grid.radius(ring) / viscosity) * sin(0.5 * from_wake);
  };
  const auto along = [&](const Array& x, const Array& y) { return x * cos(angle) + y * sin(angle); };
  const auto across = [&](const Array& x, const Array& y) { return y * cos(angle) - x * sin(angle); };
  const Array outer = q(grid.rings);
  return {.grid = grid,
          .viscosity = viscosity,
          .jacobian = square(shape.x_slope) + square(shape.y_slope),
          .along = along(-shape.y_slope[0], shape.x_slope[0]),
          .across = across(-shape.y_slope[0], shape.x_slope[0]),
          .place = along(shape.x[0], shape.y[0]),
          .height = across(shape.x[0], shape.y[0]),
          .free_stream = across(shape.x[grid.rings], shape.y[grid.rings]),
          .wake = 0.5 * (from_wake / pi - erf(outer)),
          .vorticity_ratio = exp(square(q(grid.rings - 1)) - square(outer) - 0.5 * grid.ring_spacing()),
          .angle_weights = by_angle(grid, [&](double j) { return grid.angle_spacing() * grid.angle_slope(j); })};
}

/// Rows of psi from the second ring on and of w from the first, then the constant with the pressure, then the force.
FlowUnknowns flow_unknowns(const PolarGrid& grid, const Array& state) {
  const std::int64_t rings = grid.rings;
  const Array rows = reshape(state, {2 * rings + 3, grid.angles});
  const Array border = rows[2 * rings + 1];
  return {.stream = concat({zeros({1, grid.angles}), rows.slice(0, rings)}),
          .vorticity = rows.slice(rings, 2 * rings + 1),
          .constant = border[0],
          .pressure = concat({zeros({1}), border.slice(1, grid.angles)}),
          .force = rows[2 * rings + 2]};
}

/// x [rows, angles] at the angle `step` further: blocks of numbers, moved as they stand.
Array turned_by(const Array& x, std::int64_t step) {
  const std::int64_t rows = x.shape()[0], angles = x.shape()[1];
  std::vector<std::int64_t> positions;
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t j = 0; j < angles; ++j) positions.push_back(row * angles + (j + step + angles) % angles);
  return gather(x, std::move(positions), x.shape());
}

/// x [angles] at the next angle.
Array next_angle(const Array& x) { return concat({x.slice(1, x.shape()[0]), x.slice(0, 1)}); }

/// Differences on all rings but the first and the last, [rings - 1, angles].
struct InnerDifferences {
  Array by_ring, by_angle, laplacian;
};

InnerDifferences inner_differences(const PolarGrid& grid, const Array& x) {
  const double h = grid.ring_spacing(), k = grid.angle_spacing();
  const auto on_rings = [&](const auto& value) {
    return broadcast_to(by_angle(grid, value), {grid.rings - 1, grid.angles});
  };
  const auto second = [&](double side) {  // the weight of the neighbour on this side in the second derivative
    return on_rings([&, side](double j) { return 1 / (k * k * grid.angle_slope(j) * grid.angle_slope(j + side / 2)); });
  };
  const Array middle = x.slice(1, grid.rings), outer = x.slice(2, grid.rings + 1), inner = x.slice(0, grid.rings - 1);
  const Array next = turned_by(middle, 1), previous = turned_by(middle, -1);
  return {(outer - inner) / (2 * h),
          (next - previous) * on_rings([&](double j) { return 1 / (2 * k * grid.angle_slope(j)); }),
          (outer + inner - 2.0 * middle) / (h * h) + (next - middle) * second(1) - (middle - previous) * second(-1)};
}

/// w_xi on the shape [angles].
Array wall_slope(const PolarGrid& grid, const Array& vorticity) {
  return (4.0 * vorticity[1] - 3.0 * vorticity[0] - vorticity[2]) / (2 * grid.ring_spacing());
}

/// What each angle adds to the force nu ∮ (w dz - i z w_xi dtheta) along the free stream, and across.
struct WallForce {
  Array along, across;
};

WallForce wall_force(const FlowConditions& at, const Array& vorticity) {
  const Array slope = wall_slope(at.grid, vorticity), wall = vorticity[0];
  const Array weight = at.viscosity * at.angle_weights;
  return {weight * (wall * at.along + at.height * slope), weight * (wall * at.across - at.place * slope)};
}

/// All equations, in as many rows as the unknowns.
Array flow_residual(const FlowConditions& at, const Array& state) {
  const PolarGrid& grid = at.grid;
  const std::int64_t rings = grid.rings, angles = grid.angles;
  const double h = grid.ring_spacing();
  const FlowUnknowns u = flow_unknowns(grid, state);
  const InnerDifferences psi = inner_differences(grid, u.stream), w = inner_differences(grid, u.vorticity);
  const Array poisson = psi.laplacian + at.jacobian.slice(1, rings) * u.vorticity.slice(1, rings);
  const Array transport = psi.by_angle * w.by_ring - psi.by_ring * w.by_angle - at.viscosity * w.laplacian;
  const Array no_slip =
      3.0 * u.stream[1] + h * h * (at.jacobian[0] * u.vorticity[0] + 0.5 * at.jacobian[1] * u.vorticity[1]);
  const Array far = u.stream[rings] - at.free_stream - u.force[angles - 1] * at.wake + u.constant;
  const Array far_wake = u.vorticity[rings] - at.vorticity_ratio * u.vorticity[rings - 1];
  const Array rise = at.viscosity * at.angle_weights * wall_slope(grid, u.vorticity);
  const Array pressure = next_angle(u.pressure) - u.pressure - 0.5 * (rise + next_angle(rise));
  const Array force = u.force - concat({zeros({1}), u.force.slice(0, angles - 1)}) - wall_force(at, u.vorticity).along;
  const auto row = [&](const Array& x) { return reshape(x, {1, angles}); };
  return reshape(concat({poisson, transport, row(no_slip), row(far), row(far_wake), row(pressure), row(force)}),
                 {viscous_flow_size(grid)});
}

void check_flow(const PolarGrid& grid, const Array& angle, const Array* guess, double reynolds) {
  if (!(reynolds > 0) || !std::isfinite(reynolds))
    throw InvalidArgument("[viscous_flow] the Reynolds number must be positive; got ", reynolds, ".");
  if (angle.shape().rank() != 0)
    throw ShapeError("[viscous_flow] the angle must be a scalar; got shape ", angle.shape(), ".");
  const Shape wanted{viscous_flow_size(grid)};
  if (guess != nullptr && !(guess->shape() == wanted))
    throw ShapeError("[viscous_flow] the guess must be the state of a flow on the same grid, ", wanted, "; got ",
                     guess->shape(), ".");
}

FoundViscousFlow found_flow(const PolarGrid& grid, const RunResult& run, const ViscousFlowOptions& options) {
  if (!run.report.failures.empty())
    throw SolveFailed("[find_viscous_flow] Newton's method found no steady flow at Reynolds number ", options.reynolds,
                      " (", run.report.failures[0].reason, "): ", run.report.failures[0].advice,
                      ". Begin from a flow at a smaller one, or take a finer grid.");
  const auto output = [&](std::size_t i) { return run.outputs[i][0]; };
  return {.grid = grid,
          .points = output(0),
          .state = output(1),
          .stream = output(2),
          .vorticity = output(3),
          .pressure = output(4),
          .drag = run.outputs[5].at(0),
          .lift = run.outputs[6].at(0),
          .factorizations = run.report.factorizations};
}

}  // namespace

std::int64_t viscous_flow_size(const PolarGrid& grid) { return (2 * grid.rings + 3) * grid.angles; }

Array viscous_flow_guess(const MappedGrid& shape, Operand angle) {
  const PolarGrid& grid = shape.grid;
  check_flow(grid, angle.array, nullptr, 1);
  std::vector<double> heights;
  for (std::int64_t i = 1; i <= grid.rings; ++i) heights.push_back(grid.radius(i) - 1 / grid.radius(i));
  const Array theta = by_angle(grid, [&](double j) { return grid.angle(j); });
  const Array stream = outer(constant(HostArray::vector(heights)), sin(theta - angle.array));
  return concat({reshape(shape.radius * stream, {grid.rings * grid.angles}), zeros({(grid.rings + 3) * grid.angles})});
}

ViscousFlow viscous_flow(const MappedGrid& shape, Operand angle, Operand guess, const ViscousFlowOptions& options) {
  check_flow(shape.grid, angle.array, &guess.array, options.reynolds);
  const FlowConditions at = flow_conditions(shape, angle.array, kReferenceLength / options.reynolds);
  const Array state = root([&](Array x) { return flow_residual(at, x); }, guess, options.root);
  const FlowUnknowns u = flow_unknowns(shape.grid, state);
  // The force of a coefficient of 1 is kReferenceLength / 2.
  constexpr double kUnit = 2 / kReferenceLength;
  return {.state = state,
          .stream = u.stream,
          .vorticity = u.vorticity,
          .pressure = 2.0 * u.pressure,
          .drag = kUnit * u.force[shape.grid.angles - 1],
          .lift = kUnit * sum(wall_force(at, u.vorticity).across)};
}

FoundViscousFlow find_viscous_flow(const PolarGrid& grid, const HostArray& coefficients, double angle,
                                   const ViscousFlowOptions& options) {
  check_polar_grid(grid);
  const Function guess = trace([&](Array numbers) { return viscous_flow_guess(laurent_map(grid, numbers), angle); },
                               {{"coefficients", coefficients.shape()}});
  const HostArray start = compile(guess).run({coefficients.reshape(coefficients.shape().with_first(1))}).outputs[0][0];
  return find_viscous_flow(grid, coefficients, angle, start, options);
}

FoundViscousFlow find_viscous_flow(const PolarGrid& grid, const HostArray& coefficients, double angle,
                                   const HostArray& guess, const ViscousFlowOptions& options) {
  check_laurent_shape(coefficients);
  const Function flow = trace(
      [&](Array numbers, Array start) {
        const MappedGrid shape = laurent_map(grid, numbers);
        const ViscousFlow found = viscous_flow(shape, angle, start, options);
        const Array points = transpose(stack({shape.x, shape.y}), {1, 2, 0});
        return std::vector<Array>{points,         found.state, found.stream, found.vorticity,
                                  found.pressure, found.drag,  found.lift};
      },
      {{"coefficients", coefficients.shape()}, {"guess", guess.shape()}});
  const auto one = [](const HostArray& values) { return values.reshape(values.shape().with_first(1)); };
  return found_flow(grid, compile(flow).run({one(coefficients), one(guess)}), options);
}

}  // namespace costate
