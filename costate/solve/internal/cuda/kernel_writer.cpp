#include "costate/solve/internal/cuda/kernel_writer.h"

#include <algorithm>

#include "costate/base/text.h"
#include "costate/cuda/internal/tile_source.h"
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
  for (const char* list : {"members", "declarations", "binds", "time_binds", "slope_binds", "copies", "loads"})
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
}

void KernelWriter::set_number(const std::string& name, double value) {
  values_.values[name] = c_number(value, Dtype::kF64);
}

std::string KernelWriter::whole_numbers(const std::string& type, const std::string& wished,
                                        const std::vector<std::size_t>& items) const {
  return text::concat("COSTATE_CONSTANTS ", type, " ", name(), "_", wished, "[", items.size(), "] = {",
                      text::join(items), "};\n");
}

void KernelWriter::set_tableau() {
  const auto constants = [&](const char* wished, std::span<const double> numbers, Dtype of) {
    std::vector<std::string> items;
    for (const double number : numbers) items.push_back(c_number(number, of));
    if (items.empty()) items.push_back("0");
    return text::concat("COSTATE_CONSTANTS ", device_type(of), " ", name(), "_", wished, "[", items.size(),
                        "] = ", c_list(items), ";\n");
  };
  const Tableau& method = tableau();
  const std::size_t stages = std::max<std::size_t>(2, num_stages());
  std::string text = constants("nodes", method.c.first(std::min(stages, method.c.size())), Dtype::kF64);
  text += constants("a", method.a.first(std::min(stages * (stages - 1) / 2, method.a.size())), dtype());
  text += constants("b", method.b.first(closing()), dtype());
  if (!problem_.is_fixed) {
    text += constants("e", method.e, dtype());
    if (method.has_second_companion()) text += constants("e_low", method.e_low, dtype());
    text += constants("dense", method.dense, Dtype::kF64);
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
  if (!field_.late_inputs.empty()) return;  // each stage has its own saved numbers
  place("saved", plan_.saved_size);
  bind("binds", "field.saved = saved");
}

void KernelWriter::place_time(std::size_t stages) {
  const std::size_t rows = field_.of_time ? place_of_time() : 1;
  set("time_numbers", rows * lanes_);
  place("time_rows", stages * rows * lanes_);
  if (!field_.of_time) bind("binds", "field.in0 = time_rows");
}

/// The values of time that the field reads, computed in f64; gives the number of their rows.
std::size_t KernelWriter::place_of_time() {
  const Function& function = *field_.of_time;
  const Plan plan = lower(function, {.lanes = lanes_, .late_inputs = {}});
  add_tile_function(source_, name() + "_time", plan, 1, Dtype::kF64);
  const auto place_f64 = [&](const std::string& array, std::size_t count) {
    place("double", sizeof(double), array, count);
  };
  std::size_t rows = 0;
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    bind("time_binds", text::concat("time.out", i, " = time_values + ", rows * lanes_));
    bind("binds", text::concat("field.in", i, " = time_rows + ", rows * lanes_));
    rows += rows_of(function.output_shape(i));
  }
  place_f64("stage_times", lanes_);
  place_f64("time_values", rows * lanes_);
  place_f64("time_scratch", plan.scratch_size);
  place_f64("time_saved", plan.saved_size);
  for (const char* statement : {"time.in0 = stage_times", "time.shared = a.time_shared", "time.scratch = time_scratch",
                                "time.saved = time_saved"})
    bind("time_binds", statement);
  return rows;
}

void KernelWriter::place_shared() {
  const auto share = [&](const std::string& member, const std::string& array, std::size_t count) {
    if (count == 0 || !memory_.has_room(count * device_size(dtype()))) {
      bind("binds", text::concat("field.", member, " = a.", array));
      return;
    }
    place(array, count);
    bind("copies", text::concat("costate_copy<", real(), ">(thread, a.", array, ", ", count, ", ", array, ")"));
    bind("binds", text::concat("field.", member, " = ", array));
  };
  const std::vector<Input>& inputs = field_.function.inputs();
  const std::size_t num_late = field_.late_inputs.size();
  for (std::size_t i = field_.num_times + problem_.part_offsets.size(); i + num_late < inputs.size(); ++i) {
    const std::string member = "in" + std::to_string(i), array = "argument" + std::to_string(i);
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
  }
  share("shared", "shared", plan_.shared_size);
}

void KernelWriter::add_field(const std::string& suffix) {
  add_tile_function(source_, name() + suffix, plan_, field_.function.inputs().size(), dtype());
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
