// Rooted trees and their order conditions: sum_i b_i Phi_i(tree) = 1 / gamma(tree) for all trees with at most p nodes
// is order p (Butcher; Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, II.2).
#pragma once

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <vector>

namespace costate::test {

/// A tree by the positions of its root's subtrees in the list of all trees, ascending.
struct RootedTree {
  std::vector<std::size_t> children;
  int nodes = 1;
  long double gamma = 1;  ///< density: nodes times the densities of the subtrees
};

/// All trees of 1 .. `order` nodes, by number of nodes: 1, 1, 2, 4, 9, 20, 48, 115, … A subtree stands before its tree.
inline std::vector<RootedTree> rooted_trees(int order) {
  std::vector<RootedTree> trees(1);
  // A larger tree is a smaller one with one more subtree at its root; equal ones meet in the set.
  for (int nodes = 2; nodes <= order; ++nodes) {
    std::set<std::vector<std::size_t>> found;
    for (std::size_t base = 0; base < trees.size(); ++base) {
      for (std::size_t child = 0; child < trees.size(); ++child) {
        if (trees[base].nodes + trees[child].nodes != nodes) continue;
        std::vector<std::size_t> children = trees[base].children;
        children.push_back(child);
        std::ranges::sort(children);
        found.insert(children);
      }
    }
    for (const auto& children : found) {
      RootedTree tree{.children = children, .nodes = nodes, .gamma = static_cast<long double>(nodes)};
      for (std::size_t child : children) tree.gamma *= trees[child].gamma;
      trees.push_back(tree);
    }
  }
  return trees;
}

/// Phi_i(tree) for each tree and stage: [trees][stages]. `a` is the packed strictly lower triangle.
/// With `magnitude` entries are taken by absolute value, which bounds how rounding errors add up.
inline std::vector<std::vector<long double>> elementary_weights(const std::vector<RootedTree>& trees,
                                                                std::span<const long double> a, std::size_t stages,
                                                                bool magnitude = false) {
  std::vector<std::vector<long double>> weights;
  for (const RootedTree& tree : trees) {
    std::vector<long double>& weight = weights.emplace_back(stages, 1.0L);
    for (std::size_t child : tree.children) {
      for (std::size_t i = 0; i < stages; ++i) {
        long double sum = 0;
        for (std::size_t j = 0; j < i; ++j) {
          const long double entry = a[i * (i - 1) / 2 + j];
          sum += (magnitude ? std::abs(entry) : entry) * weights[child][j];
        }
        weight[i] *= sum;
      }
    }
  }
  return weights;
}

}  // namespace costate::test
