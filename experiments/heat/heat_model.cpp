#include "experiments/heat/heat_model.h"

#include <cmath>
#include <numbers>

namespace costate::experiments {
namespace {

constexpr double kPi = std::numbers::pi;

double spacing(const HeatProblem& problem) { return 1.0 / static_cast<double>(problem.cells); }

double coordinate(const HeatProblem& problem, std::int64_t i) { return spacing(problem) * static_cast<double>(i + 1); }

/// sqrt(2) sin(pi (k + 1) x_i), [side, side].
Array sines(const HeatProblem& problem) {
  const std::int64_t side = problem.side();
  HostArray numbers(Shape{side, side});
  for (std::int64_t i = 0; i < side; ++i)
    for (std::int64_t k = 0; k < side; ++k)
      numbers.set({i, k}, std::numbers::sqrt2 * std::sin(kPi * static_cast<double>(k + 1) * coordinate(problem, i)));
  return constant(numbers);
}

double unscaled_deviation(const HeatProblem& problem, std::int64_t j, std::int64_t k) {
  const double length = problem.prior_length * kPi;
  return std::pow(1 + length * length * static_cast<double>((j + 1) * (j + 1) + (k + 1) * (k + 1)), -2);
}

/// The deviations of the prior's terms [side, side]. The scale comes from a sum that no grid cuts short.
HostArray prior_deviations(const HeatProblem& problem) {
  constexpr std::int64_t kTerms = 512;  // the rest is 1e-10 of it
  double variance = 0;                  // in the middle, where 2 sin sin is 2, 0 or -2
  for (std::int64_t j = 0; j < kTerms; j += 2)
    for (std::int64_t k = 0; k < kTerms; k += 2) variance += 4 * std::pow(unscaled_deviation(problem, j, k), 2);
  HostArray deviations(Shape{problem.side(), problem.side()});
  for (std::int64_t j = 0; j < problem.side(); ++j)
    for (std::int64_t k = 0; k < problem.side(); ++k)
      deviations.set({j, k}, problem.prior_deviation / std::sqrt(variance) * unscaled_deviation(problem, j, k));
  return deviations;
}

}  // namespace

void check_diffusion(double diffusion) {
  if (!(diffusion > 0) || !std::isfinite(diffusion))
    throw InvalidArgument("[heat] the diffusion coefficient must be positive; got ", diffusion,
                          ": backwards in time, heat has no solution.");
}

void check_problem(const HeatProblem& problem) {
  if (problem.cells < 4) throw InvalidArgument("[heat] a side needs at least 4 cells; got ", problem.cells, ".");
  if (problem.sensors.empty()) throw InvalidArgument("[heat] at least one sensor is needed; got none.");
  for (std::size_t i = 0; i < problem.sensors.size(); ++i) {
    const auto& [x, y] = problem.sensors[i];
    if (!(x > 0 && x < 1 && y > 0 && y < 1))
      throw InvalidArgument("[heat] sensor ", i, " must be inside of the unit square; it is at (", x, ", ", y, ").");
  }
  if (problem.num_times < 1 || !(problem.end > 0))
    throw InvalidArgument("[heat] readings need a positive end and number of times; got ", problem.end, " and ",
                          problem.num_times, ".");
  check_diffusion(problem.prior_diffusion);
  if (!(problem.noise > 0) || !(problem.prior_spread > 0) || !(problem.prior_length > 0) ||
      !(problem.prior_deviation > 0))
    throw InvalidArgument("[heat] noise, spread, length and deviation must be positive; got ", problem.noise, ", ",
                          problem.prior_spread, ", ", problem.prior_length, " and ", problem.prior_deviation, ".");
}

double exact_field(const std::vector<Blob>& blobs, const HeatProblem& problem, double diffusion, double t,
                   const Place& at) {
  const double angle = problem.turn * t;
  double value = 0;
  for (const Blob& blob : blobs) {
    const double from_x = blob.middle.x - 0.5, from_y = blob.middle.y - 0.5;
    const double x = at.x - 0.5 - (std::cos(angle) * from_x - std::sin(angle) * from_y);
    const double y = at.y - 0.5 - (std::sin(angle) * from_x + std::cos(angle) * from_y);
    const double start = blob.deviation * blob.deviation, variance = start + 2 * diffusion * t;
    value += blob.amplitude * start / variance * std::exp(-(x * x + y * y) / (2 * variance));
  }
  return value;
}

std::vector<double> exact_grid(const std::vector<Blob>& blobs, const HeatProblem& problem, double diffusion, double t) {
  std::vector<double> field;
  for (std::int64_t row = 0; row < problem.side(); ++row)
    for (std::int64_t column = 0; column < problem.side(); ++column)
      field.push_back(
          exact_field(blobs, problem, diffusion, t, {coordinate(problem, column), coordinate(problem, row)}));
  return field;
}

std::vector<double> exact_readings(const std::vector<Blob>& blobs, const HeatProblem& problem, double diffusion) {
  std::vector<double> readings;
  for (std::int64_t i = 1; i <= problem.num_times; ++i)
    for (const Place& sensor : problem.sensors) {
      const double t = problem.end * static_cast<double>(i) / static_cast<double>(problem.num_times);
      readings.push_back(exact_field(blobs, problem, diffusion, t, sensor));
    }
  return readings;
}

Array heat_rate(const HeatProblem& problem, const Array& u, const Array& diffusion) {
  // Rows with at least two zeros between them, one after the other: all neighbours are slices of them, from the first
  // point to the last. What they give between the rows is left out in the end. Rows begin at multiples of eight
  // numbers, where vectors do.
  const std::int64_t side = problem.side(), pitch = (side + 2 + 7) / 8 * 8, first = 2 * pitch,
                     size = (side - 1) * pitch + side;
  const Array wide = reshape(pad(reshape(u, {side, side}), {{2, 2}, {0, pitch - side}}), {(side + 4) * pitch});
  const auto neighbour = [&](std::int64_t columns, std::int64_t rows) {
    const std::int64_t begin = first + rows * pitch + columns;
    return wide.slice(begin, begin + size);
  };
  const Array east = neighbour(1, 0), west = neighbour(-1, 0), far_east = neighbour(2, 0), far_west = neighbour(-2, 0);
  const Array north = neighbour(0, 1), south = neighbour(0, -1), far_north = neighbour(0, 2),
              far_south = neighbour(0, -2);
  const double h = spacing(problem);
  const Array second = 16.0 * ((east + west) + (north + south)) - ((far_east + far_west) + (far_north + far_south)) -
                       60.0 * neighbour(0, 0);
  const auto velocity = [&](bool is_x) {
    HostArray numbers(Shape{size});
    for (std::int64_t i = 0; i < size; ++i) {
      const double value = is_x ? 0.5 - coordinate(problem, i / pitch) : coordinate(problem, i % pitch) - 0.5;
      numbers.set(i, problem.turn * value / (12 * h));
    }
    return constant(numbers);
  };
  const Array along_x = 8.0 * (east - west) - (far_east - far_west);
  const Array along_y = 8.0 * (north - south) - (far_north - far_south);
  const Array rate = diffusion / (12 * h * h) * second - velocity(true) * along_x - velocity(false) * along_y;
  std::vector<std::int64_t> points;
  for (std::int64_t row = 0; row < side; ++row)
    for (std::int64_t column = 0; column < side; ++column) points.push_back(row * pitch + column);
  return gather(rate, points, {problem.size()});
}

Array heat_readings(const HeatProblem& problem, const Array& states) {
  const std::int64_t side = problem.side();
  const auto num_sensors = static_cast<std::int64_t>(problem.sensors.size());
  // Two numbers an axis: the points around a sensor, with the parts that they have in it.
  std::vector<std::int64_t> positions;
  std::vector<double> parts;
  for (std::int64_t time = 1; time <= problem.num_times; ++time)
    for (const Place& sensor : problem.sensors)
      for (int corner = 0; corner < 4; ++corner) {
        const double x = sensor.x * static_cast<double>(problem.cells),
                     y = sensor.y * static_cast<double>(problem.cells);
        const auto column = static_cast<std::int64_t>(x) + corner % 2 - 1;
        const auto row = static_cast<std::int64_t>(y) + corner / 2 - 1;
        const double from_x = x - std::floor(x), from_y = y - std::floor(y);
        const bool is_inside = column >= 0 && column < side && row >= 0 && row < side;
        const double part = (corner % 2 == 1 ? from_x : 1 - from_x) * (corner / 2 == 1 ? from_y : 1 - from_y);
        positions.push_back(time * problem.size() + (is_inside ? row * side + column : 0));
        parts.push_back(is_inside ? part : 0.0);  // u is 0 on the edge
      }
  const Shape corners{problem.num_times, num_sensors, 4};
  return sum(gather(states, positions, corners) * constant(HostArray(corners, parts)), {2});
}

Array prior_field(const HeatProblem& problem, const Array& weights) {
  const Array basis = sines(problem);
  const Array field = matmul(matmul(basis, weights * constant(prior_deviations(problem))), transpose(basis));
  return reshape(field, {problem.size()});
}

Array heat_states(const HeatProblem& problem, const Array& start, const Array& log_diffusion,
                  const SolveOptions& options) {
  const VectorField field =
      vector_field({problem.size()}, [&](Array, Array u) { return heat_rate(problem, u, exp(log_diffusion)); });
  std::vector<double> times;
  for (std::int64_t i = 0; i <= problem.num_times; ++i)
    times.push_back(problem.end * static_cast<double>(i) / static_cast<double>(problem.num_times));
  return solve(field, start, constant(HostArray::vector(times)), options);
}

Array heat_misfit(const HeatProblem& problem, const Array& states, const Array& measured) {
  return 0.5 * sum(square((heat_readings(problem, states) - measured) / problem.noise));
}

SolveOptions stable_steps(const HeatProblem& problem, double largest_diffusion) {
  // The largest eigenvalue of the differences is 32/3 kappa / h^2; the method is stable up to 2.78.
  check_diffusion(largest_diffusion);
  const double cells = static_cast<double>(problem.cells);
  const double steps = 32.0 / 3 * largest_diffusion * cells * cells / 2.6 * problem.end;
  return {.method = Method::kRk4Classic,
          .steps_per_interval = static_cast<int>(std::ceil(steps / static_cast<double>(problem.num_times)))};
}

}  // namespace costate::experiments
