// Where selection (select.h) writes to: buffers, instructions, and the value that each node has in them.
#pragma once

#include <cstddef>
#include <optional>

#include "costate/plan/internal/fusion.h"
#include "costate/plan/internal/placement.h"
#include "costate/plan/internal/select.h"

namespace costate::internal {

inline std::size_t size_of(const Node& node) { return static_cast<std::size_t>(node.shape.size()); }

class InstructionWriter {
 public:
  InstructionWriter(const Function& function, const Placement& placement, std::size_t lanes);

  std::size_t lanes() const { return lanes_; }
  Plan& plan() { return selection_.plan; }

  Source new_buffer(std::size_t rows, bool shared);

  /// Appends to `prepare` what all samples share, to a phase what is of a sample.
  void emit(Instruction instruction, bool shared, Phase phase);

  /// Appends an instruction that computes node `id` into a buffer of its own.
  void define(NodeId id, Instruction instruction);

  /// Gives node `id` a value that stands somewhere already.
  void alias(NodeId id, Source source, std::size_t rows);

  /// The value as it stands, which may be spread over rows or lanes only when it is read (a scalar that was broadcast,
  /// say).
  const Source& value_of(NodeId id) const;

  /// The value as plain memory, [rows, lanes] or, where shared, [rows], written out once if it was lazy: for
  /// instructions that read nothing else.
  Source whole(NodeId id);

  /// A part that nothing but its concatenation reads is computed in its place there; false if it can't be.
  bool compute_in_place(NodeId part, const Slot& place, NodeId concatenation);

  /// Makes the value's own buffer the caller's array of that output, if it has one that nothing else reads.
  bool become_output(NodeId id, std::size_t output);

  /// What was selected, without prepared values that nothing reads.
  Selection finish();

 private:
  bool is_own(NodeId id, const Source& value) const;
  void drop_unread();

  const Function& function_;
  const Placement& placement_;
  std::size_t lanes_;
  PerNode<int> reads_;
  Selection selection_;
  PerNode<std::optional<Source>> values_, wholes_;
};

}  // namespace costate::internal
