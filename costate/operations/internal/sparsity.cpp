#include "costate/operations/internal/sparsity.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "costate/graph/internal/pooling.h"
#include "costate/plan/internal/row_tables.h"

namespace costate::internal {
namespace {

using Members = std::vector<std::int32_t>;

/// Thrown where lists would grow beyond the limit.
struct TooManyMembers {};

/// Lists of a node's elements; none at all where nothing depends on the input.
class Lists {
 public:
  Lists() = default;
  explicit Lists(std::size_t limit) : limit_(limit) {}

  bool is_empty() const { return lists_.size() == 0; }
  std::span<const std::int32_t> of(std::size_t element) const {
    if (is_empty()) return {};
    return std::span(lists_.members)
        .subspan(lists_.starts[element], lists_.starts[element + 1] - lists_.starts[element]);
  }
  /// Appends the next element's list, whose members may repeat and be in any order.
  void add(Members& members) {
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    add_sorted(members);
  }
  void add_sorted(std::span<const std::int32_t> members) {
    if (lists_.members.size() + members.size() > limit_) throw TooManyMembers();
    lists_.members.insert(lists_.members.end(), members.begin(), members.end());
    lists_.starts.push_back(lists_.members.size());
  }
  IndexLists take() { return std::move(lists_); }

 private:
  IndexLists lists_;
  std::size_t limit_ = 0;
};

void append(Members& to, std::span<const std::int32_t> from) { to.insert(to.end(), from.begin(), from.end()); }

/// Walks a graph from its inputs on. Each function gives the lists of one kind of node from those of its operands.
class Walk {
 public:
  Walk(const Function& f, std::size_t input, std::size_t limit)
      : f_(f), input_(static_cast<std::int64_t>(input)), limit_(limit), lists_(f.nodes().size()) {}

  IndexLists run() {
    const std::vector<std::size_t> last_use = last_uses();
    for (std::size_t id = 0; id < f_.nodes().size(); ++id) {
      lists_[id] = lists_of(f_.nodes()[id]);
      for (const NodeId operand : f_.nodes()[id].operands)
        if (last_use[static_cast<std::size_t>(operand)] == id) lists_[static_cast<std::size_t>(operand)] = {};
    }
    Lists& found = lists_[static_cast<std::size_t>(f_.outputs()[0].node)];
    if (found.is_empty())
      for (std::int64_t i = 0; i < f_.output_shape(0).size(); ++i) found.add_sorted({});
    return found.take();
  }

 private:
  std::vector<std::size_t> last_uses() const {
    std::vector<std::size_t> last(f_.nodes().size(), 0);
    for (std::size_t id = 0; id < f_.nodes().size(); ++id)
      for (const NodeId operand : f_.nodes()[id].operands) last[static_cast<std::size_t>(operand)] = id;
    last[static_cast<std::size_t>(f_.outputs()[0].node)] = f_.nodes().size();
    return last;
  }

  const Lists& operand(const Node& node, std::size_t i) const {
    return lists_[static_cast<std::size_t>(node.operands[i])];
  }
  const Shape& shape(const Node& node, std::size_t i) const { return f_.node(node.operands[i]).shape; }

  Lists lists_of(const Node& node) const {
    if (node.op == Op::kInput) return node.indices[0] == input_ ? identity(node.shape) : Lists();
    if (!depends(node)) return {};
    if (is_elementwise(node.op)) return elementwise(node);
    switch (node.op) {
      case Op::kBroadcast:
        return picked(node, broadcast_table(shape(node, 0), node.shape));
      case Op::kReshape:
        return operand(node, 0);
      case Op::kTranspose:
        return picked(node, transpose_table(shape(node, 0), node.indices));
      case Op::kGather:
        return picked(node, table_of(node.indices));
      case Op::kScatter:
        return scattered(node);
      case Op::kConcat:
        return side_by_side(node);
      case Op::kSum:
      case Op::kReduceMin:
      case Op::kReduceMax:
        return folded(node);
      case Op::kMatmul:
        return product(node);
      case Op::kOuter:
        return outer_product(node);
      case Op::kAvgPool:
      case Op::kAvgPoolInput:
      case Op::kMaxPool:
      case Op::kMaxPoolInput:
        return pooled(node);
      default:
        return everything(node);
    }
  }

  bool depends(const Node& node) const {
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      if (carries_derivative(node.op, i) && !operand(node, i).is_empty()) return true;
    return false;
  }

  Lists identity(const Shape& shape) const {
    Lists lists(limit_);
    for (std::int64_t i = 0; i < shape.size(); ++i) {
      const auto member = static_cast<std::int32_t>(i);
      lists.add_sorted(std::span(&member, 1));
    }
    return lists;
  }

  Lists elementwise(const Node& node) const {
    Lists lists(limit_);
    Members members;
    for (std::size_t element = 0; element < static_cast<std::size_t>(node.shape.size()); ++element) {
      members.clear();
      for (std::size_t i = 0; i < node.operands.size(); ++i)
        if (carries_derivative(node.op, i)) append(members, operand(node, i).of(element));
      lists.add(members);
    }
    return lists;
  }

  Lists picked(const Node& node, const std::vector<std::uint32_t>& table) const {
    Lists lists(limit_);
    for (const std::uint32_t from : table) lists.add_sorted(operand(node, 0).of(from));
    return lists;
  }

  Lists scattered(const Node& node) const {
    std::vector<Members> targets(static_cast<std::size_t>(node.shape.size()));
    for (std::size_t i = 0; i < node.indices.size(); ++i)
      append(targets[static_cast<std::size_t>(node.indices[i])], operand(node, 0).of(i));
    Lists lists(limit_);
    for (Members& members : targets) lists.add(members);
    return lists;
  }

  Lists side_by_side(const Node& node) const {
    const auto axis = static_cast<std::size_t>(node.indices[0]);
    std::int64_t blocks = 1;
    for (std::size_t i = 0; i < axis; ++i) blocks *= node.shape.axes()[i];
    Lists lists(limit_);
    for (std::int64_t block = 0; block < blocks; ++block)
      for (std::size_t i = 0; i < node.operands.size(); ++i) {
        const auto length = static_cast<std::size_t>(shape(node, i).size() / blocks);
        for (std::size_t k = 0; k < length; ++k)
          lists.add_sorted(operand(node, i).of(static_cast<std::size_t>(block) * length + k));
      }
    return lists;
  }

  Lists folded(const Node& node) const {
    const GroupTable groups = reduction_table(shape(node, 0), node.indices);
    Lists lists(limit_);
    Members members;
    for (std::size_t start = 0; start < groups.table.size(); start += groups.group) {
      members.clear();
      for (std::size_t j = 0; j < groups.group; ++j) append(members, operand(node, 0).of(groups.table[start + j]));
      lists.add(members);
    }
    return lists;
  }

  /// Whether an element of a constant is 0, so that a product with it is 0.
  bool is_zero(const Node& node, std::size_t i, std::size_t element) const {
    const Node& from = f_.node(node.operands[i]);
    return from.op == Op::kConstant && from.values[from.values.size() == 1 ? 0 : element] == 0;
  }

  Lists product(const Node& node) const {
    const Shape &left = shape(node, 0), &right = shape(node, 1);
    const auto m = static_cast<std::size_t>(left.rank() == 2 ? left[0] : 1);
    const auto n = static_cast<std::size_t>(right.rank() == 2 ? right[1] : 1);
    const auto inner = static_cast<std::size_t>(right[0]);
    Lists lists(limit_);
    Members members;
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        members.clear();
        for (std::size_t k = 0; k < inner; ++k) {
          const std::size_t a = i * inner + k, b = k * n + j;
          if (!is_zero(node, 1, b)) append(members, operand(node, 0).of(a));
          if (!is_zero(node, 0, a)) append(members, operand(node, 1).of(b));
        }
        lists.add(members);
      }
    return lists;
  }

  Lists outer_product(const Node& node) const {
    Lists lists(limit_);
    Members members;
    for (std::int64_t i = 0; i < node.shape[0]; ++i)
      for (std::int64_t j = 0; j < node.shape[1]; ++j) {
        members.clear();
        append(members, operand(node, 0).of(static_cast<std::size_t>(i)));
        append(members, operand(node, 1).of(static_cast<std::size_t>(j)));
        lists.add(members);
      }
    return lists;
  }

  Lists pooled(const Node& node) const {
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < node.operands.size(); ++i) shapes.push_back(shape(node, i));
    const bool to_image = node.op == Op::kAvgPoolInput || node.op == Op::kMaxPoolInput;
    std::vector<Members> targets(static_cast<std::size_t>(node.shape.size()));
    for_windows(
        pool_geometry(node.op, shapes, node.indices, node.shape), [&](std::int64_t window, std::int64_t number) {
          append(targets[static_cast<std::size_t>(to_image ? number : window)],
                 operand(node, node.operands.size() - 1).of(static_cast<std::size_t>(to_image ? window : number)));
        });
    Lists lists(limit_);
    for (Members& members : targets) lists.add(members);
    return lists;
  }

  Lists everything(const Node& node) const {
    Members members;
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      for (std::int64_t k = 0; k < shape(node, i).size(); ++k)
        append(members, operand(node, i).of(static_cast<std::size_t>(k)));
    Lists lists(limit_);
    lists.add(members);
    for (std::int64_t i = 1; i < node.shape.size(); ++i) lists.add_sorted(members);
    return lists;
  }

  const Function& f_;
  std::int64_t input_;
  std::size_t limit_;
  std::vector<Lists> lists_;
};

}  // namespace

IndexLists IndexLists::transposed(std::size_t count) const {
  IndexLists other;
  other.starts.assign(count + 1, 0);
  other.members.resize(members.size());
  for (const std::int32_t j : members) ++other.starts[static_cast<std::size_t>(j) + 1];
  std::partial_sum(other.starts.begin(), other.starts.end(), other.starts.begin());
  std::vector<std::size_t> next(other.starts.begin(), other.starts.end() - 1);
  for (std::size_t i = 0; i < size(); ++i)
    for (std::size_t at = starts[i]; at < starts[i + 1]; ++at)
      other.members[next[static_cast<std::size_t>(members[at])]++] = static_cast<std::int32_t>(i);
  return other;
}

std::optional<IndexLists> dependencies(const Function& f, std::size_t input, std::size_t limit) {
  try {
    return Walk(f, input, limit).run();
  } catch (const TooManyMembers&) {
    return std::nullopt;
  }
}

std::vector<std::int32_t> color_columns(const IndexLists& rows, const IndexLists& columns) {
  std::vector<std::int32_t> colors(columns.size(), -1);
  std::vector<std::size_t> taken_by;  // the last column that met this color among its neighbours, counted from 1
  for (std::size_t j = 0; j < columns.size(); ++j) {
    for (std::size_t at = columns.starts[j]; at < columns.starts[j + 1]; ++at) {
      const auto row = static_cast<std::size_t>(columns.members[at]);
      for (std::size_t k = rows.starts[row]; k < rows.starts[row + 1]; ++k) {
        const std::int32_t color = colors[static_cast<std::size_t>(rows.members[k])];
        if (color >= 0) taken_by[static_cast<std::size_t>(color)] = j + 1;
      }
    }
    const auto free = std::find_if(taken_by.begin(), taken_by.end(), [&](std::size_t by) { return by != j + 1; });
    colors[j] = static_cast<std::int32_t>(free - taken_by.begin());
    if (free == taken_by.end()) taken_by.push_back(j + 1);
  }
  return colors;
}

}  // namespace costate::internal
