// Operations on feature maps [64, 6, 6] and [64, 14, 14] of 16 samples a tile, in f32, on one core: normalization,
// pooling and what stands between, each as a program of its own. Counters: GB/s of what must be read and written, and
// its share of what a copy of as many bytes gets.
//
// usage: maps_bench [--benchmark_filter=group_norm]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "bench/kernels/bandwidth.h"
#include "costate/costate.h"
#include "costate/exec/internal/aligned.h"
#include "costate/exec/internal/tile_function.h"

namespace {

using namespace costate;  // NOLINT(google-build-using-namespace): the operations are what this file is about
using benchmark::State;
using Numbers = internal::AlignedVector<float>;  // as tiles have them

constexpr std::size_t kLanes = 16;

/// Whether anything is computed from an input.
bool is_read(const Function& f, std::size_t input) {
  return std::ranges::any_of(f.nodes(), [&](const Node& node) {
    return std::ranges::any_of(node.operands, [&](NodeId operand) {
      const Node& from = f.node(operand);
      return from.op == Op::kInput && from.indices[0] == static_cast<std::int64_t>(input);
    });
  });
}

/// A program's forward phase on one tile, again and again.
void run(State& state, const Function& f) {
  const internal::TileFunction<float> tile(f, kLanes);
  std::vector<Numbers> inputs, outputs;
  std::vector<const float*> in;
  std::vector<float*> out;
  std::size_t numbers = 0;
  for (std::size_t k = 0; k < f.inputs().size(); ++k) {
    Numbers& x = inputs.emplace_back(static_cast<std::size_t>(f.inputs()[k].shape.size()) * kLanes);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 97) / 97.0F - 0.5F;
    in.push_back(x.data());
    if (is_read(f, k)) numbers += x.size();
  }
  for (std::size_t i = 0; i < f.outputs().size(); ++i) {
    Numbers& y = outputs.emplace_back(static_cast<std::size_t>(f.output_shape(i).size()) * kLanes);
    out.push_back(y.data());
    numbers += y.size();
  }
  Numbers shared(tile.shared_size()), saved(tile.saved_size());
  tile.prepare(in, shared.data());
  auto workspace = tile.make_workspace();
  const internal::TileCall<float> call{.inputs = in,
                                       .outputs = out,
                                       .shared = shared.data(),
                                       .saved = saved.data(),
                                       .workspace = &workspace,
                                       .num_samples = kLanes};
  for (auto _ : state) {
    tile.run(internal::Phase::kForward, call);
    benchmark::ClobberMemory();
  }
  bench::count_bytes(state, numbers * sizeof(float));
}

using Map = std::function<Array(const Array&)>;

void value(State& state, const Map& map) {
  run(state, trace([&](Array x) { return map(x); }, {{"x", {64, state.range(0), state.range(0)}}}));
}

/// The cotangent of x, the value not being wanted.
void cotangent(State& state, const Map& map) {
  const Shape shape{64, state.range(0), state.range(0)};
  const Function f = trace([&](Array x) { return map(x); }, {{"x", shape}});
  run(state, trace(
                 [&](Array x, Array c) {
                   const Array y = map(x);
                   return pull_back(std::span(&y, 1), std::span(&c, 1), std::span(&x, 1))[0];
                 },
                 {{"x", shape}, {"c", f.output_shape(0)}}));
}

/// What group_norm would be of the operations of the graph.
Array composed_norm(const Array& x) {
  const std::int64_t n = x.shape().size() / 32;
  const Array rows = reshape(x, {32, n}), centered = rows - reshape(mean(rows, {1}), {32, 1});
  const Array scale = 1.0 / sqrt(mean(square(centered), {1}) + 1e-5);
  return reshape(centered * reshape(scale, {32, 1}), x.shape());
}

#define COSTATE_MAP(name, map)                                           \
  BENCHMARK_CAPTURE(value, name, map)->Arg(6)->Arg(14)->ArgName("side"); \
  BENCHMARK_CAPTURE(cotangent, name, map)->Arg(6)->Arg(14)->ArgName("side")

COSTATE_MAP(relu, [](const Array& x) { return relu(x); });
COSTATE_MAP(group_norm, [](const Array& x) { return group_norm(x, 32); });
COSTATE_MAP(composed_norm, composed_norm);
COSTATE_MAP(max_pool, [](const Array& x) { return max_pool2d(x); });
COSTATE_MAP(avg_pool, [](const Array& x) { return avg_pool2d(x); });
COSTATE_MAP(max_pool_3x3, [](const Array& x) {
  return max_pool2d(x, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}});
});
COSTATE_MAP(avg_pool_3x3, [](const Array& x) {
  return avg_pool2d(x, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}});
});
COSTATE_MAP(max_pool_3x3_by_2, [](const Array& x) {
  return max_pool2d(x, {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}});
});
COSTATE_MAP(max_pool_series, [](const Array& x) {
  const std::int64_t length = x.shape().size() / 64;
  return max_pool1d(reshape(x, {64, length}), {.kernel = 3, .stride = 2, .padding = 1});
});
COSTATE_MAP(global_average, [](const Array& x) { return global_average(x); });
COSTATE_MAP(pad, [](const Array& x) { return pad(x, {{0, 0}, {1, 1}, {1, 1}}); });

}  // namespace

BENCHMARK_MAIN();
