// An operation of one's own: the cube root, its derivative, and the kernel that runs it. A solve takes it as it takes
// sin: z' = cbrt(z) from 1 ends at z(4.5) = 8, with dz(4.5)/dz(0) = 2. docs/extending.md explains the answers.
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

template <class T>
struct CbrtTileOp : cs::TileOp<T> {
  explicit CbrtTileOp(const cs::TileOpContext& context) : tile(context) {}
  void run(const cs::TileOpRun<T>& run, T* out) const override {
    for (std::size_t i = 0; i < tile.lanes * std::size_t(tile.operand_shapes[0].size()); ++i)
      out[i] = std::cbrt(run.operands[0][tile.operand_is_shared[0] ? i / tile.lanes : i]);
  }
  cs::TileOpContext tile;
};

struct Cbrt : cs::TileExtension<CbrtTileOp> {
  std::string name() const override { return "cbrt"; }
  cs::Shape infer_shape(std::span<const cs::Shape> operands) const override { return operands[0]; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    std::vector<double> numbers = operands[0];
    for (double& number : numbers) number = std::cbrt(number);
    return numbers;
  }
  std::vector<cs::Array> vjp(std::span<const cs::Array>, const cs::Array& root, const cs::Array& cotangent,
                             const std::vector<bool>&) const override {
    return {cotangent / (3 * root * root)};
  }
  cs::Array jvp(std::span<const cs::Array>, const cs::Array& root, std::span<const cs::Array> tangents) const override {
    return tangents[0] / (3 * root * root);
  }
};

cs::Array cbrt(cs::Array x) { return cs::apply(std::make_shared<Cbrt>(), std::span(&x, 1)); }

int main() {
  const cs::VectorField field = cs::vector_field({}, [](cs::Array, cs::Array z) { return cbrt(z); });
  const auto end = [&](cs::Array z0, cs::Array times) { return cs::solve(field, z0, times, {.rtol = 1e-9})[1][0]; };
  const auto program = cs::compile(cs::value_and_grad(cs::trace(end, {{"z0", {}}, {"times", {2}}})));
  const auto [found, report] = program.run({cs::HostArray::vector({1}), cs::HostArray({1, 2}, std::vector{0.0, 4.5})});
  std::printf("z(4.5) = %.8f, dz(4.5)/dz(0) = %.8f\n", found[0](0), found[1](0));
  return std::abs(found[0](0) - 8) < 1e-6 && std::abs(found[1](0) - 2) < 1e-6 ? 0 : 1;
}
