#include "costate/series/fit_options.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "costate/base/error.h"

namespace costate {
namespace {

#define COSTATE_MEMBER(name) option_access<FitConfig>([](auto& config) -> auto& { return config.name; })
#define COSTATE_CHOICE(name, from_name) \
  choice_access<FitConfig>(             \
      [](auto& config) -> auto& { return config.name; }, from_name)

std::vector<FitOption> data_options() {
  using enum OptionKind;
  using enum OptionDoors;
  const std::string section = "data", group = "Data";
  return {
      {.section = section, .key = "path", .kind = kText, .doors = kFile, .access = COSTATE_MEMBER(data)},
      {.section = section, .key = "digest", .kind = kText, .doors = kFile, .access = COSTATE_MEMBER(data_digest)},
      {.section = section,
       .key = "time",
       .kind = kText,
       .doors = kCommandLine,
       .flag = "--time",
       .group = group,
       .help = "Column of times, numbers or dates, or two columns: Date,Time",
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.columns.time)},
      {.section = section,
       .key = "states",
       .kind = kNames,
       .doors = kCommandLine,
       .flag = "--state",
       .group = group,
       .help = "Columns of the state, separated by commas; empty cells are left out of the loss",
       .low = 1,
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.columns.states)},
      {.section = section,
       .key = "inputs",
       .kind = kNames,
       .doors = kCommandLine,
       .flag = "--input",
       .group = group,
       .help = "Columns of inputs that drive the system",
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.columns.inputs)},
      {.section = section,
       .key = "covariates",
       .kind = kNames,
       .doors = kCommandLine,
       .flag = "--covariate",
       .group = group,
       .help = "Columns of constants of a trajectory: a dose, a weight",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.covariates)},
      {.section = section,
       .key = "events",
       .kind = kNames,
       .doors = kCommandLine,
       .flag = "--event",
       .group = group,
       .help = "Columns of what enters at a row's time, such as a dose; dose:rate or dose:duration for infusions",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.events)},
      {.section = section,
       .key = "trajectory",
       .kind = kText,
       .doors = kCommandLine,
       .flag = "--trajectory",
       .group = group,
       .help = "Column that tells trajectories apart, or several: site,visit",
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.columns.trajectory)},
      {.section = section,
       .key = "delay",
       .kind = kInteger,
       .flag = "--delay",
       .group = group,
       .help = "Delayed copies of the state that join it",
       .high = 100,
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.delay)},
      {.section = section,
       .key = "lag",
       .kind = kInteger,
       .flag = "--lag",
       .group = group,
       .help = "Samples from one delayed copy to the next",
       .low = 1,
       .high = 100'000,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.lag)},
      {.section = section,
       .key = "hold_out",
       .kind = kShare,
       .flag = "--hold-out",
       .group = group,
       .help =
           "What is the test: a share (the end of one trajectory, the last of several), trajectories (subject=11,12) "
           "or all from a time on (2014-03-15, t=40)",
       .shown_default = "20%",
       .access = COSTATE_MEMBER(hold_out)},
      {.section = section,
       .key = "validation",
       .kind = kShare,
       .flag = "--validation",
       .group = group,
       .help = "Share of the rest by which model and weights are chosen; 0 keeps the last weights",
       .shown_default = "20%",
       .may_be_absent = true,
       .access = COSTATE_MEMBER(validation)},
      {.section = section,
       .key = "hold_out_part",
       .kind = kText,
       .doors = kCommandLine,
       .flag = "--hold-out",
       .may_be_absent = true,
       .access = COSTATE_MEMBER(hold_out_part)},
      {.section = section,
       .key = "judge",
       .kind = kText,
       .doors = kCommandLine,
       .flag = "--judge",
       .group = group,
       .help = "File of the same columns that is the test, instead of a part of the data",
       .may_be_absent = true,
       .access = COSTATE_MEMBER(judge)},
      {.section = section,
       .key = "judge_digest",
       .kind = kText,
       .doors = kFile,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(judge_digest)},
  };
}

std::vector<FitOption> layout_options() {
  using enum OptionKind;
  using enum OptionDoors;
  const std::string section = "data", group = "Data";
  return {
      {.section = section,
       .key = "time_format",
       .kind = kText,
       .doors = kCommandLine,
       .flag = "--time-format",
       .group = group,
       .help = "Form of dates, where the column does not tell it: \"%d/%m/%Y %H:%M\"",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.time_format)},
      {.section = section,
       .key = "step",
       .kind = kNumber,
       .doors = kCommandLine,
       .flag = "--step",
       .group = group,
       .help = "Time between rows, for a file without times",
       .chooses = 0,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.step)},
      {.section = section,
       .key = "rate",
       .kind = kNumber,
       .doors = kCommandLine,
       .flag = "--rate",
       .group = group,
       .help = "Rows in a unit of time, for a file without times",
       .chooses = 0,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.rate)},
      {.section = section,
       .key = "quantity",
       .kind = kText,
       .doors = kCommandLine,
       .flag = "--quantity",
       .group = group,
       .help = "Of a long table: the column that names what a row measured; --state and --input then name quantities",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.quantity)},
      {.section = section,
       .key = "value",
       .kind = kText,
       .doors = kCommandLine,
       .flag = "--value",
       .group = group,
       .help = "Of a long table: the column of its numbers",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.value)},
      {.section = section,
       .key = "names",
       .kind = kNames,
       .doors = kCommandLine,
       .flag = "--names",
       .group = group,
       .help = "Names of all columns, for a file without a header; else they are 1, 2, 3, …",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.layout.names)},
      {.section = section,
       .key = "skip",
       .kind = kInteger,
       .doors = kCommandLine,
       .flag = "--skip",
       .group = group,
       .help = "Lines before the header",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.layout.skip)},
      {.section = section,
       .key = "missing",
       .kind = kNames,
       .doors = kCommandLine,
       .flag = "--missing",
       .group = group,
       .help = "Cells that mean missing: -999,n/a; < for all below a limit of detection; none to look for no codes",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.columns.layout.missing)},
  };
}

std::vector<FitOption> model_options() {
  using enum OptionKind;
  const std::string section = "model", group = "Model";
  return {
      {.section = section,
       .key = "hidden",
       .kind = kIntegers,
       .flag = "--hidden",
       .group = group,
       .help = "Widths of the hidden layers; 'none' for a linear ODE",
       .shown_default = "chosen by the validation error",
       .low = 1,
       .high = 65536,
       .chooses = 0,
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.hidden)},
      {.section = section,
       .key = "memory",
       .kind = kChoice,
       .flag = "--memory",
       .group = group,
       .help = "Hidden states, for what the measured ones do not tell: auto, none or a number",
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_CHOICE(model.memory, memory_from_name)},
      {.section = section,
       .key = "clock",
       .kind = kNames,
       .flag = "--clock",
       .group = group,
       .help =
           "Periods that the system follows: day, week, year, numbers in units of time; auto finds one, none is none",
       .may_be_absent = true,
       .access = COSTATE_MEMBER(clock)},
      {.section = section,
       .key = "periods",
       .kind = kNumbers,
       .doors = OptionDoors::kFile,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.periods)},
      {.section = section,
       .key = "unmeasured_starts",
       .kind = kNames,
       .doors = OptionDoors::kFile,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.unmeasured_starts)},
      {.section = section,
       .key = "context",
       .kind = kInteger,
       .doors = OptionDoors::kFile,
       .low = 1,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.context)},
      {.section = section,
       .key = "correction_samples",
       .kind = kInteger,
       .doors = OptionDoors::kFile,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.correction.samples)},
      {.section = section,
       .key = "correction_weight",
       .kind = kNumber,
       .doors = OptionDoors::kFile,
       .is_of_model = true,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(model.correction.weight)},
      {.section = section,
       .key = "activation",
       .kind = kChoice,
       .flag = "--activation",
       .group = group,
       .help = "tanh, relu, softplus, silu, …",
       .is_of_model = true,
       .access = COSTATE_CHOICE(model.activation, activation_from_name)},
      {.section = section,
       .key = "interpolation",
       .kind = kChoice,
       .flag = "--interpolation",
       .group = group,
       .help = "Of inputs between samples: linear, hold, cubic",
       .is_of_model = true,
       .access = COSTATE_CHOICE(model.interpolation, interpolation_from_name)},
  };
}

std::vector<FitOption> solver_options() {
  using enum OptionKind;
  const std::string section = "solver", group = "Solver";
  return {
      {.section = section,
       .key = "method",
       .kind = kChoice,
       .flag = "--method",
       .group = group,
       .help = "Solver: dopri5, tsit5, dopri8, bosh3, rk4, …",
       .is_of_model = true,
       .access = COSTATE_CHOICE(model.solve.method, method_from_name)},
      {.section = section,
       .key = "rtol",
       .kind = kNumber,
       .flag = "--rtol",
       .group = group,
       .help = "Relative tolerance",
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.solve.rtol)},
      {.section = section,
       .key = "atol",
       .kind = kNumber,
       .flag = "--atol",
       .group = group,
       .help = "Absolute tolerance, in normalized units",
       .is_of_model = true,
       .access = COSTATE_MEMBER(model.solve.atol)},
      {.section = section,
       .key = "adjoint",
       .kind = kChoice,
       .flag = "--adjoint",
       .group = group,
       .help = "Gradients: discrete (exact) or backsolve",
       .is_of_model = true,
       .access = COSTATE_CHOICE(model.solve.adjoint, adjoint_from_name)},
  };
}

std::vector<FitOption> training_options() {
  using enum OptionKind;
  const std::string section = "training", group = "Training";
  return {
      {.section = section,
       .key = "loss",
       .kind = kChoice,
       .flag = "--loss",
       .group = group,
       .help = "mse, mae or huber",
       .access = COSTATE_CHOICE(loss, loss_from_name)},
      {.section = section,
       .key = "window",
       .kind = kInteger,
       .flag = "--window",
       .group = group,
       .help = "Samples of a window of multiple shooting, and before a forecast",
       .shown_default = "chosen by the validation error",
       .low = 2,
       .chooses = 0,
       .access = COSTATE_MEMBER(window)},
      {.section = section,
       .key = "max_windows",
       .kind = kInteger,
       .flag = "--max-windows",
       .group = group,
       .help = "Windows that are trained on, spread over the data if there are more",
       .shown_default = "512, or 20,000 samples",
       .low = 1,
       .chooses = 0,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(max_windows)},
      {.section = section,
       .key = "optimizer",
       .kind = kChoice,
       .flag = "--optimizer",
       .group = group,
       .help = "adam, adamw, sgd or lbfgs",
       .access = COSTATE_CHOICE(optimizer, optimizer_from_name)},
      {.section = section,
       .key = "learning_rate",
       .kind = kNumber,
       .flag = "--lr",
       .group = group,
       .help = "Learning rate, which falls to 1 % of it on half a cosine",
       .access = COSTATE_MEMBER(learning_rate)},
      {.section = section,
       .key = "epochs",
       .kind = kInteger,
       .flag = "--epochs",
       .group = group,
       .help = "Passes over the windows, those of the polish among them; fewer where the validation says so",
       .shown_default = "chosen by the size of the data",
       .low = 1,
       .chooses = 0,
       .access = COSTATE_MEMBER(epochs)},
      {.section = section,
       .key = "polish",
       .kind = kInteger,
       .flag = "--polish",
       .group = group,
       .help = "Of the epochs, the last ones, by L-BFGS on all windows; fewer once none lowers the loss",
       .shown_default = "a fifth",
       .low = 0,
       .chooses = FitConfig::kChosen,
       .access = COSTATE_MEMBER(polish)},
      {.section = section,
       .key = "batch",
       .kind = kInteger,
       .flag = "--batch",
       .group = group,
       .help = "Windows a step",
       .shown_default = "64",
       .low = 1,
       .chooses = 0,
       .access = COSTATE_MEMBER(batch)},
      {.section = section,
       .key = "minutes",
       .kind = kNumber,
       .flag = "--minutes",
       .group = group,
       .help = "Time after which training ends with the best so far",
       .shown_default = "no limit",
       .chooses = 0,
       .may_be_absent = true,
       .access = COSTATE_MEMBER(minutes)},
      {.section = section,
       .key = "seed",
       .kind = kInteger,
       .flag = "--seed",
       .group = group,
       .help = "Seed of weights and order",
       .high = std::numeric_limits<std::int64_t>::max(),
       .access = COSTATE_MEMBER(seed)},
  };
}

#undef COSTATE_MEMBER
#undef COSTATE_CHOICE

bool allows_number(const FitOption& option, double number) {
  if (option.chooses && number == static_cast<double>(*option.chooses)) return true;
  const bool is_choice = option.chooses && number == static_cast<double>(*option.chooses);
  if (option.kind == OptionKind::kNumber || option.kind == OptionKind::kNumbers)
    return (number > 0 && std::isfinite(number)) || is_choice;
  if (option.kind == OptionKind::kShare) return number >= 0 && number < 1;
  const bool is_within = number >= static_cast<double>(option.low) && number <= static_cast<double>(option.high);
  return std::floor(number) == number && (is_within || is_choice);
}

/// The numbers of a value; none of texts.
std::vector<double> numbers_of(const OptionValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return {*number};
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return {static_cast<double>(*integer)};
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) return *numbers;
  return {};
}

/// "64,64": as one would type it.
std::string typed(const OptionValue& value) {
  return std::visit(
      [](const auto& x) {
        using X = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<X, std::string> || std::is_arithmetic_v<X>)
          return text::concat(x);
        else
          return text::join(x, ",");
      },
      value);
}

}  // namespace

std::string FitOption::rule() const {
  const bool is_unbounded = high >= 1'000'000'000;
  const std::string range =
      is_unbounded ? text::concat("of at least ", low) : text::concat("between ", low, " and ", high);
  switch (kind) {
    case OptionKind::kText:
      return "a name";
    case OptionKind::kNames:
      return low > 0 ? "at least one name" : "names";
    case OptionKind::kInteger:
      return text::concat("a whole number ", range, chooses ? text::concat(", or ", *chooses, ", which chooses") : "");
    case OptionKind::kNumber:
      return "a positive, finite number";
    case OptionKind::kShare:
      return "at least 0 and below 1 (below 100 %)";
    case OptionKind::kNumbers:
      return "numbers";
    case OptionKind::kIntegers:
      return text::concat("whole numbers ", range);
    case OptionKind::kChoice:
      return "a known name";
  }
  throw InternalError("[fit] no such kind of option.");
}

bool FitOption::allows(const OptionValue& value) const {
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) return low == 0 || !names->empty();
  return std::ranges::all_of(numbers_of(value), [&](double number) { return allows_number(*this, number); });
}

void FitOption::check(const OptionValue& value) const {
  if (!allows(value)) throw InvalidArgument("[fit] ", key, " must be ", rule(), "; got ", typed(value), ".");
}

std::string FitOption::default_text() const {
  if (!shown_default.empty()) return shown_default;
  const OptionValue value = access.get(FitConfig{});
  const bool is_unset = kind == OptionKind::kNumber && chooses && value == OptionValue(0.0);
  return is_unset ? "" : typed(value);
}

const std::vector<FitOption>& fit_options() {
  static const std::vector<FitOption> options = [] {
    std::vector<FitOption> all;
    for (std::vector<FitOption>& part :
         std::vector{data_options(), layout_options(), model_options(), solver_options(), training_options()})
      for (FitOption& option : part) all.push_back(std::move(option));
    return all;
  }();
  return options;
}

}  // namespace costate
