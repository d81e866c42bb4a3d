// Runs a plan without numbers: one flag for each number of each region says whether it was written.
#include "costate/plan/verify.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/plan/internal/extent.h"
#include "costate/plan/internal/operand_rules.h"

namespace costate::internal {
namespace {

class Verifier {
 public:
  Verifier(const Plan& plan, const Function& function, const PlanOptions& options)
      : plan_(plan),
        function_(function),
        shared_(plan.shared_size),
        saved_(plan.saved_size),
        scratch_(plan.scratch_size),
        outputs_(function.outputs().size()),
        makers_(plan.num_states) {
    for (std::size_t i = 0; i < function.inputs().size(); ++i) {
      const Input& input = function.inputs()[i];
      const auto size = static_cast<std::size_t>(input.shape.size());
      is_shared_.push_back(input.kind == InputKind::kShared);
      inputs_.emplace_back(size * (is_shared_[i] ? 1 : plan.lanes), std::ranges::count(options.late_inputs, i) == 0);
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const Output& output = function.outputs()[i];
      const auto rows = static_cast<std::size_t>(function.node(output.node).shape.size());
      if (i >= plan.output_rows.size() || plan.output_rows[i] != rows)
        throw InternalError("[verify] the plan has another size of output '", output.name, "' than ", rows, ".");
      outputs_[i].assign(is_sum(i) ? 0 : rows * plan.lanes, false);
    }
  }

  void run() {
    check_all("prepare", plan_.prepare, 1);
    check_all("forward", plan_.in(Phase::kForward), plan_.lanes);
    for (Flags& input : inputs_) input.assign(input.size(), true);  // late ones are known from here on
    scratch_.assign(scratch_.size(), false);                        // lives within a phase
    check_all("reverse", plan_.in(Phase::kReverse), plan_.lanes);
    check_all("accumulate", plan_.in(Phase::kAccumulate), plan_.lanes);
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (std::ranges::count(outputs_[i], false) > 0)
        throw InternalError("[verify] output '", function_.outputs()[i].name, "' is not written, or not all of it.");
    for (std::size_t i = 0; i < makers_.size(); ++i)
      if (makers_[i] == nullptr) throw InternalError("[verify] no instruction makes state ", i, ".");
  }

 private:
  using Flags = std::vector<bool>;

  bool is_sum(std::size_t output) const { return function_.outputs()[output].kind == OutputKind::kSum; }

  void check_all(std::string_view section, const std::vector<Instruction>& instructions, std::size_t lanes) {
    section_ = section;
    lanes_ = lanes;
    for (const Instruction& instruction : instructions) {
      const std::string fault = fault_of(instruction);
      if (!fault.empty()) throw InternalError("[verify] in ", section, ", '", to_string(instruction), "' ", fault, ".");
    }
  }

  /// What is wrong with an instruction, or "".
  std::string fault_of(const Instruction& instruction) {
    std::string fault = fault_of_operands(instruction, lanes_);
    for (std::size_t i = 0; i < instruction.sources.size() && fault.empty(); ++i)
      fault = fault_of_source(instruction.sources[i]);
    if (fault.empty()) fault = fault_of_overlap(instruction);
    if (fault.empty() && instruction.extension) fault = fault_of_states(instruction);
    if (fault.empty()) fault = adds(instruction.kind) ? fault_of_sum(instruction) : fault_of_result(instruction);
    return fault;
  }

  std::string fault_of_source(const Source& source) const {
    const Slot& slot = source.slot;
    if (slot.region == Region::kOutput) return "reads an output, which the caller may not want";
    if (slot.region == Region::kInput && (slot.index < 0 || static_cast<std::size_t>(slot.index) >= inputs_.size()))
      return text::concat("reads input ", slot.index, ", which does not exist");
    const auto index = static_cast<std::size_t>(slot.index);
    const bool is_shared = slot.region == Region::kShared || (slot.region == Region::kInput && is_shared_[index]);
    if (is_shared != source.is_shared())
      return text::concat("reads ", to_string(slot),
                          is_shared ? ", which all samples share," : ", which is of a sample,", " as if it were ",
                          is_shared ? "of a sample" : "shared");
    if (section_ == "prepare" && !is_shared)
      return text::concat("reads ", to_string(slot), ", which is of a sample, before there are samples");
    if (slot.region == Region::kSaved && slot.offset % plan_.lanes != 0)
      return text::concat("reads ", to_string(slot), ", which is not the first lane's number");
    const Flags& flags = slot.region == Region::kInput    ? inputs_[index]
                         : slot.region == Region::kShared ? shared_
                         : slot.region == Region::kSaved  ? saved_
                                                          : scratch_;
    const std::size_t end = slot.offset + extent(source, lanes_);
    if (end > flags.size())
      return text::concat("reads ", to_string(slot), " up to ", end, ", beyond the region's size of ", flags.size());
    if (std::find(flags.begin() + at(slot.offset), flags.begin() + at(end), false) == flags.begin() + at(end))
      return "";
    return text::concat("reads ", to_string(slot),
                        slot.region == Region::kInput ? ", an input that is not known yet" : " before it is written");
  }

  std::string fault_of_overlap(const Instruction& instruction) const {
    const Slot& out = instruction.out;
    const std::size_t size = instruction.rows * lanes_;
    const bool is_elementwise =
        instruction.kind == InstructionKind::kElementwise || instruction.kind == InstructionKind::kPair;
    for (const Source& source : instruction.sources) {
      const Slot& slot = source.slot;
      if (slot.region != out.region || slot.index != out.index || slot.offset >= out.offset + size ||
          out.offset >= slot.offset + extent(source, lanes_))
        continue;
      // In prepare a sample's width is 1, so that a kRow source moves as the result does.
      const bool moves_alike = source.motion == Motion::kFull || (lanes_ == 1 && source.motion == Motion::kRow);
      if (!is_elementwise || !moves_alike || slot.offset != out.offset)
        return text::concat("overwrites ", to_string(slot), " while it reads it");
    }
    return "";
  }

  std::string fault_of_states(const Instruction& instruction) {
    const auto exists = [&](std::int32_t state) { return state >= 0 && at(plan_.num_states) > state; };
    if (!exists(instruction.state)) return text::concat("has state ", instruction.state, ", which does not exist");
    for (const std::int32_t state : instruction.operand_states)
      if (state != -1 && (!exists(state) || makers_[static_cast<std::size_t>(state)] == nullptr))
        return text::concat("reads state ", state, " before it is made");
    const Extension*& maker = makers_[static_cast<std::size_t>(instruction.state)];
    if (maker != nullptr && maker != instruction.extension.get())
      return text::concat("has state ", instruction.state, ", which is another extension's");
    maker = instruction.extension.get();
    return "";
  }

  /// Of what is added to a kSum output.
  std::string fault_of_sum(const Instruction& instruction) const {
    if (section_ != "accumulate") return "adds to an output outside of the accumulate phase";
    const Slot& out = instruction.out;
    const auto index = static_cast<std::size_t>(out.index);
    if (out.region != Region::kOutput || index >= outputs_.size() || !is_sum(index))
      return text::concat("adds to ", to_string(out), ", which is no output that sums over the batch");
    if (out.offset != 0 || instruction.rows != plan_.output_rows[index])
      return text::concat("does not add to all of the output's ", plan_.output_rows[index], " numbers");
    return "";
  }

  std::string fault_of_result(const Instruction& instruction) {
    const Slot& out = instruction.out;
    const bool is_allowed = section_ == "prepare"   ? out.region == Region::kShared
                            : section_ == "forward" ? out.region >= Region::kSaved || out.region == Region::kOutput
                            : section_ == "reverse" ? out.region == Region::kScratch || out.region == Region::kOutput
                                                    : false;
    if (!is_allowed) return text::concat("must not write ", to_string(out), " in this phase");
    const auto index = static_cast<std::size_t>(out.index);
    if (out.region == Region::kOutput && (index >= outputs_.size() || is_sum(index)))
      return text::concat("writes ", to_string(out), ", which is no output of each sample");
    Flags& flags = out.region == Region::kOutput   ? outputs_[index]
                   : out.region == Region::kShared ? shared_
                   : out.region == Region::kSaved  ? saved_
                                                   : scratch_;
    const std::size_t end = out.offset + instruction.rows * lanes_;
    if (end > flags.size())
      return text::concat("writes ", to_string(out), " up to ", end, ", beyond the region's size of ", flags.size());
    const auto begin = flags.begin() + at(out.offset);
    if (out.region == Region::kOutput && std::find(begin, flags.begin() + at(end), true) != flags.begin() + at(end))
      return text::concat("writes ", to_string(out), " for the second time");
    std::fill(begin, flags.begin() + at(end), true);
    return "";
  }

  static std::ptrdiff_t at(std::size_t place) { return static_cast<std::ptrdiff_t>(place); }

  const Plan& plan_;
  const Function& function_;
  std::string_view section_;
  std::size_t lanes_ = 1;        // of the section
  std::vector<bool> is_shared_;  // by input
  std::vector<Flags> inputs_;    // known; the other regions: written
  Flags shared_, saved_, scratch_;
  std::vector<Flags> outputs_;            // of sums: empty
  std::vector<const Extension*> makers_;  // by state
};

}  // namespace

void verify(const Plan& plan, const Function& function, const PlanOptions& options) {
  if (plan.lanes != options.lanes || plan.lanes == 0)
    throw InternalError("[verify] the plan has ", plan.lanes, " lanes, not ", options.lanes, ".");
  Verifier(plan, function, options).run();
}

}  // namespace costate::internal
