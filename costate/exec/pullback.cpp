// vjp(function) with its cotangents as late inputs: a run goes through the forward phase of each tile, which leaves
// what the later phases read in a BatchRecord, and a pull-back through the later phases. On a device, a StagedRecord
// keeps what the stages before the cotangents have found.
#include "costate/exec/pullback.h"

#include <cstdint>
#include <numeric>
#include <variant>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/internal/batch_function.h"
#include "costate/exec/internal/held.h"
#include "costate/exec/internal/staged_function.h"
#include "costate/graph/internal/empty_function.h"

namespace costate {
namespace internal {

/// A record, which goes back to who made it.
template <class T>
struct KeptRecord {
  explicit KeptRecord(std::shared_ptr<const BatchRunner<T>> maker) : runner(std::move(maker)) {}
  ~KeptRecord() { runner->recycle(record); }
  KeptRecord(const KeptRecord&) = delete;
  KeptRecord& operator=(const KeptRecord&) = delete;

  std::shared_ptr<const BatchRunner<T>> runner;
  BatchRecord<T> record;
};

template <class T>
using KeptPointer = std::unique_ptr<KeptRecord<T>>;

}  // namespace internal

struct PullbackProgram::Implementation {
  Implementation(const Function& f, const PullbackOptions& options) : function(f), wrt(options.wrt) {
    if (wrt.empty()) {
      wrt.resize(f.inputs().size());
      std::iota(wrt.begin(), wrt.end(), std::size_t{0});
    }
    const Function reverse = vjp(f, options.wrt);
    const CompileOptions compiled{.dtype = options.dtype, .lanes = options.lanes, .device = options.device};
    const internal::LateParts late{.num_inputs = f.outputs().size(), .num_outputs = wrt.size()};
    if (options.device == Device::kCpu)
      lowered = std::make_unique<internal::BatchFunction>(reverse, compiled, late);
    else
      staged = std::make_unique<internal::StagedFunction>(reverse, compiled, late);
  }

  Function function;
  std::vector<std::size_t> wrt;
  std::unique_ptr<internal::BatchFunction> lowered;
  std::unique_ptr<internal::StagedFunction> staged;  // on a device, in place of that
};

struct Pullback::Record {
  std::shared_ptr<const PullbackProgram::Implementation> program;
  std::size_t batch = 0;
  std::variant<internal::KeptPointer<float>, internal::KeptPointer<double>, internal::StagedRecord> kept;
  std::vector<HostArray> shared;  // BatchFunction::finish_inputs, as the run had them
};

namespace {

template <class T>
RunResult run_tiles(const internal::BatchFunction& lowered, std::span<const HostArray* const> inputs,
                    Pullback::Record& record) {
  auto kept = std::make_unique<internal::KeptRecord<T>>(lowered.runner<T>(record.batch));
  RunResult result = kept->runner->run_forward(inputs, record.batch, kept->record);
  record.kept = std::move(kept);
  for (const std::size_t position : lowered.finish_inputs()) record.shared.push_back(*inputs[position]);
  return result;
}

RunResult run_forward(const PullbackProgram::Implementation& program, std::span<const HostArray* const> inputs,
                      Pullback::Record& record) {
  if (program.staged)
    return program.staged->run_forward(inputs, record.batch, record.kept.emplace<internal::StagedRecord>());
  return program.lowered->dtype() == Dtype::kF32 ? run_tiles<float>(*program.lowered, inputs, record)
                                                 : run_tiles<double>(*program.lowered, inputs, record);
}

template <class T>
RunResult pull_back(const Pullback::Record& record, const internal::KeptPointer<T>& kept,
                    std::span<const HostArray> cotangents) {
  RunResult result = kept->runner->pull_back(kept->record, cotangents);
  std::vector<const HostArray*> shared;
  for (const HostArray& value : record.shared) shared.push_back(&value);
  record.program->lowered->finish(shared, record.program->function.outputs().size(), result);
  return result;
}

RunResult pull_back(const Pullback::Record& record, const internal::StagedRecord& kept,
                    std::span<const HostArray> cotangents) {
  return record.program->staged->pull_back(kept, cotangents);
}

void check_cotangents(const Function& function, std::span<const HostArray> cotangents, std::size_t batch) {
  if (cotangents.size() != function.outputs().size())
    throw InvalidArgument("[Pullback] needs a cotangent for each of the ", function.outputs().size(), " outputs; got ",
                          cotangents.size(), ". Zeros stand for an output that nothing depends on.");
  for (std::size_t i = 0; i < cotangents.size(); ++i) {
    const Shape expected = function.output_shape(i).with_first(static_cast<std::int64_t>(batch));
    if (!(cotangents[i].shape() == expected))
      throw ShapeError("[Pullback] the cotangent of output '", function.outputs()[i].name,
                       "' must have its shape in the run, ", expected, "; got ", cotangents[i].shape(), ".");
  }
}

}  // namespace

const Function& PullbackProgram::function() const {
  return internal::held(implementation_, "PullbackProgram").function;
}

const std::vector<std::size_t>& PullbackProgram::wrt() const {
  return internal::held(implementation_, "PullbackProgram").wrt;
}

PullbackRun PullbackProgram::run(std::span<const HostArray> inputs) const {
  const Implementation& program = internal::held(implementation_, "PullbackProgram");
  const std::vector<const HostArray*> all = internal::all_inputs(program.function, inputs, "PullbackProgram.run");
  const std::size_t batch = internal::check_inputs(program.function, all, "PullbackProgram.run");
  auto record = std::make_shared<Pullback::Record>();
  record->program = implementation_;
  record->batch = batch;
  RunResult result = run_forward(program, all, *record);
  return {.outputs = std::move(result.outputs), .report = std::move(result.report), .pullback = Pullback(record)};
}

PullbackResult Pullback::operator()(std::span<const HostArray> cotangents) const {
  const Record& record = internal::held(record_, "Pullback");
  check_cotangents(record.program->function, cotangents, record.batch);
  RunResult result = std::visit([&](const auto& kept) { return pull_back(record, kept, cotangents); }, record.kept);
  return {.gradients = std::move(result.outputs), .report = std::move(result.report)};
}

PullbackProgram compile_pullback(const Function& function, const PullbackOptions& options) {
  internal::refuse_empty(function, "compile_pullback");
  for (const Output& output : function.outputs())
    if (output.kind == OutputKind::kSum)
      throw NotSupported(
          "[compile_pullback] output '", output.name,
          "' is a sum over the batch, which has no reverse that runs later; leave it out, or compile the "
          "vjp of the function.");
  return PullbackProgram(std::make_shared<const PullbackProgram::Implementation>(function, options));
}

}  // namespace costate
