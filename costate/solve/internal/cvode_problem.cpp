#include "costate/solve/internal/cvode_problem.h"

#include <algorithm>

#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/field_marks.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/flat_state.h"

namespace costate::internal {
namespace {

/// The field with its state flat, and what becomes of its slope. Of arguments that all samples share cotangents exist
/// as sums over the batch only, unless they are made those of one sample.
template <class Finish>
TileFunction<double> lower_flat(const VectorField& field, const Function& function, bool of_one_sample, Finish finish) {
  GraphBuilder builder;
  const BuilderScope scope(builder);
  const Array t = builder.input("t", InputKind::kSample, Shape{});
  const Array y = builder.input("y", InputKind::kSample, Shape{field.state_size()});
  std::vector<Array> inputs = {t}, arguments;
  for (const Array& part : split_state(y, field.parts())) inputs.push_back(part);
  const std::vector<Input>& given = function.inputs();
  for (std::size_t i = 1 + field.parts().size(); i < given.size(); ++i)
    arguments.push_back(of_one_sample ? builder.input(given[i].name, InputKind::kSample, given[i].shape)
                                      : builder.input_like(given[i]));
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  const Array slope = join_state(inline_function(function, inputs));
  return TileFunction<double>(builder.finish(finish(builder, slope, y, arguments)), 1);
}

using Arrays = std::vector<Array>;

TileFunction<double> lower_slope(const VectorField& field) {
  return lower_flat(field, field.function(), false,
                    [](GraphBuilder&, const Array& slope, const Array&, const Arrays&) { return Arrays{slope}; });
}

TileFunction<double> lower_jacobian(const VectorField& field) {
  return lower_flat(
      field, moving_by_given_jacobian(field.function()), false,
      [](GraphBuilder&, const Array& slope, const Array& y, const Arrays&) { return Arrays{jacobian(slope, y)}; });
}

TileFunction<double> lower_vjp(const VectorField& field, const std::vector<std::size_t>& wanted) {
  return lower_flat(field, field.function(), true,
                    [&](GraphBuilder& builder, const Array& slope, const Array& y, const Arrays& given) {
                      const Array cotangent = builder.input("cotangent", InputKind::kSample, slope.shape());
                      Arrays by = {y};
                      for (const std::size_t i : wanted) by.push_back(given[i]);
                      return pull_back(std::span(&slope, 1), std::span(&cotangent, 1), by);
                    });
}

std::vector<std::size_t> positions(const std::optional<WantedGradients>& gradients) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; gradients && i < gradients->arguments.size(); ++i)
    if (gradients->arguments[i]) found.push_back(i);
  return found;
}

}  // namespace

CvodeProblem::CvodeProblem(const VectorField& given, const SolveOptions& solve_options,
                           const std::optional<WantedGradients>& gradients)
    : field(given),
      options(solve_options),
      state_size(static_cast<std::size_t>(given.state_size())),
      is_bdf(solve_options.method == Method::kBdf),
      slope(lower_slope(given)),
      jacobian(lower_jacobian(given)),
      wanted(positions(gradients)) {
  const ErrorMeasure measure = error_measure(options, part_offsets(field), state_size);
  rtols = measure.rtol;
  atols = measure.atol;
  if (gradients) vjp = lower_vjp(given, wanted);
}

CvodeFunction::CvodeFunction(const TileFunction<double>& function, std::size_t num_outputs)
    : function_(function),
      workspace_(function.make_workspace()),
      shared_(function.shared_size()),
      saved_(function.saved_size()),
      outputs_(num_outputs) {}

void CvodeFunction::prepare(std::span<const double* const> arguments) {
  inputs_.assign({&t_, nullptr});
  inputs_.insert(inputs_.end(), arguments.begin(), arguments.end());
  num_arguments_ = arguments.size();
  inputs_.push_back(nullptr);  // of the cotangent
  function_.prepare(inputs_, shared_.data());
}

void CvodeFunction::run(double t, const double* y, std::span<double* const> outputs, const double* cotangent) {
  t_ = t;
  inputs_[1] = y;
  inputs_.back() = cotangent;
  std::ranges::copy(outputs, outputs_.begin());
  function_.run(Phase::kForward,
                {.inputs = std::span(inputs_).first(2 + num_arguments_ + (cotangent == nullptr ? 0U : 1U)),
                 .outputs = outputs_,
                 .shared = shared_.data(),
                 .saved = saved_.data(),
                 .workspace = &workspace_,
                 .lane_weights = nullptr,
                 .num_samples = 1,
                 .first_sample = 0,
                 .report = nullptr});
}

}  // namespace costate::internal
