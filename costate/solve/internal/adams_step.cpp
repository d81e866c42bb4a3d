#include "costate/solve/internal/adams_step.h"

#include "costate/solve/internal/step_graph.h"

namespace costate::internal {
namespace {

constexpr std::int64_t kNodes = 4;

/// Slopes and where they are: times from the step's start, in steps.
struct NodesWithSlopes {
  std::vector<Array> at, slopes;
};

/// The integral from 0 to 1 of the polynomial that is 1 at nodes[j] and 0 at the three others.
Array weight_of(const std::vector<Array>& nodes, std::size_t j) {
  std::vector<Array> others;
  for (std::size_t k = 0; k < nodes.size(); ++k)
    if (k != j) others.push_back(nodes[k]);
  const Array &a = others[0], &b = others[1], &c = others[2];
  const Array integral = 0.25 - (a + b + c) / 3.0 + 0.5 * (a * b + a * c + b * c) - a * b * c;
  const Array& x = nodes[j];
  return integral / ((x - a) * (x - b) * (x - c));
}

/// The mean slope over the step of the cubic through all nodes.
Array mean_slope(const NodesWithSlopes& nodes) {
  Array sum;
  for (std::size_t j = 0; j < nodes.at.size(); ++j) {
    const Array term = weight_of(nodes.at, j) * nodes.slopes[j];
    sum = j == 0 ? term : sum + term;
  }
  return sum;
}

class AdamsStep {
 public:
  AdamsStep(const VectorField& field, Method method)
      : graph_(field),
        is_implicit_(method == Method::kImplicitAdams),
        size_((field.state_size() - kNodes) / (kNodes + 1)) {}

  StepFunction build() {
    graph_.make_inputs(std::vector<double>{1});
    const Array& h = graph_.h();
    const Array rests = equal(h, 0.0), safe = where(rests, 1.0, h);
    const Array z = graph_.y().slice(0, size_), ages = graph_.y().slice(size_ * (kNodes + 1), graph_.y().shape()[0]);
    NodesWithSlopes nodes;
    for (std::int64_t j = 0; j < kNodes; ++j) {
      nodes.slopes.push_back(graph_.y().slice((j + 1) * size_, (j + 2) * size_));
      nodes.at.push_back(where(rests, -static_cast<double>(j), -ages[j] / safe));  // none at 1, which is the end
    }
    const std::vector<Array> nodes_before = nodes.slopes;
    Array next = z + h * mean_slope(nodes), slope = f(next);
    if (is_implicit_) {
      nodes.at.front() = constant(1.0);
      nodes.slopes.front() = slope;
      next = z + h * mean_slope(nodes);
      slope = f(next);
    }
    std::vector<Array> all = {next};
    all.insert(all.end(), nodes.slopes.begin() + 1, nodes.slopes.end());
    all.push_back(slope);
    std::vector<Array> later;
    for (std::int64_t j = 1; j < kNodes; ++j) later.push_back(ages[j] + h);
    later.push_back(constant(0.0));
    all.push_back(stack(later));
    // No step is taken to the same time again; if it moves, so do the state, and how long ago the slopes were.
    // The slope here is the last one, or at a start the second.
    const Array here = where(equal(ages[kNodes - 1], 0.0), nodes_before.back(), nodes_before[1]);
    std::vector<Array> same = {z + h * here};
    same.push_back(graph_.y().slice(size_, size_ * (kNodes + 1)));
    same.push_back(ages + h);
    const Array moved = where(rests, concat(same), concat(all));
    return graph_.finish(std::span(&moved, 1));
  }

 private:
  Array f(const Array& z) { return graph_.f(1, concat({z, zeros({size_ * kNodes + kNodes})})).slice(0, size_); }

  StepGraph graph_;
  const bool is_implicit_;
  const std::int64_t size_;
};

}  // namespace

StepFunction adams_step(const VectorField& field, Method method) { return AdamsStep(field, method).build(); }

StepFunction adams_start(const VectorField& field) {
  constexpr double kThird = 1.0 / 3;
  StepGraph graph(field);
  const std::vector<double> nodes = {0, 0.5 * kThird, kThird, 1.5 * kThird, 2 * kThird, 2.5 * kThird, 1};
  graph.make_inputs(nodes);
  const Array h = graph.h() * kThird;
  Array z = graph.y(), slope = graph.f(0, z);
  std::vector<Array> slopes = {slope};
  for (std::size_t third = 0; third < 3; ++third) {
    const double middle = nodes[2 * third + 1], end = nodes[2 * third + 2];
    const Array k2 = graph.f(middle, z + 0.5 * h * slope), k3 = graph.f(middle, z + 0.5 * h * k2);
    const Array k4 = graph.f(end, z + h * k3);
    z = z + h / 6.0 * (slope + 2.0 * (k2 + k3) + k4);
    slope = graph.f(end, z);
    slopes.push_back(slope);
  }
  // The node at the end of the first step leaves with it, whose own slope comes; then the start, which is farthest.
  const Array memory =
      concat({slopes[3], slopes[0], slopes[1], slopes[2], stack({-graph.h(), constant(0.0), -h, -2.0 * h})});
  return graph.finish(std::span(&memory, 1));
}

std::int64_t adams_memory(const VectorField& field) { return kNodes * (field.state_size() + 1); }

}  // namespace costate::internal
