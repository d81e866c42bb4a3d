// HostSolver: each thread has the lanes of one tile and takes samples from the batch until none is left.
#include "costate/solve/internal/host_solver.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>

#include "costate/base/threads.h"
#include "costate/solve/internal/dense_form.h"
#include "costate/solve/internal/failure_advice.h"
#include "costate/solve/internal/host_lanes.h"
#include "costate/solve/internal/host_watch.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/sample_saver.h"

namespace costate::internal {
namespace {

template <class T>
AlignedVector<T> numbers_of(const HostArray& array) {
  AlignedVector<T> numbers(static_cast<std::size_t>(array.size()));
  array.copy_to(std::span<T>(numbers));
  return numbers;
}

template <class T>
class HostSolver {
 public:
  static constexpr Dtype kDtype = std::is_same_v<T, float> ? Dtype::kF32 : Dtype::kF64;

  HostSolver(const VectorField& field, const SolveOptions& options, const HostBatch& batch)
      : batch_(batch),
        sizes_(batch.sizes),
        problem_(field, options, host_lanes<T>(field, options, batch.sizes.batch), batch.sizes.times, {},
                 batch.events) {
    if (problem_.time.rounds_time) check_f32_times(batch.times, batch.sizes.times);
    if (sizes_.times_are_shared) shared_times_ = batch.times.numbers();
    for (const FieldValue& given : field_values(field, batch.arguments)) {
      Argument argument{
          .size = static_cast<std::size_t>(given.input->shape.size()), .shared = {}, .of_samples = nullptr};
      if (given.input->kind == InputKind::kShared)
        argument.shared = numbers_of<T>(*given.value);
      else
        argument.of_samples = given.value;
      arguments_.push_back(std::move(argument));
    }
    std::vector<const T*> values;
    for (const Argument& argument : arguments_)
      values.push_back(argument.shared.empty() ? nullptr : argument.shared.data());
    prepare_field<T>(problem_, values, shared_);
    if (batch.save != nullptr) save_.emplace(*batch.save, problem_);
  }

  Solution run(DenseSolution::Steps* dense) {
    Solution solution;
    std::vector<std::int64_t> axes = {static_cast<std::int64_t>(sizes_.batch), static_cast<std::int64_t>(sizes_.times)};
    const Shape& kept = save_ ? batch_.save->shape() : sizes_.state;
    axes.insert(axes.end(), kept.axes().begin(), kept.axes().end());
    solution.states = HostArray(Shape(axes), kDtype);
    make_room(solution, sizes_.batch);
    if (!problem_.is_fixed) make_end(solution);
    const std::size_t threads = batch_.watch != nullptr ? 1 : static_cast<std::size_t>(num_threads());
    const std::size_t workers = std::min(threads, (sizes_.batch + problem_.lanes - 1) / problem_.lanes);
    Common common;
    common.knows_slope.resize(sizes_.batch);
    if (batch_.events != nullptr) common.event_rows.resize(sizes_.batch);
    if (dense != nullptr) common.dense.resize(sizes_.batch);
    std::vector<LaneEventList<T>> events(workers);
    parallel_for(workers, [&](std::size_t worker) { Worker(*this, common, solution, events[worker]).run(); });
    solution.advice = advice_on_first_failure(solution, problem_.options, batch_);
    if (batch_.events != nullptr) solution.events = events_of(common.event_rows);
    if (dense != nullptr) *dense = steps_of(common.dense);
    for (std::size_t i = 0; i < solution.end.knows_slope.size(); ++i)
      solution.end.knows_slope[i] = common.knows_slope[i] != 0;
    if (batch_.watch != nullptr && batch_.watch->on_progress) batch_.watch->on_progress(1);
    return solution;
  }

 private:
  void make_end(Solution& solution) const {
    SolveEnd& end = solution.end;
    end.states = end.slopes = HostArray(sizes_.state.with_first(static_cast<std::int64_t>(sizes_.batch)), kDtype);
    for (auto* numbers : {&end.times, &end.steps, &end.previous_log, &end.before_log}) numbers->resize(sizes_.batch);
    end.knows_slope.resize(sizes_.batch);
    for (auto* numbers : {&end.takes_implicit, &end.streaks}) numbers->resize(sizes_.batch);
  }

  /// Where a sample's events are: rows of the list of the thread that solved it.
  struct EventRows {
    const LaneEventList<T>* list = nullptr;
    std::size_t first = 0, count = 0;
  };

  /// All samples' events, sample by sample.
  SolutionEvents events_of(const std::vector<EventRows>& samples) const {
    SolutionEvents all;
    all.first = {0};
    for (const EventRows& rows : samples) all.first.push_back(all.first.back() + static_cast<std::int64_t>(rows.count));
    all.states = HostArray(sizes_.state.with_first(all.first.back()), kDtype);
    T* states = all.states.template data<T>().data();
    for (const EventRows& rows : samples) {
      for (std::size_t i = 0; i < rows.count; ++i) {
        const LaneEvent& event = rows.list->events[rows.first + i];
        all.event.push_back(static_cast<std::int64_t>(event.event));
        all.times.push_back(event.t);
      }
      if (rows.count == 0) continue;
      const T* before = rows.list->before.data() + rows.first * problem_.state_size;
      states = std::copy_n(before, rows.count * problem_.state_size, states);
    }
    return all;
  }

  DenseSolution::Steps steps_of(const std::vector<DenseSteps<T>>& lists) const {
    DenseSolution::Steps all;
    all.first = {0};
    std::vector<T> coefficients;
    const auto append = [](const auto& from, auto& to) { to.insert(to.end(), from.begin(), from.end()); };
    for (std::size_t sample = 0; sample < sizes_.batch; ++sample) {
      append(lists[sample].starts, all.starts);
      append(lists[sample].sizes, all.sizes);
      append(lists[sample].ends, all.ends);
      append(lists[sample].coefficients, coefficients);
      all.first.push_back(static_cast<std::int64_t>(all.starts.size()));
      const std::size_t first = sizes_.times_are_shared ? 0 : sample * sizes_.times;
      all.t0.push_back(batch_.times.at(static_cast<std::int64_t>(first)));
      all.t1.push_back(batch_.times.at(static_cast<std::int64_t>(first + sizes_.times - 1)));
    }
    const auto terms = static_cast<std::int64_t>(dense_form(problem_).degree) + 1;
    all.coefficients = HostArray(sizes_.state.with_first(terms).with_first(all.first.back()), kDtype);
    std::ranges::copy(coefficients, all.coefficients.template data<T>().begin());
    all.z0 = batch_.z0.astype(kDtype);
    return all;
  }

  /// What the threads of a solve share.
  struct Common {
    std::atomic<std::size_t> next = 0;  // who solves a sample changes no bit of it
    std::vector<EventRows> event_rows;  // [sample], as the next; empty if there are none
    std::vector<DenseSteps<T>> dense;   // empty if not wanted
    std::vector<char> knows_slope;      // SolveEnd's, where threads write side by side
  };

  /// A thread's lanes and the samples that it takes from the batch.
  class Worker : public LaneQueue, public StepListener {
   public:
    Worker(const HostSolver& host, Common& common, Solution& solution, LaneEventList<T>& events)
        : host_(host),
          common_(common),
          solution_(solution),
          events_(events),
          solver_(host.problem_),
          dense_(host.problem_),
          sample_of_(host.problem_.lanes),
          watch_(host.batch_.watch == nullptr ? nullptr : std::make_unique<HostWatch<T>>(host.batch_, host.problem_)) {
      const std::size_t lanes = host.problem_.lanes;
      if (host.save_) saver_.emplace(*host.save_);
      z0_.resize(host.problem_.state_size * lanes);
      rows_.resize(lanes);
      times_.resize(host.sizes_.times * lanes);
      for (std::size_t i = 0; i < host.shared_times_.size(); ++i)
        std::fill_n(times_.begin() + static_cast<std::ptrdiff_t>(i * lanes), lanes, host.shared_times_[i]);
      for (std::size_t i = 0; i < host.arguments_.size(); ++i) {
        const bool is_sample = host.arguments_[i].of_samples != nullptr;
        packed_.emplace_back(is_sample ? host.arguments_[i].size * lanes : 0);
      }
      if (host.batch_.resume != nullptr) {
        for (auto* numbers : {&resume_.h, &resume_.previous_log, &resume_.before_log}) numbers->resize(lanes);
        resume_.knows_slope.resize(lanes);
        resume_.switches.resize(lanes);
        resume_.slopes.resize(host.problem_.state_size * lanes);
      }
      for (std::size_t i = 0; i < packed_.size(); ++i)
        pointers_.push_back(packed_[i].empty() ? host.arguments_[i].shared.data() : packed_[i].data());
    }

    void run() {
      solver_.solve_queue({.z0 = z0_.data(),
                           .times = times_.data(),
                           .arguments = pointers_,
                           .shared = host_.shared_.data(),
                           .num_samples = std::min(host_.problem_.lanes, host_.sizes_.batch),
                           .resume = host_.batch_.resume == nullptr ? nullptr : &resume_,
                           .shared_times = host_.shared_times_.empty() ? nullptr : host_.shared_times_.data()},
                          *this, rows_, common_.dense.empty() ? nullptr : &dense_, watch_ ? this : nullptr);
    }

    bool load(std::size_t lane) override {
      const std::size_t sample = common_.next++;
      if (sample >= host_.sizes_.batch) return false;
      sample_of_[lane] = sample;
      fill(host_.batch_.z0, sample, host_.problem_.state_size, lane, z0_.data());
      rows_[lane] = saver_ ? saver_->states(lane) : kept_of(sample);
      if (!host_.sizes_.times_are_shared) fill(host_.batch_.times, sample, host_.sizes_.times, lane, times_.data());
      for (std::size_t i = 0; i < packed_.size(); ++i)
        if (host_.arguments_[i].of_samples != nullptr)
          fill(*host_.arguments_[i].of_samples, sample, host_.arguments_[i].size, lane, packed_[i].data());
      if (host_.batch_.resume != nullptr) take_up(sample, lane);
      return true;
    }

    void planned() override { watch_->planned(solver_, sample_of_); }
    void judged() override { watch_->judged(solver_, sample_of_); }

    void finished(std::size_t lane) override {
      const std::size_t sample = sample_of_[lane];
      if (!common_.dense.empty()) common_.dense[sample] = std::move(dense_.steps(lane));
      if (solver_.events() != nullptr) keep_events(sample, solver_.events()->list(lane));
      keep_outcome(solution_, sample, solver_.outcomes()[lane]);
      if (const LaneSwitch* switches = solver_.switches(); switches != nullptr)
        solution_.switches[sample].assign(switches->times(lane).begin(), switches->times(lane).end());
      if (!host_.problem_.is_fixed) keep_end(sample, lane);
      if (saver_) saver_->save(times_.data(), pointers_, lane, kept_of(sample));
    }

   private:
    /// What the solution has of a sample, [time, …].
    T* kept_of(std::size_t sample) const {
      const std::size_t size = host_.save_ ? host_.save_->out_size : host_.problem_.state_size;
      return solution_.states.template data<T>().data() + sample * host_.sizes_.times * size;
    }

    void take_up(std::size_t sample, std::size_t lane) {
      const SolveEnd& end = *host_.batch_.resume;
      resume_.h[lane] = end.steps[sample];
      resume_.previous_log[lane] = end.previous_log[sample];
      resume_.before_log[lane] = end.before_log[sample];
      resume_.knows_slope[lane] = end.knows_slope[sample] ? 1 : 0;
      resume_.switches[lane] = {.is_explicit = end.takes_implicit[sample] == 0, .streak = end.streaks[sample]};
      fill(end.slopes, sample, host_.problem_.state_size, lane, resume_.slopes.data());
    }

    void keep_end(std::size_t sample, std::size_t lane) {
      SolveEnd& end = solution_.end;
      const LaneOutcome& outcome = solver_.outcomes()[lane];
      const std::size_t size = host_.problem_.state_size, lanes = host_.problem_.lanes;
      end.times[sample] = outcome.t;
      end.steps[sample] = outcome.next_step;
      end.previous_log[sample] = outcome.previous_log;
      end.before_log[sample] = outcome.before_log;
      common_.knows_slope[sample] = solver_.knows_last_slope(lane) ? 1 : 0;
      if (const LaneSwitch* switches = solver_.switches(); switches != nullptr) {
        end.takes_implicit[sample] = switches->state(lane).is_explicit ? 0 : 1;
        end.streaks[sample] = switches->state(lane).streak;
      }
      T* states = end.states.template data<T>().data() + sample * size;
      T* slopes = end.slopes.template data<T>().data() + sample * size;
      const T* last = rows_[lane] + (host_.sizes_.times - 1) * size;
      for (std::size_t row = 0; row < size; ++row) {
        states[row] = last[row];
        slopes[row] = common_.knows_slope[sample] != 0 ? solver_.last_slopes()[row * lanes + lane] : T{0};
      }
    }

    void keep_events(std::size_t sample, const LaneEventList<T>& list) {
      common_.event_rows[sample] = {&events_, events_.events.size(), list.events.size()};
      events_.events.insert(events_.events.end(), list.events.begin(), list.events.end());
      events_.before.insert(events_.before.end(), list.before.begin(), list.before.end());
    }

    /// Row `sample` of a batch [batch, size] into column `lane` of [size, lanes].
    template <class Number>
    void fill(const HostArray& batch, std::size_t sample, std::size_t size, std::size_t lane, Number* out) const {
      for (std::size_t row = 0; row < size; ++row)
        out[row * host_.problem_.lanes + lane] =
            static_cast<Number>(batch.at(static_cast<std::int64_t>(sample * size + row)));
    }

    const HostSolver& host_;
    Common& common_;
    Solution& solution_;
    LaneEventList<T>& events_;  // of all samples that this thread has solved
    LaneSolver<T> solver_;
    DenseRecord<T> dense_;
    std::vector<std::size_t> sample_of_;
    AlignedVector<T> z0_;
    std::vector<T*> rows_;  // [lane] where the states of its sample go
    std::vector<double> times_;
    std::vector<AlignedVector<T>> packed_;
    std::vector<const T*> pointers_;
    LaneResume<T> resume_;
    std::unique_ptr<HostWatch<T>> watch_;  // null where nobody watches
    std::optional<SampleSaver<T>> saver_;  // where the solution does not have states
  };

  /// An argument or Parameter of the field: numbers that all samples share, or a batch.
  struct Argument {
    std::size_t size = 0;
    AlignedVector<T> shared;
    const HostArray* of_samples = nullptr;
  };

  const HostBatch& batch_;
  const HostSizes& sizes_;
  LaneProblem<T> problem_;
  AlignedVector<T> shared_;
  std::vector<double> shared_times_;  // empty where each sample has its own
  std::vector<Argument> arguments_;
  std::optional<SaveProblem<T>> save_;
};

}  // namespace

std::vector<FieldValue> field_values(const VectorField& field, std::span<const HostArray> arguments) {
  const std::vector<Input>& inputs = field.function().inputs();
  std::vector<FieldValue> values;
  std::size_t given = 0;
  for (std::size_t i = 1 + field.parts().size(); i < inputs.size(); ++i)
    values.push_back({&inputs[i], inputs[i].parameter ? &inputs[i].parameter->value() : &arguments[given++]});
  return values;
}

void check_f32_times(const HostArray& times, std::size_t num_times) {
  for (std::int64_t i = 1; i < times.size(); ++i) {
    const double t = times.at(i - 1), next = times.at(i);
    if (static_cast<std::size_t>(i) % num_times != 0 && is_coarse(t, next))
      throw InvalidArgument(
          "[solve] times must be so far apart that f32 can tell what is between them, since the field "
          "reads t beside its state or arguments; two are ",
          t, " and ", next, ". Subtract times[0] from times and shift the field by it, or solve in f64.");
  }
}

void make_room(Solution& solution, std::size_t batch) {
  solution.status.resize(batch);
  solution.reached.resize(batch);
  solution.last_step.resize(batch);
  for (auto* counter : {&solution.nfe, &solution.accepted, &solution.rejected, &solution.implicit_steps})
    counter->resize(batch);
  solution.switches.resize(batch);
}

void keep_outcome(Solution& solution, std::size_t sample, const LaneOutcome& outcome) {
  solution.status[sample] = outcome.status;
  solution.reached[sample] = outcome.t;
  solution.last_step[sample] = outcome.h;
  solution.nfe[sample] = outcome.nfe;
  solution.accepted[sample] = outcome.accepted;
  solution.rejected[sample] = outcome.rejected;
  solution.implicit_steps[sample] = outcome.implicit;
}

template <class T>
Solution solve_batch(const VectorField& field, const SolveOptions& options, const HostBatch& batch,
                     DenseSolution::Steps* dense) {
  return HostSolver<T>(field, options, batch).run(dense);
}

template Solution solve_batch<float>(const VectorField&, const SolveOptions&, const HostBatch&, DenseSolution::Steps*);
template Solution solve_batch<double>(const VectorField&, const SolveOptions&, const HostBatch&, DenseSolution::Steps*);

std::vector<AcceptedStep> steps_of_one(const VectorField& field, const SolveOptions& options, const HostBatch& batch) {
  const LaneProblem<double> problem(field, options, 1, batch.sizes.times);
  std::vector<AlignedVector<double>> values;
  std::vector<const double*> arguments;
  for (const FieldValue& given : field_values(field, batch.arguments))
    values.push_back(numbers_of<double>(*given.value));
  for (const auto& value : values) arguments.push_back(value.data());
  AlignedVector<double> shared, states(batch.sizes.times * problem.state_size);
  prepare_field<double>(problem, arguments, shared);
  const AlignedVector<double> z0 = numbers_of<double>(batch.z0), times = numbers_of<double>(batch.times);
  LaneSolver<double> solver(problem);
  solver.solve(
      {.z0 = z0.data(), .times = times.data(), .arguments = arguments, .shared = shared.data(), .num_samples = 1}, true,
      states.data());
  std::vector<AcceptedStep> steps;
  for (std::size_t i = 0; i < solver.records()[0].num_steps; ++i) {
    const LaneStep step = solver.step(0, i);
    steps.push_back({step.t, step.h});
  }
  return steps;
}

}  // namespace costate::internal
