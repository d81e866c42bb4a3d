// Plans made wrong, in each way that verify() knows.
#include "costate/plan/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "costate/diff/diff.h"
#include "costate/graph/convolution.h"
#include "costate/graph/pooling.h"
#include "costate/graph/simplify.h"
#include "costate/graph/trace.h"
#include "costate/operations/interpolate.h"
#include "costate/plan/internal/select.h"
#include "tests/support/expect_error.h"

namespace costate::internal {
namespace {

constexpr std::size_t kLanes = 4;

/// A function and the plan of it.
struct Lowered {
  Function function;
  PlanOptions options;
  Plan plan;
};

Lowered lowered(const Function& function, std::vector<std::size_t> late_inputs = {}, std::size_t lanes = kLanes) {
  Lowered result{simplify(function), {.lanes = lanes, .late_inputs = std::move(late_inputs)}, {}};
  result.plan = lower(result.function, result.options);
  return result;
}

Parameter weights(const std::string& name, const Shape& shape) { return Parameter(name, HostArray(shape)); }

/// Reverse program of a net: all phases, products, a fill, an accumulation.
Lowered net() {
  const Parameter w1 = weights("w1", {3, 2}), b1 = weights("b1", {3}), w2 = weights("w2", {2, 3});
  const Function f = trace([=](Array x) { return matmul(w2, tanh(matmul(w1, x) + b1)) * 0.5; }, {{"x", {2}}});
  return lowered(vjp(f), {4});
}

/// Tables, lanes, pairs, products lane by lane and an extension, in the forward phase alone.
Lowered mixed() {
  return lowered(trace(
      [p = weights("p", {3})](Array t, Array x) {
        const Array moved = gather(x, {2, 0, 2, 1}, {2, 2});
        const Array input =
            interpolate(constant(HostArray::vector({0, 1})), reshape(x.slice(0, 2), {2, 1}), t, Interpolation::kLinear);
        return std::vector<Array>{sum(matmul(moved, transpose(moved, {1, 0})), {1}), scatter(x, {1, 1, 4}, {6}),
                                  x * p + t, exp(exp(x)), input};
      },
      {{"t", {}}, {"x", {3}}}));
}

Instruction& first(std::vector<Instruction>& instructions, InstructionKind kind) {
  const auto found = std::ranges::find(instructions, kind, &Instruction::kind);
  if (found == instructions.end()) throw std::logic_error("the plan has no such instruction");
  return *found;
}

/// What verify() says of a plan after a change.
std::string fault(Lowered changed, const std::function<void(Plan&)>& change) {
  change(changed.plan);
  return test::message_of<InternalError>([&] { verify(changed.plan, changed.function, changed.options); });
}

#define EXPECT_PART(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

using enum InstructionKind;

/// Convolutions in all phases, and of weights of a sample.
Lowered convolutions() {
  const Parameter w = weights("w", {3, 2, 2, 2}), b = weights("b", {3, 1, 1});
  const Function f = trace([=](Array x, Array v) { return conv2d(relu(conv2d(x, w) + b), v); },
                           {{"x", {2, 3, 3}}, {"v", {1, 3, 2, 2}}});
  return lowered(vjp(f), {4});
}

/// Where two operands of an elementwise instruction die, and their places and a gap between them are one free piece.
Lowered neighbours() {
  return lowered(vjp(trace(
                     [](Array x) {
                       const Array a = x[0] * x[1], b = x[1] * x[2] - x[0];
                       return concat({stack({a - x[2], b, b}), stack({a, exp(x[0])}), x});
                     },
                     {{"x", {3}}})),
                 {}, 8);
}

TEST(VerifyPlan, PassesWhatLowerMakes) {
  for (const Lowered& good : {net(), mixed(), convolutions(), neighbours()})
    EXPECT_NO_THROW(verify(good.plan, good.function, good.options));
}

TEST(VerifyPlan, ReadsWhatWasWritten) {
  EXPECT_PART(fault(net(), [](Plan& plan) { std::ranges::reverse(plan.in(Phase::kForward)); }), "before it is written");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.prepare.clear(); }), "before it is written");
  Lowered late = net();
  late.options.late_inputs.push_back(0);
  EXPECT_PART(fault(late, [](Plan&) {}), "an input that is not known yet");
  const auto scratch_of_another_phase = [](Plan& plan) {
    plan.scratch_size = std::max<std::size_t>(plan.scratch_size, 3 * kLanes);
    Instruction& writer = plan.in(Phase::kForward)[0];
    const Slot old = writer.out, now{Region::kScratch, 0, 0};
    writer.out = now;
    for (auto& phase : plan.phases)
      for (Instruction& instruction : phase)
        for (Source& source : instruction.sources)
          if (source.slot == old) source.slot = now;
  };
  const std::string message = fault(net(), scratch_of_another_phase);
  EXPECT_PART(message, "in reverse, '");
  EXPECT_PART(message, "reads scratch[0] before it is written");
  EXPECT_PART(fault(net(),
                    [](Plan& plan) {
                      plan.in(Phase::kForward)[1].sources[1].slot = {Region::kOutput, 0, 0};
                    }),
              "reads an output, which the caller may not want");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kForward)[0].sources[0].slot.index = 9; }),
              "reads input 9, which does not exist");
}

TEST(VerifyPlan, StaysWithinTheRegions) {
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.saved_size = kLanes; }), "beyond the region's size of 4");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.scratch_size = 0; }), "beyond the region's size of 0");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kForward)[0].sources[0].slot.offset = 1; }),
              "reads input2[1] up to 7, beyond the region's size of 6");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kAccumulate).back().sources[1].slot.offset += 1; }),
              "which is not the first lane's number");
}

TEST(VerifyPlan, KnowsWhatIsShared) {
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kForward)[0].sources[2].motion = Motion::kFull; }),
              "needs a shared bias");
  EXPECT_PART(
      fault(mixed(), [](Plan& plan) { first(plan.in(Phase::kForward), kPair).sources[1].motion = Motion::kFull; }),
      "which all samples share, as if it were of a sample");
  EXPECT_PART(
      fault(mixed(), [](Plan& plan) { first(plan.in(Phase::kForward), kPair).sources[0].motion = Motion::kRow; }),
      "which is of a sample, as if it were shared");
  const auto early = [](Plan& plan) {
    plan.prepare.push_back({.kind = kCopy,
                            .sources = {{.slot = {Region::kInput, 1, 0}, .rows = 3}},
                            .out = {Region::kShared, 0, 0},
                            .rows = 3});
  };
  EXPECT_PART(fault(mixed(), early), "before there are samples");
}

TEST(VerifyPlan, HoldsOperandsToTheOperation) {
  const auto forward = [](InstructionKind kind, const std::function<void(Instruction&)>& change) {
    return fault(kind == kGemm ? net() : mixed(), [&](Plan& plan) { change(first(plan.in(Phase::kForward), kind)); });
  };
  EXPECT_PART(forward(kElementwise, [](Instruction& i) { i.rows = 2; }), "has 3 rows in source 0, not 2");
  EXPECT_PART(forward(kElementwise, [](Instruction& i) { i.op = Op::kSum; }), "no kernel computes element by element");
  EXPECT_PART(forward(kElementwise, [](Instruction& i) { i.sources[0].motion = Motion::kLane; }), "spread over rows");
  EXPECT_PART(forward(kPair, [](Instruction& i) { i.sources.pop_back(); }), "has 2 sources, not 3");
  EXPECT_PART(forward(kPair, [](Instruction& i) { i.inner_op = Op::kDiv; }), "no kernel computes element by element");
  EXPECT_PART(forward(kGather, [](Instruction& i) { i.table[1] = 3; }), "has row 3 of 3 in its table");
  EXPECT_PART(forward(kGather, [](Instruction& i) { i.table.pop_back(); }), "has a table of 3 rows, not 4");
  EXPECT_PART(forward(kScatter, [](Instruction& i) { i.table[0] = 6; }), "has row 6 of 6 in its table");
  EXPECT_PART(forward(kReduce, [](Instruction& i) { i.op = Op::kAdd; }), "folds no rows");
  EXPECT_PART(forward(kReduce, [](Instruction& i) { i.group = 1; }), "has a table of 4 rows, not 2");
  EXPECT_PART(forward(kBatched, [](Instruction& i) { i.k = 3; }), "has 4 rows in source 0, not 6");
  EXPECT_PART(forward(kGemm, [](Instruction& i) { i.row_stride = 3; }), "steps to number 8 of 6 in its matrix");
  EXPECT_PART(forward(kGemm, [](Instruction& i) { i.rows = 2; }), "has 2 rows, not 3");
  EXPECT_PART(forward(kGemm, [](Instruction& i) { i.has_bias = false; }), "has 3 sources, not 2");
  EXPECT_PART(forward(kGemm, [](Instruction& i) { std::swap(i.sources[0], i.sources[1]); }), "needs a shared matrix");
  EXPECT_PART(forward(kExtension, [](Instruction& i) { i.operand_shapes[1] = Shape{5}; }), "rows in source 1, not 5");
  EXPECT_PART(forward(kExtension, [](Instruction& i) { i.operand_states.pop_back(); }),
              "has 2 states of operands, not 3");
  EXPECT_PART(forward(kExtension, [](Instruction& i) { i.kind = kAddExtension; }), "not of this kind");
  EXPECT_PART(forward(kExtension, [](Instruction& i) { i.extension = nullptr; }), "has no extension");
  EXPECT_PART(fault(net(), [](Plan& plan) { first(plan.prepare, kFill).constants.push_back(1); }), "has 1 rows, not 2");
}

TEST(VerifyPlan, HoldsConvolutionsToTheirTable) {
  const auto change = [](Phase phase, InstructionKind kind, const std::function<void(Instruction&)>& changed) {
    return fault(convolutions(), [&](Plan& plan) { changed(first(plan.in(phase), kind)); });
  };
  const auto forward = [&](const std::function<void(Instruction&)>& changed) {
    return change(Phase::kForward, kConv, changed);
  };
  EXPECT_PART(forward([](Instruction& i) { i.conv = nullptr; }), "has no table of a convolution");
  EXPECT_PART(forward([](Instruction& i) { i.has_bias = false; }), "has 3 sources, not 2");
  EXPECT_PART(forward([](Instruction& i) { i.sources[0].motion = Motion::kLane; }), "needs source 0 written out");
  EXPECT_PART(forward([](Instruction& i) { i.sources[1].motion = Motion::kFull; }), "needs shared weights");
  EXPECT_PART(forward([](Instruction& i) { i.sources[2].motion = Motion::kFull; }), "needs a shared bias");
  EXPECT_PART(forward([](Instruction& i) { i.sources[0].rows = 17; }), "has 17 rows in source 0, not 18");
  EXPECT_PART(forward([](Instruction& i) { i.sources[1].rows = 25; }), "has 25 rows in source 1, not 24");
  EXPECT_PART(forward([](Instruction& i) { i.sources[2].rows = 3; }), "has 3 rows in source 2, not 12");
  EXPECT_PART(forward([](Instruction& i) { i.rows = 9; }), "has 9 rows, not 12");
  EXPECT_PART(forward([](Instruction& i) { i.op = Op::kConv2dWeights; }), "not of this kind");
  EXPECT_PART(change(Phase::kReverse, kConvLanes, [](Instruction& i) { i.sources[1].motion = Motion::kScalar; }),
              "needs source 1 written out");
  EXPECT_PART(change(Phase::kAccumulate, kAddConv, [](Instruction& i) { i.sources[1].rows = 13; }),
              "has 13 rows in source 1, not 12");
  EXPECT_PART(change(Phase::kAccumulate, kAddConv, [](Instruction& i) { i.op = Op::kConv2d; }), "not of this kind");
}

TEST(VerifyPlan, HoldsPoolsToTheirTable) {
  const Lowered pools = lowered(vjp(trace([](Array x) { return max_pool2d(x) + avg_pool2d(x); }, {{"x", {2, 4, 6}}})));
  EXPECT_NO_THROW(verify(pools.plan, pools.function, pools.options));
  const auto changed = [&](Op op, const std::function<void(Instruction&)>& change) {
    return fault(pools, [&](Plan& plan) {
      for (Instruction& instruction : plan.in(Phase::kForward))
        if (instruction.kind == kPool && instruction.op == op) change(instruction);
    });
  };
  EXPECT_PART(changed(Op::kMaxPool, [](Instruction& i) { i.pool = nullptr; }), "has no table of a pool");
  EXPECT_PART(changed(Op::kMaxPool, [](Instruction& i) { i.op = Op::kConv2d; }), "not of this kind");
  EXPECT_PART(changed(Op::kMaxPool, [](Instruction& i) { i.sources.pop_back(); }), "has 1 sources, not 2");
  EXPECT_PART(changed(Op::kMaxPool, [](Instruction& i) { i.sources[1].motion = Motion::kRow; }),
              "needs source 1 written out");
  EXPECT_PART(changed(Op::kMaxPool, [](Instruction& i) { i.sources[0].rows = 47; }), "has 47 rows in source 0, not 48");
  EXPECT_PART(changed(Op::kMaxPoolInput, [](Instruction& i) { i.sources[1].rows = 48; }),
              "has 48 rows in source 1, not 12");
  EXPECT_PART(changed(Op::kAvgPoolInput, [](Instruction& i) { i.rows = 12; }), "has 12 rows, not 48");
  EXPECT_PART(changed(Op::kAvgPool, [](Instruction& i) { i.rows = 48; }), "has 48 rows, not 12");
}

TEST(VerifyPlan, WritesOverNothingThatItReads) {
  const auto onto_source = [](InstructionKind kind, std::size_t shift) {
    return [=](Plan& plan) {
      Instruction& instruction = first(plan.in(Phase::kForward), kind);
      instruction.out = instruction.sources[0].slot;
      instruction.out.offset += shift;
    };
  };
  const std::string message = fault(mixed(), onto_source(kBatched, 0));
  EXPECT_PART(message, "while it reads it");
  Lowered twice = lowered(trace([](Array x) { return exp(exp(x)) + x; }, {{"x", {3}}}));
  twice.plan.scratch_size = 8 * kLanes;
  Instruction& second = twice.plan.in(Phase::kForward)[1];
  EXPECT_EQ(second.out, second.sources[0].slot);  // exp in place
  EXPECT_PART(fault(twice, [](Plan& plan) { plan.in(Phase::kForward)[1].out.offset += 1; }), "while it reads it");
}

TEST(VerifyPlan, MakesStatesBeforeTheyAreRead) {
  const auto extension = [](const std::function<void(Instruction&)>& change) {
    return fault(mixed(), [&](Plan& plan) { change(first(plan.in(Phase::kForward), kExtension)); });
  };
  EXPECT_PART(extension([](Instruction& i) { i.state = 1; }), "has state 1, which does not exist");
  EXPECT_PART(extension([](Instruction& i) { i.operand_states[0] = 0; }), "reads state 0 before it is made");
  EXPECT_PART(fault(mixed(), [](Plan& plan) { plan.num_states = 2; }), "no instruction makes state 1");
  const auto another = [](Plan& plan) {
    Instruction copy = first(plan.in(Phase::kForward), kExtension);
    Lowered other = mixed();
    copy.extension = first(other.plan.in(Phase::kForward), kExtension).extension;
    plan.in(Phase::kForward).push_back(copy);
  };
  EXPECT_PART(fault(mixed(), another), "which is another extension's");
}

TEST(VerifyPlan, KeepsPhasesApart) {
  EXPECT_PART(fault(net(),
                    [](Plan& plan) {
                      plan.in(Phase::kReverse).insert(plan.in(Phase::kReverse).begin(), plan.in(Phase::kForward)[0]);
                    }),
              "in reverse, ");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kForward).push_back(plan.prepare[0]); }),
              "must not write shared[0] in this phase");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kAccumulate).push_back(plan.in(Phase::kForward)[0]); }),
              "in this phase");
  EXPECT_PART(
      fault(net(),
            [](Plan& plan) { plan.in(Phase::kReverse).push_back(first(plan.in(Phase::kAccumulate), kAddGemm)); }),
      "adds to an output outside of the accumulate phase");
}

TEST(VerifyPlan, WritesEachOutputOnce) {
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kForward).push_back(plan.in(Phase::kForward).back()); }),
              "writes output0[0] for the second time");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kForward).pop_back(); }),
              "output 'out0' is not written, or not all of it");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.in(Phase::kForward).back().out.index = 2; }),
              "which is no output of each sample");
  EXPECT_PART(fault(net(), [](Plan& plan) { first(plan.in(Phase::kAccumulate), kAddGemm).out.index = 0; }),
              "which is no output that sums over the batch");
  EXPECT_PART(fault(net(), [](Plan& plan) { first(plan.in(Phase::kAccumulate), kAddGemm).out.offset = 1; }),
              "does not add to all of the output's");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.output_rows[0] = 7; }), "another size of output 'out0' than 2");
  EXPECT_PART(fault(net(), [](Plan& plan) { plan.lanes = 8; }), "has 8 lanes, not 4");
}

TEST(VerifyPlan, NoBufferTakesThePlaceOfOneInUse) {
  const Function f = simplify(trace([](Array x) { return sum(exp(x)) + sum(sin(x)); }, {{"x", {3}}}));
  const PlanOptions options{.lanes = kLanes, .late_inputs = {}};
  const Selection before = select(f, place(f, options), options);
  Plan plan = lay_out(before);
  EXPECT_NO_THROW(verify_layout(plan, before));
  Plan shorter = plan;
  shorter.in(Phase::kForward).pop_back();
  EXPECT_ERROR(verify_layout(shorter, before), InternalError, "layout made");
  // All in one place: what verify() alone cannot see, since all of it was written by someone.
  for (Instruction& instruction : plan.in(Phase::kForward)) {
    if (instruction.out.region == Region::kScratch) instruction.out.offset = 0;
    for (Source& source : instruction.sources)
      if (source.slot.region == Region::kScratch) source.slot.offset = 0;
  }
  EXPECT_ERROR(verify_layout(plan, before), InternalError, "another one took its place");
}

}  // namespace
}  // namespace costate::internal
