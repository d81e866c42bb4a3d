// Dormand and Prince, "A family of embedded Runge-Kutta formulae", J. Comput. Appl. Math. 6 (1980) 19-26. Dense output
// of order 4 without further stages: Shampine, "Some practical Runge-Kutta formulas", Math. Comp. 46 (1986) 135-150, in
// powers of theta.
#pragma once

#include "costate/solve/methods/internal/low_order.h"

namespace costate::internal::coefficients {

// clang-format off
struct Dopri5 {
  static constexpr Number c[] = {
      0, 1.0L / 5, 3.0L / 10, 4.0L / 5, 8.0L / 9, 1, 1,
  };
  static constexpr Number a[] = {
      1.0L / 5,
      3.0L / 40, 9.0L / 40,
      44.0L / 45, -56.0L / 15, 32.0L / 9,
      19372.0L / 6561, -25360.0L / 2187, 64448.0L / 6561, -212.0L / 729,
      9017.0L / 3168, -355.0L / 33, 46732.0L / 5247, 49.0L / 176, -5103.0L / 18656,
      35.0L / 384, 0, 500.0L / 1113, 125.0L / 192, -2187.0L / 6784, 11.0L / 84,
  };
  static constexpr Number b[] = {
      35.0L / 384, 0, 500.0L / 1113, 125.0L / 192, -2187.0L / 6784, 11.0L / 84, 0,
  };
  static constexpr Number bhat[] = {
      5179.0L / 57600, 0, 7571.0L / 16695, 393.0L / 640, -92097.0L / 339200, 187.0L / 2100, 1.0L / 40,
  };
  static constexpr Number dense[] = {
      1, -8048581381.0L / 2820520608, 8663915743.0L / 2820520608, -12715105075.0L / 11282082432,
      0, 0, 0, 0,
      0, 131558114200.0L / 32700410799, -68118460800.0L / 10900136933, 87487479700.0L / 32700410799,
      0, -1754552775.0L / 470086768, 14199869525.0L / 1410260304, -10690763975.0L / 1880347072,
      0, 127303824393.0L / 49829197408, -318862633887.0L / 49829197408, 701980252875.0L / 199316789632,
      0, -282668133.0L / 205662961, 2019193451.0L / 616988883, -1453857185.0L / 822651844,
      0, 40617522.0L / 29380423, -110615467.0L / 29380423, 69997945.0L / 29380423,
  };
};
// clang-format on

}  // namespace costate::internal::coefficients
