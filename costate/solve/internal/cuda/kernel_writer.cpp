#include "costate/solve/internal/cuda/kernel_writer.h"

#include <algorithm>

#include "costate/base/text.h"
#include "costate/cuda/internal/tile_source.h"
#include "costate/solve/control/step_ends.h"
#include "costate/solve/internal/cuda/table_source.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

std::size_t rows_of(const Shape& shape) { return static_cast<std::size_t>(shape.size()); }

}  // namespace

KernelWriter::KernelWriter(CudaSource& source, const std::string& name, const DeviceProblem& problem,
                           const DeviceField& field, std::size_t lanes, std::size_t shared_limit)
    : source_(source),
      problem_(problem),
      field_(field),
      lanes_(lanes),
      plan_(lower(field.function, {.lanes = lanes, .late_inputs = field.late_inputs})),
      memory_(shared_limit),
      values_{.prefix = name, .dtype = problem.options.dtype, .conditions = {}, .values = {}} {
  for (const char* list : {"members", "declarations", "binds", "time_binds", "slope_binds", "copies", "loads",
                           "guard_members", "guard_binds", "tangent_run", "inputs_run"})
    lists_[list];
  set("lanes", lanes_);
  set("states", problem_.state_size);
  set("tile_state", tile_state());
  set("stages", static_cast<std::size_t>(tableau().num_stages));
  set("closing", closing());
  set_text("nan", text::concat("static_cast<", real(), ">(NAN)"));
  set_if(problem_.is_fixed, "fixed");
  set_if(problem_.reads_time, "reads_time");
  set_if(field_.of_time.has_value(), "of_time");
  set_number("length_rounding", kLengthRounding);
  set_stops();
}

void KernelWriter::set_stops() {
  set_text("stop_members", "");
  if (problem_.stops == nullptr) return;
  set_if(true, "stops");
  std::vector<std::size_t> begins = {0};
  for (const std::size_t count : problem_.stops->counts()) begins.push_back(begins.back() + count);
  set("num_stop_tables", begins.size() - 1);
  set("num_stops", begins.back());
  set_text("stop_begins", whole_numbers("int", "stop_begin", begins));
  set_text("stop_members",
           "  const double *stops, *insides, *stop_scales; /* [num_stops], or [batch, num_stops] */\n"
           "  int64_t shares_stops;\n");
}

void KernelWriter::set_number(const std::string& name, double value) {
  values_.values[name] = c_number(value, Dtype::kF64);
}

std::string KernelWriter::whole_numbers(const std::string& type, const std::string& wished,
                                        const std::vector<std::size_t>& items) const {
  return text::concat("COSTATE_CONSTANTS ", type, " ", name(), "_", wished, "[", items.size(), "] = {",
                      text::join(items), "};\n");
}

std::string KernelWriter::numbers(const std::string& wished, std::span<const double> items, Dtype dtype) const {
  std::vector<std::string> texts;
  for (const double item : items) texts.push_back(c_number(item, dtype));
  if (texts.empty()) texts.push_back("0");
  return text::concat("COSTATE_CONSTANTS ", device_type(dtype), " ", name(), "_", wished, "[", texts.size(),
                      "] = ", c_list(texts), ";\n");
}

void KernelWriter::set_tableau() {
  const Tableau& method = tableau();
  const std::size_t stages = std::max<std::size_t>(2, num_stages());
  std::string text = numbers("nodes", method.c.first(std::min(stages, method.c.size())), Dtype::kF64);
  text += numbers("a", method.a.first(std::min(stages * (stages - 1) / 2, method.a.size())), dtype());
  text += numbers("b", method.b.first(closing()), dtype());
  if (!problem_.is_fixed) {
    text += numbers("e", method.e, dtype());
    if (method.has_second_companion()) text += numbers("e_low", method.e_low, dtype());
    text += numbers("dense", method.dense, Dtype::kF64);
    std::vector<std::size_t> is_dense;
    for (int j = 0; j < method.num_all_stages(); ++j)
      is_dense.push_back(std::ranges::any_of(method.dense_row(j), [](double c) { return c != 0; }) ? 1 : 0);
    text += whole_numbers("int", "is_dense", is_dense);
  }
  set_text("tableau", text);
  set("dense_degree", static_cast<std::size_t>(method.dense_degree));
}

void KernelWriter::place_field_scratch() {
  place("scratch", plan_.scratch_size);
  bind("binds", "field.scratch = scratch");
}

void KernelWriter::place_saved(std::size_t stages) {
  place("saved", stages * plan_.saved_size);
  bind("binds", "field.saved = saved");
}

void KernelWriter::place_time(std::size_t stages) {
  const std::size_t rows = field_.of_time ? place_of_time("", field_, "time_binds", "binds") : 1;
  set("time_numbers", rows * lanes_);
  place("time_rows", stages * rows * lanes_);
  if (!field_.of_time) return bind("binds", "field.in0 = time_rows");
  place("double", sizeof(double), "stage_times", lanes_);
}

void KernelWriter::place_time_of(const std::string& which, const DeviceField& field, const std::string& list) {
  if (!field.of_time) return bind(list, which + ".in0 = time_rows");
  bind(list, text::concat(name(), "_", which, "_time_memory ", which, "_time"));
  const std::size_t rows = place_of_time(which + "_", field, list, list);
  set(which + "_time_numbers", rows * lanes_);
  place(which + "_time_rows", rows * lanes_);
}

/// The values of time that a field reads, computed in f64; gives the number of their rows.
std::size_t KernelWriter::place_of_time(const std::string& which, const DeviceField& field,
                                        const std::string& memory_list, const std::string& list) {
  const Function& function = *field.of_time;
  const Plan plan = lower(function, {.lanes = lanes_, .late_inputs = {}});
  const std::string time = which + "time", reader = which.empty() ? "field" : which.substr(0, which.size() - 1);
  add_tile_function(source_, name() + "_" + time, plan, 1, Dtype::kF64, table_expression);
  const auto place_f64 = [&](const char* array, std::size_t count) {
    place("double", sizeof(double), time + array, count);
  };
  std::size_t rows = 0;
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    bind(memory_list, text::concat(time, ".out", i, " = ", time, "_values + ", rows * lanes_));
    bind(list, text::concat(reader, ".in", i, " = ", time, "_rows + ", rows * lanes_));
    rows += rows_of(function.output_shape(i));
  }
  place_f64("_values", rows * lanes_);
  place_f64("_scratch", plan.scratch_size);
  place_f64("_saved", plan.saved_size);
  bind(memory_list, time + ".in0 = stage_times");
  bind(memory_list, text::concat(time, ".shared = a.", time, "_shared"));
  for (const char* array : {"scratch", "saved"})
    bind(memory_list, text::concat(time, ".", array, " = ", time, "_", array));
  return rows;
}

void KernelWriter::place_shared() {
  const auto share = [&](const std::string& member, const std::string& array, std::size_t count) {
    const bool is_copied = count > 0 && memory_.has_room(count * device_size(dtype()));
    const std::string pointer = is_copied ? array : "a." + array;
    bind("binds", text::concat("field.", member, " = ", pointer));
    if (array != "shared") argument_pointers_.push_back(pointer);
    if (!is_copied) return;
    place(array, count);
    bind("copies", text::concat("costate_copy<", real(), ">(thread, a.", array, ", ", count, ", ", array, ")"));
  };
  const std::vector<Input>& inputs = field_.function.inputs();
  const std::size_t num_late = field_.late_inputs.size(), first = field_.num_times + problem_.part_offsets.size();
  for (std::size_t i = first; i + num_late < inputs.size(); ++i) {
    const std::string member = "in" + std::to_string(i), array = "argument" + std::to_string(i - first);
    const std::size_t rows = rows_of(inputs[i].shape);
    lists_["members"] += text::concat("  const ", real(), " *", array, ";\n");
    if (inputs[i].kind == InputKind::kShared) {
      share(member, array, rows);
      continue;
    }
    place(array, rows * lanes_);
    bind("loads", text::concat("costate_load<", real(), ", ", rows, ", ", lanes_, ">(thread, a.", array,
                               ", first, a.batch, ", array, ")"));
    bind("binds", text::concat("field.", member, " = ", array));
    argument_pointers_.push_back(array);
  }
  share("shared", "shared", plan_.shared_size);
}

void KernelWriter::add_field(const std::string& suffix) {
  add_tile_function(source_, name() + suffix, plan_, field_.function.inputs().size(), dtype(), table_expression);
}

Plan KernelWriter::add_field_beside(const std::string& which, const Function& function) {
  Plan plan = lower(function, {.lanes = lanes_, .late_inputs = {}});
  add_tile_function(source_, name() + "_" + which, plan, function.inputs().size(), dtype(), table_expression);
  return plan;
}

KernelShape KernelWriter::finish(std::string_view text, const std::string& suffix) {
  for (const auto& [list, statements] : lists_) values_.values[list] = statements;
  set("global_bytes", memory_.global_bytes());
  source_.add(fill_in(text, values_));
  return {.name = name() + suffix,
          .threads = source_.threads(),
          .shared_bytes = memory_.shared_bytes(),
          .global_bytes = memory_.global_bytes()};
}

}  // namespace costate::internal
