#include "costate/cuda/internal/phase_accesses.h"

#include <algorithm>

namespace costate::internal {
namespace {

bool is_elementwise(const Instruction& instruction) {
  return instruction.kind == InstructionKind::kElementwise || instruction.kind == InstructionKind::kPair ||
         instruction.kind == InstructionKind::kCopy;
}

}  // namespace

std::vector<Access> accesses_of(const Instruction& instruction, std::size_t lanes) {
  std::vector<Access> all;
  for (const Source& source : instruction.sources) {
    const bool is_of_lanes = !source.is_shared();
    const std::size_t rows = source.motion == Motion::kLane || source.motion == Motion::kScalar ? 1 : source.rows;
    const std::size_t first = source.slot.offset;
    all.push_back({.region = source.slot.region,
                   .index = source.slot.index,
                   .begin = first,
                   .end = first + rows * (is_of_lanes ? lanes : 1),
                   .writes = false,
                   .is_strided = is_elementwise(instruction) && source.motion == Motion::kFull});
  }
  // Each thread writes every threads-th number, whatever it reads, but of products, whose tiles are written otherwise.
  const bool is_sum = instruction.kind >= InstructionKind::kAddGemm;
  all.push_back(
      {.region = instruction.out.region,
       .index = instruction.out.index,
       .begin = instruction.out.offset,
       .end = instruction.out.offset + instruction.rows * (is_sum ? 1 : lanes),
       .writes = true,
       .is_strided = instruction.kind != InstructionKind::kGemm && instruction.kind != InstructionKind::kAddGemm});
  return all;
}

bool PhaseAccesses::collides(const Access& x, const Access& y) const {
  if (!x.writes && !y.writes) return false;
  if (x.region != y.region || x.index != y.index || x.begin >= y.end || y.begin >= x.end) return false;
  const std::size_t apart = x.begin < y.begin ? y.begin - x.begin : x.begin - y.begin;
  return !(x.is_strided && y.is_strided && apart % threads_ == 0);
}

bool PhaseAccesses::add(const std::vector<Access>& accesses) {
  const bool waits = std::ranges::any_of(accesses, [&](const Access& access) {
    return std::ranges::any_of(known_, [&](const Access& known) { return collides(access, known); });
  });
  if (waits) known_.clear();
  known_.insert(known_.end(), accesses.begin(), accesses.end());
  return waits;
}

}  // namespace costate::internal
