// Graphs that no trace has made: `verify` is what keeps them from the executor, which checks nothing. What it lets
// through must be printable, simplify to a sound graph, and have the shapes that it says. The bytes, in order: the
// number of nodes and of outputs, and for each node its operation, rank, axes, and three lists with their lengths
// before them: operands, numbers, indices.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "costate/graph/interpret.h"
#include "costate/graph/print.h"
#include "costate/graph/simplify.h"
#include "costate/graph/verify.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace costate;

/// The bytes one by one; zeros after the last.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}

  int next() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<signed char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  /// In [0, end).
  int below(int end) { return (next() & 0xFF) % end; }

 private:
  std::string_view rest_;
};

constexpr int kMostNodes = 24, kMostOutputs = 3, kMostRank = 5, kMostLength = 6, kMostNumbers = 40;
constexpr std::int64_t kMostSize = 1 << 16;

template <class T>
std::vector<T> read_list(Bytes& bytes) {
  std::vector<T> list(static_cast<std::size_t>(bytes.below(kMostNumbers)));
  for (T& item : list) item = static_cast<T>(bytes.next());
  return list;
}

Node read_node(Bytes& bytes) {
  Node node{.op = static_cast<Op>(bytes.below(static_cast<int>(kNumOps)))};
  std::vector<std::int64_t> axes(static_cast<std::size_t>(bytes.below(kMostRank)));
  for (std::int64_t& axis : axes) axis = bytes.below(kMostLength);
  node.shape = Shape(std::move(axes));
  node.operands = read_list<NodeId>(bytes);
  node.values = read_list<double>(bytes);
  node.indices = read_list<std::int64_t>(bytes);
  return node;
}

Function read_function(std::string_view text) {
  Bytes bytes(text);
  std::vector<Node> nodes(static_cast<std::size_t>(bytes.below(kMostNodes)));
  std::vector<Output> outputs(static_cast<std::size_t>(bytes.below(kMostOutputs)));
  for (Node& node : nodes) node = read_node(bytes);
  for (Output& output : outputs) output = {.name = "y", .node = bytes.next()};
  return Function(std::move(nodes), {{"x", InputKind::kSample, {3}, {}}, {"p", InputKind::kShared, {2, 3}, {}}},
                  std::move(outputs));
}

bool is_sound(const Function& function) {
  try {
    verify(function);
    return true;
  } catch (const InternalError& error) {
    fuzz::require(std::string(error.what()).starts_with("[verify] "), "verify names the node");
    return false;
  }
}

bool is_small(const Function& function) {
  return std::ranges::all_of(function.nodes(), [](const Node& node) { return node.shape.size() <= kMostSize; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Function function = read_function(fuzz::text_of(data, size));
  if (!is_sound(function) || !is_small(function)) return 0;
  to_string(function);
  const Function simplified = simplify(function);
  verify(simplified);
  const std::vector<HostArray> inputs{HostArray({3}, std::vector<double>{0.5, -1, 2}),
                                      HostArray({2, 3}, std::vector<double>{1, 2, 3, -0.5, 0, 4})};
  const std::vector<HostArray> results = interpret(function, inputs), again = interpret(simplified, inputs);
  fuzz::require(results.size() == function.outputs().size() && again.size() == results.size(), "outputs stay");
  for (std::size_t i = 0; i < results.size(); ++i)
    fuzz::require(results[i].shape() == function.output_shape(i) && again[i].shape() == results[i].shape(),
                  "a result has the shape of its node");
  return 0;
}
