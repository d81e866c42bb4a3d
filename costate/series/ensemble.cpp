#include "costate/series/ensemble.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "costate/base/error.h"

namespace costate {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string prefix_of(std::size_t member) { return text::concat("member.", member + 1, "."); }

/// The first member's file with one's own arrays instead.
ArrayFile member_file(const ArrayFile& file, std::size_t member) {
  const std::string prefix = prefix_of(member);
  ArrayFile own = file;
  for (const auto& [name, array] : file.arrays)
    if (name.starts_with(prefix)) own.arrays[name.substr(prefix.size())] = array;
  return own;
}

ForecastNoise noise_in(const ArrayFile& file, std::size_t states, const std::string& source) {
  ForecastNoise noise{.ahead = file.array("noise.ahead").numbers()};
  const HostArray& deviation = file.array("noise.deviation");
  const Shape expected{static_cast<std::int64_t>(states), static_cast<std::int64_t>(noise.ahead.size())};
  if (noise.ahead.empty() || !(deviation.shape() == expected))
    throw DataError("[SeriesModel] '", source, "': 'noise.deviation' must have shape ", expected, "; got ",
                    deviation.shape(), ".");
  for (std::int64_t k = 0; k < expected[0]; ++k) noise.deviation.push_back(deviation.row(k));
  check_increasing(noise.ahead, text::concat("[SeriesModel] '", source, "': 'noise.ahead'"));
  return noise;
}

/// A member has arrays of its own behind its number, so that there cannot be more members than arrays.
std::vector<double> weights_in(const ArrayFile& file, const std::string& source) {
  std::vector<double> weights = file.array("members.weight").numbers();
  const auto is_weight = [](double weight) { return weight > 0 && std::isfinite(weight); };
  if (weights.empty() || weights.size() > file.arrays.size() || !std::ranges::all_of(weights, is_weight))
    throw DataError("[SeriesModel] '", source, "': 'members.weight' must hold a positive number for each member.");
  return weights;
}

}  // namespace

Ensemble::Ensemble(std::vector<Member> members, ForecastNoise noise)
    : members_(std::move(members)), noise_(std::move(noise)) {
  if (members_.empty()) throw InvalidArgument("[Ensemble] at least one member is needed; got none.");
}

Spread Ensemble::spread(std::span<const double> answers) const {
  if (answers.size() == 1) return {answers[0], 0};
  double all = 0, weights = 0, sum = 0, squares = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    all += members_[i].weight;
    if (!std::isfinite(answers[i])) continue;
    weights += members_[i].weight;
    sum += members_[i].weight * answers[i];
  }
  if (2 * weights <= all) return {kNone, kNone};
  const double mean = sum / weights;
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (std::isfinite(answers[i])) squares += members_[i].weight * (answers[i] - mean) * (answers[i] - mean);
  return {mean, squares / weights};
}

BandedPath Ensemble::banded(std::span<const HostArray> paths, std::span<const double> times, double origin) const {
  BandedPath banded{.middle = paths.front()};
  if (has_bands()) banded.lower = banded.upper = paths.front();
  const std::int64_t states = paths.front().shape()[1];
  for (std::int64_t cell = 0; cell < paths.front().size(); ++cell) {
    std::vector<double> answers;
    for (const HostArray& path : paths) answers.push_back(path.at(cell));
    const auto [middle, variance] = spread(answers);
    banded.middle.set(cell, middle);
    if (!has_bands()) continue;
    const double noise =
        noise_.at(static_cast<std::size_t>(cell % states), times[static_cast<std::size_t>(cell / states)] - origin);
    const double half = kBandDeviations * std::sqrt(variance + noise * noise);
    banded.lower.set(cell, middle - half);
    banded.upper.set(cell, middle + half);
  }
  return banded;
}

ArrayFile Ensemble::to_file() const {
  ArrayFile file = first().to_file();
  if (!has_bands()) return file;  // of one seed
  std::vector<double> weights, deviations;
  for (const Member& member : members_) weights.push_back(member.weight);
  for (std::size_t i = 1; i < members_.size(); ++i)
    for (const auto& [name, array] : members_[i].model.to_file().arrays)
      if (!array.same_bits(file.array(name))) file.arrays.emplace(prefix_of(i) + name, array);
  for (const std::vector<double>& of_state : noise_.deviation)
    deviations.insert(deviations.end(), of_state.begin(), of_state.end());
  const Shape shape{static_cast<std::int64_t>(noise_.deviation.size()), static_cast<std::int64_t>(noise_.ahead.size())};
  file.arrays.emplace("members.weight", HostArray::vector(weights));
  file.arrays.emplace("noise.ahead", HostArray::vector(noise_.ahead));
  file.arrays.emplace("noise.deviation", HostArray(shape, std::move(deviations)));
  return file;
}

Ensemble Ensemble::from_file(const ArrayFile& file, const std::string& source) {
  std::vector<Member> members = {{SeriesModel::from_file(file, source)}};
  if (!file.arrays.contains("members.weight")) return Ensemble(std::move(members));
  const std::vector<double> weights = weights_in(file, source);
  for (std::size_t i = 1; i < weights.size(); ++i)
    members.push_back({SeriesModel::from_file(member_file(file, i), source)});
  for (std::size_t i = 0; i < members.size(); ++i) members[i].weight = weights[i];
  ForecastNoise noise = noise_in(file, members.front().model.num_measured(), source);
  return Ensemble(std::move(members), std::move(noise));
}

}  // namespace costate
