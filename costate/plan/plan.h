// A Plan is a Function laid out for tiles: straight-line instructions on numbered buffers, for one number of lanes.
//
// A tile holds `lanes` samples side by side. A value of a sample with n elements is [n, lanes], lanes contiguous; a
// value that all samples share is [n]. Values live in regions:
//   kInput i, kOutput i   the caller's arrays
//   kShared               computed from shared inputs by the instructions of `prepare`, once for each set of parameters
//   kSaved                written by the forward phase and read by a later one
//   kScratch              lives within one phase and is reused after its last reader; what the reverse phase hands to
//                         the accumulation stands at its start
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "costate/graph/graph.h"
#include "costate/plan/convolution.h"
#include "costate/plan/phase.h"
#include "costate/plan/pooling.h"

namespace costate::internal {

enum class Region : std::uint8_t { kInput, kOutput, kShared, kSaved, kScratch };

/// Where a value starts: numbers from the start of its region.
struct Slot {
  Region region = Region::kScratch;
  std::int32_t index = 0;  // which input or output
  std::size_t offset = 0;

  bool operator==(const Slot&) const = default;
};

/// How an operand of an elementwise instruction moves over [rows, lanes].
enum class Motion : std::uint8_t {
  kFull,    // element (row, lane) at row * lanes + lane
  kLane,    // the same for each row
  kRow,     // the same for each lane: a shared value
  kScalar,  // one number
};

/// A value as an instruction reads it.
struct Source {
  Slot slot;
  Motion motion = Motion::kFull;
  std::size_t rows = 1;
  bool is_shared() const { return motion == Motion::kRow || motion == Motion::kScalar; }
};

enum class InstructionKind : std::uint8_t {
  kFill,         // out = constants (prepare only)
  kElementwise,  // out = op(sources)
  kPair,         // out = op(inner_op(x, y), z), or op(z, inner_op(x, y)); sources x, y, z
  kCopy,         // out = source, spread over the lanes if shared
  kGather,       // out row i = source row table[i]
  kScatter,      // out = 0; out row table[i] += source row i
  kReduce,       // out row i = fold of source rows table[i * group + j], j ascending
  kGemm,         // out [m, columns] = (initial) + A [m, k] · B [k, columns]; A shared, or B shared if lanes == 1
  kBatched,      // out [m, n] = A [m, k] · B [k, n] lane by lane
  kConv,         // out = (initial) + what packed, shared weights make of an image: conv2d or conv2d_input
  kConvLanes,    // out = one of the three convolutions lane by lane, weights as they stand
  kPool,         // out = one of the four pools
  kExtension,    // out = extension(sources)
  // What accumulations add to a kSum output: out [n] += scale times
  kAddGemm,       // A [m, k·lanes] · transpose(B [n, k·lanes])
  kAddConv,       // conv2d_weights of an image and a cotangent, summed over the lanes
  kAddLanes,      // the sum of the source over its lanes
  kAddExtension,  // the extension's own sum (TileOp::accumulate)
};

/// What a product applies to its result while it is at hand: an activation, or the slope of one, told from the z that
/// the activation gave, which is the last source.
enum class Epilogue : std::uint8_t {
  kNone,
  kTanh,
  kRelu,
  kSigmoid,
  kSoftplus,
  kTanhSlope,     // times 1 - z²
  kReluSlope,     // times 1 where z > 0, 0 elsewhere
  kSigmoidSlope,  // times z (1 - z)
};

struct Instruction {
  InstructionKind kind = InstructionKind::kElementwise;
  Op op = Op::kAdd;
  Op inner_op = Op::kAdd;       // kPair
  bool inner_is_right = false;  // kPair
  std::vector<Source> sources = {};
  Slot out = {};
  std::size_t rows = 0;  // of out
  // Products: out [m, n] from a [m, k] and b [k, n]; for a shared matrix, where its element (i, j) stands.
  // Convolutions: m channels of n pixels, each from k numbers of the image.
  std::size_t m = 0, k = 0, n = 0;
  std::size_t row_stride = 0, column_stride = 0;
  // The third source starts the sum: a number for each row of kGemm, for each row and pixel of kConv.
  bool has_bias = false;
  Epilogue epilogue = Epilogue::kNone;
  double scale = 1.0;     // of what kAdd… adds
  std::size_t group = 0;  // kReduce
  std::vector<std::uint32_t> table = {};
  std::shared_ptr<const ConvTable> conv = {};       // kConv, kConvLanes, kAddConv
  std::shared_ptr<const PoolTable> pool = {};       // kPool
  std::vector<double> constants = {};               // kFill
  std::shared_ptr<const Extension> extension = {};  // kExtension, kAddExtension
  std::int32_t state = -1;                          // of the extension
  std::vector<std::int32_t> operand_states = {};    // of the extensions that made its operands; -1: none
  std::vector<Shape> operand_shapes = {};
};

struct Plan {
  std::size_t lanes = 1;
  std::vector<Instruction> prepare;
  std::array<std::vector<Instruction>, kNumPhases> phases;  // by Phase
  std::size_t shared_size = 0;                              // sizes of regions, in numbers
  std::size_t saved_size = 0;
  std::size_t scratch_size = 0;
  std::size_t num_states = 0;  // of extensions, one a node (exec/tile_op.h)
  std::vector<std::size_t> output_rows;

  std::vector<Instruction>& in(Phase phase) { return phases[static_cast<std::size_t>(phase)]; }
  const std::vector<Instruction>& in(Phase phase) const { return phases[static_cast<std::size_t>(phase)]; }
};

struct PlanOptions {
  std::size_t lanes = 1;
  std::vector<std::size_t> late_inputs;  // known from the reverse phase on
};

/// Lowers a function in five passes: simplify; place (shared or of a sample, in which phase); select (nodes to
/// instructions, fusing bias and activation into products); schedule; lay out (regions and offsets, by liveness).
/// NotSupported if the value of a sum-only extension (Extension::is_sum_only) is used other than as a kSum output.
/// COSTATE_DUMP=graph|plan prints what goes in and what comes out; COSTATE_TIME_PASSES=1 prints the time of each pass.
/// Debug and sanitizer builds verify both (graph/verify.h, plan/verify.h).
Plan lower(const Function& function, const PlanOptions& options);

/// The plan as text, an instruction a line; an instruction as such a line; "scratch[16]".
std::string to_string(const Plan& plan);
std::string to_string(const Instruction& instruction);
std::string to_string(const Slot& slot);

}  // namespace costate::internal
