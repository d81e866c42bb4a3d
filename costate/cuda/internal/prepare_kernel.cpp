#include "costate/cuda/internal/prepare_kernel.h"

#include <sstream>

#include "costate/base/text.h"
#include "costate/cuda/internal/cuda_source.h"

namespace costate::internal {
namespace {

/// The instructions of `prepare` as a forward phase of one lane, whose one output is Region::kShared.
Plan prepare_as_forward(const Plan& plan) {
  Plan forward;
  forward.output_rows = {plan.shared_size};
  const auto move = [](Slot& slot) {
    if (slot.region == Region::kShared) slot = {.region = Region::kOutput, .index = 0, .offset = slot.offset};
  };
  for (Instruction instruction : plan.prepare) {
    if (instruction.kind == InstructionKind::kFill) continue;
    for (Source& source : instruction.sources) move(source.slot);
    move(instruction.out);
    forward.in(Phase::kForward).push_back(std::move(instruction));
  }
  return forward;
}

std::string kernel_text(const std::string& name, std::size_t num_inputs, Dtype dtype) {
  const std::string real = device_type(dtype);
  std::ostringstream members, binds;
  for (std::size_t i = 0; i < num_inputs; ++i) {
    members << "  const " << real << " *in" << i << ";\n";
    binds << "  m.in" << i << " = a.in" << i << ";\n";
  }
  return text::concat(
      "\nstruct ", name, "_arguments {\n", members.str(), "  ", real, " *prepared;\n};\n\nCOSTATE_DEVICE void ", name,
      "_block(const ", name,
      "_arguments &a, int block, unsigned char *costate_shared) {\n  (void)block, (void)costate_shared;\n  ", name,
      "_memory m = {};\n", binds.str(), "  m.out0 = a.prepared;\n  ", name, "_forward(m);\n}\nCOSTATE_KERNEL(", name,
      ", ", name, "_arguments, ", name, "_block)\n");
}

}  // namespace

PrepareKernel add_prepare_kernel(CudaSource& source, const std::string& name, const Function& function, Dtype dtype,
                                 std::size_t lanes, std::span<const std::size_t> late_inputs,
                                 const ExtensionForm& form) {
  const Plan plan = lower(function, {.lanes = lanes, .late_inputs = {late_inputs.begin(), late_inputs.end()}});
  PrepareKernel kernel{.shape = {.name = name, .threads = source.threads()}, .size = plan.shared_size, .constants = {}};
  for (const Instruction& instruction : plan.prepare)
    if (instruction.kind == InstructionKind::kFill)
      kernel.constants.push_back({instruction.out.offset, instruction.constants});
  const Plan forward = prepare_as_forward(plan);
  kernel.computes = !forward.in(Phase::kForward).empty();
  if (!kernel.computes) return kernel;
  const std::size_t num_inputs = function.inputs().size();
  add_tile_function(source, name, forward, num_inputs, dtype, form);
  source.add(kernel_text(name, num_inputs, dtype));
  return kernel;
}

template <class T>
DeviceArray<T> run_prepare_kernel(KernelDevice& device, const PrepareKernel& kernel, const std::string& source,
                                  std::span<const std::uint64_t> inputs, std::uint64_t stream) {
  DeviceArray<T> prepared(device, kernel.size);
  for (const auto& [offset, constants] : kernel.constants) {
    const std::vector<T> numbers(constants.begin(), constants.end());
    if (numbers.empty()) continue;
    device.copy_to_device(prepared.address() + offset * sizeof(T), numbers.data(), numbers.size() * sizeof(T));
  }
  if (!kernel.computes) return prepared;
  std::vector<std::uint64_t> words(inputs.begin(), inputs.end());
  words.push_back(prepared.address());
  device.load(source)->launch(kernel.shape, 1, words, stream);
  return prepared;
}

template DeviceArray<float> run_prepare_kernel(KernelDevice&, const PrepareKernel&, const std::string&,
                                               std::span<const std::uint64_t>, std::uint64_t);
template DeviceArray<double> run_prepare_kernel(KernelDevice&, const PrepareKernel&, const std::string&,
                                                std::span<const std::uint64_t>, std::uint64_t);

}  // namespace costate::internal
