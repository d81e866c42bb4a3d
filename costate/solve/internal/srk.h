// Coefficients of Roessler's strong order 3/2 methods (SIAM J. Numer. Anal. 48, 2010), with I1 = dW, I11 = (dW^2 - h) /
// 2, I111 = (dW^3 - 3 h dW) / 6 and I10 the integral of W - W(t) over the step.
//
// SRI, of one channel of noise (SRIW1):
//
//     H_i = z + sum_j a0_ij f(t + c0_j h, H_j) h + sum_j b0_ij g(t + c1_j h, K_j) I10 / h
//     K_i = z + sum_j a1_ij f(t + c0_j h, H_j) h + sum_j b1_ij g(t + c1_j h, K_j) sqrt(h)
//     z1 = z + sum_i alpha_i f(t + c0_i h, H_i) h
//            + sum_i (beta1_i I1 + beta2_i I11 / sqrt(h) + beta3_i I10 / h + beta4_i I111 / h) g(t + c1_i h, K_i)
//
// SRA, where g does not read z (SRA1):
//
//     H_i = z + sum_j a_ij f(t + c0_j h, H_j) h + sum_j b_ij g(t + c1_j h) I10 / h
//     z1 = z + sum_i alpha_i f(t + c0_i h, H_i) h + sum_i (beta1_i I1 + beta2_i I10 / h) g(t + c1_i h)
#pragma once

namespace costate::internal {

struct Sriw1 {
  static constexpr double c0[4] = {0, 0.75, 0, 0};
  static constexpr double c1[4] = {0, 0.25, 1, 0.25};
  static constexpr double a0[4][4] = {{}, {0.75}, {}, {}};
  static constexpr double b0[4][4] = {{}, {1.5}, {}, {}};
  static constexpr double a1[4][4] = {{}, {0.25}, {1}, {0, 0, 0.25}};
  static constexpr double b1[4][4] = {{}, {0.5}, {-1}, {-5, 3, 0.5}};
  static constexpr double alpha[4] = {1.0 / 3, 2.0 / 3, 0, 0};
  static constexpr double beta1[4] = {-1, 4.0 / 3, 2.0 / 3, 0};
  static constexpr double beta2[4] = {-1, 4.0 / 3, -1.0 / 3, 0};
  static constexpr double beta3[4] = {2, -4.0 / 3, -2.0 / 3, 0};
  static constexpr double beta4[4] = {-2, 5.0 / 3, -2.0 / 3, 1};
};

struct Sra1 {
  static constexpr double c0[2] = {0, 0.75};
  static constexpr double c1[2] = {1, 0};
  static constexpr double a[2][2] = {{}, {0.75}};
  static constexpr double b[2][2] = {{}, {1.5}};
  static constexpr double alpha[2] = {1.0 / 3, 2.0 / 3};
  static constexpr double beta1[2] = {1, 0};
  static constexpr double beta2[2] = {-1, 1};
};

}  // namespace costate::internal
