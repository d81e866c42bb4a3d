#include "costate/models/cnf.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "costate/base/names.h"
#include "costate/diff/diff.h"

namespace costate {
namespace {

constexpr std::string_view kTraceEstimates[] = {"exact", "hutchinson"};

/// tr(df/dz) and |df/dz|^2, exactly: a unit vector a row of the transposed Jacobian.
std::pair<Array, Array> exact_trace(const Array& slope, const Array& z) {
  Array trace = constant(0.0), norm = constant(0.0);
  for (std::int64_t i = 0; i < z.shape()[0]; ++i) {
    HostArray unit(z.shape());
    unit.set(i, 1.0);
    const Array direction = constant(unit);
    const Array column = push_forward(std::span(&slope, 1), std::span(&z, 1), std::span(&direction, 1))[0];
    trace = trace + column[i];
    norm = norm + sum(square(column));
  }
  return {trace, norm};
}

std::pair<Array, Array> estimated_trace(const Array& slope, const Array& z, const Array& noise) {
  const Array product = pull_back(std::span(&slope, 1), std::span(&noise, 1), std::span(&z, 1))[0];
  return {sum(product * noise), sum(square(product))};
}

void check(const CnfOptions& options) {
  if (options.dimension < 1 || !(options.end > 0) || !std::isfinite(options.end))
    throw InvalidArgument("[Cnf] the dimension must be at least 1 and the end positive; got ", options.dimension,
                          " and ", options.end, ".");
}

VectorField augment(const std::function<Array(Array, Array)>& field, const CnfOptions& options) {
  check(options);
  const std::int64_t d = options.dimension;
  std::vector<StatePart> parts = {{"z", {d}}, {"trace", {}}};
  if (options.regularizers) parts.insert(parts.end(), {{"kinetic", {}}, {"jacobian", {}}});
  return internal::trace_field(
      parts, {{"noise", {d}}}, [&](Array t, std::span<const Array> state, std::span<const Array> arguments) {
        const Array& z = state[0];
        const Array slope = field(t, z);
        const auto [trace, norm] =
            options.trace == TraceEstimate::kExact ? exact_trace(slope, z) : estimated_trace(slope, z, arguments[0]);
        if (!options.regularizers) return std::vector<Array>{slope, trace};
        return std::vector<Array>{slope, trace, sum(square(slope)), norm};
      });
}

VectorField plain(const std::function<Array(Array, Array)>& field, const CnfOptions& options) {
  check(options);
  return vector_field({options.dimension}, [&](Array t, Array z) { return field(t, z); });
}

}  // namespace

std::string name(TraceEstimate estimate) { return spelling(estimate, kTraceEstimates); }

TraceEstimate trace_estimate_from_name(const std::string& name) {
  return from_spelling<TraceEstimate>("Cnf", "trace", name, kTraceEstimates);
}

Cnf::Cnf(const std::function<Array(Array t, Array z)>& field, const CnfOptions& options)
    : options_(options), flow_(plain(field, options)), augmented_(augment(field, options)) {}

FlowDensity Cnf::density(const Array& x, const Array& noise) const {
  const std::int64_t d = options_.dimension;
  const Array times = constant(HostArray::vector({0.0, options_.end}));
  const Array start = concat({x, zeros({augmented_.state_size() - d})});
  const Array end = solve(augmented_, start, times, options_.solve, std::span(&noise, 1))[1];
  FlowDensity density{
      .log_density = log_normal(end.slice(0, d)) + end[d], .base = end.slice(0, d), .kinetic = {}, .jacobian = {}};
  if (options_.regularizers) {
    density.kinetic = end[d + 1];
    density.jacobian = end[d + 2];
  }
  return density;
}

Array Cnf::sample(const Array& base) const { return path(base, constant(HostArray::vector({options_.end, 0.0})))[1]; }

Array Cnf::path(const Array& base, const Array& times) const { return solve(flow_, base, times, options_.solve); }

Array log_normal(const Array& z) {
  const auto d = static_cast<double>(z.shape()[0]);
  return -0.5 * sum(square(z)) - 0.5 * d * std::log(2 * std::numbers::pi);
}

}  // namespace costate
