// Coefficients of the methods of order 1 to 4, as published. What `complete.h` can add is left out: the closing stage
// and cubic Hermite dense output.
#pragma once

namespace costate::internal::coefficients {

/// Wide enough that each coefficient rounds to the nearest double and that the order conditions can be checked below
/// its eps.
using Number = long double;

struct Euler {
  static constexpr Number c[] = {0};
  static constexpr Number b[] = {1};
};

struct Midpoint {
  static constexpr Number c[] = {0, 1.0L / 2};
  static constexpr Number a[] = {1.0L / 2};
  static constexpr Number b[] = {0, 1};
};

struct Heun2 {
  static constexpr Number c[] = {0, 1};
  static constexpr Number a[] = {1};
  static constexpr Number b[] = {1.0L / 2, 1.0L / 2};
};

struct Ralston {
  static constexpr Number c[] = {0, 2.0L / 3};
  static constexpr Number a[] = {2.0L / 3};
  static constexpr Number b[] = {1.0L / 4, 3.0L / 4};
};

struct Heun3 {
  static constexpr Number c[] = {0, 1.0L / 3, 2.0L / 3};
  static constexpr Number a[] = {1.0L / 3,  //
                                 0, 2.0L / 3};
  static constexpr Number b[] = {1.0L / 4, 0, 3.0L / 4};
};

struct Rk4 {
  static constexpr Number c[] = {0, 1.0L / 3, 2.0L / 3, 1};
  static constexpr Number a[] = {1.0L / 3,      //
                                 -1.0L / 3, 1,  //
                                 1,         -1, 1};
  static constexpr Number b[] = {1.0L / 8, 3.0L / 8, 3.0L / 8, 1.0L / 8};
};

struct Rk4Classic {
  static constexpr Number c[] = {0, 1.0L / 2, 1.0L / 2, 1};
  static constexpr Number a[] = {1.0L / 2,            //
                                 0,        1.0L / 2,  //
                                 0,        0,        1};
  static constexpr Number b[] = {1.0L / 6, 1.0L / 3, 1.0L / 3, 1.0L / 6};
};

struct AdaptiveHeun : Heun2 {
  static constexpr Number bhat[] = {1, 0};
};

struct Fehlberg2 {
  static constexpr Number c[] = {0, 1.0L / 2, 1};
  static constexpr Number a[] = {1.0L / 2,  //
                                 1.0L / 256, 255.0L / 256};
  static constexpr Number b[] = {1.0L / 512, 255.0L / 256, 1.0L / 512};
  static constexpr Number bhat[] = {1.0L / 256, 255.0L / 256, 0};
};

struct Bosh3 {
  static constexpr Number c[] = {0, 1.0L / 2, 3.0L / 4, 1};
  static constexpr Number a[] = {1.0L / 2,            //
                                 0,        3.0L / 4,  //
                                 2.0L / 9, 1.0L / 3, 4.0L / 9};
  static constexpr Number b[] = {2.0L / 9, 1.0L / 3, 4.0L / 9, 0};
  static constexpr Number bhat[] = {7.0L / 24, 1.0L / 4, 1.0L / 3, 1.0L / 8};
};

}  // namespace costate::internal::coefficients
