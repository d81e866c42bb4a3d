// vjp(function) with its cotangents as late inputs: a run goes through the forward phase of each tile, which leaves
// what the later phases read in a BatchRecord, and a pull-back through the later phases.
#include "costate/exec/pullback.h"

#include <cstdint>
#include <numeric>
#include <variant>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/internal/batch_function.h"

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
  Implementation(const Function& f, const PullbackOptions& options)
      : function(f),
        wrt(options.wrt),
        lowered(vjp(f, options.wrt), {.dtype = options.dtype, .lanes = options.lanes},
                {.num_inputs = f.outputs().size(),
                 .num_outputs = options.wrt.empty() ? f.inputs().size() : options.wrt.size()}) {
    if (!wrt.empty()) return;
    wrt.resize(f.inputs().size());
    std::iota(wrt.begin(), wrt.end(), std::size_t{0});
  }

  Function function;
  std::vector<std::size_t> wrt;
  internal::BatchFunction lowered;
};

struct Pullback::Record {
  std::shared_ptr<const PullbackProgram::Implementation> program;
  std::variant<internal::KeptPointer<float>, internal::KeptPointer<double>> kept;
  std::vector<HostArray> shared;  // BatchFunction::finish_inputs, as the run had them
};

namespace {

template <class T>
RunResult run_forward(const internal::BatchFunction& lowered, std::span<const HostArray* const> inputs,
                      std::size_t batch, Pullback::Record& record) {
  auto kept = std::make_unique<internal::KeptRecord<T>>(lowered.runner<T>(batch));
  RunResult result = kept->runner->run_forward(inputs, batch, kept->record);
  record.kept = std::move(kept);
  return result;
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

const Function& PullbackProgram::function() const { return implementation_->function; }

const std::vector<std::size_t>& PullbackProgram::wrt() const { return implementation_->wrt; }

PullbackRun PullbackProgram::run(std::span<const HostArray> inputs) const {
  const Implementation& program = *implementation_;
  const std::vector<const HostArray*> all = internal::all_inputs(program.function, inputs, "PullbackProgram.run");
  const std::size_t batch = internal::check_inputs(program.function, all, "PullbackProgram.run");
  auto record = std::make_shared<Pullback::Record>();
  record->program = implementation_;
  for (const std::size_t position : program.lowered.finish_inputs()) record->shared.push_back(*all[position]);
  RunResult result = program.lowered.dtype() == Dtype::kF32 ? run_forward<float>(program.lowered, all, batch, *record)
                                                            : run_forward<double>(program.lowered, all, batch, *record);
  return {.outputs = std::move(result.outputs), .report = std::move(result.report), .pullback = Pullback(record)};
}

PullbackResult Pullback::operator()(std::span<const HostArray> cotangents) const {
  const PullbackProgram::Implementation& program = *record_->program;
  RunResult result = std::visit(
      [&](const auto& kept) {
        check_cotangents(program.function, cotangents, kept->record.batch);
        return kept->runner->pull_back(kept->record, cotangents);
      },
      record_->kept);
  std::vector<const HostArray*> shared;
  for (const HostArray& value : record_->shared) shared.push_back(&value);
  program.lowered.finish(shared, program.function.outputs().size(), result);
  return {.gradients = std::move(result.outputs), .report = std::move(result.report)};
}

PullbackProgram compile_pullback(const Function& function, const PullbackOptions& options) {
  for (const Output& output : function.outputs())
    if (output.kind == OutputKind::kSum)
      throw NotSupported(
          "[compile_pullback] output '", output.name,
          "' is a sum over the batch, which has no reverse that runs later; leave it out, or compile the "
          "vjp of the function.");
  return PullbackProgram(std::make_shared<const PullbackProgram::Implementation>(function, options));
}

}  // namespace costate
