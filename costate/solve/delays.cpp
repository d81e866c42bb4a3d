#include "costate/solve/delays.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/chebyshev.h"
#include "costate/solve/internal/error_measure.h"

namespace costate {
namespace {

constexpr double kUnresolved = 100;  // tolerances that the last coefficients of a piece may have
constexpr std::size_t kMostPieces = 4096;
constexpr double kNear = 1e-9;  // of a piece: times are sums, and rounded
constexpr double kSlack = 0.2;  // of the shortest lag, by which pieces may move against each other as lags do

/// A time between pieces: its number when the program is traced, and what the program computes, which is the same where
/// lags are constants.
struct Time {
  double number;
  Array array;
};

/// A solved piece: where it lies, and its polynomial.
struct Piece {
  Time start, end;
  Array first;         // [state]
  Array coefficients;  // [nodes, state]
};

/// The size of a Parameter that an Array is.
std::optional<double> parameter_number(const Array& array) {
  const Node& node = array.builder()->node(array.node());
  if (node.op != Op::kInput) return std::nullopt;
  const Input& input = array.builder()->inputs()[static_cast<std::size_t>(node.indices[0])];
  if (!input.parameter || input.parameter->value().size() != 1) return std::nullopt;
  return input.parameter->value().at(0);
}

double size_of(const Array& lag, std::optional<double> size) {
  if (size) return *size;
  if (const auto known = internal::constant_numbers(lag); known && known->size() == 1) return (*known)[0];
  if (const auto known = parameter_number(lag)) return *known;
  throw InvalidArgument("[solve_delays] the size of a lag must be known when the program is traced; got ",
                        internal::origin(lag), ". Give a number or a Parameter, or its size beside it.");
}

class DelaySolver {
 public:
  DelaySolver(const DelayRhs& rhs, const DelayHistory& history, std::span<const Lag> lags, const DelayOptions& options)
      : rhs_(rhs),
        history_(history),
        lags_(lags.begin(), lags.end()),
        options_(options),
        matrix_(constant(internal::chebyshev_matrix(options.nodes))),
        lags_are_known_(std::ranges::all_of(
            lags, [](const Lag& lag) { return internal::constant_numbers(lag.value).has_value(); })),
        shortest_(std::ranges::min(lags, {}, &Lag::size).size) {}

  DelaySolution run(const std::vector<double>& times, const Array& given_z0) {
    t0_ = times.front();
    Array z = given_z0.is_empty() ? history_(constant(t0_)) : given_z0;
    shape_ = z.shape();
    z = flat(z);
    DelaySolution solution{.states = {}, .unresolved = {}, .piece_starts = {t0_}};
    const std::vector<Time> ends = piece_ends(times.back());
    std::vector<Array> unresolved;
    for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
      solve_piece(ends[i], ends[i + 1], z);
      Piece& piece = pieces_.back();
      unresolved.push_back(tail_of(piece));
      // A NaN is the start of no solve; so the sample is in the report.
      const Array is_resolved = unresolved.back() <= 1.0, nan = constant(std::numeric_limits<double>::quiet_NaN());
      piece.coefficients = where(is_resolved, piece.coefficients, nan);
      z = where(is_resolved, last_state_, nan);
      solution.piece_starts.push_back(ends[i + 1].number);
    }
    solution.unresolved = unresolved.empty() ? zeros({0}) : stack(unresolved);
    std::vector<Array> states;
    for (const double t : times) states.push_back(reshape(state_at(t, z), shape_));
    solution.states = stack(states);
    return solution;
  }

 private:
  static Array flat(const Array& z) { return reshape(z, {z.shape().size()}); }
  /// Constants where the lags are: a solve in f32 knows such times in f64.
  Time time(double number, const Array& array) const { return {number, lags_are_known_ ? constant(number) : array}; }

  // ---- where pieces end

  /// t0 and the user's stops, and all sums of lags behind them, of as many as the method's order sees: a jump of the
  /// slope at t0 is one of the next derivative at t0 + lag, and so on.
  std::vector<Time> jumps(double end) const {
    const int most = tableau(options_.solve.method).order + 1;
    std::vector<Time> all = {{t0_, constant(t0_)}};
    for (const double stop : options_.solve.stop_at)
      if (t0_ < stop && stop < end) all.push_back({stop, constant(stop)});
    std::vector<Time> last = all;
    for (int order = 0; order < most && !last.empty(); ++order) {
      std::vector<Time> next;
      for (const Time& before : last)
        for (const Lag& lag : lags_) {
          const Time sum = time(before.number + lag.size, before.array + lag.value);
          const double near = 1e-12 * (std::abs(t0_) + std::abs(end) + sum.number - t0_);
          const auto is_near = [&](const Time& other) { return std::abs(other.number - sum.number) <= near; };
          if (!lags_are_known_ && std::abs(sum.number - end) <= near)
            throw InvalidArgument(
                "[solve_delays] the last time must be no sum of lags that may move, which would pass it; ", end,
                " is. Take another one, or another size of the lag.");
          if (sum.number < end - near && std::ranges::none_of(next, is_near) && std::ranges::none_of(all, is_near))
            next.push_back(sum);
        }
      all.insert(all.end(), next.begin(), next.end());
      last = std::move(next);
    }
    std::ranges::sort(all, {}, &Time::number);
    if (end > t0_) all.push_back({end, constant(end)});
    return all;
  }

  std::vector<Time> piece_ends(double end) const {
    double longest = lags_are_known_ ? shortest_ : (1 - kSlack) * shortest_;
    if (options_.max_piece > 0) longest = std::min(longest, options_.max_piece);
    const std::vector<Time> known = jumps(end);
    std::vector<Time> ends = {known.front()};
    for (std::size_t i = 1; i < known.size(); ++i) {
      const double length = known[i].number - known[i - 1].number;
      const double parts = std::ceil(length / longest * (1 - 1e-12));
      if (static_cast<double>(ends.size()) + parts > kMostPieces)
        throw InvalidArgument("[solve_delays] a solve has at most ", kMostPieces,
                              " pieces, none longer than the shortest lag or max_piece, ", longest,
                              "; got a time from ", t0_, " to ", end, ".");
      for (double part = 1; part < parts; ++part)
        ends.push_back(time(known[i - 1].number + length * (part / parts),
                            known[i - 1].array + (known[i].array - known[i - 1].array) * (part / parts)));
      ends.push_back(known[i]);
    }
    return ends;
  }

  // ---- what is known of the past

  Array past_of(const Array& t) const {
    const Array past = history_(t);
    if (!(past.shape() == shape_))
      throw ShapeError("[solve_delays] the history must have z0's shape ", shape_, "; got ", past.shape(), ".");
    return past;
  }

  /// The polynomial of a piece at a time within.
  Array value(const Piece& piece, const Array& t) const {
    const Array place = (t - piece.start.array) / (piece.end.array - piece.start.array);
    return matmul(internal::chebyshev_basis(place, options_.nodes), piece.coefficients);
  }

  /// The pieces that lie a lag behind one that is to be solved; none where the history does.
  std::vector<const Piece*> behind(const Lag& lag, const Time& start, const Time& end) const {
    const double first = start.number - lag.size, last = end.number - lag.size;
    const double near = kNear * (end.number - start.number), inside = lags_are_known_ ? near : -kSlack * shortest_;
    std::vector<const Piece*> found;
    if (last <= t0_ + near) return found;
    for (const Piece& piece : pieces_)
      if (piece.end.number > first + inside && piece.start.number < last - inside) found.push_back(&piece);
    return found;
  }

  /// z at t - lag, flat, for t within a piece that is to be solved. Where several pieces are behind it, each gives how
  /// z changes over its own time; that is continuous, whatever moves the pieces' ends.
  Array delayed(const Array& t, const Lag& lag, const Time& start, const Time& end) const {
    const Array then = t - lag.value;
    const std::vector<const Piece*> pieces = behind(lag, start, end);
    if (pieces.empty()) return flat(past_of(then));
    Array sum;
    for (const Piece* piece : pieces) {
      Array at = then;
      if (piece != pieces.back()) at = min(at, piece->end.array);
      if (piece != pieces.front()) at = max(piece->start.array, at);
      const Array z = value(*piece, at);
      sum = sum.is_empty() ? z : sum + (z - piece->first);
    }
    return sum;
  }

  /// 1 where a piece still lies as it did when the program was traced: forwards, and with those pieces behind it.
  Array lies_as_traced(const Time& start, const Time& end) const {
    const Array near = kNear * (end.array - start.array);
    Array all = 0.0 < near;
    for (const Lag& lag : lags_) {
      const std::vector<const Piece*> pieces = behind(lag, start, end);
      const Array first = start.array - lag.value, last = end.array - lag.value;
      all = all * (last <= (pieces.empty() ? constant(t0_) : pieces.back()->end.array) + near);
      if (!pieces.empty()) all = all * (pieces.front()->start.array <= first + near);
    }
    return all;
  }

  // ---- a piece

  void solve_piece(const Time& start, const Time& end, const Array& z) {
    const VectorField field =
        internal::build_field({{"z", shape_}}, {}, [&](Array t, std::span<const Array> state, std::span<const Array>) {
          std::vector<Array> past;
          for (const Lag& lag : lags_) past.push_back(reshape(delayed(t, lag, start, end), shape_));
          return std::vector<Array>{rhs_(t, state[0], past)};
        });
    const std::vector<double> points = internal::chebyshev_points(options_.nodes);
    std::vector<double> numbers;
    for (const double point : points) numbers.push_back(start.number + (end.number - start.number) * point);
    numbers.back() = end.number;
    Array times = constant(HostArray::vector(numbers));
    if (!lags_are_known_) {
      times = start.array + (end.array - start.array) * constant(HostArray::vector(points));
      times = where(lies_as_traced(start, end), times, constant(std::numeric_limits<double>::quiet_NaN()));
    }
    const Array states = solve(field, z, times, options_.solve);
    pieces_.push_back({start, end, z, matmul(matrix_, states)});
    last_state_ = states[-1];
  }

  /// The last two coefficients of a piece beside what they may be.
  Array tail_of(const Piece& piece) const {
    const Array size = reduce_max(abs(piece.coefficients), {0});
    const Array last = max(abs(piece.coefficients[-1]), abs(piece.coefficients[-2]));
    const internal::ErrorMeasure measure = internal::error_measure(options_.solve, std::vector<std::size_t>{0},
                                                                   static_cast<std::size_t>(size.shape().size()));
    const Array rtol = constant(HostArray::vector(measure.rtol)), atol = constant(HostArray::vector(measure.atol));
    const Array limit = kUnresolved * (atol + rtol * size);
    return reduce_max(last / limit, {0});
  }

  Array state_at(double t, const Array& last) const {
    if (pieces_.empty()) return last;
    if (t == pieces_.back().end.number) return last;
    const auto piece = std::ranges::find_if(pieces_, [t](const Piece& one) { return t < one.end.number; });
    return t == piece->start.number ? piece->first : value(*piece, constant(t));
  }

  const DelayRhs& rhs_;
  const DelayHistory& history_;
  std::vector<Lag> lags_;
  const DelayOptions& options_;
  Array matrix_;
  bool lags_are_known_;
  double shortest_;
  double t0_ = 0;
  Shape shape_;
  std::vector<Piece> pieces_;
  Array last_state_;
};

void check_delay_options(std::span<const Lag> lags, const DelayOptions& options) {
  for (const Lag& lag : lags)
    if (!(lag.size > 0) || !std::isfinite(lag.size))
      throw InvalidArgument("[solve_delays] lags must be positive and finite; got ", lag.size, ".");
  if (lags.empty()) throw InvalidArgument("[solve_delays] a delay equation has a lag; got none. Take solve.");
  if (options.nodes < 8 || options.nodes > 64)
    throw InvalidArgument("[solve_delays] nodes must be from 8 to 64; got ", options.nodes, ".");
  if (!(options.max_piece >= 0) || !std::isfinite(options.max_piece))
    throw InvalidArgument("[solve_delays] max_piece must be finite and at least 0 (no limit); got ", options.max_piece,
                          ".");
  if (has_fixed_steps(options.solve))
    throw NotSupported(
        "[solve_delays] steps go by their error; got fixed steps. Take a method with an error estimate, without "
        "step_size and steps_per_interval.");
}

/// A delay equation as a program: its inputs, and what it gives. `starts` are those of the pieces.
struct DelayProgram {
  Function function;
  std::vector<HostArray> inputs;
  std::vector<double> starts;
};

DelayProgram delay_program(const DelayEquation& equation, const std::optional<HostArray>& z0, const HostArray& times,
                           const DelayOptions& options, std::span<const HostArray> arguments) {
  DelayProgram program;
  std::vector<ArgumentSpec> specs;
  const auto add = [&](const std::string& name, const HostArray& array) {
    if (array.shape().rank() == 0)
      throw ShapeError("[solve_delays] ", name, " must have shape [batch, …]; got a number.");
    specs.push_back({name, array.shape().without_first()});
    program.inputs.push_back(array);
  };
  if (z0) add("z0", *z0);
  for (std::size_t i = 0; i < arguments.size(); ++i) add(text::concat("arg", i), arguments[i]);
  if (specs.empty()) add("sample", HostArray(Shape{1}));  // a program has a batch by an input
  program.function = trace_list(specs, [&](std::span<const Array> given) {
    const std::span<const Array> values = given.subspan(z0 ? 1 : 0, arguments.size());
    std::vector<Lag> lags;
    for (const double lag : equation.lags) lags.emplace_back(lag);
    const DelaySolution solution = solve_delays(
        [&](Array t, Array z, std::span<const Array> delayed) { return equation.rhs(t, z, delayed, values); },
        [&](Array t) { return equation.history(t, values); }, lags, constant(times), options, z0 ? given[0] : Array());
    program.starts = solution.piece_starts;
    return std::vector<Array>{solution.states, solution.unresolved};
  });
  return program;
}

/// The first failure of each sample: a piece that is not resolved, which pieces behind it report as a NaN, or what the
/// run has reported. `unresolved`: [batch, pieces].
std::vector<SampleFailure> first_failures(const HostArray& unresolved, const std::vector<double>& starts, int nodes,
                                          const std::vector<SampleFailure>& reported) {
  std::vector<SampleFailure> failures;
  for (std::int64_t sample = 0; sample < unresolved.shape()[0]; ++sample) {
    const std::vector<double> tails = unresolved.row(sample);
    const auto tail = std::ranges::find_if(tails, [](double size) { return size > 1; });
    if (tail != tails.end()) {
      const auto piece = static_cast<std::size_t>(tail - tails.begin());
      const double length = starts[piece + 1] - starts[piece];
      failures.push_back({.sample = sample,
                          .reason = "unresolved",
                          .t = starts[piece],
                          .h = length,
                          .advice = text::concat("no polynomial of degree ", nodes - 1,
                                                 " follows the solution over a piece so long: set max_piece below ",
                                                 length, ", loosen rtol and atol, or name in stop_at where f jumps")});
    } else if (const auto first = std::ranges::find(reported, sample, &SampleFailure::sample);
               first != reported.end()) {
      failures.push_back(*first);
    }
  }
  return failures;
}

}  // namespace

Lag::Lag(Operand given, std::optional<double> known) : value(given.array), size(size_of(given.array, known)) {
  if (value.shape().size() != 1) throw ShapeError("[solve_delays] a lag is one number; got shape ", value.shape(), ".");
  value = reshape(value, {});
}

DelaySolution solve_delays(const DelayRhs& rhs, const DelayHistory& history, std::span<const Lag> lags,
                           const Array& times, const DelayOptions& options, const Array& z0) {
  check_delay_options(lags, options);
  const auto known = internal::constant_numbers(times);
  if (!known || times.shape().rank() != 1)
    throw InvalidArgument("[solve_delays] times must be a constant of shape [time]; got ", internal::origin(times),
                          " of shape ", times.shape(), ".");
  std::vector<double> numbers = *known;
  numbers.resize(static_cast<std::size_t>(times.shape()[0]), numbers.empty() ? 0 : numbers[0]);
  check_times(numbers);
  if (numbers.back() < numbers.front())
    throw InvalidArgument("[solve_delays] times must not descend; got ", numbers.front(), " … ", numbers.back(),
                          ". The past is known, and not the future.");
  return DelaySolver(rhs, history, lags, options).run(numbers, z0);
}

void DelayResult::check() const {
  if (report.failures.empty()) return;
  const SampleFailure& first = report.failures.front();
  throw SolveFailed("[solve_delays] sample ", first.sample, " ended with ", first.reason, " at t = ", first.t,
                    " with step ", first.h, "; ", first.advice, ".");
}

DelayResult solve_delays(const DelayEquation& equation, const std::optional<HostArray>& z0, const HostArray& times,
                         const DelayOptions& options, std::span<const HostArray> arguments) {
  const DelayProgram program = delay_program(equation, z0, times, options, arguments);
  RunResult run = compile(program.function, {.dtype = options.solve.dtype}).run(program.inputs);
  DelayResult result{.states = std::move(run.outputs[0]), .report = std::move(run.report)};
  result.report.failures = first_failures(run.outputs[1], program.starts, options.nodes, result.report.failures);
  return result;
}

}  // namespace costate
