// compile and Program. BatchRunner does the work.
#include "costate/exec/program.h"

#include "costate/exec/internal/batch_function.h"

namespace costate {

struct Program::Implementation {
  Implementation(const Function& f, const CompileOptions& options) : function(f), lowered(f, options) {}

  Function function;
  internal::BatchFunction lowered;
};

const Function& Program::function() const { return implementation_->function; }

RunResult Program::run(std::span<const HostArray> inputs) const {
  const internal::BatchFunction& lowered = implementation_->lowered;
  const std::vector<const HostArray*> all = internal::all_inputs(implementation_->function, inputs, "Program.run");
  const std::size_t batch = internal::check_inputs(implementation_->function, all, "Program.run");
  RunResult result = lowered.dtype() == Dtype::kF32 ? lowered.runner<float>(batch)->run(all, batch)
                                                    : lowered.runner<double>(batch)->run(all, batch);
  std::vector<const HostArray*> shared;
  for (const std::size_t position : lowered.finish_inputs()) shared.push_back(all[position]);
  lowered.finish(shared, 0, result);
  return result;
}

BatchRange Program::read_by_run(std::size_t batch) const {
  const internal::BatchFunction& lowered = implementation_->lowered;
  return lowered.dtype() == Dtype::kF32 ? lowered.runner<float>(batch)->read_by_run(batch)
                                        : lowered.runner<double>(batch)->read_by_run(batch);
}

Program compile(const Function& function, const CompileOptions& options) {
  return Program(std::make_shared<const Program::Implementation>(function, options));
}

}  // namespace costate
