// A learned closure for a coarse Burgers solver: a universal differential equation (Rackauckas et al. 2020) whose net
// corrects the fluxes between cells, trained through the solver.
#include <algorithm>
#include <functional>
#include <vector>

#include "experiments/burgers-closure/burgers.h"
#include "experiments/burgers-closure/closure.h"
#include "experiments/burgers-closure/comparison.h"
#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

struct Setup {
  std::int64_t fine_cells = 512;
  std::int64_t training = 256, unseen = 64;  // states
  double end = 3;                            // of the unseen trajectories
  std::int64_t epochs = 150;
  double viscosity = 0.01;
};

Contender contend_closed(const Truth& truth, const BurgersProblem& problem, const FluxClosure& closure) {
  return contend("with the closure", truth, problem,
                 [&](const HostArray& start) { return solve_closed(problem, closure, start, truth.times); });
}

// ---- another viscosity

struct ViscosityRow {
  double viscosity = 0, plain = 0, closed = 0;
};

ViscosityRow study_viscosity(const Setup& setup, const BurgersProblem& trained, const FluxClosure& closure,
                             double viscosity, const SampleRange& range) {
  BurgersProblem problem = trained;
  problem.viscosity = viscosity;
  const Truth truth = solve_truth(problem, {.fine_cells = setup.fine_cells, .states = range});
  return {.viscosity = viscosity,
          .plain = mean_error(contend_plain("", truth, problem).errors),
          .closed = mean_error(contend_closed(truth, problem, closure).errors)};
}

// ---- all of it

struct Study {
  Setup setup;
  BurgersProblem problem;
  FluxClosure closure;
  TrainResult training = {};
  Truth truth = {};
  TruthError truth_error = {};
  Contender plain = {}, upwind = {}, closed = {};
  std::vector<Contender> finer = {};
  std::vector<ViscosityRow> viscosities = {};
};

void train_on_fine(Study& study, const Request& request) {
  const Truth seen = solve_truth(study.problem, {.fine_cells = study.setup.fine_cells,
                                                 .states = {.seed = request.seed, .count = study.setup.training}});
  study.training = train_closure(study.problem, study.closure, seen.states, kSpacing,
                                 {.epochs = study.setup.epochs, .seed = request.seed}, [&](const HistoryRow& row) {
                                   const auto epoch = static_cast<std::int64_t>(row.epoch);
                                   if (epoch % 10 == 0)
                                     request.tell("epoch ", epoch, ": mean square of the relative error ",
                                                  text::number(row.loss), ", ", text::number(row.seconds, 3), " s");
                                 });
}

Study run_study(const Request& request) {
  Study study{.setup = {}, .problem = {}, .closure = FluxClosure({.seed = request.seed})};
  Setup& setup = study.setup;
  if (request.quick) setup = {.fine_cells = 256, .training = 48, .unseen = 16, .end = 2, .epochs = 60};
  study.problem.viscosity = setup.viscosity;
  train_on_fine(study, request);
  const SampleRange unseen{.seed = request.seed, .first = 1'000'000, .count = setup.unseen};
  study.truth = solve_truth(study.problem, {.fine_cells = setup.fine_cells, .end = setup.end, .states = unseen});
  study.truth_error = check_truth(study.truth, study.problem);
  study.plain = contend_plain("without", study.truth, study.problem);
  study.upwind = contend_plain("Godunov's flux", study.truth, study.problem, upwind_flux);
  study.closed = contend_closed(study.truth, study.problem, study.closure);
  for (const std::int64_t cells : {64, 128})
    study.finer.push_back(contend_plain(text::concat("without, ", cells, " cells"), study.truth,
                                        {.cells = cells, .viscosity = setup.viscosity}));
  for (const double factor : {0.5, 0.75, 1.0, 1.5, 2.0})
    study.viscosities.push_back(study_viscosity(setup, study.problem, study.closure, factor * setup.viscosity,
                                                {.seed = request.seed, .first = 2'000'000, .count = setup.unseen / 2}));
  return study;
}

// ---- pictures

/// The unseen state of which the plain solver's error is in the middle, and a time at which its shocks stand.
struct Shown {
  std::int64_t state = 0, time = 8;
};

Shown choose_shown(const Study& study) {
  const std::vector<double> errors = by_state(study.plain.errors);
  std::vector<std::size_t> order(errors.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return errors[i]; });
  return {.state = static_cast<std::int64_t>(order[order.size() / 2])};
}

/// The middles of cells.
EvenAxis middles(std::int64_t cells) {
  const double width = 1 / static_cast<double>(cells);
  return {.first = width / 2, .spacing = width};
}

Figure state_figure(const Study& study, const Shown& shown) {
  const auto at = [&](const HostArray& states) { return states[shown.state].row(shown.time); };
  const EvenAxis coarse = middles(study.problem.cells);
  return {
      .title = text::concat("an unseen state at t = ", text::number(kSpacing * static_cast<double>(shown.time), 3)),
      .x_label = "x",
      .y_label = "u",
      .curves = {
          Curve{.name = "fine", .color = 6}.over(middles(study.truth.fine.cells), at(study.truth.fine_states)),
          Curve{.name = "without the closure", .mark = Mark::kPoints, .color = 1}.over(coarse, at(study.plain.states)),
          Curve{.name = "with the closure", .mark = Mark::kPoints, .color = 0}.over(coarse, at(study.closed.states))}};
}

Figure error_figure(const Study& study) {
  const EvenAxis time{.first = kSpacing, .spacing = kSpacing};
  Figure figure{.title = "error over time",
                .x_label = "t",
                .y_label = "relative error, mean over unseen states",
                .bands = {{.from = 0, .to = kTrained, .name = "trained on"}},
                .y_scale = Scale::kLog};
  int color = 1;
  const auto add = [&](const Contender& contender, Mark mark) {
    figure.curves.push_back(
        Curve{.name = contender.name, .mark = mark, .color = color++}.over(time, by_time(contender.errors)));
  };
  figure.curves.push_back(Curve{.name = study.closed.name}.over(time, by_time(study.closed.errors)));
  add(study.plain, Mark::kLine);
  add(study.upwind, Mark::kLine);
  for (const Contender& finer : study.finer) add(finer, Mark::kDashed);
  return figure;
}

Figure states_figure(const Study& study) {
  const std::vector<double> plain = by_state(study.plain.errors), closed = by_state(study.closed.errors);
  Curve fifth{.name = "a fifth", .mark = Mark::kDashed, .color = 6};
  for (const double error : {std::ranges::min(plain), std::ranges::max(plain)}) {
    fifth.x.push_back(error);
    fifth.y.push_back(error / 5);
  }
  return {.title = "each unseen state, mean over t up to 1",
          .x_label = "relative error without the closure",
          .y_label = "with it",
          .curves = {Curve{.name = "a state", .x = plain, .y = closed, .mark = Mark::kPoints}, fifth},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog};
}

/// The flux after each cell that a solver of `problem` computes at a state.
std::vector<double> fluxes(const std::vector<double>& state, const std::function<Array(const Array&)>& flux,
                           std::int64_t reach) {
  const auto cells = static_cast<std::int64_t>(state.size());
  const Function after = trace(
      [&](Array u) {
        const Array all = flux(around_ring(u, reach));
        return all.slice(1, all.shape().size());
      },
      {{"u", {cells}}});
  return compile(after).run({HostArray(Shape{1, cells}, state)}).outputs[0].numbers();
}

Figure flux_figure(const Study& study, const Shown& shown) {
  const std::vector<double> fine = fluxes(
      study.truth.fine_states[shown.state].row(shown.time),
      [&](const Array& row) { return central_flux(study.truth.fine, row); }, 1);
  const std::vector<double> state = study.truth.states[shown.state].row(shown.time);
  std::vector<double> missing = fluxes(
      state, [&](const Array& row) { return central_flux(study.problem, row); }, 1);
  const std::size_t each = fine.size() / missing.size();
  for (std::size_t i = 0; i < missing.size(); ++i) missing[i] = fine[each * (i + 1) - 1] - missing[i];
  const std::vector<double> learned = fluxes(
      state, [&](const Array& row) { return study.closure(row); }, FluxClosure::kReach);
  const EvenAxis edges{.first = study.problem.width(), .spacing = study.problem.width()};
  return {.title = "what the coarse fluxes miss there",
          .x_label = "x",
          .y_label = "flux",
          .curves = {Curve{.name = "missing", .color = 6}.over(edges, missing),
                     Curve{.name = "the closure's", .mark = Mark::kPoints}.over(edges, learned)}};
}

Figure loss_figure(const Study& study) {
  return {.title = "training",
          .x_label = "epoch",
          .y_label = "mean square of the relative error",
          .curves = {Curve{}.through(study.training.history, &HistoryRow::epoch, &HistoryRow::loss)},
          .y_scale = Scale::kLog};
}

Figure raster_figure(const Study& study, const Shown& shown) {
  const double half = kSpacing / 2, end = kSpacing * static_cast<double>(study.truth.times.size() - 1);
  Figure figure{.title = "the fine solution of that state",
                .x_label = "x",
                .y_label = "t",
                .x_range = {0, 1},
                .y_range = {0, end}};
  figure.rasters = {{.x_low = 0,
                     .x_high = 1,
                     .y_low = -half,
                     .y_high = end + half,
                     .columns = static_cast<std::size_t>(study.truth.fine.cells),
                     .values = study.truth.fine_states[shown.state].numbers()}};
  return figure;
}

Sheet draw(const Study& study) {
  const Shown shown = choose_shown(study);
  return Sheet({state_figure(study, shown), error_figure(study), states_figure(study), flux_figure(study, shown),
                raster_figure(study, shown), loss_figure(study)},
               3);
}

// ---- numbers

std::vector<Section> tables(const Study& study) {
  Table solvers{.header = {"solver", "cells", "error up to t = 1", "worst state", "error after t = 1", "time (s)"},
                .caption =
                    "Mean over unseen states and output times of |u - truth| / |truth| in L2, on averages over the "
                    "coarse cells. The time is that of all unseen states to the end, in f64."};
  const auto add = [&](const Contender& contender) {
    solvers.add(contender.name, contender.cells, mean_error(contender.errors),
                std::ranges::max(by_state(contender.errors)), later_error(contender.errors), contender.seconds);
  };
  for (const Contender* contender : {&study.plain, &study.upwind, &study.closed}) add(*contender);
  for (const Contender& finer : study.finer) add(finer);
  Table viscosities{
      .header = {"viscosity", "without", "with the closure", "cut by"},
      .caption = "Errors up to t = 1. The net has seen the middle one alone, and is not told which one it is."};
  for (const ViscosityRow& row : study.viscosities)
    viscosities.add(row.viscosity, row.plain, row.closed, row.plain / row.closed);
  return {{"Solvers", {solvers}},
          {"Other viscosities", {viscosities}},
          {"The problem",
           {Paragraph{
               "u_t + (u^2 / 2)_x = nu u_xx on a ring of length 1, from four waves of random amplitudes and phases. A "
               "shock is as wide as 4 nu / jump, less than the cells of the coarse solver: they see averages, and "
               "the flux between two averages is not the average's. The net gives what is missing from the "
               "three averages on each side, as in Bar-Sinai et al. 2019, and is trained so that solves from fine "
               "averages stay at them, through the solver."}}}};
}

std::vector<Metric> metrics_of(const Study& study) {
  const double plain = mean_error(study.plain.errors), closed = mean_error(study.closed.errors);
  const auto cut = [](const ViscosityRow& row) { return row.plain / row.closed; };
  return {at_least(5, "error without the closure over that with it, up to t = 1", plain / closed),
          told("error with the closure, up to t = 1", closed),
          told("error without, up to t = 1", plain),
          told("error with Godunov's flux, up to t = 1", mean_error(study.upwind.errors)),
          told("error without, twice as many cells", mean_error(study.finer[0].errors)),
          told("error without, four times as many cells", mean_error(study.finer[1].errors),
               "4 to 8 times coarser grids (Bar-Sinai et al. 2019)"),
          told("error without over that with it, after t = 1",
               later_error(study.plain.errors) / later_error(study.closed.errors)),
          told("the same at half the viscosity, up to t = 1", cut(study.viscosities.front())),
          told("the same at twice the viscosity, up to t = 1", cut(study.viscosities.back())),
          at_most(2e-3, "fine solver against the exact solution, on averages over the coarse cells",
                  study.truth_error.coarse),
          told("fine solver against the exact solution, on its own cells", study.truth_error.fine),
          at_most(1e-12, "how far the mean of a state moves with the closure", drift(study.closed.states)),
          told("parameters", static_cast<double>(num_numbers(study.closure.parameters()))),
          told("time of training (s)", study.training.seconds())};
}

}  // namespace

Outcome burgers_closure(const Request& request) {
  const Study study = run_study(request);
  return {
      .title = "A learned closure for Burgers' equation",
      .figure = draw(study),
      .caption =
          "A coarse solver whose cells are wider than a shock, with and without a net that corrects the fluxes between "
          "cells. The net was trained through the solver, on other states and up to t = 1.",
      .sections = tables(study),
      .metrics = metrics_of(study)};
}

}  // namespace costate::experiments
