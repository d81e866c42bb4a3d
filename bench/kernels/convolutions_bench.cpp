// The three convolutions at the shapes that networks on small images have, for one vector of samples and two: forward,
// gradient by the image and gradient by the weights. Counters: GFLOP/s of what is not padding and its part of the
// measured peak; GB/s if each image were read and written once, and its part of a copy's (of as many bytes); and the
// part of the roof, which is the lower one of the two limits.
//
// usage: convolutions_bench [--benchmark_filter=f32/forward]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/kernels/bandwidth.h"
#include "bench/kernels/run_registered.h"
#include "costate/exec/internal/aligned.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/machine.h"
#include "costate/graph/convolution.h"
#include "costate/graph/trace.h"

namespace {

using namespace costate::internal;  // NOLINT(google-build-using-namespace): the kernels are what this file is about
using benchmark::State;
using costate::ConvOptions;
using costate::Shape;

struct ShapeClass {
  std::string name;
  Shape image, weights;
  ConvOptions options = {};
};

std::vector<ShapeClass> shape_classes() {
  return {{"64x64 3x3 on 6x6", {64, 6, 6}, {64, 64, 3, 3}, {.padding = {1, 1}}},
          {"64x64 3x3 on 7x7", {64, 7, 7}, {64, 64, 3, 3}, {.padding = {1, 1}}},
          {"64x64 3x3 on 8x8", {64, 8, 8}, {64, 64, 3, 3}, {.padding = {1, 1}}},
          {"64x64 3x3 on 14x14", {64, 14, 14}, {64, 64, 3, 3}, {.padding = {1, 1}}},
          {"16x16 3x3 on 28x28", {16, 28, 28}, {16, 16, 3, 3}, {.padding = {1, 1}}},
          {"16x16 3x3 on 14x14", {16, 14, 14}, {16, 16, 3, 3}, {.padding = {1, 1}}},
          {"64x64 4x4 on 26x26 by 2", {64, 26, 26}, {64, 64, 4, 4}, {.stride = {2, 2}, .padding = {1, 1}}},
          {"64x64 1x1 on 7x7", {64, 7, 7}, {64, 64, 1, 1}},
          {"1x64 3x3 on 28x28", {1, 28, 28}, {64, 1, 3, 3}},
          {"3x64 3x3 on 32x32", {3, 32, 32}, {64, 3, 3, 3}},
          {"64x1 1x1 on 7x7", {64, 7, 7}, {1, 64, 1, 1}},
          {"depthwise 3x3 on 7x7", {64, 7, 7}, {64, 1, 3, 3}, {.padding = {1, 1}, .groups = 64}}};
}

enum class Kind { kForward, kInput, kWeights };

ConvTable table_of(const ShapeClass& shapes, Kind kind) {
  using costate::Node, costate::Op;
  const costate::Function f =
      costate::trace([&](costate::Array x, costate::Array w) { return conv2d(x, w, shapes.options); },
                     {{"x", shapes.image}, {"w", shapes.weights}});
  std::vector<Node> nodes = f.nodes();
  if (kind != Kind::kInput) return conv_table(f, nodes.back());
  nodes.push_back(
      Node{.op = Op::kConv2dInput, .shape = shapes.image, .operands = {2, 1}, .indices = nodes.back().indices});
  return conv_table(costate::Function(nodes, {}, {}), nodes.back());
}

template <class T>
AlignedVector<T> numbers(std::size_t count) {
  AlignedVector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = T{0.1F} + T{0.8F} * static_cast<T>(i % 97) / 97;
  return values;
}

template <class T>
void count(State& state, const ConvTable& table, std::size_t lanes) {
  double products = 0;
  for (const ConvTable::PixelClass& of : table.classes) products += static_cast<double>(of.num_pixels) * of.num_taps;
  const double operations = 2 * products * static_cast<double>(table.groups * table.rows * table.depth * lanes);
  const std::size_t bytes = sizeof(T) * (lanes * (table.from_size() + table.to_size()) + table.num_weights());
  static const double kPeak =
      1e9 * costate::measured_peak(sizeof(T) == 4 ? costate::Dtype::kF32 : costate::Dtype::kF64);
  const auto rate = [](double amount) {
    return benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["GFLOP/s"] = rate(operations / 1e9);
  state.counters["of peak"] = rate(operations / kPeak);
  bench::count_bytes(state, bytes);
  state.counters["of roof"] = rate(std::max(operations / kPeak, static_cast<double>(bytes) / bench::copy_rate(bytes)));
}

template <class T>
void convolution(State& state, const ShapeClass& shapes, Kind kind, std::size_t vectors) {
  const ConvTable table = table_of(shapes, kind);
  const std::size_t lanes = vectors * simd_lanes<T>();
  const AlignedVector<T> from = numbers<T>(table.from_size() * lanes), weights = numbers<T>(table.num_weights());
  AlignedVector<T> to = numbers<T>(table.to_size() * lanes);
  AlignedVector<T> scratch(weight_sum_scratch(table, lanes)), partial(weight_sum_size<T>(table, lanes));
  for (auto _ : state) {
    if (kind == Kind::kWeights)
      add_weight_sums<T>({.table = &table,
                          .lanes = lanes,
                          .from = from.data(),
                          .to = to.data(),
                          .scratch = scratch.data(),
                          .partial = partial.data()});
    else
      convolve<T>({.table = &table, .lanes = lanes, .from = from.data(), .weights = weights.data(), .to = to.data()});
    benchmark::ClobberMemory();
  }
  count<T>(state, table, lanes);
}

template <class T>
void register_all(const std::string& type) {
  for (const auto& [kind, name] :
       {std::pair{Kind::kForward, "forward"}, {Kind::kInput, "input"}, {Kind::kWeights, "weights"}})
    for (const std::size_t vectors : {1, 2})
      for (const ShapeClass& shapes : shape_classes())
        benchmark::RegisterBenchmark((type + "/" + name + "/" + std::to_string(vectors) + "/" + shapes.name).c_str(),
                                     [=, kind = kind](State& state) { convolution<T>(state, shapes, kind, vectors); });
}

}  // namespace

int main(int argc, char** argv) {
  register_all<float>("f32");
  register_all<double>("f64");
  return bench::run_registered(argc, argv);
}
