#include "costate/solve/internal/lane_stops.h"

#include <algorithm>
#include <cmath>

namespace costate::internal {

template <class T>
StopTables<T>::StopTables(const VectorField& field, const SolveOptions& options, std::size_t num_lanes)
    : first_argument(1 + field.parts().size()), lanes(num_lanes) {
  FieldStops stops = find_stops(field);
  shared = std::move(stops.constants);
  shared.insert(shared.end(), options.stop_at.begin(), options.stop_at.end());
  if (!options.stop_at.empty()) std::ranges::sort(shared);
  offset = stops.offset;
  rule = stop_rule(std::is_same_v<T, float> ? Dtype::kF32 : Dtype::kF64, stops.reads_lines);
  if (stops.of_arguments.is_empty()) return;
  for (std::size_t i = 0; i < stops.of_arguments.outputs().size(); ++i)
    sizes.push_back(static_cast<std::size_t>(stops.of_arguments.output_shape(i).size()));
  of_arguments.emplace(stops.of_arguments, lanes);
}

template <class T>
LaneStops<T>::LaneStops(const StopTables<T>& tables)
    : tables_(tables),
      offsets_(tables.lanes, tables.offset),
      grids_(tables.lanes),
      hints_(num_tables() * tables.lanes) {
  if (!tables.of_arguments) return;
  workspace_ = tables.of_arguments->make_workspace();
  shared_.resize(tables.of_arguments->shared_size());
  saved_.resize(tables.of_arguments->saved_size());
  for (const std::size_t size : tables.sizes) values_.emplace_back(size * tables.lanes);
  for (AlignedVector<T>& values : values_) outputs_.push_back(values.data());
}

template <class T>
void LaneStops<T>::load(std::span<const T* const> arguments, std::size_t num_samples) {
  if (!tables_.of_arguments) return;
  inputs_.assign(tables_.first_argument, nullptr);  // t and the state are not read
  inputs_.insert(inputs_.end(), arguments.begin(), arguments.end());
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
    offsets_[lane] = tables_.offset;
    for (std::size_t i = 1; i < values_.size(); i += 2)
      offsets_[lane] = std::max(offsets_[lane], static_cast<double>(values_[i][lane]));
  }
}

template <class T>
double LaneStops<T>::Table::at(std::size_t i) const {
  const std::size_t position = descends ? count - 1 - i : i;
  return shared != nullptr ? shared[position] : static_cast<double>(column[position * stride]);
}

template <class T>
typename LaneStops<T>::Table LaneStops<T>::table(std::size_t index, std::size_t lane) const {
  if (index == 0)
    return {.shared = tables_.shared.data(), .column = nullptr, .stride = 1, .count = tables_.shared.size()};
  const std::size_t output = 2 * (index - 1);
  Table table{.shared = nullptr,
              .column = values_[output].data() + lane,
              .stride = tables_.lanes,
              .count = tables_.sizes[output]};
  table.descends = table.at(0) > table.at(table.count - 1);
  return table;
}

/// How many stops of the table are at most t. Most searches end beside the last one.
template <class T>
std::size_t LaneStops<T>::count_up_to(const Table& table, double t, std::uint32_t& hint) const {
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
  std::optional<double> stop;
  for (std::size_t index = 0; index < num_tables(); ++index) {
    const Table stops = table(index, lane);
    const std::size_t i = count_up_to(stops, t + near_t, hint(index, lane));
    if (i > 0 && stops.at(i - 1) >= t - near_t) stop = std::max(stop.value_or(t - near_t), stops.at(i - 1));
  }
  return stop ? tables_.rule.side(*stop, offsets_[lane], direction) : t;
}

template struct StopTables<float>;
template struct StopTables<double>;
template class LaneStops<float>;
template class LaneStops<double>;

}  // namespace costate::internal
