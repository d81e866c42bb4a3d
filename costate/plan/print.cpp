// A plan as text: for people, for COSTATE_DUMP=plan and for docs/explain/one_step.md.
#include <sstream>
#include <string_view>

#include "costate/graph/extension.h"
#include "costate/plan/plan.h"

namespace costate::internal {
namespace {

constexpr std::string_view kRegionNames[] = {"input", "output", "shared", "saved", "scratch"};
constexpr std::string_view kMotionNames[] = {"", " lane", " row", " scalar"};
constexpr std::string_view kKindNames[] = {
    "fill", "elementwise", "pair", "copy",      "gather",   "scatter",  "reduce",    "gemm",         "batched",
    "conv", "conv_lanes",  "pool", "extension", "add_gemm", "add_conv", "add_lanes", "add_extension"};
constexpr std::string_view kEpilogueNames[] = {"",          "+tanh",       "+relu",       "+sigmoid",
                                               "+softplus", "+tanh_slope", "+relu_slope", "+sigmoid_slope"};

}  // namespace

std::string to_string(const Slot& slot) {
  std::string name(kRegionNames[static_cast<std::size_t>(slot.region)]);
  if (slot.region == Region::kInput || slot.region == Region::kOutput) name += std::to_string(slot.index);
  return name + "[" + std::to_string(slot.offset) + "]";
}

std::string to_string(const Instruction& instruction) {
  std::ostringstream out;
  out << to_string(instruction.out) << " x" << instruction.rows << " = "
      << kKindNames[static_cast<std::size_t>(instruction.kind)]
      << kEpilogueNames[static_cast<std::size_t>(instruction.epilogue)];
  if (instruction.kind == InstructionKind::kElementwise || instruction.kind == InstructionKind::kReduce)
    out << ' ' << info(instruction.op).name;
  if (instruction.kind == InstructionKind::kPair)
    out << ' ' << info(instruction.op).name << (instruction.inner_is_right ? "(z, " : "(")
        << info(instruction.inner_op).name << (instruction.inner_is_right ? "(x, y))" : "(x, y), z)");
  if (instruction.extension) out << ' ' << instruction.extension->name();
  if (instruction.conv || instruction.pool) out << ' ' << info(instruction.op).name;
  if (instruction.m > 0) out << ' ' << instruction.m << 'x' << instruction.k << 'x' << instruction.n;
  if (instruction.has_bias) out << " bias";
  for (std::size_t i = 0; i < instruction.sources.size(); ++i)
    out << (i == 0 ? " (" : ", ") << to_string(instruction.sources[i].slot)
        << kMotionNames[static_cast<std::size_t>(instruction.sources[i].motion)];
  out << (instruction.sources.empty() ? "" : ")");
  return out.str();
}

std::string to_string(const Plan& plan) {
  std::ostringstream out;
  out << "plan lanes=" << plan.lanes << " shared=" << plan.shared_size << " saved=" << plan.saved_size
      << " scratch=" << plan.scratch_size << '\n';
  const auto section = [&](std::string_view name, const std::vector<Instruction>& instructions) {
    if (instructions.empty()) return;
    out << name << ":\n";
    for (const Instruction& instruction : instructions) out << "  " << to_string(instruction) << '\n';
  };
  section("prepare", plan.prepare);
  section("forward", plan.in(Phase::kForward));
  section("reverse", plan.in(Phase::kReverse));
  section("accumulate", plan.in(Phase::kAccumulate));
  return out.str();
}

}  // namespace costate::internal
