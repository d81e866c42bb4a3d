// Brings published coefficients to the uniform form of tableau.h, at compile time: adds the closing stage f(t + h, y1)
// where the method lacks it, and cubic Hermite dense output where none is given.
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <type_traits>

#include "costate/solve/methods/internal/low_order.h"

namespace costate::internal {

using coefficients::Number;

template <class Published>
struct Complete {
  static constexpr std::size_t kGiven = std::size(Published::c);

  /// The last given stage already is f(t + h, y1): its row of `a` equals b.
  static constexpr bool has_closing_stage() {
    if constexpr (!requires { Published::a; }) {
      return false;
    } else {
      const std::size_t row = (kGiven - 1) * (kGiven - 2) / 2;
      if (Published::c[kGiven - 1] != 1 || Published::b[kGiven - 1] != 0) return false;
      for (std::size_t j = 0; j + 1 < kGiven; ++j) {
        if (Published::a[row + j] != Published::b[j]) return false;
      }
      return true;
    }
  }

  static constexpr std::size_t num_extra() {
    if constexpr (requires { Published::extra_c; }) return std::size(Published::extra_c);
    return 0;
  }

  static constexpr std::size_t kStages = kGiven + (has_closing_stage() ? 0 : 1);
  static constexpr std::size_t kAllStages = kStages + num_extra();
  static constexpr bool kHasDense = requires { Published::dense; };
  static constexpr bool kHasEmbedded = requires { Published::bhat; };
  static constexpr bool kHasSecond = requires { Published::bhat_low; };

  static constexpr std::size_t dense_degree() {
    if constexpr (kHasDense) return std::size(Published::dense) / kAllStages;
    return 3;
  }

  static constexpr auto make_c() {
    std::array<Number, kAllStages> c{};
    for (std::size_t i = 0; i < kGiven; ++i) c[i] = Published::c[i];
    c[kStages - 1] = 1;
    if constexpr (num_extra() > 0) {
      for (std::size_t i = 0; i < num_extra(); ++i) c[kStages + i] = Published::extra_c[i];
    }
    return c;
  }

  static constexpr auto make_a() {
    std::array<Number, kAllStages*(kAllStages - 1) / 2> a{};
    std::size_t next = 0;
    if constexpr (requires { Published::a; }) {
      for (Number entry : Published::a) a[next++] = entry;
    }
    if (!has_closing_stage()) {
      for (Number entry : Published::b) a[next++] = entry;
    }
    if constexpr (num_extra() > 0) {
      for (Number entry : Published::extra_a) a[next++] = entry;
    }
    return a;
  }

  static constexpr auto make_b() {
    std::array<Number, kStages> b{};
    for (std::size_t i = 0; i < kGiven; ++i) b[i] = Published::b[i];
    return b;
  }

  /// b - bhat; empty without an embedded companion.
  static constexpr auto make_e() {
    std::array<Number, kHasEmbedded ? kStages : 0> e{};
    if constexpr (kHasEmbedded) {
      for (std::size_t i = 0; i < kGiven; ++i) e[i] = Published::b[i] - Published::bhat[i];
    }
    return e;
  }

  /// The same of the second companion.
  static constexpr auto make_e_low() {
    std::array<Number, kHasSecond ? kStages : 0> e{};
    if constexpr (kHasSecond) {
      for (std::size_t i = 0; i < kGiven; ++i) e[i] = Published::b[i] - Published::bhat_low[i];
    }
    return e;
  }

  static constexpr int low_order() {
    if constexpr (kHasSecond) return Published::low_order;
    return 0;
  }

  static constexpr auto make_dense() {
    std::array<Number, kAllStages * dense_degree()> dense{};
    if constexpr (kHasDense) {
      for (std::size_t i = 0; i < dense.size(); ++i) dense[i] = Published::dense[i];
    } else {
      // y0 + theta^2 (3 - 2 theta) (y1 - y0) + theta (1 - theta)^2 h k_0 + theta^2 (theta - 1) h k_last
      for (std::size_t i = 0; i < kGiven; ++i) {
        dense[i * 3 + 1] = 3 * Published::b[i];
        dense[i * 3 + 2] = -2 * Published::b[i];
      }
      dense[0] = 1;
      dense[1] -= 2;
      dense[2] += 1;
      dense[(kStages - 1) * 3 + 1] -= 1;
      dense[(kStages - 1) * 3 + 2] += 1;
    }
    return dense;
  }

  static constexpr auto c = make_c();
  static constexpr auto a = make_a();
  static constexpr auto b = make_b();
  static constexpr auto e = make_e();
  static constexpr auto e_low = make_e_low();
  static constexpr auto dense = make_dense();
};

template <std::size_t kSize>
constexpr std::array<double, kSize> rounded(const std::array<Number, kSize>& exact) {
  std::array<double, kSize> out{};
  for (std::size_t i = 0; i < kSize; ++i) out[i] = static_cast<double>(exact[i]);
  return out;
}

/// The same in double, which is what a solve uses.
template <class Published>
struct Rounded {
  using Exact = Complete<Published>;
  static constexpr auto c = rounded(Exact::c);
  static constexpr auto a = rounded(Exact::a);
  static constexpr auto b = rounded(Exact::b);
  static constexpr auto e = rounded(Exact::e);
  static constexpr auto e_low = rounded(Exact::e_low);
  static constexpr auto dense = rounded(Exact::dense);
};

}  // namespace costate::internal
