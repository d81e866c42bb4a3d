#include "costate/solve/internal/lane_stops.h"

#include <algorithm>
#include <cmath>

namespace costate::internal {
namespace {

bool reads_input(const Function& function, std::size_t input) {
  return std::ranges::any_of(function.nodes(), [&](const Node& node) {
    return node.op == Op::kInput && static_cast<std::size_t>(node.indices[0]) == input;
  });
}

}  // namespace

StopTables::StopTables(const VectorField& field, const SolveOptions& options, Dtype dtype, bool rounds_time,
                       std::size_t num_lanes)
    : lanes(num_lanes) {
  FieldStops stops = find_stops(field);
  known = std::move(stops.known);
  argument_kinds = std::move(stops.argument_kinds);
  if (!options.stop_at.empty()) {
    known.push_back(
        {.times = options.stop_at,
         .kind = {.offset = 0, .is_line = false, .read = rounds_time ? ReadIn::kLookUpInF32 : ReadIn::kF64}});
    std::ranges::sort(known.back().times);
  }
  if (dtype == Dtype::kF64) {
    for (KnownStops& table : known) table.kind.read = ReadIn::kF64;
    for (StopKind& kind : argument_kinds) kind.read = ReadIn::kF64;
  }
  if (stops.of_arguments.is_empty()) return;
  for (std::size_t i = 0; i < stops.of_arguments.outputs().size(); ++i)
    sizes.push_back(static_cast<std::size_t>(stops.of_arguments.output_shape(i).size()));
  const std::size_t num_inputs = stops.of_arguments.inputs().size();
  for (std::size_t i = 0; i < num_inputs; ++i)
    reads_samples |= stops.of_arguments.inputs()[i].kind == InputKind::kSample && reads_input(stops.of_arguments, i);
  for (const Input& input : stops.of_arguments.inputs()) {
    const bool is_read = reads_input(stops.of_arguments, inputs.size());
    inputs.push_back(is_read ? static_cast<std::size_t>(input.shape.size()) : 0);
    is_shared.push_back(input.kind == InputKind::kShared);
  }
  of_arguments.emplace(stops.of_arguments, lanes);
}

std::vector<std::size_t> StopTables::counts() const {
  std::vector<std::size_t> all;
  for (const KnownStops& table : known) all.push_back(table.times.size());
  for (std::size_t own = 0; own < argument_kinds.size(); ++own) all.push_back(sizes[2 * own]);
  return all;
}

template <class T>
LaneStops<T>::LaneStops(const StopTables& tables)
    : tables_(tables), scales_(tables.lanes), grids_(tables.lanes), hints_(num_tables() * tables.lanes) {
  for (const KnownStops& known : tables.known)
    for (double& scale : scales_) scale = std::max(scale, std::abs(known.kind.offset));
  if (!tables.of_arguments) return;
  workspace_ = tables.of_arguments->make_workspace();
  shared_.resize(tables.of_arguments->shared_size());
  saved_.resize(tables.of_arguments->saved_size());
  for (std::size_t i = 0; i < tables.inputs.size(); ++i)
    arguments_.emplace_back(tables.inputs[i] * (tables.is_shared[i] ? 1 : tables.lanes));
  for (const AlignedVector<double>& argument : arguments_) inputs_.push_back(argument.data());
  for (const std::size_t size : tables.sizes) values_.emplace_back(size * tables.lanes);
  for (AlignedVector<double>& values : values_) outputs_.push_back(values.data());
}

template <class T>
void LaneStops<T>::load(std::span<const T* const> arguments, std::size_t num_samples) {
  if (!tables_.of_arguments) return;
  const std::size_t first = arguments_.size() - arguments.size();
  for (std::size_t i = 0; i < arguments.size(); ++i)
    std::copy_n(arguments[i], arguments_[first + i].size(), arguments_[first + i].begin());
  tables_.of_arguments->prepare(inputs_, shared_.data());
  tables_.of_arguments->run(Phase::kForward, {.inputs = inputs_,
                                              .outputs = outputs_,
                                              .shared = shared_.data(),
                                              .saved = saved_.data(),
                                              .workspace = &workspace_,
                                              .lane_weights = nullptr,
                                              .num_samples = num_samples,
                                              .first_sample = 0,
                                              .report = nullptr});
  for (std::size_t lane = 0; lane < tables_.lanes; ++lane) {
    scales_[lane] = 0;
    for (std::size_t index = 0; index < num_tables(); ++index)
      scales_[lane] = std::max(scales_[lane], std::abs(table(index, lane).kind.offset));
  }
}

template <class T>
typename LaneStops<T>::Table LaneStops<T>::table(std::size_t index, std::size_t lane) const {
  if (index < tables_.known.size()) {
    const KnownStops& known = tables_.known[index];
    return {
        .first = known.times.data(), .stride = 1, .count = known.times.size(), .descends = false, .kind = known.kind};
  }
  const std::size_t own = index - tables_.known.size();
  Table table{.first = values_[2 * own].data() + lane,
              .stride = tables_.lanes,
              .count = tables_.sizes[2 * own],
              .descends = false,
              .kind = tables_.argument_kinds[own]};
  table.descends = table.at(0) > table.at(table.count - 1);
  table.kind.offset = values_[2 * own + 1][lane];
  return table;
}

template <class T>
void LaneStops<T>::list(std::size_t lane, std::span<double> times, std::span<double> insides) const {
  std::size_t next = 0;
  for (std::size_t index = 0; index < num_tables(); ++index) {
    const Table stops = table(index, lane);
    for (std::size_t i = 0; i < stops.count; ++i, ++next) {
      times[next] = stops.at(i);
      insides[next] = stops.kind.inside(times[next]);
    }
  }
}

/// How many stops of the table are at most t. Most searches end beside the last one.
template <class T>
std::size_t LaneStops<T>::count_up_to(const Table& table, double t, std::uint32_t& hint) {
  const auto fits = [&](std::size_t count) {
    return count <= table.count && (count == 0 || table.at(count - 1) <= t) &&
           (count == table.count || table.at(count) > t);
  };
  std::size_t low = hint;
  if (fits(low)) return low;
  for (const std::size_t count : {low + 1, low - 1})
    if (fits(count)) return hint = static_cast<std::uint32_t>(count);
  low = 0;
  for (std::size_t high = table.count; low < high;) {
    const std::size_t middle = (low + high) / 2;
    if (table.at(middle) <= t)
      low = middle + 1;
    else
      high = middle;
  }
  return hint = static_cast<std::uint32_t>(low);
}

template <class T>
double LaneStops<T>::next(std::size_t lane, double t, double end) const {
  const double near_t = near(lane, t), near_end = near(lane, end);
  double stop = end;
  for (std::size_t index = 0; index < num_tables(); ++index) {
    const Table stops = table(index, lane);
    if (end >= t) {
      const std::size_t i = count_up_to(stops, t + near_t, hint(index, lane));
      if (i < stops.count && stops.at(i) < end - near_end) stop = std::min(stop, stops.at(i));
    } else {
      const std::size_t i = count_up_to(stops, t - near_t, hint(index, lane));
      if (i > 0 && stops.at(i - 1) > end + near_end) stop = std::max(stop, stops.at(i - 1));
    }
  }
  return stop;
}

template <class T>
double LaneStops<T>::side(std::size_t lane, double t, double direction) const {
  const double near_t = near(lane, t);
  double stop = t - near_t, inside = 0;
  for (std::size_t index = 0; index < num_tables(); ++index) {
    const Table stops = table(index, lane);
    const std::size_t i = count_up_to(stops, t + near_t, hint(index, lane));
    if (i == 0 || stops.at(i - 1) < t - near_t) continue;
    stop = std::max(stop, stops.at(i - 1));
    inside = std::max(inside, stops.kind.inside(stops.at(i - 1)));
  }
  return inside > 0 ? stop + direction * inside : t;
}

template class LaneStops<float>;
template class LaneStops<double>;

}  // namespace costate::internal
