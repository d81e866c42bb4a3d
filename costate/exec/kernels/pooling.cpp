// Pools in which each number is made of a range of rows and columns: avg_pool, max_pool, and avg_pool_input. Where the
// ranges share rows, a row is joined along its columns once, for all of them, and stays in the first-level cache until
// it is joined along the rows.
#include "costate/exec/kernels/pooling.h"

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/pool_places.h"
#include "costate/exec/kernels/ring_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/pooling.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/pool_threes-inl.h"
#include "costate/exec/kernels/pooling-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

// What the numbers of a range become. Of a maximum of two images it is what the second one has where the first one has
// its largest number.

template <class D>
struct Sum {
  static constexpr std::size_t kKept = 1;
  VecOf<D> kept[1];
  HWY_INLINE void join(D, const Sum& next) { kept[0] = hn::Add(kept[0], next.kept[0]); }
};

template <class D, std::size_t kImages>
struct Largest {
  static constexpr std::size_t kKept = kImages;
  VecOf<D> kept[kImages];
  HWY_INLINE void join(D d, const Largest& next) {
    const auto is_kept = stays(d, kept[0], next.kept[0]);
    for (std::size_t i = 0; i < kImages; ++i) kept[i] = hn::IfThenElse(is_kept, kept[i], next.kept[i]);
  }
};

/// Numbers of images, joined for each range of rows and columns. In its loops, which store, a copy of it stays in
/// registers.
template <class Value, class L>
struct Joined {
  using T = typename L::T;
  using V = typename L::V;
  using Run = PoolTable::Run;
  using Range = PoolTable::Range;

  L lanes;
  const Pool<T>& pool;
  const PoolTable::Ranges& rows;
  const PoolTable::Ranges& columns;
  std::size_t from_rows, from_columns;
  const T* images[Value::kKept];
  std::size_t step, row_step;  // of images
  V share;                     // of a sum

  HWY_INLINE Value none() const {
    Value value;
    for (auto& kept : value.kept) kept = hn::Zero(lanes.d);
    return value;
  }
  HWY_INLINE Value at(std::size_t place) const {
    Value value;
    for (std::size_t i = 0; i < Value::kKept; ++i) value.kept[i] = lanes.load(images[i] + place);
    return value;
  }
  HWY_INLINE void store(const Value& value, T* to) const {
    if constexpr (std::is_same_v<Value, Sum<decltype(lanes.d)>>)
      lanes.store(hn::Mul(value.kept[0], share), to);
    else
      lanes.store(value.kept[Value::kKept - 1], to);
  }

  /// Of some rows and columns, the columns first; 0 where they are not told.
  template <std::size_t kRows, std::size_t kColumns>
  HWY_INLINE Value window(std::size_t place, std::size_t num_rows, std::size_t num_columns) const {
    if constexpr (kColumns == 0)
      if (num_rows * num_columns == 0) return none();
    Value value = row<kColumns>(place, num_columns);
#pragma GCC unroll 3
    for (std::size_t i = 1; i < (kRows == 0 ? num_rows : kRows); ++i)
      value.join(lanes.d, row<kColumns>(place + i * row_step, num_columns));
    return value;
  }
  template <std::size_t kColumns>
  HWY_INLINE Value row(std::size_t place, std::size_t num_columns) const {
    Value value = at(place);
#pragma GCC unroll 3
    for (std::size_t j = 1; j < (kColumns == 0 ? num_columns : kColumns); ++j)
      value.join(lanes.d, at(place + j * step));
    return value;
  }

  // ---- ranges of rows that are apart

  template <std::size_t kRows, std::size_t kColumns>
  HWY_INLINE void join_block(const Run down, const Run across, T* out) const {
    const Joined local = *this;
    const std::size_t out_row_step = columns.size() * step;
    for (std::size_t i = 0; i < down.num; ++i) {
      std::size_t place = (down.from + i * down.from_step) * local.row_step + across.from * local.step;
      T* to = out + (down.to + i * down.to_step) * out_row_step + across.to * local.step;
      for (std::size_t j = 0; j < across.num;
           ++j, place += across.from_step * local.step, to += across.to_step * local.step)
        local.store(local.template window<kRows, kColumns>(place, down.count, across.count), to);
    }
  }

  HWY_INLINE void join_at_once(T* out, std::size_t channels) const {
    for (Run down : rows.runs) {
      down.num *= static_cast<std::uint32_t>(channels);
      for (const Run& across : columns.runs) {
        if (down.count == 1)
          with_count(across.count, [&](auto count) HWY_ATTR { join_block<1, count()>(down, across, out); });
        else if (down.count == 2 && across.count == 2)
          join_block<2, 2>(down, across, out);
        else
          join_block<0, 0>(down, across, out);
      }
    }
  }

  // ---- ranges of rows that have some in common

  /// Rows of values; what is kept of the second image is `behind` numbers behind.
  struct ValueRing {
    Ring<T> rows;
    std::size_t behind;
  };
  HWY_INLINE Value kept_at(const T* place, std::size_t behind) const {
    Value value;
    for (std::size_t i = 0; i < Value::kKept; ++i) value.kept[i] = hn::LoadU(lanes.d, place + i * behind);
    return value;
  }
  HWY_INLINE void keep(const Value& value, T* place, std::size_t behind) const {
    for (std::size_t i = 0; i < Value::kKept; ++i) hn::StoreU(value.kept[i], lanes.d, place + i * behind);
  }

  template <std::size_t kColumns>
  HWY_INLINE void join_columns(const Run across, Range which, const ValueRing ring) const {
    const Joined local = *this;
    const std::size_t width = hn::Lanes(lanes.d);
    for (std::size_t row = which.first; row < which.end; ++row) {
      std::size_t place = row * local.row_step + across.from * local.step;
      T* kept = ring.rows.row(row) + across.to * width;
      const auto join = [&](const Value& value) HWY_ATTR {
        local.keep(value, kept, ring.behind);
        place += across.from_step * local.step;
        kept += across.to_step * width;
      };
      if (kColumns == 3 && across.from_step == 1) {  // each number is loaded once
        Value first = local.at(place), second = local.at(place + local.step);
        for (std::size_t j = 0; j < across.num; ++j) {
          const Value third = local.at(place + 2 * local.step);
          first.join(local.lanes.d, second);
          first.join(local.lanes.d, third);
          join(first);
          first = second;
          second = third;
        }
      } else {
        for (std::size_t j = 0; j < across.num; ++j) join(local.template window<1, kColumns>(place, 1, across.count));
      }
    }
  }

  template <std::size_t kRows>
  HWY_INLINE void join_rows(Range range, const ValueRing ring, T* to) const {
    const Joined local = *this;
    const std::size_t num_columns = columns.size(), width = hn::Lanes(lanes.d);
    const std::size_t count = kRows == 0 ? range.count() : kRows;
    const T* kept[kRows == 0 ? 1 : kRows];
    for (std::size_t k = 0; k < (kRows == 0 ? 1 : kRows); ++k) kept[k] = ring.rows.row(range.first + k);
    for (std::size_t j = 0; j < num_columns; ++j, to += local.step) {
      Value value = count == 0 ? local.none() : local.kept_at(kept[0] + j * width, ring.behind);
#pragma GCC unroll 3
      for (std::size_t k = 1; k < count; ++k)
        value.join(local.lanes.d,
                   local.kept_at((kRows == 0 ? ring.rows.row(range.first + k) : kept[k]) + j * width, ring.behind));
      local.store(value, to);
    }
  }

  HWY_INLINE void join_by_rows(T* out) const {
    const std::size_t row_size = columns.size() * hn::Lanes(lanes.d), ahead = rows_ahead(row_size * sizeof(T));
    const std::size_t num_rows = ring_rows(rows, row_size * sizeof(T));
    const ValueRing ring{{pool.scratch, num_rows - 1, row_size}, num_rows * row_size};
    std::size_t next = 0;
    for (const Range range : rows.in_order) {
      if (next < range.end) {
        const std::size_t end = std::min(from_rows, std::max<std::size_t>(range.end, next + ahead));
        const Range which{static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(end)};
        for (const Run& across : columns.runs)
          with_count(across.count, [&](auto count) HWY_ATTR { join_columns<count()>(across, which, ring); });
        next = end;
      }
      with_count(range.count(), [&](auto count) HWY_ATTR { join_rows<count()>(range, ring, out); });
      out += columns.size() * step;
    }
  }

  HWY_NOINLINE void run(std::size_t first, std::size_t channels, T* out) {
    row_step = from_columns * step;
    const std::size_t at_once = pool.table->rows_divide ? channels : 1;
    const std::size_t channel_step = from_rows * row_step, out_step = rows.size() * columns.size() * step;
    for (const T*& image : images) image += first * channel_step;
    out += first * out_step;
    for (std::size_t channel = 0; channel < channels; channel += at_once) {
      rows.overlap ? join_by_rows(out) : join_at_once(out, at_once);
      for (const T*& image : images) image += at_once * channel_step;
      out += at_once * out_step;
    }
  }
};

/// Along the axes of an operation: what its numbers are made of.
struct Ways {
  const PoolTable::Ranges &rows, &columns;
  std::size_t from_rows, from_columns;
};

#if HWY_TARGET <= HWY_AVX2
/// Windows of three by three, channel by channel; false for any other. Where a maximum meets NaN, run_any(channel)
/// makes it once more.
template <class L, class RunAny>
bool run_threes(Op op, const Pool<typename L::T>& pool, L lanes, const Ways& ways, std::size_t first_channel,
                std::size_t channels, typename L::V share, RunAny run_any) {
  using T = typename L::T;
  using D = decltype(lanes.d);
  const std::size_t from_step = ways.from_rows * ways.from_columns * pool.lanes;
  const std::size_t out_step = ways.rows.size() * ways.columns.size() * pool.lanes;
  const T* const from = pool.first + lanes.lane + first_channel * from_step;
  T* const out = pool.out + lanes.lane + first_channel * out_step;
  const PoolTable::Ranges &rows = pool.table->rows.windows, &columns = pool.table->columns.windows;
  if (op == Op::kAvgPoolInput && rows.step == 2 && columns.step == 2) {
    if (!are_threes(rows, ways.rows.size()) || !are_threes(columns, ways.columns.size())) return false;
    const SpreadThrees<L> spread{.lanes = lanes,
                                 .rows = threes_of(rows, ways.rows.size()),
                                 .columns = threes_of(columns, ways.columns.size()),
                                 .step = pool.lanes,
                                 .share = share};
    for (std::size_t channel = 0; channel < channels; ++channel)
      spread.run(from + channel * from_step, out + channel * out_step);
    return true;
  }
  if (!are_threes(ways.rows, ways.from_rows) || !are_threes(ways.columns, ways.from_columns) ||
      ways.rows.step != ways.columns.step)
    return false;
  const auto join = [&](auto value) HWY_ATTR {
    HWY_ALIGN T none[hn::MaxLanes(D())];
    hn::Store(value.none(lanes.d), lanes.d, none);
    const JoinedThrees<L, decltype(value)> threes{.lanes = lanes,
                                                  .value = value,
                                                  .rows = threes_of(ways.rows, ways.from_rows),
                                                  .columns = threes_of(ways.columns, ways.from_columns),
                                                  .step = pool.lanes,
                                                  .none = none};
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const T* const x = from + channel * from_step;
      T* const y = out + channel * out_step;
      if (!(ways.rows.step == 1 ? threes.template run<1>(x, y) : threes.template run<2>(x, y))) run_any(channel);
    }
  };
  if (op == Op::kMaxPool)
    join(LargestOfThrees<D>());
  else
    join(MeanOfThrees<D>{share, Added<D>(lanes.d)});
  return true;
}
#endif

template <class L>
void run_lanes(Op op, const Pool<typename L::T>& pool, L lanes, std::size_t first_channel, std::size_t channels) {
  using T = typename L::T;
  using D = decltype(lanes.d);
  const PoolTable::Axis &rows = pool.table->rows, &columns = pool.table->columns;
  const T *first = pool.first + lanes.lane, *second = pool.second + lanes.lane;
  const auto share = hn::Set(lanes.d, static_cast<T>(1.0 / static_cast<double>(pool.table->window_size)));
  const bool to_image = op == Op::kAvgPoolInput;
  const Ways ways{.rows = to_image ? rows.numbers : rows.windows,
                  .columns = to_image ? columns.numbers : columns.windows,
                  .from_rows = (to_image ? rows.windows : rows.numbers).size(),
                  .from_columns = (to_image ? columns.windows : columns.numbers).size()};
  const auto run = [&]<class Value>(std::type_identity<Value>, auto... images) HWY_ATTR {
    const auto run_any = [&](std::size_t from, std::size_t count) HWY_ATTR {
      Joined<Value, L>{.lanes = lanes,
                       .pool = pool,
                       .rows = ways.rows,
                       .columns = ways.columns,
                       .from_rows = ways.from_rows,
                       .from_columns = ways.from_columns,
                       .images = {images...},
                       .step = pool.lanes,
                       .row_step = 0,
                       .share = share}
          .run(from, count, pool.out + lanes.lane);
    };
#if HWY_TARGET <= HWY_AVX2
    if constexpr (L::kIsWhole && Value::kKept == 1)
      if (run_threes(op, pool, lanes, ways, first_channel, channels, share,
                     [&](std::size_t channel) HWY_ATTR { run_any(first_channel + channel, 1); }))
        return;
#endif
    run_any(first_channel, channels);
  };
  if (op != Op::kMaxPool) return run(std::type_identity<Sum<D>>(), first);
  if (first == second) return run(std::type_identity<Largest<D, 1>>(), first);
  run(std::type_identity<Largest<D, 2>>(), first, second);
}

}  // namespace

#define COSTATE_JOINS(T, suffix)                                                       \
  void join_##suffix(Op op, const Pool<T>& pool) {                                     \
    for_channels(pool, [&](auto lanes, std::size_t first, std::size_t channels)        \
                           HWY_ATTR { run_lanes(op, pool, lanes, first, channels); }); \
  }
COSTATE_JOINS(float, f32)
COSTATE_JOINS(double, f64)
#undef COSTATE_JOINS

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(join_f32);
HWY_EXPORT(join_f64);

template <class T>
void pool(Op op, const Pool<T>& pool) {
  if (op == Op::kMaxPoolInput) return bring_to_places(pool);
  if (op == Op::kAvgPoolInput && are_apart(*pool.table)) return bring_to_windows(pool);
  if constexpr (std::is_same_v<T, float>)
    HWY_DYNAMIC_DISPATCH(join_f32)(op, pool);
  else
    HWY_DYNAMIC_DISPATCH(join_f64)(op, pool);
}

template void pool<float>(Op, const Pool<float>&);
template void pool<double>(Op, const Pool<double>&);

template <class T>
std::size_t pool_scratch(Op op, const PoolTable& table, std::size_t lanes) {
  const bool by_number = op == Op::kAvgPoolInput;
  const std::size_t rings = op == Op::kMaxPoolInput ? 3 : op == Op::kMaxPool ? 2 : 1;
  const PoolTable::Ranges& columns = by_number ? table.columns.numbers : table.columns.windows;
  const std::size_t width = lanes == 1 ? 1 : simd_lanes<T>(), row_size = columns.size() * width;
  const std::size_t of_rings =
      rings * ring_rows(by_number ? table.rows.numbers : table.rows.windows, row_size * sizeof(T)) * row_size;
  const bool has_sums = op == Op::kMaxPoolInput && has_sums_of_threes(table, width * sizeof(T));
  return std::max(of_rings, has_sums ? sums_of_threes(table) * width : 0);
}
template std::size_t pool_scratch<float>(Op, const PoolTable&, std::size_t);
template std::size_t pool_scratch<double>(Op, const PoolTable&, std::size_t);

}  // namespace costate::internal
#endif
