#include "costate/series/internal/rise.h"

#include <Eigen/Dense>
#include <cmath>

#include "costate/series/event_response.h"
#include "costate/series/internal/event_path.h"

namespace costate::internal {

Rise rise_by(const TimeSeries& series, std::size_t state, std::size_t event, const Normalization& units) {
  constexpr double kRidge = 1e-3;  // a covariate that does not vary
  const auto size = static_cast<Eigen::Index>(series.covariate_names.size()) + 1;
  Eigen::MatrixXd normal = Eigen::MatrixXd::Identity(size, size) * kRidge;
  Eigen::VectorXd product = Eigen::VectorXd::Zero(size), row = Eigen::VectorXd::Ones(size);
  normal(0, 0) = 0;
  for (const Trajectory& trajectory : series.trajectories) {
    const std::vector<double> features = EventResponse::features(trajectory.covariates, units);
    for (std::size_t k = 0; k < features.size(); ++k) row[static_cast<Eigen::Index>(k) + 1] = features[k];
    for (std::size_t i = 0; i < trajectory.times.size(); ++i) {
      double amount = 0;
      for (const Event& one : trajectory.events)
        if (one.column == event) amount += amount_until(one, trajectory.times[i]) / units.event_scale[event];
      const auto place = static_cast<std::int64_t>(i) * trajectory.states.shape()[1] + static_cast<std::int64_t>(state);
      const double ratio = amount > 0 ? trajectory.states.at(place) / amount : 0;
      if (!(ratio > 0)) continue;
      normal += row * row.transpose();
      product += std::log(ratio) * row;
    }
  }
  Rise rise{.mean = 0, .powers = std::vector<double>(series.covariate_names.size(), 0.0)};
  if (normal(0, 0) == 0) return rise;
  const Eigen::VectorXd found = normal.ldlt().solve(product);
  const auto kinds = static_cast<double>(series.event_names.size());  // each is as good as the others
  rise.mean = std::exp(found[0]) / kinds;
  for (std::size_t k = 0; k < rise.powers.size(); ++k) rise.powers[k] = found[static_cast<Eigen::Index>(k) + 1];
  return rise;
}

}  // namespace costate::internal
