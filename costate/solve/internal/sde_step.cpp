#include "costate/solve/internal/sde_step.h"

#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/field_inputs.h"
#include "costate/solve/internal/srk.h"

namespace costate::internal {
namespace {

/// The sum of both; an empty one is 0.
Array with(const Array& sum, const Array& term) { return sum.is_empty() ? term : sum + term; }

/// Adds weight times term.
void add(Array& sum, double weight, const Array& term) {
  if (weight == 0) return;
  sum = with(sum, weight == 1 ? term : weight * term);
}

/// A step under construction. States, f and a diagonal g are flat, [n]; another g is [n, m].
class SdeStep {
 public:
  SdeStep(const StochasticField& field, const Array& step, std::span<const Array> arguments)
      : field_(field), t_(step[1]), h_(step[2]), arguments_(arguments.begin(), arguments.end()) {
    append_parameters(field.function(), arguments_);
  }

  const Array& h() const { return h_; }

  std::pair<Array, Array> at(double node, const Array& z) const {
    std::vector<Array> inputs = {node == 0 ? t_ : t_ + node * h_, reshape(z, field_.state())};
    inputs.insert(inputs.end(), arguments_.begin(), arguments_.end());
    const std::vector<Array> out = inline_function(field_.function(), inputs);
    const Shape flat{field_.state().size()};
    return {reshape(out[0], flat), reshape(out[1], field_.is_diagonal() ? flat : Shape{flat[0], field_.channels()})};
  }
  Array f(double node, const Array& z) const { return at(node, z).first; }
  Array g(double node, const Array& z) const { return at(node, z).second; }

  /// g times a number of each channel.
  Array times(const Array& g, const Array& noise) const { return field_.is_diagonal() ? g * noise : matmul(g, noise); }

 private:
  const StochasticField& field_;
  Array t_, h_;
  std::vector<Array> arguments_;
};

/// What a method adds to z. `noise`: increments of the channels, and their integrals where it asks for them.
Array euler_maruyama(const SdeStep& step, const Array& z, const Array& dw) {
  const auto [f, g] = step.at(0, z);
  return f * step.h() + step.times(g, dw);
}

Array milstein(const SdeStep& step, const Array& z, const Array& dw) {
  const auto [f, g] = step.at(0, z);
  const Array correction = push_forward(std::span(&g, 1), std::span(&z, 1), std::span(&g, 1))[0];
  return f * step.h() + g * dw + 0.5 * correction * (dw * dw - step.h());
}

Array heun_stratonovich(const SdeStep& step, const Array& z, const Array& dw) {
  const auto [f0, g0] = step.at(0, z);
  const auto [f1, g1] = step.at(1, z + (f0 * step.h() + step.times(g0, dw)));
  return 0.5 * (f0 + f1) * step.h() + step.times(0.5 * (g0 + g1), dw);
}

Array sra1(const SdeStep& step, const Array& z, const Array& dw, const Array& integral) {
  using M = Sra1;
  constexpr std::size_t kStages = std::size(M::alpha);
  const Array area = integral / step.h();
  std::vector<Array> f, g;
  Array sum;
  for (std::size_t i = 0; i < kStages; ++i) g.push_back(step.g(M::c1[i], z));
  for (std::size_t i = 0; i < kStages; ++i) {
    Array drift, noise;
    for (std::size_t j = 0; j < i; ++j) {
      add(drift, M::a[i][j], f[j]);
      add(noise, M::b[i][j], g[j]);
    }
    Array state = z;
    if (!drift.is_empty()) state = state + drift * step.h();
    if (!noise.is_empty()) state = state + step.times(noise, area);
    f.push_back(step.f(M::c0[i], state));
    add(sum, M::alpha[i], f.back());
  }
  Array by_increment, by_area;
  for (std::size_t i = 0; i < kStages; ++i) {
    add(by_increment, M::beta1[i], g[i]);
    add(by_area, M::beta2[i], g[i]);
  }
  return sum * step.h() + step.times(by_increment, dw) + step.times(by_area, area);
}

Array sriw1(const SdeStep& step, const Array& z, const Array& dw, const Array& integral) {
  using M = Sriw1;
  constexpr std::size_t kStages = std::size(M::alpha);
  const Array h = step.h(), root = sqrt(h), area = integral / h;
  const Array i11 = 0.5 * (dw * dw - h) / root, i111 = dw * (dw * dw - 3.0 * h) / (6.0 * h);
  std::vector<Array> f, g;
  Array sum, change;
  for (std::size_t i = 0; i < kStages; ++i) {
    Array drift0, noise0, drift1, noise1;
    for (std::size_t j = 0; j < i; ++j) {
      add(drift0, M::a0[i][j], f[j]);
      add(noise0, M::b0[i][j], g[j]);
      add(drift1, M::a1[i][j], f[j]);
      add(noise1, M::b1[i][j], g[j]);
    }
    Array of_f = z, of_g = z;
    if (!drift0.is_empty()) of_f = of_f + drift0 * h;
    if (!noise0.is_empty()) of_f = of_f + noise0 * area;
    if (!drift1.is_empty()) of_g = of_g + drift1 * h;
    if (!noise1.is_empty()) of_g = of_g + noise1 * root;
    f.push_back(step.f(M::c0[i], of_f));
    g.push_back(step.g(M::c1[i], of_g));
    add(sum, M::alpha[i], f[i]);
    Array weight;
    add(weight, M::beta1[i], dw);
    add(weight, M::beta2[i], i11);
    add(weight, M::beta3[i], area);
    add(weight, M::beta4[i], i111);
    change = with(change, weight * g[i]);
  }
  return sum * h + change;
}

}  // namespace

int drift_evaluations(SdeMethod method, const StochasticField&) {
  return method == SdeMethod::kSrk || method == SdeMethod::kHeunStratonovich ? 2 : 1;
}

void check_noise(SdeMethod method, const StochasticField& field) {
  if (field.is_additive() || (method != SdeMethod::kMilstein && method != SdeMethod::kSrk)) return;
  if (!field.is_diagonal())
    throw InvalidArgument("[solve_sde] '", name(method),
                          "' takes diagonal noise, or a g that does not read z; got a g of shape ",
                          field.function().output_shape(1),
                          " that reads z. Take 'euler_maruyama', or 'heun_stratonovich' for Stratonovich's solution.");
  if (const auto& read = field.foreign_read())
    throw InvalidArgument("[solve_sde] '", name(method), "' takes a diagonal g whose number i reads z[i] alone; got g[",
                          read->first, "] that reads z[", read->second,
                          "]. Take 'euler_maruyama', or 'heun_stratonovich' for Stratonovich's solution.");
}

VectorField sde_step_field(SdeMethod method, const StochasticField& field, const std::shared_ptr<const SdeGrid>& grid) {
  const bool has_integrals = method == SdeMethod::kSrk;
  std::vector<ArgumentSpec> arguments = field.arguments();
  arguments.push_back({"path", {2}});
  return build_field({{"z", {field.state().size()}}}, arguments,
                     [&](Array t, std::span<const Array> state, std::span<const Array> more) {
                       const Array place = sde_step(grid, t), &z = state[0];
                       const Array noise = sde_noise(
                           grid, {.channels = field.channels(), .has_integrals = has_integrals}, more.back(), place[0]);
                       const Array dw = noise.slice(0, field.channels());
                       const SdeStep step(field, place, more.first(more.size() - 1));
                       Array change;
                       if (method == SdeMethod::kHeunStratonovich) {
                         change = heun_stratonovich(step, z, dw);
                       } else if (method == SdeMethod::kSrk) {
                         const Array integral = noise.slice(field.channels(), 2 * field.channels());
                         change = field.is_additive() ? sra1(step, z, dw, integral) : sriw1(step, z, dw, integral);
                       } else {
                         const bool corrects = method == SdeMethod::kMilstein && !field.is_additive();
                         change = corrects ? milstein(step, z, dw) : euler_maruyama(step, z, dw);
                       }
                       return std::vector<Array>{change / step.h()};
                     });
}

}  // namespace costate::internal
