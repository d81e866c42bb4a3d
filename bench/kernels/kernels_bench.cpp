// Every kernel at the sizes that a solve gives it, in f32 (Adam's in f64): 64 lanes, rows of a layer. Counters:
// elements or GFLOP/s.
//
// usage: kernels_bench [--benchmark_filter=gemm]
#include <benchmark/benchmark.h>

#include <numeric>
#include <string>
#include <vector>

#include "bench/kernels/run_registered.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/machine.h"

namespace {

using namespace costate::internal;  // NOLINT(google-build-using-namespace): the kernels are what this file is about
using costate::Op;
using Numbers = std::vector<float>;
using benchmark::State;

constexpr std::size_t kLanes = 64, kRows = 128;

Numbers numbers(std::size_t count) {
  Numbers values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = 0.1F + 0.8F * static_cast<float>(i % 97) / 97.0F;
  return values;
}

void count_elements(State& state, std::size_t elements) {
  state.counters["elements/s"] =
      benchmark::Counter(static_cast<double>(elements), benchmark::Counter::kIsIterationInvariantRate);
}

void count_operations(State& state, double operations) {
  state.counters["GFLOP/s"] = benchmark::Counter(operations / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  static const double kPeak = costate::measured_peak(costate::Dtype::kF32);
  state.counters["of peak"] =
      benchmark::Counter(operations / 1e9 / kPeak, benchmark::Counter::kIsIterationInvariantRate);
}

void unary(State& state, Op op) {
  const Numbers x = numbers(kRows * kLanes);
  Numbers out(x.size());
  for (auto _ : state) {
    unary_kernel<float>(op)(x.data(), out.data(), x.size());
    benchmark::ClobberMemory();
  }
  count_elements(state, x.size());
}

void binary(State& state, Op op) {
  const Numbers x = numbers(kRows * kLanes);
  Numbers out(x.size());
  for (auto _ : state) {
    binary_kernel<float>(op)({x.data()}, {x.data()}, out.data(), kRows, kLanes);
    benchmark::ClobberMemory();
  }
  count_elements(state, x.size());
}

void select(State& state) {
  const Numbers x = numbers(kRows * kLanes);
  Numbers out(x.size());
  for (auto _ : state) {
    where<float>({x.data()}, {x.data()}, {x.data()}, out.data(), kRows, kLanes);
    benchmark::ClobberMemory();
  }
  count_elements(state, x.size());
}

/// A layer: out = activation(W x + b), out of `m` rows from `k`, `n` lanes.
void layer(State& state, Activation activation) {
  const auto m = static_cast<std::size_t>(state.range(0)), k = static_cast<std::size_t>(state.range(1)),
             n = static_cast<std::size_t>(state.range(2));
  const Numbers a = numbers(m * k), b = numbers(k * n), bias = numbers(m);
  Numbers c(m * n);
  for (auto _ : state) {
    gemm<float>({.m = m,
                 .k = k,
                 .n = n,
                 .a = a.data(),
                 .a_row_stride = k,
                 .b = b.data(),
                 .b_stride = n,
                 .c = c.data(),
                 .c_stride = n,
                 .start = GemmStart::kBiasRow,
                 .bias = bias.data(),
                 .activation = activation});
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * static_cast<double>(m * k * n));
}

void small_products(State& state) {
  const Numbers x = numbers(16 * kLanes), y = numbers(16 * kLanes);
  Numbers out(16 * kLanes);
  for (auto _ : state) {
    batched_matmul<float>({x.data()}, {y.data()}, out.data(), 4, 4, 4, kLanes);
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * 64 * kLanes);
}

void row_products(State& state) {
  const Numbers a = numbers(kRows * kLanes), b = numbers(3 * kLanes);
  Numbers c(kRows * 3 * simd_lanes<float>());
  for (auto _ : state) {
    add_row_products<float>(a.data(), kRows, b.data(), 3, kLanes, nullptr, c.data());
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * kRows * 3 * kLanes);
}

void transposition(State& state) {
  const Numbers x = numbers(kRows * kLanes);
  Numbers out(x.size());
  for (auto _ : state) {
    transpose<float>(x.data(), kRows, kLanes, nullptr, out.data());
    benchmark::ClobberMemory();
  }
  count_elements(state, x.size());
}

void rows(State& state, void (*kernel)(const float*, std::span<const std::uint32_t>, float*, std::size_t)) {
  const Numbers x = numbers(kRows * kLanes);
  Numbers out(x.size());
  std::vector<std::uint32_t> table(kRows);
  std::iota(table.rbegin(), table.rend(), 0U);
  for (auto _ : state) {
    kernel(x.data(), table, out.data(), kLanes);
    benchmark::ClobberMemory();
  }
  count_elements(state, x.size());
}

void reduction(State& state) {
  const Numbers x = numbers(kRows * kLanes);
  Numbers out(kLanes);
  std::vector<std::uint32_t> table(kRows);
  std::iota(table.begin(), table.end(), 0U);
  for (auto _ : state) {
    reduce_rows<float>(Op::kSum, x.data(), table, kRows, out.data(), kLanes);
    benchmark::ClobberMemory();
  }
  count_elements(state, x.size());
}

void spreading(State& state) {
  const Numbers x = numbers(kRows);
  Numbers out(kRows * kLanes);
  for (auto _ : state) {
    spread<float>({x.data(), Spread::kRow}, out.data(), kRows, kLanes);
    benchmark::ClobberMemory();
  }
  count_elements(state, out.size());
}

/// What a Runge-Kutta step of 16 rows does besides f.
struct Step {
  static constexpr std::size_t kState = 16, kStages = 6;
  Numbers y = numbers(kState * kLanes), k = numbers(kStages * kState * kLanes), h = numbers(kLanes), out = y;
  Numbers coefficients = numbers(kStages), weights = numbers(kStages * kLanes), norm = h;
  std::vector<const float*> slopes;

  Step() {
    for (std::size_t i = 0; i < kStages; ++i) slopes.push_back(k.data() + i * kState * kLanes);
  }
};

template <class Work>
void step_kernel(State& state, Work work) {
  Step step;
  for (auto _ : state) {
    work(step);
    benchmark::ClobberMemory();
  }
  count_elements(state, Step::kState * kLanes);
}

void stage_combination(State& state) {
  step_kernel(state, [](Step& s) {
    stage_combine(s.y.data(), s.h.data(), s.slopes.data(), s.coefficients.data(), Step::kStages, s.out.data(),
                  Step::kState, kLanes);
  });
}

void error_norm(State& state) {
  step_kernel(state, [](Step& s) {
    scaled_error_norm(s.y.data(), s.y.data(), s.h.data(), s.slopes.data(), s.coefficients.data(), Step::kStages, 1e-6F,
                      1e-6F, s.norm.data(), Step::kState, kLanes);
  });
}

void plain_norm(State& state) {
  step_kernel(state,
              [](Step& s) { scaled_norm(s.y.data(), s.y.data(), 1e-6F, 1e-6F, s.norm.data(), Step::kState, kLanes); });
}

void dense_output(State& state) {
  const std::vector<double> coefficients(Step::kStages * 4, 0.5), time(kLanes, 0.3), start(kLanes, 0), size(kLanes, 1);
  step_kernel(state, [&](Step& s) {
    dense_combine<float>({.y = s.y.data(),
                          .h = s.h.data(),
                          .k = s.slopes.data(),
                          .count = Step::kStages,
                          .coefficients = coefficients.data(),
                          .degree = 4,
                          .time = time.data(),
                          .start = start.data(),
                          .size = size.data(),
                          .out = s.out.data(),
                          .rows = Step::kState,
                          .lanes = kLanes});
  });
}

void dense_weights(State& state) {
  const std::vector<double> coefficients(Step::kStages * 4, 0.5), theta(kLanes, 0.3);
  step_kernel(state, [&](Step& s) {
    polynomial_weights(Polynomial::kValue, coefficients, 4, theta.data(), s.weights.data(), kLanes, kLanes);
  });
}

void lane_update(State& state) {
  step_kernel(state, [](Step& s) { axpy_lanes(s.h.data(), s.y.data(), s.out.data(), Step::kState, kLanes); });
}

void lane_selection(State& state) {
  step_kernel(state,
              [](Step& s) { select_lanes(s.h.data(), s.y.data(), s.k.data(), s.out.data(), Step::kState, kLanes); });
}

void adam(State& state) {
  const std::vector<double> gradient(kRows * kLanes, 0.5);
  std::vector<double> first = gradient, second = gradient, x = gradient;
  const AdamUpdate update{.beta1 = 0.9, .beta2 = 0.999, .rate = 1e-3, .epsilon = 1e-8};
  for (auto _ : state) {
    adam_update(update, gradient.data(), first.data(), second.data(), x.data(), x.size());
    benchmark::ClobberMemory();
  }
  count_elements(state, x.size());
}

void register_elementwise() {
  for (std::size_t i = 0; i < costate::kNumOps; ++i) {
    const auto op = static_cast<Op>(i);
    const costate::OpInfo& row = costate::info(op);
    const std::string name(row.name);
    if (row.family == costate::OpFamily::kUnary)
      benchmark::RegisterBenchmark(("unary/" + name).c_str(), [op](State& state) { unary(state, op); });
    if (row.family == costate::OpFamily::kBinary)
      benchmark::RegisterBenchmark(("binary/" + name).c_str(), [op](State& state) { binary(state, op); });
  }
}

BENCHMARK(select)->Name("where");
BENCHMARK_CAPTURE(layer, plain, Activation::kNone)
    ->Name("gemm")
    ->ArgNames({"m", "k", "n"})
    ->Args({50, 2, 24})
    ->Args({50, 2, 32})
    ->Args({64, 64, 1})
    ->Args({64, 64, 64})
    ->Args({128, 128, 64})
    ->Args({256, 256, 64})
    ->Args({256, 256, 32});
BENCHMARK_CAPTURE(layer, tanh, Activation::kTanh)
    ->Name("gemm+tanh")
    ->ArgNames({"m", "k", "n"})
    ->Args({50, 2, 24})
    ->Args({50, 2, 32})
    ->Args({64, 64, 64})
    ->Args({128, 128, 64})
    ->Args({256, 256, 64});
BENCHMARK(small_products)->Name("batched_matmul");
BENCHMARK(row_products)->Name("add_row_products");
BENCHMARK(transposition)->Name("transpose");
BENCHMARK_CAPTURE(rows, gather, gather_rows<float>)->Name("gather_rows");
BENCHMARK_CAPTURE(rows, scatter, scatter_add_rows<float>)->Name("scatter_add_rows");
BENCHMARK(reduction)->Name("reduce_rows");
BENCHMARK(spreading)->Name("spread");
BENCHMARK(stage_combination)->Name("stage_combine");
BENCHMARK(error_norm)->Name("scaled_error_norm");
BENCHMARK(plain_norm)->Name("scaled_norm");
BENCHMARK(dense_output)->Name("dense_combine");
BENCHMARK(dense_weights)->Name("polynomial_weights");
BENCHMARK(lane_update)->Name("axpy_lanes");
BENCHMARK(lane_selection)->Name("select_lanes");
BENCHMARK(adam)->Name("adam_update");

}  // namespace

int main(int argc, char** argv) {
  register_elementwise();
  return bench::run_registered(argc, argv);
}
