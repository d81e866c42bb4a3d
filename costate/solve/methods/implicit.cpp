#include "costate/solve/methods/implicit.h"

#include <cmath>

#include "costate/base/error.h"

namespace costate {
namespace {

using Rows = std::vector<std::vector<double>>;

/// Coefficients as published.
const Rosenbrock& rodas5p() {
  constexpr double kGamma = 0.21193756319429014;
  static const Rosenbrock method{
      .gamma = kGamma,
      .a = {{},
            {3.0},
            {2.849394379747939, 0.45842242204463923},
            {-6.954028509809101, 2.489845061869568, -10.358996098473584},
            {2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641},
            {-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946},
            {-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946, 1},
            {-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946, 1,
             1}},
      .c_matrix = {{},
                   {-14.155112264123755},
                   {-17.97296035885952, -2.859693295451294},
                   {147.12150275711716, -1.41221402718213, 71.68940251302358},
                   {165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306},
                   {24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471},
                   {30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623,
                    -28.087943162872662},
                   {37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002,
                    -54.66780262877968, -9.48861652309627}},
      .c = {0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1, 1, 1},
      .d = {kGamma, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069, 0, 0, 0},
      .m = {-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946, 1,
            1, 1},
      .e = {0, 0, 0, 0, 0, 0, 0, 1},
      .dense = {{25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204, 0.524948541321073,
                 1.1241088310450404, 0.4272876194431874, -0.17202221070155493},
                {-9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796, 20.176138334709044,
                 15.98066361424651, -6.789040303419874, -6.710236069923372},
                {11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643, -52.072871366152654,
                 -59.78993625266729, -0.15582684282751913, 4.883087185713722}}};
  return method;
}

std::vector<double> difference(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> e;
  for (std::size_t i = 0; i < x.size(); ++i) e.push_back(x[i] - y[i]);
  return e;
}

/// An ESDIRK method whose last two rows of `a` are those of the method and of its companion.
DiagonallyImplicit kvaerno(double gamma, Rows a, std::vector<double> c) {
  std::vector<double> b = a.back(), companion = a[a.size() - 2];
  companion.push_back(0);
  std::vector<double> e = difference(b, companion);
  return {.gamma = gamma, .a = std::move(a), .c = std::move(c), .b = std::move(b), .e = std::move(e)};
}

const DiagonallyImplicit& kvaerno3() {
  // The root of g^3 - 3 g^2 + 3 g / 2 - 1 / 6 that makes the method L-stable.
  constexpr double g = 0.43586652150845899942;
  static const DiagonallyImplicit method =
      kvaerno(g,
              {{0},
               {g, g},
               {(-4 * g * g + 6 * g - 1) / (4 * g), (-2 * g + 1) / (4 * g), g},
               {(6 * g - 1) / (12 * g), -1 / ((24 * g - 12) * g), (-6 * g * g + 6 * g - 1) / (6 * g - 3), g}},
              {0, 2 * g, 1, 1});
  return method;
}

const DiagonallyImplicit& kvaerno5() {
  constexpr double g = 0.26;
  static const DiagonallyImplicit method =
      kvaerno(g,
              {{0},
               {g, g},
               {0.13, 0.84033320996790809, g},
               {0.22371961478320505, 0.47675532319799699, -0.06470895363112615, g},
               {0.16648564323248321, 0.10450018841591720, 0.03631482272098715, -0.13090704451073998, g},
               {0.13855640231268224, 0, -0.04245337201752043, 0.02446657898003141, 0.61943039072480676, g},
               {0.13659751177640291, 0, -0.05496908796538376, -0.04118626728321046, 0.62993304899016403,
                0.06962479448202728, g}},
              {0, 0.52, 1.230333209967908, 0.8957659843500759, 0.43639360985864756, 1, 1});
  return method;
}

const DiagonallyImplicit& trbdf2() {
  const double node = 2 - std::sqrt(2.0), g = node / 2, w = std::sqrt(2.0) / 4;
  static const DiagonallyImplicit method{.gamma = g,
                                         .a = {{0}, {g, g}, {w, w, g}},
                                         .c = {0, node, 1},
                                         .b = {w, w, g},
                                         .e = difference({w, w, g}, {(1 - w) / 3, (3 * w + 1) / 3, g / 3}),
                                         .filters_error = true};
  return method;
}

const DiagonallyImplicit& kencarp4() {
  static const DiagonallyImplicit method = [] {
    const std::vector<double> b = {82889.0 / 524892, 0, 15625.0 / 83664, 69875.0 / 102672, -2260.0 / 8211, 0.25};
    DiagonallyImplicit ark{
        .gamma = 0.25,
        .a = {{0},
              {0.25, 0.25},
              {8611.0 / 62500, -1743.0 / 31250, 0.25},
              {5012029.0 / 34652500, -654441.0 / 2922500, 174375.0 / 388108, 0.25},
              {15267082809.0 / 155376265600, -71443401.0 / 120774400, 730878875.0 / 902184768, 2285395.0 / 8070912,
               0.25},
              b},
        .c = {0, 0.5, 83.0 / 250, 31.0 / 50, 17.0 / 20, 1},
        .b = b,
        .e = difference(b, {4586570599.0 / 29645900160, 0, 178811875.0 / 945068544, 814220225.0 / 1159782912,
                            -3700637.0 / 11593932, 61727.0 / 225920}),
        .explicit_a = {{},
                       {0.5},
                       {13861.0 / 62500, 6889.0 / 62500},
                       {-116923316275.0 / 2393684061468, -2731218467317.0 / 15368042101831,
                        9408046702089.0 / 11113171139209},
                       {-451086348788.0 / 2902428689909, -2682348792572.0 / 7519795681897,
                        12662868775082.0 / 11960479115383, 3355817975965.0 / 11060851509271},
                       {647845179188.0 / 3216320057751, 73281519250.0 / 8382639484533, 552539513391.0 / 3454668386233,
                        3354512671639.0 / 8306763924573, 4040.0 / 17871}},
        .dense_stages = {2, 3},
        .filters_error = true};
    return ark;
  }();
  return method;
}

const DiagonallyImplicit& implicit_euler() {
  static const DiagonallyImplicit method{.gamma = 1, .a = {{1}}, .c = {1}, .b = {1}, .e = {}};
  return method;
}

const DiagonallyImplicit& implicit_midpoint() {
  static const DiagonallyImplicit method{.gamma = 0.5, .a = {{0.5}}, .c = {0.5}, .b = {1}, .e = {}};
  return method;
}

const DiagonallyImplicit& trapezoid() {
  static const DiagonallyImplicit method{.gamma = 0.5, .a = {{0}, {0.5, 0.5}}, .c = {0, 1}, .b = {0.5, 0.5}, .e = {}};
  return method;
}

const DiagonallyImplicit& sdirk2() {
  const double g = 1 - 1 / std::sqrt(2.0);
  static const DiagonallyImplicit method{.gamma = g, .a = {{g}, {1 - g, g}}, .c = {g, 1}, .b = {1 - g, g}, .e = {}};
  return method;
}

using Number = long double;

/// Coefficients of powers 0, 1, … of the Lagrange polynomial of node i.
std::vector<Number> lagrange(const std::vector<Number>& nodes, std::size_t i) {
  std::vector<Number> polynomial = {1};
  for (std::size_t j = 0; j < nodes.size(); ++j) {
    if (j == i) continue;
    std::vector<Number> product(polynomial.size() + 1, 0);
    for (std::size_t p = 0; p < polynomial.size(); ++p) {
      product[p] -= polynomial[p] * nodes[j] / (nodes[i] - nodes[j]);
      product[p + 1] += polynomial[p] / (nodes[i] - nodes[j]);
    }
    polynomial = product;
  }
  return polynomial;
}

/// The inverse of a small matrix that needs no pivoting.
std::vector<std::vector<Number>> inverse_of(std::vector<std::vector<Number>> a) {
  const std::size_t n = a.size();
  std::vector<std::vector<Number>> inverse(n, std::vector<Number>(n, 0));
  for (std::size_t i = 0; i < n; ++i) inverse[i][i] = 1;
  for (std::size_t k = 0; k < n; ++k) {
    const Number pivot = a[k][k];
    for (std::size_t j = 0; j < n; ++j) {
      a[k][j] /= pivot;
      inverse[k][j] /= pivot;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const Number factor = a[i][k];
      for (std::size_t j = 0; i != k && j < n; ++j) {
        a[i][j] -= factor * a[k][j];
        inverse[i][j] -= factor * inverse[k][j];
      }
    }
  }
  return inverse;
}

Collocation collocation(const std::vector<Number>& nodes) {
  const std::size_t s = nodes.size();
  Collocation method{.a = {}, .inverse = {}, .c = {}, .b = {}, .dense = {}, .gamma = 0, .e = {}};
  std::vector<std::vector<Number>> a(s, std::vector<Number>(s, 0));
  for (std::size_t j = 0; j < s; ++j) {
    const std::vector<Number> polynomial = lagrange(nodes, j);
    Number weight = 0;
    std::vector<double>& dense = method.dense.emplace_back();
    for (std::size_t p = 0; p < s; ++p) {
      const Number integral = polynomial[p] / static_cast<Number>(p + 1);
      weight += integral;
      dense.push_back(static_cast<double>(integral));
      for (std::size_t i = 0; i < s; ++i) a[i][j] += integral * std::pow(nodes[i], static_cast<Number>(p + 1));
    }
    method.b.push_back(static_cast<double>(weight));
    method.c.push_back(static_cast<double>(nodes[j]));
  }
  const std::vector<std::vector<Number>> inverse = inverse_of(a);
  for (std::size_t i = 0; i < s; ++i) {
    method.a.emplace_back(a[i].begin(), a[i].end());
    method.inverse.emplace_back(inverse[i].begin(), inverse[i].end());
  }
  return method;
}

std::vector<Number> radau_nodes() {
  const Number root = std::sqrt(6.0L);
  return {(4 - root) / 10, (4 + root) / 10, 1};
}

const Collocation& radau5() {
  static const Collocation method = [] {
    Collocation radau = collocation(radau_nodes());
    // 1 / gamma is the real eigenvalue of the inverse of a.
    radau.gamma = 1 / (3 + std::cbrt(3.0) * (std::cbrt(3.0) - 1));
    const double root = std::sqrt(6.0);
    radau.e = {-(13 + 7 * root) / 3, -(13 - 7 * root) / 3, -1.0 / 3};
    return radau;
  }();
  return method;
}

const Collocation& gl4() {
  const Number distance = std::sqrt(3.0L) / 6;
  static const Collocation method = collocation({0.5L - distance, 0.5L + distance});
  return method;
}

const Collocation& gl6() {
  const Number distance = std::sqrt(15.0L) / 10;
  static const Collocation method = collocation({0.5L - distance, 0.5L, 0.5L + distance});
  return method;
}

const Collocation& radauIIA3() {
  static const Collocation method = collocation({1.0L / 3, 1.0L});
  return method;
}

const Collocation& radauIIA5() {
  static const Collocation method = collocation(radau_nodes());
  return method;
}

/// The estimate of a step of size 1 of y' = t^power / power!.
double quadrature_error(const Rosenbrock& method, int power) {
  std::vector<double> u;
  double error = 0;
  for (std::size_t i = 0; i < method.c.size(); ++i) {
    double sum = std::pow(method.c[i], power) / std::tgamma(power + 1.0) + (power == 1 ? method.d[i] : 0.0);
    for (std::size_t j = 0; j < i; ++j) sum += method.c_matrix[i][j] * u[j];
    u.push_back(method.gamma * sum);
    error += method.e[i] * u[i];
  }
  return error;
}

double quadrature_error(const DiagonallyImplicit& method, int power) {
  double error = 0;
  for (std::size_t i = 0; i < method.e.size(); ++i) error += method.e[i] * std::pow(method.c[i], power);
  return error / std::tgamma(power + 1.0);
}

double quadrature_error(const Collocation& method, int power) {
  double error = 0;
  for (std::size_t i = 0; i < method.e.size(); ++i)
    for (std::size_t j = 0; j < method.c.size(); ++j)
      error += method.gamma * method.e[i] * method.a[i][j] * std::pow(method.c[j], power);
  return error / std::tgamma(power + 1.0);
}

}  // namespace

ImplicitMethod implicit_method(Method method) {
  switch (method) {
    case Method::kRodas5p:
    case Method::kAuto:
      return {.rosenbrock = &rodas5p()};
    case Method::kKvaerno3:
      return {.diagonal = &kvaerno3()};
    case Method::kKvaerno5:
      return {.diagonal = &kvaerno5()};
    case Method::kTrbdf2:
      return {.diagonal = &trbdf2()};
    case Method::kKencarp4:
      return {.diagonal = &kencarp4()};
    case Method::kImplicitEuler:
      return {.diagonal = &implicit_euler()};
    case Method::kImplicitMidpoint:
      return {.diagonal = &implicit_midpoint()};
    case Method::kTrapezoid:
      return {.diagonal = &trapezoid()};
    case Method::kSdirk2:
      return {.diagonal = &sdirk2()};
    case Method::kRadau5:
      return {.collocation = &radau5()};
    case Method::kRadauIIA3:
      return {.collocation = &radauIIA3()};
    case Method::kRadauIIA5:
      return {.collocation = &radauIIA5()};
    case Method::kGl4:
      return {.collocation = &gl4()};
    case Method::kGl6:
      return {.collocation = &gl6()};
    default:
      COSTATE_CHECK(false, "an explicit method has no implicit coefficients");
  }
  return {};
}

double implicit_error_constant(Method method, int power) {
  const ImplicitMethod data = implicit_method(method);
  if (data.rosenbrock != nullptr) return std::abs(quadrature_error(*data.rosenbrock, power - 1));
  if (data.diagonal != nullptr) return std::abs(quadrature_error(*data.diagonal, power - 1));
  return std::abs(quadrature_error(*data.collocation, power - 1));
}

}  // namespace costate
