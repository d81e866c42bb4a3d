#include "costate/plan/internal/instruction_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/plan/internal/row_tables.h"

namespace costate::internal {

InstructionWriter::InstructionWriter(const Function& function, const Placement& placement, std::size_t lanes)
    : function_(function),
      placement_(placement),
      lanes_(lanes),
      reads_(count_reads(function, placement)),
      values_(num_nodes(function)),
      wholes_(num_nodes(function)) {
  selection_.plan.lanes = lanes_;
}

Source InstructionWriter::new_buffer(std::size_t rows, bool shared) {
  selection_.buffers.push_back({shared ? rows : rows * lanes_, shared});
  const auto index = static_cast<std::int32_t>(selection_.buffers.size() - 1);
  return {Slot{Region::kScratch, index, 0}, shared ? Motion::kRow : Motion::kFull, rows};
}

void InstructionWriter::emit(Instruction instruction, bool shared, Phase phase) {
  if (shared)
    selection_.plan.prepare.push_back(std::move(instruction));
  else
    selection_.plan.in(phase).push_back(std::move(instruction));
}

void InstructionWriter::define(NodeId id, Instruction instruction) {
  const std::size_t rows = size_of(function_.node(id));
  const Source out = new_buffer(rows, placement_.is_shared[id]);
  instruction.out = out.slot;
  instruction.rows = rows;
  emit(std::move(instruction), placement_.is_shared[id], placement_.phase[id]);
  values_[id] = out;
}

const Source& InstructionWriter::value_of(NodeId id) const {
  const std::optional<Source>& value = values_[id];
  COSTATE_CHECK(value.has_value(), "node %", id, " is read before it is computed");
  return *value;
}

Source InstructionWriter::whole(NodeId id) {
  const Source& value = value_of(id);
  if (value.motion == Motion::kFull || value.motion == Motion::kRow) return value;
  std::optional<Source>& memory = wholes_[id];
  if (!memory) {
    memory = new_buffer(value.rows, placement_.is_shared[id]);
    emit(Instruction{.kind = InstructionKind::kCopy, .sources = {value}, .out = memory->slot, .rows = value.rows},
         placement_.is_shared[id], placement_.phase[id]);
  }
  return *memory;
}

void InstructionWriter::alias(NodeId id, Source source, std::size_t rows) {
  source.rows = rows;
  values_[id] = source;
}

bool InstructionWriter::compute_in_place(NodeId part, const Slot& place, NodeId concatenation) {
  const Source value = value_of(part);
  const Phase phase = placement_.phase[concatenation];
  if (!is_own(part, value) || placement_.phase[part] != phase) return false;
  const auto move = [&](Slot& slot) {
    if (slot.region != Region::kScratch || slot.index != value.slot.index) return;
    slot.index = place.index;
    slot.offset += place.offset;
  };
  for (Instruction& instruction : selection_.plan.in(phase)) {
    move(instruction.out);
    for (Source& source : instruction.sources) move(source.slot);
  }
  return true;
}

bool InstructionWriter::become_output(NodeId id, std::size_t output) {
  const Source& value = value_of(id);
  if (!is_own(id, value)) return false;
  selection_.buffers[static_cast<std::size_t>(value.slot.index)].output = static_cast<std::int32_t>(output);
  return true;
}

Selection InstructionWriter::finish() {
  drop_unread();
  return std::move(selection_);
}

/// A value in a buffer of its own that is read once, perhaps reshaped.
bool InstructionWriter::is_own(NodeId id, const Source& value) const {
  const auto is_read_once = [&](NodeId at) { return reads_[at] == 1; };
  while (function_.node(id).op == Op::kReshape && is_read_once(id)) id = function_.node(id).operands[0];
  const Op op = function_.node(id).op;
  const bool is_slice = op == Op::kGather && is_range(function_.node(id).indices);
  const bool is_view = op == Op::kReshape || op == Op::kStopGradient || is_slice || op == Op::kBroadcast;
  return value.slot.region == Region::kScratch && value.motion == Motion::kFull && !is_view && is_read_once(id);
}

/// Products read a transposed matrix where it stands and fuse slopes away: what was prepared for them may have no
/// reader.
void InstructionWriter::drop_unread() {
  std::vector<bool> is_read(selection_.buffers.size(), false);
  const auto mark_sources = [&](const Instruction& instruction) {
    for (const Source& source : instruction.sources)
      if (source.slot.region == Region::kScratch) is_read[static_cast<std::size_t>(source.slot.index)] = true;
  };
  for (const auto& phase : selection_.plan.phases) std::ranges::for_each(phase, mark_sources);
  std::vector<Instruction>& prepare = selection_.plan.prepare;
  std::vector<Instruction> kept;
  for (auto instruction = prepare.rbegin(); instruction != prepare.rend(); ++instruction) {
    const bool writes_buffer = instruction->out.region == Region::kScratch;
    const auto index = static_cast<std::size_t>(writes_buffer ? instruction->out.index : 0);
    const bool has_reader = !writes_buffer || is_read[index] || selection_.buffers[index].output >= 0;
    if (!has_reader && instruction->kind != InstructionKind::kExtension) {
      selection_.buffers[index].size = 0;
      continue;
    }
    mark_sources(*instruction);
    kept.push_back(std::move(*instruction));
  }
  std::ranges::reverse(kept);
  prepare = std::move(kept);
}

}  // namespace costate::internal
