#include "costate/cuda/internal/batch_kernel.h"

#include <sstream>

#include "costate/base/error.h"
#include "costate/cuda/internal/block_memory.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/shared_inputs.h"
#include "costate/cuda/internal/tile_source.h"
#include "costate/exec/internal/batch_function.h"
#include "costate/graph/internal/composed_pools.h"
#include "costate/plan/plan.h"

namespace costate::internal {
namespace {

std::size_t rows_of(const Shape& shape) { return static_cast<std::size_t>(shape.size()); }

class BatchKernelWriter {
 public:
  BatchKernelWriter(CudaSource& source, const std::string& name, const Function& function, Dtype dtype,
                    std::size_t lanes, std::size_t shared_limit)
      : source_(source),
        name_(name),
        function_(function),
        dtype_(dtype),
        plan_(lower(function, {.lanes = lanes, .late_inputs = {}})),
        memory_(shared_limit) {}

  KernelShape write() {
    for (const Output& output : function_.outputs())
      if (output.kind == OutputKind::kSum)
        throw NotSupported("[cuda] a kernel has no form for the output '", output.name,
                           "', which is summed over the batch; run it on the CPU.");
    add_tile_function(source_, name_, plan_, function_.inputs().size(), dtype_);
    place("scratch", plan_.scratch_size);
    place("saved", plan_.saved_size);
    for (std::size_t i = 0; i < function_.inputs().size(); ++i) write_input(i);
    for (std::size_t i = 0; i < function_.outputs().size(); ++i) write_output(i);
    add_member("const T *", "shared");
    place_shared("shared", plan_.shared_size);
    write_kernel();
    return {.name = name_,
            .threads = source_.threads(),
            .shared_bytes = memory_.shared_bytes(),
            .global_bytes = memory_.global_bytes()};
  }

 private:
  std::string real() const { return device_type(dtype_); }
  std::size_t size_of_real() const { return device_size(dtype_); }

  void add_member(const std::string& type, const std::string& name) {
    members_ << "  "
             << (type == "const T *" ? "const " + real() + " *"
                 : type == "T *"     ? real() + " *"
                                     : type + " ")
             << name << ";\n";
  }

  void bind(const std::string& member, const std::string& pointer) {
    binds_ << "  m." << member << " = " << pointer << ";\n";
  }

  void place(const std::string& member, std::size_t count) {
    declarations_ << memory_.add(real(), size_of_real(), member, count);
    bind(member, member);
  }

  /// What all samples share: copied once where there is room, and read in place where there is none.
  void place_shared(const std::string& member, std::size_t count) {
    if (count == 0 || !memory_.has_room(count * size_of_real())) return bind(member, "a." + member);
    place(member, count);
    copies_ << "    costate_copy<" << real() << ">(thread, a." << member << ", " << count << ", " << member << ");\n";
  }

  void write_input(std::size_t i) {
    const Input& input = function_.inputs()[i];
    const std::string member = "in" + std::to_string(i);
    const std::size_t rows = rows_of(input.shape);
    add_member("const T *", member);
    if (input.kind == InputKind::kShared) return place_shared(member, rows);
    place(member, rows * plan_.lanes);
    loads_ << move("load", rows) << "a." << member << ", first, a.batch, " << member << ");\n";
  }

  void write_output(std::size_t i) {
    const std::string member = "out" + std::to_string(i);
    const std::size_t rows = rows_of(function_.output_shape(i));
    add_member("T *", member);
    place(member, rows * plan_.lanes);
    stores_ << move("store", rows) << member << ", first, a.batch, a." << member << ");\n";
  }

  std::string move(const char* way, std::size_t rows) const {
    return text::concat("      costate_", way, "<", real(), ", ", rows, ", ", plan_.lanes, ">(thread, ");
  }

  void write_kernel() {
    add_member("unsigned char *", "global");
    add_member("int64_t", "batch");
    add_member("int64_t", "blocks");
    std::ostringstream text;
    text << "\nstruct " << name_ << "_arguments {\n"
         << members_.str() << "};\n\nCOSTATE_DEVICE void " << name_ << "_block(const " << name_
         << "_arguments &a, int block, unsigned char *costate_shared) {\n"
         << "  unsigned char *const costate_global = a.global + static_cast<int64_t>(block) * "
         << memory_.global_bytes() << ";\n  (void)costate_global, (void)costate_shared;\n"
         << declarations_.str() << "  " << name_ << "_memory m;\n"
         << binds_.str() << "  COSTATE_PHASE(thread) {\n"
         << copies_.str() << "  }\n  for (int64_t first = static_cast<int64_t>(block) * " << plan_.lanes
         << "; first < a.batch; first += a.blocks * " << plan_.lanes << ") {\n    COSTATE_PHASE(thread) {\n"
         << loads_.str() << "    }\n    " << name_ << "_forward(m);\n    COSTATE_PHASE(thread) {\n"
         << stores_.str() << "    }\n  }\n}\nCOSTATE_KERNEL(" << name_ << ", " << name_ << "_arguments, " << name_
         << "_block)\n";
    source_.add(text.str());
  }

  CudaSource& source_;
  const std::string& name_;
  const Function& function_;
  Dtype dtype_;
  Plan plan_;
  BlockMemory memory_;
  std::ostringstream members_, declarations_, binds_, copies_, loads_, stores_;
};

template <class T>
std::vector<HostArray> run_as(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                              const Function& function, std::size_t lanes, std::span<const HostArray> inputs) {
  const std::vector<const HostArray*> all = all_inputs(function, inputs, "run_batch_kernel");
  const SharedInputs<T> given(function, lanes, all);
  std::size_t batch = 0;
  std::vector<DeviceArray<T>> arrays;
  std::vector<std::uint64_t> words;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<T> numbers;
    if (function.inputs()[i].kind == InputKind::kSample) {
      batch = static_cast<std::size_t>(all[i]->shape()[0]);
      numbers.resize(static_cast<std::size_t>(all[i]->size()));
      all[i]->copy_to(std::span<T>(numbers));
    }
    arrays.emplace_back(device, numbers.empty() ? given.of_input(i) : std::span<const T>(numbers));
    words.push_back(arrays.back().address());
  }
  std::vector<DeviceArray<T>> outputs;
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    outputs.emplace_back(device, batch * rows_of(function.output_shape(i)));
    words.push_back(outputs.back().address());
  }
  const std::size_t blocks = num_blocks(batch, lanes);
  const DeviceArray<T> shared(device, given.prepared());
  const DeviceArray<unsigned char> global(device, blocks * kernel.global_bytes);
  words.insert(words.end(), {shared.address(), global.address(), batch, blocks});
  module.launch(kernel, blocks, words, 0);
  std::vector<HostArray> results;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    results.emplace_back(function.output_shape(i).with_first(static_cast<std::int64_t>(batch)), outputs[i].numbers());
  return results;
}

}  // namespace

KernelShape add_batch_kernel(CudaSource& source, const std::string& name, const Function& function, Dtype dtype,
                             std::size_t lanes, std::size_t shared_limit) {
  return BatchKernelWriter(source, name, compose_pools(function), dtype, lanes, shared_limit).write();
}

std::vector<HostArray> run_batch_kernel(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                                        const Function& function, Dtype dtype, std::size_t lanes,
                                        std::span<const HostArray> inputs) {
  const Function composed = compose_pools(function);
  return dtype == Dtype::kF32 ? run_as<float>(device, module, kernel, composed, lanes, inputs)
                              : run_as<double>(device, module, kernel, composed, lanes, inputs);
}

}  // namespace costate::internal
