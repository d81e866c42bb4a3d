#include "costate/solve/internal/cuda/device_guard.h"

#include <iterator>
#include <limits>
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/solve/internal/cuda/device_solve.h"
#include "costate/solve/internal/guard_problem.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

double rounding_of(Dtype dtype) {
  return dtype == Dtype::kF32 ? static_cast<double>(std::numeric_limits<float>::epsilon())
                              : std::numeric_limits<double>::epsilon();
}

/// The field's derivative along a tangent of its inputs 1 to `end`.
DeviceField tangent_of(const VectorField& field, std::size_t end, bool reads_time, Dtype dtype) {
  std::vector<std::size_t> positions(end - 1);
  std::iota(positions.begin(), positions.end(), 1);
  return {{jvp(field.function(), positions), {}}, reads_time, dtype};
}

std::optional<DeviceField> tangent_of_inputs(const VectorField& field, bool reads_time, Dtype dtype) {
  const std::size_t num_inputs = field.function().inputs().size();
  if (num_inputs == 1 + field.parts().size()) return std::nullopt;
  try {
    return tangent_of(field, num_inputs, reads_time, dtype);
  } catch (const NotSupported&) {  // the knots of a table have no derivative
    return std::nullopt;
  }
}

}  // namespace

DeviceGuard::DeviceGuard(const VectorField& field, const SolveOptions& options, const ErrorMeasure& measure,
                         bool reads_time)
    : limits(tableau(options.method), measure.smallest_rtol(), measure.smallest_atol(), rounding_of(options.dtype)),
      rtols(disturbance_rtols(measure, rounding_of(options.dtype))),
      num_controlled(measure.num_controlled()),
      field_has_kinks(has_kinks(field)),
      of_state(tangent_of(field, 1 + field.parts().size(), reads_time, options.dtype)),
      of_inputs(tangent_of_inputs(field, reads_time, options.dtype)) {
  for (std::size_t row = 0; row < rtols.size(); ++row)
    pattern.push_back(is_controlled(rtols[row]) ? guard::pattern(0, row) : 0);
  const std::vector<Input>& inputs = field.function().inputs();
  for (std::size_t i = 1 + field.parts().size(); of_inputs && i < inputs.size(); ++i) {
    HostArray& numbers = patterns.emplace_back(inputs[i].shape);
    const std::uint64_t stream = i - field.parts().size();
    for (std::int64_t k = 0; k < numbers.size(); ++k)
      numbers.set(k, guard::pattern(stream, static_cast<std::size_t>(k)));
  }
}

template <class T>
const std::vector<DeviceArray<T>>& DeviceGuard::tangents(KernelDevice& device, std::size_t lanes) const {
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = tangents_.try_emplace({&device, lanes}, std::vector<DeviceArray<T>>());
  auto& made = std::get<std::vector<DeviceArray<T>>>(at->second);
  const std::size_t first = of_inputs->function.inputs().size() - patterns.size();
  for (std::size_t i = 0; is_new && i < patterns.size(); ++i) {
    const bool is_shared = of_inputs->function.inputs()[first + i].kind == InputKind::kShared;
    std::vector<T> rows;
    for (const double number : patterns[i].numbers())
      rows.insert(rows.end(), is_shared ? 1 : lanes, static_cast<T>(number));
    made.emplace_back(device, std::span<const T>(rows));
  }
  return made;
}

void GuardedKernelWriter::place_guard() {
  const DeviceGuard& guard = *problem().guard;
  set_if(true, "guarded");
  set_guard();
  const std::size_t disturbances = guard.of_inputs ? 2 : 1;
  place(name() + "_guard_lanes", guard_lanes_size(), "guard_lanes", 1);
  for (const char* array : {"probe", "answer", "disturbed"}) place(array, tile_state());
  for (const char* array : {"now", "end", "scale", "next_scale", "fresh"}) place(array, disturbances * tile_state());
  place("tangents", static_cast<std::size_t>(tableau().num_stages) * tile_state());
  bind_probes();
  add_lines("guard_members",
            text::concat("  const struct ", name(), "_limits *limits;\n  const double *disturbance_rtols;\n  const ",
                         real(), " *pattern;\n"));
  add_tangent("tangent", guard.of_state);
  if (guard.of_inputs) add_tangent("inputs", *guard.of_inputs);
}

void GuardedKernelWriter::set_guard() {
  const DeviceGuard& guard = *problem().guard;
  std::vector<std::string> shares;
  for (const double share : guard::Limits::kShares) shares.push_back(c_number(share, Dtype::kF64));
  set("num_shares", shares.size());
  set_text("shares", c_list(shares));
  set("guard_lanes_size", guard_lanes_size());
  set("ask_every", guard::kAskEvery);
  set("try_every", guard::kTryEvery);
  set("try_carried_every", guard::kTryCarriedEvery);
  set_text("asks_second", guard::is_ask(1, guard.num_controlled) ? "true" : "false");
  set_number("num_controlled", static_cast<double>(guard.num_controlled));
  set_number("drop_below", guard::kDropBelow);
  set_number("test_above", guard::kTestAbove);
  set_number("mend_above", guard::kMendAbove);
  set("most_mendings", guard::kMostMendings);
  set_number("fresh", guard::kFresh);
  set_number("tried", guard::kTried);
  set_number("tried_by_share", guard::kTriedByShare);
  set_number("most_tried", guard::kMostTried);
  set_number("carried", guard::kCarried);
  set_number("carried_by_share", guard::kCarriedByShare);
  set_number("longest_silent", guard::kLongestSilent);
  set_number("watch_inputs_until", guard::kWatchInputsUntil);
  set_number("rescale_above", guard::kRescaleAbove);
  set_number("sign_of_error", guard.limits.sign_of_error);
  set_text("state_stage", guard.field_has_kinks ? "1" : "stage");
  set("passes", guard.of_inputs ? 3 : 2);
  set_if(guard.of_inputs.has_value(), "watches_inputs");
  const std::vector<double> bends = guard::bend_weights(tableau());
  set("num_bends", bends.size());
  set("num_parts", problem().part_offsets.size());
  std::vector<std::size_t> parts = problem().part_offsets;
  parts.push_back(problem().state_size);
  std::string constants = whole_numbers("int", "part_begin", parts) + numbers("bend", bends, dtype()) +
                          numbers("estimate", tableau().e, Dtype::kF64);
  if (tableau().has_second_companion()) constants += numbers("estimate_low", tableau().e_low, Dtype::kF64);
  set_text("guard_constants", constants);
}

/// The main field's vjp: of the probe.
void GuardedKernelWriter::bind_probes() {
  const std::size_t num_parts = problem().part_offsets.size();
  set_if(!plan().in(Phase::kReverse).empty(), "asks_backwards");
  for (std::size_t part = 0; part < num_parts; ++part) {
    const std::size_t offset = problem().part_offsets[part] * lanes();
    bind("binds", text::concat("field.in", field().late_inputs[part], " = probe + ", offset));
    bind("binds", text::concat("field.out", num_parts + part, " = answer + ", offset));
  }
}

void GuardedKernelWriter::add_tangent(const std::string& which, const DeviceField& tangent) {
  const Plan plan = add_field_beside(which, tangent.function);
  const std::string list = "guard_binds", run = which + "_run";
  bind(list, text::concat(name(), "_", which, "_memory ", which));
  place(which + "_scratch", plan.scratch_size);
  place(which + "_saved", plan.saved_size);
  for (const char* array : {"scratch", "saved"}) bind(list, text::concat(which, ".", array, " = ", which, "_", array));
  bind(list, text::concat(which, ".shared = a.", which, "_shared"));
  if (problem().reads_time) place_time_of(which, tangent, list);
  add_lines("guard_members",
            text::concat("  const ", real(), " *", which, "_shared;\n  const double *", which, "_time_shared;\n"));
  const std::size_t num_parts = problem().part_offsets.size(), num_arguments = argument_pointers().size(),
                    state = tangent.num_times, arguments = state + num_parts, moved = arguments + num_arguments;
  for (std::size_t part = 0; part < num_parts; ++part) {
    const std::size_t offset = problem().part_offsets[part] * lanes();
    bind(list, text::concat(which, ".in", state + part, " = at + ", offset));
    bind(run, text::concat(which, ".in", moved + part, " = v + ", offset));
    bind(run, text::concat(which, ".out", part, " = unused + ", offset));
    bind(run, text::concat(which, ".out", num_parts + part, " = slope + ", offset));
  }
  for (std::size_t i = 0; i < num_arguments; ++i) {
    bind(list, text::concat(which, ".in", arguments + i, " = ", argument_pointers()[i]));
    if (moved + num_parts + i >= tangent.function.inputs().size()) continue;
    add_lines("guard_members", text::concat("  const ", real(), " *", which, "_pattern", i, ";\n"));
    bind(list, text::concat(which, ".in", moved + num_parts + i, " = a.", which, "_pattern", i));
  }
}

template <class T>
void DeviceGuardInputs<T>::give(KernelDevice& device, std::span<const double> numbers) {
  words_.push_back(doubles_.emplace_back(device, numbers).address());
}

/// What a tangent's plan makes of what samples share, and of time.
template <class T>
void DeviceGuardInputs<T>::give_prepared(KernelDevice& device, const DeviceField& field, std::size_t lanes,
                                         const SharedNumbers& numbers) {
  give(prepared_numbers<T>(device, field, lanes, numbers));
  words_.push_back(doubles_.emplace_back(prepared_time(device, field, lanes)).address());
}

template <class T>
DeviceGuardInputs<T>::DeviceGuardInputs(KernelDevice& device, const DeviceProblem& problem, std::size_t lanes,
                                        const DeviceInputs<T>& inputs) {
  const DeviceGuard& guard = *problem.guard;
  const guard::Limits& limits = guard.limits;
  std::vector<double> held = {
      limits.rtol,           limits.silent_below,     limits.rounding_below,     limits.straight_until,
      limits.floor_of_start, limits.floor_of_largest, limits.estimate_over_error};
  held.insert(held.end(), std::begin(limits.thresholds), std::end(limits.thresholds));
  give(device, held);
  give(device, guard.rtols);
  give(DeviceArray<T>(device, std::vector<T>(guard.pattern.begin(), guard.pattern.end())));
  // Tangents take the state's parts once more, and of the inputs those of the arguments.
  const std::size_t num_parts = problem.part_offsets.size();
  give_prepared(device, guard.of_state, lanes, inputs.shared_numbers(guard.of_state.num_times + num_parts, num_parts));
  if (!guard.of_inputs) return;
  SharedNumbers numbers = inputs.shared_numbers(guard.of_inputs->num_times + num_parts, num_parts);
  for (const HostArray& pattern : guard.patterns) numbers.host.push_back(&pattern);
  const std::vector<DeviceArray<T>>& tangents = guard.tangents<T>(device, lanes);
  for (const DeviceArray<T>& tangent : tangents) numbers.there.push_back(tangent.address());
  give_prepared(device, *guard.of_inputs, lanes, numbers);
  for (const DeviceArray<T>& tangent : tangents) words_.push_back(tangent.address());
}

template class DeviceGuardInputs<float>;
template class DeviceGuardInputs<double>;

}  // namespace costate::internal
