// Solves of batches of numbers, behind solve() and accepted_steps(): tiles of samples on threads.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "costate/solve/dense_solution.h"
#include "costate/solve/internal/event_field.h"
#include "costate/solve/save_function.h"
#include "costate/solve/solve.h"

namespace costate::internal {

struct LaneOutcome;

/// Sizes of a host solve that solve() has checked.
struct HostSizes {
  std::size_t batch = 0;
  std::size_t times = 0;
  bool times_are_shared = true;
  Shape state;  // of one sample, as z0 has it
};

/// The inputs of a host solve, as solve() takes them. Views: all outlive the solve.
struct HostBatch {
  const HostArray& z0;
  const HostArray& times;
  std::span<const HostArray> arguments;
  HostSizes sizes;
  const EventField* events = nullptr;  // of the field that is solved, if it has some
  const SaveFunction* save = nullptr;  // of what is kept in place of states, if it isn't these
  const SolveEnd* resume = nullptr;    // of the solve that this one goes on with
  const SolveWatch* watch = nullptr;   // null where nobody watches
};

/// A value that the field takes besides t and its state.
struct FieldValue {
  const Input* input = nullptr;
  const HostArray* value = nullptr;
};

/// The arguments and Parameters of a field in the order of its Function's inputs.
std::vector<FieldValue> field_values(const VectorField& field, std::span<const HostArray> arguments);

/// InvalidArgument for times, `num_times` a sample, that f32 cannot tell apart, where the field reads t as such.
void check_f32_times(const HostArray& times, std::size_t num_times);

/// Room in a Solution for what each sample's solve ends with, and what one did.
void make_room(Solution& solution, std::size_t batch);
void keep_outcome(Solution& solution, std::size_t sample, const LaneOutcome& outcome);

/// solve() of a batch whose inputs were checked, in T; with `dense`, all of its steps.
template <class T>
Solution solve_batch(const VectorField& field, const SolveOptions& options, const HostBatch& batch,
                     DenseSolution::Steps* dense = nullptr);

extern template Solution solve_batch<float>(const VectorField&, const SolveOptions&, const HostBatch&,
                                            DenseSolution::Steps*);
extern template Solution solve_batch<double>(const VectorField&, const SolveOptions&, const HostBatch&,
                                             DenseSolution::Steps*);

/// accepted_steps() of a batch of one whose inputs were checked, in f64.
std::vector<AcceptedStep> steps_of_one(const VectorField& field, const SolveOptions& options, const HostBatch& batch);

}  // namespace costate::internal
