// A list by NodeId.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "costate/graph/graph.h"

namespace costate::internal {

inline NodeId num_nodes(const Function& function) { return static_cast<NodeId>(function.nodes().size()); }

/// One entry for each node of a graph, or for those so far.
template <class T>
class PerNode {
 public:
  PerNode() = default;
  explicit PerNode(NodeId num_nodes, const T& entry = T()) : entries_(at(num_nodes), entry) {}

  typename std::vector<T>::reference operator[](NodeId id) { return entries_[at(id)]; }
  typename std::vector<T>::const_reference operator[](NodeId id) const { return entries_[at(id)]; }
  NodeId size() const { return static_cast<NodeId>(entries_.size()); }
  /// The entry of the next node.
  void push_back(T entry) { entries_.push_back(std::move(entry)); }

 private:
  static std::size_t at(NodeId id) { return static_cast<std::size_t>(id); }

  std::vector<T> entries_;
};

}  // namespace costate::internal
