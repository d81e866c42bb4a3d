#include "costate/series/internal/linear_fit.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <map>

#include "costate/series/windows.h"

namespace costate::internal {
namespace {

constexpr int kIterations = 20;
constexpr double kEnough = 1e-6;      // relative decrease of the sum below which an iteration is the last
constexpr double kDifference = 1e-6;  // of a number of the field, for derivatives
constexpr double kBlownUp = 1e6;      // deviations

/// NaN before a state's first measured cell and after its last one.
double filled_cell(const Trajectory& trajectory, std::size_t state, std::size_t sample) {
  return measured_at(trajectory, state, trajectory.times.size() - 1, trajectory.times[sample], Outside::kNan);
}

bool is_start(const Trajectory& trajectory, std::size_t states, std::size_t sample) {
  for (std::size_t k = 0; k < states; ++k)
    if (std::isnan(filled_cell(trajectory, k, sample))) return false;
  return true;
}

LinearWindow window_of(const Trajectory& trajectory, const Normalization& units, const Window& window) {
  const std::size_t d = units.state_offset.size(), m = units.input_offset.size();
  LinearWindow out;
  const auto n = static_cast<Eigen::Index>(window.count);
  out.filled.resize(static_cast<Eigen::Index>(d), n);
  out.states.resize(static_cast<Eigen::Index>(d), n);
  out.inputs.resize(static_cast<Eigen::Index>(m), n);
  for (std::size_t i = 0; i < window.count; ++i) {
    const std::size_t sample = window.first + i;
    if (i > 0) out.steps.push_back((trajectory.times[sample] - trajectory.times[sample - 1]) / units.time_scale);
    const auto column = static_cast<Eigen::Index>(i);
    for (std::size_t k = 0; k < d; ++k) {
      const auto normalized = [&](double x) { return (x - units.state_offset[k]) / units.state_scale[k]; };
      out.filled(static_cast<Eigen::Index>(k), column) = normalized(filled_cell(trajectory, k, sample));
      out.states(static_cast<Eigen::Index>(k), column) = normalized(trajectory.states.data<double>()[sample * d + k]);
    }
    for (std::size_t k = 0; k < m; ++k)
      out.inputs(static_cast<Eigen::Index>(k), column) =
          (trajectory.inputs.data<double>()[sample * m + k] - units.input_offset[k]) / units.input_scale[k];
  }
  return out;
}

/// Steps that differ by rounding are one step, and its matrices are made once.
class Steps {
 public:
  explicit Steps(const AffineField& field) : field_(field) {}
  const LinearStep& of(double dt) {
    const auto key = static_cast<std::int64_t>(std::llround(std::log(dt) * 1e9));
    const auto found = steps_.find(key);
    return found != steps_.end() ? found->second : steps_.emplace(key, step_of(field_, dt)).first->second;
  }

 private:
  const AffineField& field_;
  std::map<std::int64_t, LinearStep> steps_;
};

/// Forecast minus measured, 0 where nothing was; one after the other for all windows, states, samples.
Eigen::VectorXd residuals_of(const AffineField& field, const std::vector<LinearWindow>& windows) {
  Eigen::Index size = 0;
  for (const LinearWindow& window : windows) size += window.states.size() - window.states.rows();
  Eigen::VectorXd residuals(size);
  Steps steps(field);
  Eigen::Index at = 0;
  for (const LinearWindow& window : windows) {
    Eigen::VectorXd z = window.filled.col(0);
    for (std::size_t i = 0; i < window.steps.size(); ++i) {
      const auto from = static_cast<Eigen::Index>(i);
      const LinearStep& step = steps.of(window.steps[i]);
      const Eigen::VectorXd slope = (window.inputs.col(from + 1) - window.inputs.col(from)) / window.steps[i];
      z = step.from_state * z + step.from_input * window.inputs.col(from) + step.from_slope * slope + step.constant;
      z = z.unaryExpr([](double x) { return std::isfinite(x) ? std::clamp(x, -kBlownUp, kBlownUp) : kBlownUp; });
      for (Eigen::Index k = 0; k < z.size(); ++k) {
        const double seen = window.states(k, from + 1);
        residuals[at++] = std::isnan(seen) ? 0 : z[k] - seen;
      }
    }
  }
  return residuals;
}

/// The number `index` of a field: A, B, c, column by column.
double& number_of(AffineField& field, Eigen::Index index) {
  if (index < field.a.size()) return field.a.data()[index];
  index -= field.a.size();
  return index < field.b.size() ? field.b.data()[index] : field.c.data()[index - field.b.size()];
}

Eigen::Index size_of(const AffineField& field) { return field.a.size() + field.b.size() + field.c.size(); }

AffineField moved(AffineField field, const Eigen::VectorXd& by) {
  for (Eigen::Index i = 0; i < by.size(); ++i) number_of(field, i) += by[i];
  return field;
}

Eigen::MatrixXd jacobian_of(const AffineField& field, const std::vector<LinearWindow>& windows,
                            const Eigen::VectorXd& residuals) {
  Eigen::MatrixXd jacobian(residuals.size(), size_of(field));
  for (Eigen::Index i = 0; i < jacobian.cols(); ++i) {
    AffineField nearby = field;
    number_of(nearby, i) += kDifference;
    jacobian.col(i) = (residuals_of(nearby, windows) - residuals) / kDifference;
  }
  return jacobian;
}

}  // namespace

std::vector<LinearWindow> linear_windows(const TimeSeries& series, const Normalization& units, std::size_t length,
                                         std::size_t most) {
  std::vector<Window> windows;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) {
    const std::size_t samples = series.trajectories[i].times.size();
    for (std::size_t first = 0; first + 1 < samples; first += length - 1)
      if (is_start(series.trajectories[i], series.state_names.size(), first))
        windows.push_back({i, first, std::min(length, samples - first)});
  }
  windows = spread(windows, std::max<std::size_t>(1, most / length), 0);
  std::vector<LinearWindow> out;
  for (const Window& window : windows) out.push_back(window_of(series.trajectories[window.trajectory], units, window));
  return out;
}

AffineField match_gradients(const std::vector<LinearWindow>& windows) {
  const auto d = windows.front().filled.rows(), m = windows.front().inputs.rows(), size = d + m + 1;
  Eigen::MatrixXd squares = Eigen::MatrixXd::Zero(size, size), products = Eigen::MatrixXd::Zero(size, d);
  Eigen::VectorXd row(size);
  double rows = 0;
  for (const LinearWindow& window : windows) {
    for (std::size_t i = 0; i < window.steps.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      // Weighted by the step: noise over a short step says little of a slope.
      row << (window.filled.col(at) + window.filled.col(at + 1)) / 2,
          (window.inputs.col(at) + window.inputs.col(at + 1)) / 2, 1;
      if (!window.filled.col(at + 1).allFinite()) continue;
      row *= window.steps[i];
      squares += row * row.transpose();
      products += row * (window.filled.col(at + 1) - window.filled.col(at)).transpose();
      rows += row.squaredNorm() / static_cast<double>(size);
    }
  }
  squares.diagonal().array() += 1e-6 * rows;
  const Eigen::MatrixXd weights = squares.ldlt().solve(products).transpose();
  return {.a = weights.leftCols(d), .b = weights.middleCols(d, m), .c = weights.col(d + m)};
}

AffineField fit_windows(AffineField field, const std::vector<LinearWindow>& windows) {
  Eigen::VectorXd residuals = residuals_of(field, windows);
  double sum = residuals.squaredNorm(), damping = 1e-3;
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    const Eigen::MatrixXd jacobian = jacobian_of(field, windows, residuals);
    const Eigen::MatrixXd squares = jacobian.transpose() * jacobian;
    const Eigen::VectorXd slope = jacobian.transpose() * residuals;
    double gained = 0;
    while (damping < 1e8) {
      Eigen::MatrixXd damped = squares;
      damped.diagonal() += damping * (squares.diagonal().array() + 1e-12 * squares.trace()).matrix();
      const AffineField tried = moved(field, -damped.ldlt().solve(slope));
      const Eigen::VectorXd errors = residuals_of(tried, windows);
      if (const double less = errors.squaredNorm(); less < sum) {
        gained = (sum - less) / sum;
        field = tried;
        residuals = errors;
        sum = less;
        damping = std::max(1e-12, damping / 10);
        break;
      }
      damping *= 10;
    }
    if (gained < kEnough) break;
  }
  return field;
}

}  // namespace costate::internal
