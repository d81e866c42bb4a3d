// Operations on feature maps [64, 6, 6] and [64, 14, 14] of 16 samples a tile in f32, or 8 in f64, on one core:
// normalization, pooling and what stands between, each as a program of its own. Counters: GB/s of what must be read and
// written, and its share of what a copy of as many bytes gets.
//
// usage: maps_bench [--benchmark_filter=f32/group_norm]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/kernels/bandwidth.h"
#include "bench/kernels/run_registered.h"
#include "costate/costate.h"
#include "costate/exec/internal/aligned.h"
#include "costate/exec/internal/tile_function.h"

namespace {

using namespace costate;  // NOLINT(google-build-using-namespace): the operations are what this file is about
using benchmark::State;

constexpr std::size_t kLaneBytes = 64;  // of a number of a map

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
template <class T>
void run(State& state, const Function& f) {
  using Numbers = internal::AlignedVector<T>;  // as tiles have them
  constexpr std::size_t kLanes = kLaneBytes / sizeof(T);
  const internal::TileFunction<T> tile(f, kLanes);
  std::vector<Numbers> inputs, outputs;
  std::vector<const T*> in;
  std::vector<T*> out;
  std::size_t numbers = 0;
  for (std::size_t k = 0; k < f.inputs().size(); ++k) {
    Numbers& x = inputs.emplace_back(static_cast<std::size_t>(f.inputs()[k].shape.size()) * kLanes);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i % 97) / T{97} - T{0.5};
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
  const internal::TileCall<T> call{.inputs = in,
                                   .outputs = out,
                                   .shared = shared.data(),
                                   .saved = saved.data(),
                                   .workspace = &workspace,
                                   .num_samples = kLanes};
  for (auto _ : state) {
    tile.run(internal::Phase::kForward, call);
    benchmark::ClobberMemory();
  }
  bench::count_bytes(state, numbers * sizeof(T));
}

using Map = std::function<Array(const Array&)>;

template <class T>
void value(State& state, const Map& map) {
  run<T>(state, trace([&](Array x) { return map(x); }, {{"x", {64, state.range(0), state.range(0)}}}));
}

/// The cotangent of x, the value not being wanted.
template <class T>
void cotangent(State& state, const Map& map) {
  const Shape shape{64, state.range(0), state.range(0)};
  const Function f = trace([&](Array x) { return map(x); }, {{"x", shape}});
  run<T>(state, trace(
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

PoolOptions threes(std::int64_t stride) { return {.kernel = {3, 3}, .stride = {stride, stride}, .padding = {1, 1}}; }

struct NamedMap {
  const char* name;
  Map map;
};

std::vector<NamedMap> maps() {
  return {{"relu", [](const Array& x) { return relu(x); }},
          {"group_norm", [](const Array& x) { return group_norm(x, 32); }},
          {"composed_norm", composed_norm},
          {"max_pool", [](const Array& x) { return max_pool2d(x); }},
          {"avg_pool", [](const Array& x) { return avg_pool2d(x); }},
          {"max_pool_3x3", [](const Array& x) { return max_pool2d(x, threes(1)); }},
          {"avg_pool_3x3", [](const Array& x) { return avg_pool2d(x, threes(1)); }},
          {"max_pool_3x3_by_2", [](const Array& x) { return max_pool2d(x, threes(2)); }},
          {"avg_pool_3x3_by_2", [](const Array& x) { return avg_pool2d(x, threes(2)); }},
          {"max_pool_series",
           [](const Array& x) {
             const std::int64_t length = x.shape().size() / 64;
             return max_pool1d(reshape(x, {64, length}), {.kernel = 3, .stride = 2, .padding = 1});
           }},
          {"global_average", [](const Array& x) { return global_average(x); }},
          {"pad", [](const Array& x) {
             return pad(x, {{0, 0}, {1, 1}, {1, 1}});
           }}};
}

template <class T>
void register_all(const std::string& type) {
  for (const NamedMap& one : maps())
    for (const bool is_value : {true, false})
      benchmark::RegisterBenchmark(
          (type + "/" + one.name + (is_value ? "/value" : "/cotangent")).c_str(),
          [=, map = one.map](State& state) { is_value ? value<T>(state, map) : cotangent<T>(state, map); })
          ->Arg(6)
          ->Arg(14)
          ->ArgName("side");
}

}  // namespace

int main(int argc, char** argv) {
  register_all<float>("f32");
  register_all<double>("f64");
  return bench::run_registered(argc, argv);
}
