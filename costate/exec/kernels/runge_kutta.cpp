// The vector arithmetic of a Runge-Kutta step: one pass over the state each. Bound by loads: count + 1 reads for one
// write.
#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/runge_kutta.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/dense-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// Σ_j c_j k_j at one place: c_0 k_0, then fused multiply-adds, j ascending.
template <class D, class Load, class T>
HWY_INLINE VecOf<D> combine(D d, Load load, const T* const* k, const T* c, std::size_t count, std::size_t offset) {
  if (count == 0) return hn::Zero(d);
  VecOf<D> sum = hn::Mul(hn::Set(d, c[0]), load(k[0] + offset));
  for (std::size_t j = 1; j < count; ++j) sum = hn::MulAdd(hn::Set(d, c[j]), load(k[j] + offset), sum);
  return sum;
}

/// Visits [rows, lanes] with each place's number of a per-lane array; one lane is one long row with one such number.
template <class T, class Body>
HWY_INLINE void for_rows(std::size_t rows, std::size_t lanes, Body body) {
  const hn::ScalableTag<T> d;
  if (lanes == 1) {
    for_vectors(d, rows, [&](std::size_t, auto load, auto store) HWY_ATTR {
      body(std::size_t{0}, load, store, [&](const T* x) HWY_ATTR { return hn::Set(d, *x); });
    });
    return;
  }
  for (std::size_t row = 0; row < rows; ++row)
    for_vectors(d, lanes, [&](std::size_t, auto load, auto store) HWY_ATTR { body(row * lanes, load, store, load); });
}

/// kVectors vectors of out = y + h Σ_j c_j k_j side by side: each sum is a chain whose links wait for each other.
template <std::size_t kVectors, class T, class Step>
HWY_INLINE void combine_block(const T* y, Step step, const T* const* k, const T* c, std::size_t count, T* out,
                              std::size_t offset) {
  const hn::ScalableTag<T> d;
  const std::size_t width = hn::Lanes(d);
  VecOf<decltype(d)> sum[kVectors];
  const auto first = hn::Set(d, c[0]);
  for (std::size_t v = 0; v < kVectors; ++v) sum[v] = hn::Mul(first, hn::LoadU(d, k[0] + offset + v * width));
  for (std::size_t j = 1; j < count; ++j) {
    const T* slope = k[j] + offset;
    const auto weight = hn::Set(d, c[j]);
    for (std::size_t v = 0; v < kVectors; ++v) sum[v] = hn::MulAdd(weight, hn::LoadU(d, slope + v * width), sum[v]);
  }
  for (std::size_t v = 0; v < kVectors; ++v) {
    const std::size_t at = offset + v * width;
    hn::StoreU(hn::MulAdd(step(v), sum[v], hn::LoadU(d, y + at)), d, out + at);
  }
}

template <class T>
void run_combine(const T* y, const T* h, const T* const* k, const T* c, std::size_t count, T* out, std::size_t rows,
                 std::size_t lanes) {
  const hn::ScalableTag<T> d;
  constexpr std::size_t kVectors = 4;
  const std::size_t width = hn::Lanes(d), block = kVectors * width;
  const std::size_t columns = lanes == 1 ? rows : lanes;  // one lane is one long row
  std::size_t column = 0;
  for (; count > 0 && column + block <= columns; column += block)
    for (std::size_t offset = column; offset < rows * lanes; offset += columns)
      combine_block<kVectors>(
          y, [&](std::size_t v) HWY_ATTR { return lanes == 1 ? hn::Set(d, *h) : hn::LoadU(d, h + column + v * width); },
          k, c, count, out, offset);
  for (std::size_t start = 0; start < rows * lanes; start += columns)
    for_vectors(d, columns - column, [&](std::size_t, auto load, auto store) HWY_ATTR {
      const std::size_t offset = start + column;
      const auto step = lanes == 1 ? hn::Set(d, *h) : load(h + column);
      store(hn::MulAdd(step, combine(d, load, k, c, count, offset), load(y + offset)), out + offset);
    });
}

/// norm = finish(…) of sums that add(sum, r) makes of the terms r(offset, load, lane); rows ascending, whatever the
/// layout.
template <class T, class Term, class Add, class Finish>
HWY_INLINE void reduce_rows(T* norm, std::size_t rows, std::size_t lanes, Term term, Add add, Finish finish) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  if (lanes == 1) {  // terms in vectors, their sum one by one: the same order as with lanes
    HWY_ALIGN T buffer[hn::MaxLanes(d)];
    auto sum = hn::Zero(one);
    for_vectors(d, rows, [&](std::size_t at, auto load, auto) HWY_ATTR {
      hn::Store(term(std::size_t{0}, load, [&](const T* x) HWY_ATTR { return hn::Set(d, *x); }), d, buffer);
      const std::size_t count = rows - at < hn::Lanes(d) ? rows - at : hn::Lanes(d);
      for (std::size_t i = 0; i < count; ++i) sum = add(sum, hn::Set(one, buffer[i]));
    });
    *norm = hn::GetLane(finish(one, sum));
    return;
  }
  for_vectors(d, lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
    auto sum = hn::Zero(d);
    for (std::size_t row = 0; row < rows; ++row) sum = add(sum, term(row * lanes, load, load));
    store(finish(d, sum), norm);
  });
}

/// norm = sqrt(Σ r² / count).
template <class T, class Term>
HWY_INLINE void rms(T* norm, std::size_t rows, std::size_t lanes, T count, Term term) {
  reduce_rows(
      norm, rows, lanes, term, [](auto sum, auto r) HWY_ATTR { return hn::MulAdd(r, r, sum); },
      [count](auto d, auto sum) HWY_ATTR { return hn::Sqrt(hn::Div(sum, hn::Set(d, count))); });
}

template <class T>
void run_error_norm(const T* y0, const T* y1, const T* h, const T* const* k, const T* c, std::size_t count, T rtol,
                    T atol, T* norm, std::size_t rows, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  rms(norm, rows, lanes, static_cast<T>(rows), [&](std::size_t offset, auto load, auto lane) HWY_ATTR {
    const auto start = load(y0 + offset);
    const auto end = load(y1 + offset);
    const auto scale = hn::MulAdd(hn::Set(d, rtol), hn::Max(hn::Abs(start), hn::Abs(end)), hn::Set(d, atol));
    const auto r = hn::Div(hn::Mul(lane(h), combine(d, load, k, c, count, offset)), scale);
    return hn::IfThenElse(hn::IsFinite(end), r, hn::NaN(d));
  });
}

template <class T>
void run_scaled_norm(const T* x, const T* y, T rtol, T atol, T* norm, std::size_t rows, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  rms(norm, rows, lanes, static_cast<T>(rows), [&](std::size_t offset, auto load, auto) HWY_ATTR {
    return hn::Div(load(x + offset), hn::MulAdd(hn::Set(d, rtol), hn::Abs(load(y + offset)), hn::Set(d, atol)));
  });
}

template <class T>
void run_row_norm(const RowNorm<T>& n) {
  const hn::ScalableTag<T> d;
  const auto term = [&](std::size_t offset, auto load, auto) HWY_ATTR {
    const auto tolerance = [&](const T* x)
                               HWY_ATTR { return n.lanes == 1 ? load(x) : hn::Set(d, x[offset / n.lanes]); };
    const auto end = load(n.y1 + offset);
    const auto size = hn::Max(hn::Abs(load(n.y0 + offset)), hn::Abs(end));
    const auto r = hn::Div(load(n.x + offset), hn::MulAdd(tolerance(n.rtol), size, tolerance(n.atol)));
    return hn::IfThenElse(hn::IsFinite(end), r, hn::NaN(d));
  };
  if (!n.is_largest) return rms(n.norm, n.rows, n.lanes, n.count, term);
  reduce_rows(
      n.norm, n.rows, n.lanes, term,
      [](auto sum, auto r) HWY_ATTR {  // NaN stays
        return hn::IfThenElse(hn::Or(hn::IsNaN(r), hn::Gt(hn::Abs(r), sum)), hn::Abs(r), sum);
      },
      [](auto, auto sum) HWY_ATTR { return sum; });
}

template <class T>
void run_axpy(const T* alpha, const T* x, T* y, std::size_t rows, std::size_t lanes) {
  for_rows<T>(rows, lanes, [&](std::size_t offset, auto load, auto store, auto lane) HWY_ATTR {
    store(hn::MulAdd(lane(alpha), load(x + offset), load(y + offset)), y + offset);
  });
}

/// Σ_p (p + 1) c_p x^p, by Horner's rule.
template <class D>
HWY_INLINE VecOf<D> derivative_of_powers(D d, const double* c, std::size_t degree, VecOf<D> x) {
  const auto factor = [&](std::size_t p) HWY_ATTR { return hn::Set(d, static_cast<double>(p + 1) * c[p]); };
  VecOf<D> sum = factor(degree - 1);
  for (std::size_t p = degree - 1; p-- > 0;) sum = hn::MulAdd(sum, x, factor(p));
  return sum;
}

template <class T>
void run_polynomials(Polynomial which, std::span<const double> coefficients, std::size_t degree, const double* theta,
                     T* weights, std::size_t stride, std::size_t lanes) {
  const hn::ScalableTag<double> d;
  for (std::size_t j = 0; j * degree < coefficients.size(); ++j) {
    const double* c = coefficients.data() + j * degree;
    for_vectors(d, lanes, [&](std::size_t at, auto load, auto) HWY_ATTR {
      const auto x = load(theta);
      const auto sum = which == Polynomial::kValue ? powers(d, c, degree, x) : derivative_of_powers(d, c, degree, x);
      // Rows are padded to whole vectors.
      hn::StoreU(demoted<T>(d, sum), hn::Rebind<T, decltype(d)>(), weights + j * stride + at);
    });
  }
}

/// The outputs of lanes [at, at + count), of which a vector of f64 may hold more.
template <std::size_t kDegree, bool kWhole, class T>
HWY_INLINE void dense_lanes(const DenseOutput<T>& dense, std::size_t at, std::size_t count) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<T, decltype(d)> narrow;
  const auto load = [=](auto tag, const auto* x)
                        HWY_ATTR { return kWhole ? hn::LoadU(tag, x + at) : load_first(tag, x + at, count); };
  const auto theta = hn::Div(hn::Sub(load(d, dense.time), load(d, dense.start)), load(d, dense.size));
  VecOf<decltype(narrow)> weights[kMaxDenseSlopes];
  dense_weights<kDegree>(d, dense, theta, weights);
  const auto h = load(narrow, dense.h);
  for (std::size_t row = 0; row < dense.rows * dense.lanes; row += dense.lanes) {
    const auto value =
        dense_value(narrow, dense, weights, h, [&](const T* x) HWY_ATTR { return load(narrow, x + row); });
    if constexpr (kWhole)
      hn::StoreU(value, narrow, dense.out + row + at);
    else
      store_first(value, narrow, dense.out + row + at, count);
  }
}

template <std::size_t kDegree, class T>
void dense_vectors(const DenseOutput<T>& dense) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<double>());
  std::size_t at = 0;
  for (; at + width <= dense.lanes; at += width) dense_lanes<kDegree, true>(dense, at, width);
  if (at < dense.lanes) dense_lanes<kDegree, false>(dense, at, dense.lanes - at);
}

/// The output of the one lane: its state is a long row.
template <class T>
void dense_row(const DenseOutput<T>& dense) {
  const hn::CappedTag<double, 1> one;
  const auto theta = hn::Set(one, (*dense.time - *dense.start) / *dense.size);
  T weights[kMaxDenseSlopes];
  for (std::size_t j = 0; j < dense.count; ++j)
    weights[j] = static_cast<T>(hn::GetLane(powers(one, dense.coefficients + j * dense.degree, dense.degree, theta)));
  const hn::ScalableTag<T> d;
  for_vectors(d, dense.rows, [&](std::size_t, auto load, auto store) HWY_ATTR {
    store(hn::MulAdd(hn::Set(d, *dense.h), combine(d, load, dense.k, weights, dense.count, 0), load(dense.y)),
          dense.out);
  });
}

template <class T>
void run_dense(const DenseOutput<T>& dense) {
  if (dense.lanes == 1) return dense_row(dense);
  switch (dense.degree) {
    case 3:
      return dense_vectors<3>(dense);
    case 4:
      return dense_vectors<4>(dense);
    default:
      return dense_vectors<0>(dense);
  }
}

template <class T>
void run_select(const T* mask, const T* x, const T* y, T* out, std::size_t rows, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  for_rows<T>(rows, lanes, [&](std::size_t offset, auto load, auto store, auto lane) HWY_ATTR {
    store(hn::IfThenElse(hn::Ne(lane(mask), hn::Zero(d)), load(x + offset), load(y + offset)), out + offset);
  });
}

template <class T>
void run_add(const T* mask, const T* x, T* y, std::size_t rows, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  for_rows<T>(rows, lanes, [&](std::size_t offset, auto load, auto store, auto lane) HWY_ATTR {
    const auto old = load(y + offset);
    store(hn::IfThenElse(hn::Ne(lane(mask), hn::Zero(d)), hn::Add(old, load(x + offset)), old), y + offset);
  });
}

template <class T>
void run_move(const T* mask, T* x, T* out, std::size_t rows, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  for_rows<T>(rows, lanes, [&](std::size_t offset, auto load, auto store, auto lane) HWY_ATTR {
    const auto moves = hn::Ne(lane(mask), hn::Zero(d));
    const auto moved = load(x + offset);
    store(hn::IfThenElse(moves, moved, load(out + offset)), out + offset);
    store(hn::IfThenZeroElse(moves, moved), x + offset);
  });
}

}  // namespace

#define COSTATE_RUNGE_KUTTA(T, suffix)                                                                              \
  void combine_##suffix(const T* y, const T* h, const T* const* k, const T* c, std::size_t count, T* out,           \
                        std::size_t rows, std::size_t lanes) {                                                      \
    run_combine(y, h, k, c, count, out, rows, lanes);                                                               \
  }                                                                                                                 \
  void error_norm_##suffix(const T* y0, const T* y1, const T* h, const T* const* k, const T* c, std::size_t count,  \
                           T rtol, T atol, T* norm, std::size_t rows, std::size_t lanes) {                          \
    run_error_norm(y0, y1, h, k, c, count, rtol, atol, norm, rows, lanes);                                          \
  }                                                                                                                 \
  void scaled_norm_##suffix(const T* x, const T* y, T rtol, T atol, T* norm, std::size_t rows, std::size_t lanes) { \
    run_scaled_norm(x, y, rtol, atol, norm, rows, lanes);                                                           \
  }                                                                                                                 \
  void row_norm_##suffix(const RowNorm<T>& norm) { run_row_norm(norm); }                                            \
  void axpy_##suffix(const T* alpha, const T* x, T* y, std::size_t rows, std::size_t lanes) {                       \
    run_axpy(alpha, x, y, rows, lanes);                                                                             \
  }                                                                                                                 \
  void polynomials_##suffix(Polynomial which, std::span<const double> coefficients, std::size_t degree,             \
                            const double* theta, T* weights, std::size_t stride, std::size_t lanes) {               \
    run_polynomials(which, coefficients, degree, theta, weights, stride, lanes);                                    \
  }                                                                                                                 \
  void dense_##suffix(const DenseOutput<T>& dense) { run_dense(dense); }                                            \
  void select_##suffix(const T* mask, const T* x, const T* y, T* out, std::size_t rows, std::size_t lanes) {        \
    run_select(mask, x, y, out, rows, lanes);                                                                       \
  }                                                                                                                 \
  void add_lanes_##suffix(const T* mask, const T* x, T* y, std::size_t rows, std::size_t lanes) {                   \
    run_add(mask, x, y, rows, lanes);                                                                               \
  }                                                                                                                 \
  void move_lanes_##suffix(const T* mask, T* x, T* out, std::size_t rows, std::size_t lanes) {                      \
    run_move(mask, x, out, rows, lanes);                                                                            \
  }
COSTATE_RUNGE_KUTTA(float, f32)
COSTATE_RUNGE_KUTTA(double, f64)
#undef COSTATE_RUNGE_KUTTA

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

#define COSTATE_RUNGE_KUTTA(T, suffix)                                                                               \
  HWY_EXPORT(combine_##suffix);                                                                                      \
  HWY_EXPORT(error_norm_##suffix);                                                                                   \
  HWY_EXPORT(scaled_norm_##suffix);                                                                                  \
  HWY_EXPORT(row_norm_##suffix);                                                                                     \
  HWY_EXPORT(axpy_##suffix);                                                                                         \
  HWY_EXPORT(select_##suffix);                                                                                       \
  HWY_EXPORT(add_lanes_##suffix);                                                                                    \
  HWY_EXPORT(move_lanes_##suffix);                                                                                   \
  HWY_EXPORT(polynomials_##suffix);                                                                                  \
  HWY_EXPORT(dense_##suffix);                                                                                        \
  template <>                                                                                                        \
  void polynomial_weights<T>(Polynomial which, std::span<const double> coefficients, std::size_t degree,             \
                             const double* theta, T* weights, std::size_t stride, std::size_t lanes) {               \
    HWY_DYNAMIC_DISPATCH(polynomials_##suffix)(which, coefficients, degree, theta, weights, stride, lanes);          \
  }                                                                                                                  \
  template <>                                                                                                        \
  void dense_combine<T>(const DenseOutput<T>& dense) {                                                               \
    HWY_DYNAMIC_DISPATCH(dense_##suffix)(dense);                                                                     \
  }                                                                                                                  \
  template <>                                                                                                        \
  void stage_combine<T>(const T* y, const T* h, const T* const* k, const T* coefficients, std::size_t count, T* out, \
                        std::size_t rows, std::size_t lanes) {                                                       \
    HWY_DYNAMIC_DISPATCH(combine_##suffix)(y, h, k, coefficients, count, out, rows, lanes);                          \
  }                                                                                                                  \
  template <>                                                                                                        \
  void scaled_error_norm<T>(const T* y0, const T* y1, const T* h, const T* const* k, const T* coefficients,          \
                            std::size_t count, T rtol, T atol, T* norm, std::size_t rows, std::size_t lanes) {       \
    HWY_DYNAMIC_DISPATCH(error_norm_##suffix)(y0, y1, h, k, coefficients, count, rtol, atol, norm, rows, lanes);     \
  }                                                                                                                  \
  template <>                                                                                                        \
  void scaled_norm<T>(const T* x, const T* y, T rtol, T atol, T* norm, std::size_t rows, std::size_t lanes) {        \
    HWY_DYNAMIC_DISPATCH(scaled_norm_##suffix)(x, y, rtol, atol, norm, rows, lanes);                                 \
  }                                                                                                                  \
  template <>                                                                                                        \
  void row_norm<T>(const RowNorm<T>& norm) {                                                                         \
    HWY_DYNAMIC_DISPATCH(row_norm_##suffix)(norm);                                                                   \
  }                                                                                                                  \
  template <>                                                                                                        \
  void axpy_lanes<T>(const T* alpha, const T* x, T* y, std::size_t rows, std::size_t lanes) {                        \
    HWY_DYNAMIC_DISPATCH(axpy_##suffix)(alpha, x, y, rows, lanes);                                                   \
  }                                                                                                                  \
  template <>                                                                                                        \
  void select_lanes<T>(const T* mask, const T* x, const T* y, T* out, std::size_t rows, std::size_t lanes) {         \
    HWY_DYNAMIC_DISPATCH(select_##suffix)(mask, x, y, out, rows, lanes);                                             \
  }                                                                                                                  \
  template <>                                                                                                        \
  void add_lanes<T>(const T* mask, const T* x, T* y, std::size_t rows, std::size_t lanes) {                          \
    HWY_DYNAMIC_DISPATCH(add_lanes_##suffix)(mask, x, y, rows, lanes);                                               \
  }                                                                                                                  \
  template <>                                                                                                        \
  void move_lanes<T>(const T* mask, T* x, T* out, std::size_t rows, std::size_t lanes) {                             \
    HWY_DYNAMIC_DISPATCH(move_lanes_##suffix)(mask, x, out, rows, lanes);                                            \
  }
COSTATE_RUNGE_KUTTA(float, f32)
COSTATE_RUNGE_KUTTA(double, f64)
#undef COSTATE_RUNGE_KUTTA

}  // namespace costate::internal
#endif
