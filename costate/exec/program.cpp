// compile and Program. BatchRunner does the work, and on a device StagedFunction.
#include "costate/exec/program.h"

#include <variant>

#include "costate/exec/internal/batch_function.h"
#include "costate/exec/internal/held.h"
#include "costate/exec/internal/staged_function.h"
#include "costate/graph/internal/empty_function.h"

namespace costate {

struct Program::Implementation {
  Implementation(const Function& f, const CompileOptions& options) : function(f) {
    if (options.device == Device::kCpu)
      lowered = std::make_unique<internal::BatchFunction>(f, options);
    else
      lowered = std::make_unique<internal::StagedFunction>(f, options);
  }

  Function function;
  std::variant<std::unique_ptr<internal::BatchFunction>, std::unique_ptr<internal::StagedFunction>> lowered;
};

const Function& Program::function() const { return internal::held(implementation_, "Program").function; }

RunResult Program::run(std::span<const HostArray> inputs) const {
  const Implementation& program = internal::held(implementation_, "Program");
  const std::vector<const HostArray*> all = internal::all_inputs(program.function, inputs, "Program.run");
  const std::size_t batch = internal::check_inputs(program.function, all, "Program.run");
  return std::visit([&](const auto& lowered) { return lowered->run(all, batch); }, program.lowered);
}

/// On a device the operations of a whole batch run in each rank.
BatchRange Program::read_by_run(std::size_t batch) const {
  const auto& program = internal::held(implementation_, "Program");
  const auto* lowered = std::get_if<std::unique_ptr<internal::BatchFunction>>(&program.lowered);
  if (lowered == nullptr) return {0, batch};
  return (*lowered)->dtype() == Dtype::kF32 ? (*lowered)->runner<float>(batch)->read_by_run(batch)
                                            : (*lowered)->runner<double>(batch)->read_by_run(batch);
}

Program compile(const Function& function, const CompileOptions& options) {
  internal::refuse_empty(function, "compile");
  return Program(std::make_shared<const Program::Implementation>(function, options));
}

}  // namespace costate
