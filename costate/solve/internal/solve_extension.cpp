#include "costate/solve/internal/solve_extension.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "costate/base/error.h"
#include "costate/exec/internal/image_lanes.h"
#include "costate/graph/tighten.h"
#include "costate/solve/internal/cvode_tile_op.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/failure_advice.h"
#include "costate/solve/internal/field_stops.h"
#include "costate/solve/internal/guard_problem.h"
#include "costate/solve/internal/implicit_step.h"
#include "costate/solve/internal/interpreted_field.h"
#include "costate/solve/internal/moved_jumps.h"

namespace costate::internal {
namespace {

/// The tightest rtol worth asking for: below, rounding would be taken for an error.
template <class T>
constexpr double kFinest = 1e-13;
template <>
constexpr double kFinest<float> = 1e-6;

/// Options under which a solve is so much more exact that the difference is the error of the given ones. By another
/// method, of high order: where stability and not the error limits the steps, a tighter tolerance changes nothing. Of
/// fixed steps, too, which may be unstable at half their length as well. An implicit method stands for a stiff field.
/// An adjoint that only the given method has goes with it.
SolveOptions tightened_options(SolveOptions options) {
  constexpr double kTighter = 1e-2;
  options.method = tableau(options.method).is_implicit() ? Method::kRodas5p : Method::kDopri8;
  const auto tighten_rtol = [](double& rtol) { rtol = std::min(rtol, std::max(kTighter * rtol, kFinest<double>)); };
  tighten_rtol(options.rtol);
  std::ranges::for_each(options.rtols, tighten_rtol);
  tighten_rtol(options.adjoint_rtol);
  options.atol *= kTighter;
  options.adjoint_atol *= kTighter;
  for (double& atol : options.atols) atol *= kTighter;
  if (options.adjoint == Adjoint::kCvodes || options.adjoint == Adjoint::kReversible)
    options.adjoint = Adjoint::kDiscrete;
  options.min_step = 0;
  options.at_min_step = AtMinStep::kFail;
  options.step_size = 0;
  options.steps_per_interval = 0;
  options.max_steps = std::max(options.max_steps, SolveOptions{}.max_steps);
  if (options.gradient_steps == GradientSteps::kOff) options.gradient_steps = GradientSteps::kAuto;
  return options;
}

template <class Value>
std::string text_of(const Value& value) {
  return text::concat(value);
}

template <class Value>
std::string text_of(const std::vector<Value>& list) {
  return text::concat("[", text::join(list), "]");
}

}  // namespace

/// Method and tolerances, and what else is not as it is by default.
std::string SolveExtension::attributes() const {
  const SolveOptions defaults{.method = options_.method};
  std::vector<std::string> texts = {
      text::concat("method=", costate::name(options_.method), ", rtol=", options_.rtol, ", atol=", options_.atol)};
  for (const SolveOption& option : solve_options()) {
    const OptionValue value = option.access.get(options_);
    const bool is_named = option.name == "rtol" || option.name == "atol";
    if (!is_named && value != option.access.get(defaults))
      texts.push_back(option.name + "=" + std::visit([](const auto& held) { return text_of(held); }, value));
  }
  if (!options_.norm.is_empty()) texts.emplace_back("norm");
  if (exactness_ == Exactness::kTightened) texts.emplace_back("tightened");
  if (events_) texts.push_back(text::concat("events=", events_->rules.size()));
  return text::join(texts);
}

Shape SolveExtension::infer_shape(std::span<const Shape> operands) const {
  if (operands[0].size() != field_.state_size())
    throw ShapeError("[solve] z0 must hold the ", field_.state_size(), " numbers of the field's state; got shape ",
                     operands[0], ".");
  if (operands[1].rank() != 1 || operands[1][0] < 1)
    throw ShapeError("[solve] times must be a vector of at least one time; got shape ", operands[1], ".");
  for (std::size_t i = 0; i < field_.arguments().size(); ++i)
    if (!(operands[2 + i] == field_.arguments()[i].shape))
      throw ShapeError("[solve] argument '", field_.arguments()[i].name, "' must have shape ",
                       field_.arguments()[i].shape, "; got ", operands[2 + i], ".");
  const Shape states{operands[1][0], field_.state_size()};
  return events_ ? Shape{states.size() + static_cast<std::int64_t>(events_->tail_size())} : states;
}

std::vector<double> SolveExtension::interpret(std::span<const std::vector<double>> operands) const {
  if (is_multistep(options_.method)) return solve_one_by_cvode(*this, operands);
  const SampleStops sample = stops_of_sample(field_, options_.stop_at, operands.subspan(2));
  std::optional<ReferenceDerivatives> derivatives;
  const bool can_guard = !tableau(options_.method).steps_by_function() || !has_kinks(field_);
  if (options_.gradient_steps == GradientSteps::kOn && !has_fixed_steps(options_) && can_guard)
    derivatives = interpreted_derivatives(field_, options_, operands.subspan(2));
  std::optional<StepFunction> step, other;
  if (tableau(options_.method).steps_by_function()) step = step_function(field_, options_, StepUse::kForward);
  if (options_.method == Method::kAuto) other = explicit_step(field_, options_, StepUse::kForward);
  std::optional<ReferenceEvents> events;
  if (events_) events = interpreted_events(*events_, operands.subspan(2));
  const ReferenceSolution solution =
      reference_solve(interpreted_rhs(field_, operands.subspan(2)), operands[0], operands[1], options_,
                      {.stops = sample.stops,
                       .stop_scale = sample.scale,
                       .part_offsets = part_offsets(field_),
                       .derivatives = derivatives ? &*derivatives : nullptr,
                       .step = step ? &*step : nullptr,
                       .stepper = step ? interpreted_step(*step, operands.subspan(2)) : ReferenceStepper(),
                       .explicit_step = other ? &*other : nullptr,
                       .explicit_stepper = other ? interpreted_step(*other, operands.subspan(2)) : ReferenceStepper(),
                       .events = events ? &*events : nullptr});
  std::vector<double> states;
  for (const auto& state : solution.states) states.insert(states.end(), state.begin(), state.end());
  if (events_) append_events(*events_, solution.events, states);
  return states;
}

std::vector<Array> SolveExtension::vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                                       const std::vector<bool>& wanted) const {
  refuse_moved_jumps(field_, operands.subspan(2), {wanted.begin() + 2, wanted.end()}, "vjp");
  return solve_vjp(shared_from_this(), operands, result, cotangent, wanted);
}

std::shared_ptr<const SolveExtension> SolveExtension::tightened_solve() const {
  const std::lock_guard lock(mutex_);
  if (!tightened_) {
    VectorField field(tighten(field_.function()), field_.parts(), field_.arguments(), field_.captured());
    tightened_ = std::make_shared<SolveExtension>(std::move(field), tightened_options(options_), known_times_, events_,
                                                  Exactness::kTightened);
  }
  return tightened_;
}

std::shared_ptr<const SolveExtension> SolveExtension::with_adjoint(Adjoint adjoint) const {
  SolveOptions options = options_;
  options.adjoint = adjoint;
  return std::make_shared<SolveExtension>(field_, std::move(options), known_times_, events_, exactness_);
}

template <class T>
SolveOptions SolveExtension::options_in() const {
  SolveOptions options = options_;
  if (exactness_ != Exactness::kTightened) return options;
  options.rtol = std::max(options.rtol, kFinest<T>);
  for (double& rtol : options.rtols) rtol = std::max(rtol, kFinest<T>);
  return options;
}

template SolveOptions SolveExtension::options_in<float>() const;
template SolveOptions SolveExtension::options_in<double>() const;

std::int64_t SolveExtension::largest_image() const {
  return static_cast<std::int64_t>(internal::largest_image(field_.function()));
}

void SolveExtension::check_kinds(const std::vector<bool>& operand_is_shared) const {
  for (std::size_t i = 2; i < operand_is_shared.size(); ++i) {
    const Input& input = field_.function().inputs()[i - 1 + field_.parts().size()];
    if (input.kind == InputKind::kShared && !operand_is_shared[i])
      throw NotSupported("[solve] argument '", input.name,
                         "' is declared shared by all samples but is given one a sample; "
                         "declare it as InputKind::kSample.");
  }
}

bool SolveExtension::equals(const Extension& other) const {
  const auto* solve = dynamic_cast<const SolveExtension*>(&other);
  return solve != nullptr && solve->field_.function() == field_.function() && solve->options_ == options_ &&
         solve->known_times_ == known_times_ && solve->events_ == events_ && solve->exactness_ == exactness_;
}

const StepReader* step_reader(const ResultReader& reader) {
  return reader.operand == 0 ? dynamic_cast<const StepReader*>(reader.extension) : nullptr;
}

namespace {

/// What the steps of a solve that these read are kept for.
std::optional<WantedGradients> gradients_of(const std::vector<ResultReader>& readers) {
  for (const ResultReader& reader : readers)
    if (const StepReader* steps = step_reader(reader))
      if (auto gradients = steps->gradients_of_steps()) return gradients;
  return std::nullopt;
}

bool read_dense(const std::vector<ResultReader>& readers) {
  return std::ranges::any_of(readers, [](const ResultReader& reader) {
    const StepReader* steps = step_reader(reader);
    return steps != nullptr && steps->reads_dense();
  });
}

}  // namespace

template <class T>
SolveTileOp<T>::SolveTileOp(std::shared_ptr<const SolveExtension> extension, const TileOpContext& context)
    : extension_(std::move(extension)),
      context_(context),
      problem_(extension_->field(), extension_->options_in<T>(), context.lanes,
               static_cast<std::size_t>(context.operand_shapes[1][0]), gradients_of(context.readers),
               extension_->events()),
      keeps_dense_(read_dense(context.readers)) {
  extension_->check_kinds(context.operand_is_shared);
}

template <class T>
std::unique_ptr<TileOpState> SolveTileOp<T>::make_state() const {
  auto state = std::make_unique<SolveState<T>>(problem_);
  if (keeps_dense_) state->dense.emplace(problem_);
  state->z0.resize(problem_.state_size * problem_.lanes);
  state->times.resize(problem_.num_times * problem_.lanes);
  state->spread.resize(context_.operand_shapes.size());
  return state;
}

template <class T>
std::size_t SolveTileOp<T>::kept_bytes() const {
  const SolveOptions& options = problem_.options;
  if (!problem_.frame.keeps_all || !problem_.is_fixed || options.step_size > 0) return 0;
  const std::size_t steps =
      (problem_.num_times - 1) * static_cast<std::size_t>(std::max(1, options.steps_per_interval));
  return std::min(steps, most_frames(problem_)) * problem_.frame.size() * sizeof(T);
}

/// Operand `operand` [rows, lanes], spread over the lanes if all samples share it.
template <class T>
template <class Number>
void SolveTileOp<T>::spread_operand(const TileOpRun<T>& run, std::size_t operand, Number* out) const {
  const std::size_t lanes = problem_.lanes, rows = static_cast<std::size_t>(context_.operand_shapes[operand].size());
  const T* from = run.operands[operand];
  for (std::size_t row = 0; row < rows; ++row, out += lanes)
    if (context_.operand_is_shared[operand])
      std::fill_n(out, lanes, from[row]);
    else
      std::copy_n(from + row * lanes, lanes, out);
}

/// The times [time, lanes], in f64. False if they are known in f32 only: computed by the program.
template <class T>
bool SolveTileOp<T>::load_times(const TileOpRun<T>& run, std::vector<double>& times) const {
  const std::size_t lanes = problem_.lanes;
  const std::vector<double>& known = extension_->known_times();
  for (std::size_t i = 0; i < known.size(); ++i) std::fill_n(times.data() + i * lanes, lanes, known[i]);
  if (!known.empty()) return true;
  const GivenOperand given = run.given[1];
  if (std::is_same_v<T, double> || given.array == nullptr) {
    spread_operand(run, 1, times.data());
    return std::is_same_v<T, double>;
  }
  const bool is_shared = context_.operand_is_shared[1];
  const std::int64_t size = given.array->size() / (is_shared ? 1 : given.array->shape()[0]);
  for (std::size_t i = 0; i < problem_.num_times; ++i) {
    const auto index = static_cast<std::int64_t>(given.first + i);
    double* row = times.data() + i * lanes;
    if (is_shared)
      std::fill_n(row, lanes, given.array->at(index));
    else
      for (std::size_t lane = 0; lane < lanes; ++lane)
        row[lane] = given.array->at(static_cast<std::int64_t>(run.given_rows[lane]) * size + index);
  }
  return true;
}

/// The times that load_times() reads as they were given.
template <class T>
bool SolveTileOp<T>::reads_given(std::size_t operand) const {
  return operand == 1 && std::is_same_v<T, float> && extension_->known_times().empty();
}

/// The operands as the solver takes them, in `state`, which keeps them for the reverse sweep.
template <class T>
void SolveTileOp<T>::load_inputs(const TileOpRun<T>& run, SolveState<T>& state) const {
  spread_operand(run, 0, state.z0.data());
  const bool times_are_exact = load_times(run, state.times);
  const auto& inputs = extension_->field().function().inputs();
  const std::size_t first = 1 + extension_->field().parts().size();
  state.arguments.clear();
  for (std::size_t i = 2; i < run.operands.size(); ++i) {
    const bool is_spread = inputs[first + i - 2].kind == InputKind::kSample && context_.operand_is_shared[i];
    if (is_spread) {
      state.spread[i].resize(static_cast<std::size_t>(context_.operand_shapes[i].size()) * problem_.lanes);
      spread_operand(run, i, state.spread[i].data());
    }
    state.arguments.push_back(is_spread ? state.spread[i].data() : run.operands[i]);
  }
  prepare_field<T>(problem_, state.arguments, state.shared);
  state.inputs = {.z0 = state.z0.data(),
                  .times = state.times.data(),
                  .rounds_times = !times_are_exact,
                  .arguments = state.arguments,
                  .shared = state.shared.data(),
                  .num_samples = run.num_samples,
                  .memory_parts = run.memory_parts};
}

/// What the result holds behind the states (EventField::max_events).
template <class T>
void SolveTileOp<T>::write_events(const LaneEvents<T>& events, T* out) const {
  const std::size_t lanes = problem_.lanes, size = problem_.state_size;
  const std::size_t most = problem_.events->events.max_events, tail = problem_.events->events.tail_size();
  std::fill_n(out, tail * lanes, std::numeric_limits<T>::quiet_NaN());
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const LaneEventList<T>& list = events.list(lane);
    for (std::size_t i = 0; i < std::min(most, list.events.size()); ++i) {
      out[i * lanes + lane] = static_cast<T>(list.events[i].t);
      out[(most + i) * lanes + lane] = static_cast<T>(list.events[i].event);
      for (std::size_t row = 0; row < size; ++row)
        out[(2 * most + i * size + row) * lanes + lane] = list.before[i * size + row];
    }
    out[(tail - 1) * lanes + lane] = static_cast<T>(list.events.size());
  }
}

template <class T>
void SolveTileOp<T>::run(const TileOpRun<T>& run, T* out) const {
  auto& state = static_cast<SolveState<T>&>(*run.state);
  load_inputs(run, state);
  state.solver.solve(state.inputs, problem_.gradients.has_value(), out, nullptr, state.dense ? &*state.dense : nullptr);
  const std::size_t num_states = problem_.num_times * problem_.state_size;
  if (state.solver.events() != nullptr) write_events(*state.solver.events(), out + num_states * problem_.lanes);
  if (run.report == nullptr) return;
  for (std::size_t lane = 0; lane < run.num_samples; ++lane) {
    const LaneOutcome& outcome = state.solver.outcomes()[lane];
    run.report->nfe_forward += outcome.nfe;
    run.report->accepted += outcome.accepted;
    run.report->rejected += outcome.rejected;
    if (outcome.status != Status::kOk)
      run.report->failures.push_back(failure_of(run.first_sample + static_cast<std::int64_t>(lane), outcome,
                                                state.times[lane], problem_.options, state.solver.events() != nullptr));
  }
}

template <class T>
std::unique_ptr<TileOp<T>> SolveExtension::lower(const TileOpContext& context) const {
  if (is_multistep(options_.method)) return std::make_unique<CvodeTileOp<T>>(*this, context);
  return std::make_unique<SolveTileOp<T>>(shared_from_this(), context);
}

template std::unique_ptr<TileOp<float>> SolveExtension::lower(const TileOpContext&) const;
template std::unique_ptr<TileOp<double>> SolveExtension::lower(const TileOpContext&) const;
template class SolveTileOp<float>;
template class SolveTileOp<double>;

}  // namespace costate::internal
