// What the kernels of a solve, forward and reverse, have in common: the field as a tile function, the method's numbers,
// and where the arrays of a block stand.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "costate/cuda/internal/block_memory.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/kernel.h"
#include "costate/plan/plan.h"
#include "costate/solve/internal/cuda/solve_kernel.h"
#include "costate/source/internal/source_template.h"

namespace costate::internal {

class KernelWriter {
 public:
  /// Of `field`, which is the problem's or has its vjp besides.
  KernelWriter(CudaSource& source, const std::string& name, const DeviceProblem& problem, const DeviceField& field,
               std::size_t lanes, std::size_t shared_limit);

 protected:
  CudaSource& source() { return source_; }
  const DeviceProblem& problem() const { return problem_; }
  const Tableau& tableau() const { return *problem_.tableau; }
  const Plan& plan() const { return plan_; }
  const DeviceField& field() const { return field_; }
  const std::string& name() const { return values_.prefix; }
  Dtype dtype() const { return problem_.options.dtype; }
  std::string real() const { return device_type(dtype()); }
  std::size_t lanes() const { return lanes_; }
  std::size_t tile_state() const { return problem_.state_size * lanes_; }
  std::size_t closing() const { return static_cast<std::size_t>(tableau().num_stages - 1); }
  /// Stages that any step evaluates.
  std::size_t num_stages() const {
    return problem_.is_fixed ? closing() : static_cast<std::size_t>(tableau().num_all_stages());
  }

  // Values and conditions of the template.
  void set(const std::string& name, std::size_t value) { values_.values[name] = std::to_string(value); }
  void set_text(const std::string& name, const std::string& text) { values_.values[name] = text; }
  void set_number(const std::string& name, double value);
  void set_if(bool holds, const std::string& condition) {
    if (holds) values_.conditions.insert(condition);
  }
  /// The template has a $list, to which statements may be added: binds, slope_binds, …
  void lists(const std::string& list) { lists_[list]; }
  void bind(const std::string& list, const std::string& statement) { lists_[list] += "  " + statement + ";\n"; }
  /// Whole lines.
  void add_lines(const std::string& list, const std::string& lines) { lists_[list] += lines; }

  /// An array of constants NAME_wished.
  std::string whole_numbers(const std::string& type, const std::string& wished,
                            const std::vector<std::size_t>& items) const;
  std::string numbers(const std::string& wished, std::span<const double> items, Dtype dtype) const;
  /// NAME_nodes, _a, _b and, of steps by the error, _e, _e_low, _dense and _is_dense.
  void set_tableau();

  void place(const std::string& type, std::size_t size_of_type, const std::string& array, std::size_t count) {
    lists_["declarations"] += memory_.add(type, size_of_type, array, count);
  }
  void place(const std::string& array, std::size_t count) { place(real(), device_size(dtype()), array, count); }
  /// Of what has been placed: bytes that had no room in shared memory.
  std::size_t global_bytes() const { return memory_.global_bytes(); }
  /// Of all phases of the field; and what its forward phase saves, of so many stages, the first of which is bound.
  void place_field_scratch();
  void place_saved(std::size_t stages = 1);
  /// What the field reads of the times of so many stages.
  void place_time(std::size_t stages);
  /// What a field beside it, whose tile function is NAME_which, reads of the time of a stage: arrays WHICH_time_rows
  /// and WHICH_time_values. Its binds go to a list.
  void place_time_of(const std::string& which, const DeviceField& field, const std::string& list);
  /// Arguments of samples are loaded with each tile. What samples share is copied once where there is room for it, and
  /// read in place, through the second-level cache, where there is none.
  void place_shared();

  /// Where the numbers of each argument, then Parameter, of the field stand.
  const std::vector<std::string>& argument_pointers() const { return argument_pointers_; }

  /// The field's tile function, NAME + suffix.
  void add_field(const std::string& suffix);
  /// Another one beside it; its inputs on this many lanes.
  Plan add_field_beside(const std::string& which, const Function& function);
  /// Fills the template in and adds it.
  KernelShape finish(std::string_view text, const std::string& suffix);

 private:
  void set_stops();
  std::size_t place_of_time(const std::string& which, const DeviceField& field, const std::string& memory_list,
                            const std::string& list);

  CudaSource& source_;
  const DeviceProblem& problem_;
  const DeviceField& field_;
  std::size_t lanes_;
  Plan plan_;
  BlockMemory memory_;
  TemplateValues values_;
  std::map<std::string, std::string> lists_;
  std::vector<std::string> argument_pointers_;
};

}  // namespace costate::internal
