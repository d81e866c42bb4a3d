#include "costate/solve/internal/cuda/solve_kernel.h"

#include <algorithm>
#include <sstream>

#include "costate/base/error.h"
#include "costate/cuda/internal/block_memory.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/tile_source.h"
#include "costate/plan/plan.h"
#include "costate/solve/field_marks.h"
#include "costate/solve/internal/lane_stops.h"
#include "costate/solve/internal/lowered_time.h"
#include "costate/solve/internal/time_part.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

constexpr std::string_view kSolve =
#include "costate/solve/internal/cuda/solve.inc"
    ;

void refuse(bool is_asked_for, const std::string& what) {
  if (is_asked_for)
    throw NotSupported("[solve] device = cuda does not have ", what, " yet; solve on the CPU (device = cpu).");
}

/// Methods by name, and what they do at each step; the rest is for the field.
void check_on_device(const SolveOptions& options) {
  const Tableau& tableau = costate::tableau(options.method);
  refuse(is_multistep(options.method) || tableau.steps_by_function(),
         text::concat("the method '", name(options.method), "', only the explicit ones"));
  refuse(!options.norm.is_empty(), "a norm of one's own");
  refuse(!options.nonnegative.empty(), "nonnegative");
  refuse(!options.stop_at.empty(), "stop_at");
  refuse(options.gradient_steps == GradientSteps::kOn, "gradient_steps = on");
}

class SolveKernelWriter {
 public:
  SolveKernelWriter(CudaSource& source, const std::string& name, const DeviceProblem& problem, std::size_t lanes,
                    std::size_t shared_limit)
      : source_(source),
        problem_(problem),
        tableau_(*problem.tableau),
        dtype_(problem.options.dtype),
        lanes_(lanes),
        plan_(lower(problem.field, {.lanes = lanes, .late_inputs = {}})),
        memory_(shared_limit),
        values_{.prefix = name, .dtype = dtype_, .conditions = {}, .values = {}} {}

  KernelShape write() {
    add_tile_function(source_, values_.prefix + "_field", plan_, problem_.field.inputs().size(), dtype_);
    set_sizes();
    set_control();
    set_tableau();
    place_arrays();
    place_arguments();
    for (auto& [name, text] : std::map<std::string, std::ostringstream*>{{"members", &members_},
                                                                         {"declarations", &declarations_},
                                                                         {"binds", &binds_},
                                                                         {"time_binds", &time_binds_},
                                                                         {"slope_binds", &slope_binds_},
                                                                         {"copies", &copies_},
                                                                         {"loads", &loads_}})
      values_.values[name] = text->str();
    set("global_bytes", memory_.global_bytes());
    source_.add(fill_in(kSolve, values_));
    return {.name = values_.prefix + "_solve",
            .threads = source_.threads(),
            .shared_bytes = memory_.shared_bytes(),
            .global_bytes = memory_.global_bytes()};
  }

 private:
  std::string real() const { return device_type(dtype_); }
  std::size_t tile_state() const { return problem_.state_size * lanes_; }
  std::size_t closing() const { return static_cast<std::size_t>(tableau_.num_stages - 1); }
  /// Stages whose slopes are kept; the first one's is evaluated where the second's will be.
  std::size_t num_slopes() const {
    return problem_.is_fixed ? std::max<std::size_t>(2, closing())
                             : static_cast<std::size_t>(tableau_.num_all_stages());
  }

  void set(const std::string& name, std::size_t value) { values_.values[name] = std::to_string(value); }
  void set_number(const std::string& name, double value) { values_.values[name] = c_number(value, Dtype::kF64); }
  void set_if(bool holds, const std::string& condition) {
    if (holds) values_.conditions.insert(condition);
  }

  void set_sizes() {
    set("lanes", lanes_);
    set("states", problem_.state_size);
    set("tile_state", tile_state());
    set("stages", static_cast<std::size_t>(tableau_.num_stages));
    set("all_stages", num_slopes());
    set("closing", closing());
    const bool is_in_error = tableau_.error_needs_closing_stage() && !problem_.is_fixed;
    set("attempt_end", closing() + (is_in_error ? 1 : 0));
    set("evaluations", closing() - (is_in_error ? 0 : 1));
    values_.values["knows_closing"] = is_in_error ? "true" : "false";
    values_.values["nan"] = text::concat("static_cast<", real(), ">(NAN)");
    set_if(is_in_error, "closing_in_error");
    set_if(problem_.is_fixed, "fixed");
    set_if(problem_.reads_time, "reads_time");
    set_if(problem_.of_time.has_value(), "of_time");
    set_if(problem_.options.control == Control::kJoint, "joint");
    set_if(tableau_.has_second_companion(), "two_companions");
    set_if(problem_.measure.is_largest, "largest");
    // Numbers of eight bytes, of the type and of four; its four flags.
    set("lanes_size", lanes_ * (15 * 8 + 3 * device_size(dtype_) + 11 * 4) + 64);
    values_.values["sqrt"] = source_.helper("sqrt", dtype_);
    for (const char* function : {"sqrt", "log", "exp"}) source_.helper(function, Dtype::kF64);
  }

  void set_control() {
    const StepControl& control = problem_.options.step_control;
    set_number("safety", control.safety);
    set_number("factor_min", control.factor_min);
    set_number("factor_min_accepted", control.factor_min_accepted);
    set_number("factor_rejected", control.factor_rejected);
    set_number("factor_rejected_again", control.factor_rejected_again);
    set_number("factor_max", control.factor_max);
    set_number("factor_max_after_reject", control.factor_max_after_reject);
    set_number("beta1", control.beta1);
    set_number("beta2", control.beta2);
    set_number("beta3", control.beta3);
    set_number("previous_floor", control.previous_floor);
    if (problem_.is_fixed) return;
    set_number("minus_exponent", -1.0 / tableau_.error_order());
    set_number("order", tableau_.error_order());
    set_number("error_constant", tableau_.error_constant);
  }

  template <class Numbers>
  std::string constants(const std::string& type, const std::string& name, const Numbers& numbers, Dtype dtype) const {
    std::vector<std::string> items;
    for (const auto number : numbers) items.push_back(c_number(static_cast<double>(number), dtype));
    if (items.empty()) items.push_back("0");
    return text::concat("COSTATE_CONSTANTS ", type, " ", values_.prefix, "_", name, "[", items.size(),
                        "] = ", c_list(items), ";\n");
  }

  void set_tableau() {
    const std::size_t stages = num_slopes();
    std::string text = constants("double", "nodes", tableau_.c.first(std::min(stages, tableau_.c.size())), Dtype::kF64);
    text += constants(real(), "a", tableau_.a.first(std::min(stages * (stages - 1) / 2, tableau_.a.size())), dtype_);
    text += constants(real(), "b", tableau_.b.first(closing()), dtype_);
    if (!problem_.is_fixed) {
      text += constants(real(), "e", tableau_.e, dtype_);
      if (tableau_.has_second_companion()) text += constants(real(), "e_low", tableau_.e_low, dtype_);
      text += constants("double", "dense", tableau_.dense, Dtype::kF64);
      std::vector<int> is_dense;
      for (int j = 0; j < tableau_.num_all_stages(); ++j)
        is_dense.push_back(std::ranges::any_of(tableau_.dense_row(j), [](double c) { return c != 0; }) ? 1 : 0);
      text += text::concat("COSTATE_CONSTANTS int ", values_.prefix, "_is_dense[", is_dense.size(), "] = {",
                           text::join(is_dense), "};\n");
    }
    values_.values["tableau"] = text;
    set("dense_degree", static_cast<std::size_t>(tableau_.dense_degree));
    std::vector<std::size_t> begin, end, count;
    for (const ErrorGroup& group : problem_.measure.groups) {
      begin.push_back(group.begin);
      end.push_back(group.end);
      count.push_back(group.count);
    }
    const auto list = [&](const std::string& type, const std::string& name, const std::vector<std::size_t>& items) {
      return text::concat("COSTATE_CONSTANTS ", type, " ", values_.prefix, "_", name, "[", items.size(), "] = {",
                          text::join(items), "};\n");
    };
    values_.values["groups"] =
        list("int", "group_begin", begin) + list("int", "group_end", end) + list(real(), "group_count", count);
    set("num_groups", begin.size());
  }

  void place(const std::string& type, std::size_t size_of_type, const std::string& name, std::size_t count) {
    declarations_ << memory_.add(type, size_of_type, name, count);
  }
  void place(const std::string& name, std::size_t count) { place(real(), device_size(dtype_), name, count); }

  /// What a step works on has the shared memory first; then what samples share.
  void place_arrays() {
    const std::string lanes_type = values_.prefix + "_lanes";
    place(lanes_type, static_cast<std::size_t>(std::stoul(values_.values["lanes_size"])), "lanes", 1);
    place("y", tile_state());
    place("at", tile_state());
    place("y_next", tile_state());
    place("scratch", plan_.scratch_size);
    place("saved", plan_.saved_size);
    place("slopes", num_slopes() * tile_state());
    if (!problem_.is_fixed) place("weights", num_slopes() * lanes_);
    binds_ << "  field.scratch = scratch;\n  field.saved = saved;\n";
    if (problem_.reads_time) place_time();
    for (std::size_t part = 0; part < problem_.part_offsets.size(); ++part) {
      const std::size_t offset = problem_.part_offsets[part] * lanes_;
      binds_ << "  field.in" << problem_.num_times + part << " = at + " << offset << ";\n";
      slope_binds_ << "        field.out" << part << " = slope + " << offset << ";\n";
    }
  }

  void place_time() {
    std::size_t rows = 1;
    if (problem_.of_time) rows = place_of_time();
    set("time_numbers", rows * lanes_);
    place("time_rows", rows * lanes_);
    if (!problem_.of_time) binds_ << "  field.in0 = time_rows;\n";
  }

  /// The values of time that the field reads, computed in f64.
  std::size_t place_of_time() {
    const Function& function = *problem_.of_time;
    const Plan plan = lower(function, {.lanes = lanes_, .late_inputs = {}});
    add_tile_function(source_, values_.prefix + "_time", plan, 1, Dtype::kF64);
    std::size_t rows = 0;
    std::ostringstream outputs;
    for (std::size_t i = 0; i < function.outputs().size(); ++i) {
      outputs << "  time.out" << i << " = time_values + " << rows * lanes_ << ";\n";
      binds_ << "  field.in" << i << " = time_rows + " << rows * lanes_ << ";\n";
      rows += static_cast<std::size_t>(function.output_shape(i).size());
    }
    const auto place_f64 = [&](const std::string& name, std::size_t count) {
      place("double", sizeof(double), name, count);
    };
    place_f64("stage_times", lanes_);
    place_f64("time_values", rows * lanes_);
    place_f64("time_scratch", plan.scratch_size);
    place_f64("time_saved", plan.saved_size);
    time_binds_ << "  time.in0 = stage_times;\n  time.shared = a.time_shared;\n  time.scratch = time_scratch;\n"
                << "  time.saved = time_saved;\n"
                << outputs.str();
    return rows;
  }

  /// Arguments of samples are loaded with each tile. What samples share is copied once where there is room for it, and
  /// read in place, through the second-level cache, where there is none.
  void place_arguments() {
    const auto share = [&](const std::string& member, const std::string& name, std::size_t count) {
      if (count == 0 || !memory_.has_room(count * device_size(dtype_))) {
        binds_ << "  field." << member << " = a." << name << ";\n";
        return;
      }
      place(name, count);
      copies_ << "    costate_copy<" << real() << ">(thread, a." << name << ", " << count << ", " << name << ");\n";
      binds_ << "  field." << member << " = " << name << ";\n";
    };
    const std::vector<Input>& inputs = problem_.field.inputs();
    for (std::size_t i = problem_.num_times + problem_.part_offsets.size(); i < inputs.size(); ++i) {
      const std::string member = "in" + std::to_string(i), name = "argument" + std::to_string(i);
      const auto rows = static_cast<std::size_t>(inputs[i].shape.size());
      members_ << "  const " << real() << " *" << name << ";\n";
      if (inputs[i].kind == InputKind::kShared) {
        share(member, name, rows);
        continue;
      }
      place(name, rows * lanes_);
      loads_ << "      costate_load<" << real() << ", " << rows << ", " << lanes_ << ">(thread, a." << name
             << ", first, a.batch, " << name << ");\n";
      binds_ << "  field." << member << " = " << name << ";\n";
    }
    share("shared", "shared", plan_.shared_size);
  }

  CudaSource& source_;
  const DeviceProblem& problem_;
  const Tableau& tableau_;
  Dtype dtype_;
  std::size_t lanes_;
  Plan plan_;
  BlockMemory memory_;
  TemplateValues values_;
  std::ostringstream members_, declarations_, binds_, time_binds_, slope_binds_, copies_, loads_;
};

}  // namespace

DeviceProblem::DeviceProblem(const VectorField& vector_field, const SolveOptions& solve_options)
    : options(solve_options),
      tableau(&costate::tableau(solve_options.method)),
      state_size(static_cast<std::size_t>(vector_field.state_size())),
      part_offsets(internal::part_offsets(vector_field)),
      measure(error_measure(solve_options, part_offsets, state_size)),
      is_fixed(has_fixed_steps(solve_options)),
      reads_time(internal::reads_time(vector_field.function())),
      field(drop_marks(vector_field.function())) {
  check_on_device(options);
  if (reads_time && options.dtype == Dtype::kF32) {
    TimePart part = split_time(field);
    num_times = part.of_time.outputs().size();
    rounds_time = part.reads_time;
    of_time = std::move(part.of_time);
    field = std::move(part.rest);
  }
  refuse(!StopTables(vector_field, options, options.dtype, rounds_time, 1).is_empty(),
         "fields that read a table of inputs at t");
}

KernelShape add_solve_kernel(CudaSource& source, const std::string& name, const DeviceProblem& problem,
                             std::size_t lanes, std::size_t shared_limit) {
  return SolveKernelWriter(source, name, problem, lanes, shared_limit).write();
}

}  // namespace costate::internal
