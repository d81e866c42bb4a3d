#include "costate/exec/kernels/step_outputs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/step_outputs.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/dense-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

constexpr std::size_t kRowsAtOnce = 8;

/// The next output of each of the lanes first + i of which bit i is set in `inside`.
template <std::size_t kDegree, class T>
HWY_INLINE void write_next(const StepOutputs<T>& outputs, std::size_t first, std::uint32_t inside) {
  const DenseOutput<T>& dense = outputs.dense;
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> narrow;
  const std::size_t width = hn::Lanes(d), count = HWY_MIN(width, dense.lanes - first);
  const auto load = [=](auto tag, const auto* x) HWY_ATTR {
    return count == width ? hn::LoadU(tag, x + first) : load_first(tag, x + first, count);
  };
  const auto theta = hn::Div(hn::Sub(load(d, outputs.next_time), load(d, dense.start)), load(d, dense.size));
  VecOf<decltype(narrow)> weights[kMaxDenseSlopes];
  dense_weights<kDegree>(d, dense, theta, weights);
  const auto h = load(narrow, dense.h);
  HWY_ALIGN T values[kRowsAtOnce * hn::MaxLanes(narrow)];
  for (std::size_t row = 0; row < dense.rows; row += kRowsAtOnce) {
    const std::size_t rows = HWY_MIN(kRowsAtOnce, dense.rows - row);
    for (std::size_t i = 0; i < rows; ++i)
      hn::Store(dense_value(narrow, dense, weights, h,
                            [&](const T* x) HWY_ATTR { return load(narrow, x + (row + i) * dense.lanes); }),
                narrow, values + i * width);
    for (std::uint32_t bits = inside; bits != 0; bits &= bits - 1) {
      const std::size_t place = hwy::Num0BitsBelowLS1Bit_Nonzero32(bits), lane = first + place;
      const std::size_t number = static_cast<std::size_t>(outputs.next[lane]) * dense.rows + row;
      const std::size_t stride = outputs.rows != nullptr ? 1 : dense.lanes;
      T* to = outputs.rows != nullptr ? outputs.rows[lane] + number : outputs.states + number * stride + lane;
      for (std::size_t i = 0; i < rows; ++i) to[i * stride] = values[i * width + place];
    }
  }
}

template <std::size_t kDegree, class T>
void across_lanes(const StepOutputs<T>& outputs) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<double>());
  for (std::size_t i = 0; i < outputs.lanes.size();) {
    const std::size_t first = outputs.lanes[i] / width * width;
    std::uint32_t inside = 0;
    for (; i < outputs.lanes.size() && outputs.lanes[i] < first + width; ++i)
      inside |= std::uint32_t{1} << (outputs.lanes[i] - first);
    while (inside != 0) {
      write_next<kDegree>(outputs, first, inside);
      for (std::uint32_t bits = inside; bits != 0; bits &= bits - 1)
        if (!outputs.go_on(first + hwy::Num0BitsBelowLS1Bit_Nonzero32(bits))) inside ^= bits & (~bits + 1);
    }
  }
}

/// Numbers x[row] of `count` outputs side by side to out [output, row]. Where there is room for a whole vector, NaN
/// stands behind them: these outputs are yet to come.
template <class Narrow, class T, class Value>
HWY_INLINE void store_outputs(Narrow narrow, std::size_t rows, std::size_t count, bool has_room, Value value, T* out) {
  const auto behind = hn::NaN(narrow);
  const auto is_there = hn::FirstN(narrow, count);
  const auto column = [&](std::size_t row) HWY_ATTR { return hn::IfThenElse(is_there, value(row), behind); };
  if (has_room && rows == 2) return hn::StoreInterleaved2(column(0), column(1), narrow, out);
  if (has_room && rows == 3) return hn::StoreInterleaved3(column(0), column(1), column(2), narrow, out);
  if (has_room && rows == 4) return hn::StoreInterleaved4(column(0), column(1), column(2), column(3), narrow, out);
  HWY_ALIGN T numbers[hn::MaxLanes(narrow)];
  for (std::size_t row = 0; row < rows; ++row) {
    hn::Store(value(row), narrow, numbers);
    for (std::size_t i = 0; i < count; ++i) out[i * rows + row] = numbers[i];
  }
}

template <std::size_t kDegree, class T>
void along_lanes(const StepOutputs<T>& outputs) {
  const DenseOutput<T>& dense = outputs.dense;
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> narrow;
  const std::size_t width = hn::Lanes(d);
  VecOf<decltype(narrow)> weights[kMaxDenseSlopes];
  for (const std::uint32_t lane : outputs.lanes) {
    const auto start = hn::Set(d, dense.start[lane]), size = hn::Set(d, dense.size[lane]);
    const auto end = hn::Set(d, outputs.ends[lane]);
    const auto h = hn::Set(narrow, dense.h[lane]);
    const bool rises = dense.size[lane] > 0, takes_end = outputs.takes_end != nullptr && outputs.takes_end[lane] != 0;
    auto next = static_cast<std::size_t>(outputs.next[lane]);
    for (std::size_t count = width; count == width && next < outputs.num_times; next += count) {
      const std::size_t room = HWY_MIN(width, outputs.num_times - next);
      const double* from = outputs.shared_times + next;
      const auto times = room == width ? hn::LoadU(d, from) : load_first(d, from, room);
      auto is_within = rises ? hn::Lt(times, end) : hn::Gt(times, end);
      if (takes_end) is_within = hn::Or(is_within, hn::Eq(times, end));
      count = hn::CountTrue(d, hn::And(is_within, hn::FirstN(d, room)));
      if (count == 0) break;
      dense_weights<kDegree>(d, dense, hn::Div(hn::Sub(times, start), size), weights);
      const auto value = [&](std::size_t row) HWY_ATTR {
        return dense_value(narrow, dense, weights, h,
                           [&](const T* x) HWY_ATTR { return hn::Set(narrow, x[row * dense.lanes + lane]); });
      };
      store_outputs(narrow, dense.rows, count, room == width, value, outputs.rows[lane] + next * dense.rows);
    }
    outputs.next[lane] = static_cast<std::int32_t>(next);
    if (next < outputs.num_times) outputs.next_time[lane] = outputs.shared_times[next];
  }
}

template <std::size_t kDegree, class T>
void write_all(OutputOrder order, const StepOutputs<T>& outputs) {
  order == OutputOrder::kAcrossLanes ? across_lanes<kDegree>(outputs) : along_lanes<kDegree>(outputs);
}

template <class T>
void run_outputs(OutputOrder order, const StepOutputs<T>& outputs) {
  switch (outputs.dense.degree) {
    case 3:
      return write_all<3>(order, outputs);
    case 4:
      return write_all<4>(order, outputs);
    default:
      return write_all<0>(order, outputs);
  }
}

void outputs_f32(OutputOrder order, const StepOutputs<float>& outputs) { run_outputs(order, outputs); }
void outputs_f64(OutputOrder order, const StepOutputs<double>& outputs) { run_outputs(order, outputs); }

}  // namespace
}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(outputs_f32);
HWY_EXPORT(outputs_f64);

template <>
void write_outputs<float>(OutputOrder order, const StepOutputs<float>& outputs) {
  HWY_DYNAMIC_DISPATCH(outputs_f32)(order, outputs);
}
template <>
void write_outputs<double>(OutputOrder order, const StepOutputs<double>& outputs) {
  HWY_DYNAMIC_DISPATCH(outputs_f64)(order, outputs);
}

}  // namespace costate::internal
#endif
