#include "costate/exec/internal/run_strips.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

struct RowRange {
  std::size_t first = 0, end = 0;

  std::size_t count() const { return end - first; }
};

/// Calls move(run, rows) for what is within `wanted` of each run, rows counted from its place on.
template <class Move>
void for_runs(std::span<const RowRun> runs, const RowRange& wanted, Move move) {
  const auto ends_before = [&](const RowRun& run) { return run.place + run.count <= wanted.first; };
  for (auto run = std::partition_point(runs.begin(), runs.end(), ends_before);
       run != runs.end() && run->place < wanted.end; ++run) {
    const std::size_t first = std::max<std::size_t>(wanted.first, run->place);
    move(*run, RowRange{first, std::min<std::size_t>(wanted.end, run->place + run->count)});
  }
}

/// The rows `wanted` of a scatter of ascending runs; from(run, row) is what goes there.
template <class T, class From>
void scatter_rows(std::span<const RowRun> runs, const RowRange& wanted, std::size_t lanes, T* out, From from) {
  const T zero = 0;
  static const BinaryKernel<T> kAdd = binary_kernel<T>(Op::kAdd);
  std::size_t done = wanted.first;
  const auto at = [&](std::size_t row) { return out + (row - wanted.first) * lanes; };
  for_runs(runs, wanted, [&](const RowRun& run, const RowRange& rows) {
    std::fill(at(done), at(rows.first), zero);
    // 0 + x, as any scatter adds: -0 becomes 0.
    kAdd({&zero, Spread::kScalar}, {from(run, rows.first), Spread::kFull}, at(rows.first), rows.count(), lanes);
    done = rows.end;
  });
  std::fill(at(done), at(wanted.end), zero);
}

/// An elementwise kernel on so many rows of operand(0), operand(1), …
template <class T, class OperandOf>
void call_kernel(const BoundInstruction<T>& bound, OperandOf operand, T* out, std::size_t rows, std::size_t lanes) {
  if (bound.unary != nullptr)
    bound.unary(operand(0).data, out, rows * lanes);
  else if (bound.binary != nullptr)
    bound.binary(operand(0), operand(1), out, rows, lanes);
  else if (bound.pair != nullptr)
    bound.pair(operand(0), operand(1), operand(2), out, rows, lanes);
  else
    where(operand(0), operand(1), operand(2), out, rows, lanes);
}

template <class T>
class Strips {
 public:
  Strips(std::span<const BoundInstruction<T>> instructions, const BoundStrips& strips, const Bases<T>& bases)
      : instructions_(instructions), strips_(strips), group_(strips.group), lanes_(bases.lanes) {
    for (std::size_t i = 0; i < group_.count; ++i) {
      const StripMember& member = group_.members[i];
      Running& running = running_[i];
      running.next = running.origin = member.begin;
      if (member.is_passing()) {
        running.out = bases.extra + member.window;
      } else {
        running.out = bases.write(instructions[i].instruction.out);
        running.origin = 0;
      }
      if (member.is_skipped || running.out == nullptr) running.next = member.rows;  // not wanted
      const std::vector<Source>& sources = instructions[i].instruction.sources;
      for (std::size_t k = 0; k < sources.size(); ++k) {
        if (member.sources[k].member >= 0) continue;
        running.outside[k] = bases.operand(sources[k]);
        const Spread spread = running.outside[k].spread;
        running.step[k] = spread == Spread::kFull ? lanes_ : spread == Spread::kRow ? 1 : 0;
      }
    }
  }

  void run() {
    for (std::size_t strip = 0; strip < group_.num_strips; ++strip)
      for (std::size_t i = 0; i < group_.count; ++i) {
        const StripMember& member = group_.members[i];
        Running& running = running_[i];
        const auto start = static_cast<std::ptrdiff_t>(strip * group_.rows) + member.lead;
        const auto end = start + static_cast<std::ptrdiff_t>(group_.rows);
        if (running.next == member.rows || end <= static_cast<std::ptrdiff_t>(running.next)) continue;
        const RowRange rows{running.next, std::min(member.rows, static_cast<std::size_t>(end))};
        if (member.is_passing() && rows.end - running.origin > member.capacity) make_room(i, start);
        run_member(i, rows);
        running.next = rows.end;
      }
  }

 private:
  /// Row `origin` of the result stands at `out`; rows before `next` are done.
  struct Running {
    T* out = nullptr;
    std::size_t origin = 0, next = 0;
    std::array<Operand<T>, 3> outside = {};
    std::array<std::size_t, 3> step = {};  // numbers from a row to the next one
  };

  /// Rows that the readers are through with leave the window. The strip begins with row `start`.
  void make_room(std::size_t i, std::ptrdiff_t start) {
    Running& running = running_[i];
    const auto first = static_cast<std::size_t>(
        std::max<std::ptrdiff_t>(0, start - static_cast<std::ptrdiff_t>(group_.members[i].kept)));
    const std::size_t keep = std::clamp(first, running.origin, running.next);
    if (keep < running.next)
      std::memmove(running.out, running.out + (keep - running.origin) * lanes_,
                   (running.next - keep) * lanes_ * sizeof(T));
    running.origin = keep;
  }

  T* result(std::size_t i, std::size_t row) const { return running_[i].out + (row - running_[i].origin) * lanes_; }

  /// What row `row` reads of another member.
  const T* within_group(const StripSource& source, std::size_t row) const {
    return result(static_cast<std::size_t>(source.member),
                  static_cast<std::size_t>(static_cast<std::ptrdiff_t>(row) + source.shift));
  }

  Operand<T> operand(std::size_t i, std::size_t k, std::size_t row) const {
    static constexpr std::array<T, StripGroup::kMostNumbers> kZeros = {};
    const StripSource& source = group_.members[i].sources[k];
    const Running& running = running_[i];
    if (source.member < 0) return {running.outside[k].data + row * running.step[k], running.outside[k].spread};
    const auto at = static_cast<std::ptrdiff_t>(row);
    if (at < source.from || at >= source.to) return {kZeros.data(), Spread::kFull};
    return {within_group(source, row), Spread::kFull};
  }

  /// Up to where a source stands for 0 or does not, of those that do so in some rows.
  std::size_t end_of_part(const StripSource& source, const RowRange& rows) const {
    std::size_t end = rows.end;
    if (!source.is_scattered()) return end;
    for (const std::ptrdiff_t limit : {source.from, source.to})
      if (limit > static_cast<std::ptrdiff_t>(rows.first)) end = std::min(end, static_cast<std::size_t>(limit));
    return std::min(end, rows.first + group_.rows);  // there are no more zeros
  }

  void run_elementwise(std::size_t i, RowRange rows) const {
    for (const std::size_t end = rows.end; rows.first < end; rows.first = rows.end) {
      rows.end = end;
      for (const StripSource& source : group_.members[i].sources) rows.end = end_of_part(source, rows);
      call_kernel(
          instructions_[i], [&](std::size_t k) { return operand(i, k, rows.first); }, result(i, rows.first),
          rows.count(), lanes_);
    }
  }

  void run_expression_of(std::size_t i, RowRange rows) const {
    const StripExpression& expression = strips_.expressions[i];
    std::array<Operand<T>, 256> operands;
    for (const std::size_t end = rows.end; rows.first < end; rows.first = rows.end) {
      rows.end = end;
      for (std::size_t k = 0; k < expression.operands.size(); ++k) {
        const auto& [member, source] = expression.operands[k];
        rows.end = end_of_part(group_.members[member].sources[source], rows);
        operands[k] = operand(member, source, rows.first);
      }
      run_expression<T>(expression.steps, operands.data(), result(i, rows.first), rows.count() * lanes_);
    }
  }

  void run_member(std::size_t i, const RowRange& rows) const {
    const BoundInstruction<T>& bound = instructions_[i];
    const StripSource& source = group_.members[i].sources[0];
    switch (bound.instruction.kind) {
      case InstructionKind::kScatter:
        return scatter_rows(
            std::span(bound.runs), rows, lanes_, result(i, rows.first), [&](const RowRun& run, std::size_t row) {
              return source.member >= 0 ? within_group(source, row)
                                        : running_[i].outside[0].data + (run.at + row - run.place) * lanes_;
            });
      case InstructionKind::kGather:
        return for_runs(std::span(bound.runs), rows, [&](const RowRun& run, const RowRange& part) {
          std::copy_n(within_group(source, part.first), part.count() * lanes_,
                      running_[i].out + (run.at + part.first - run.place) * lanes_);
        });
      default:
        return strips_.expressions[i].is_empty() ? run_elementwise(i, rows) : run_expression_of(i, rows);
    }
  }

  std::span<const BoundInstruction<T>> instructions_;
  const BoundStrips& strips_;
  const StripGroup& group_;
  std::size_t lanes_;
  std::array<Running, StripGroup::kMostMembers> running_;
};

}  // namespace

template <class T>
void run_rows(const BoundInstruction<T>& bound, const Bases<T>& bases) {
  const Instruction& instruction = bound.instruction;
  T* const out = bases.write(instruction.out);
  const auto operand = [&](std::size_t k) { return bases.operand(instruction.sources[k]); };
  if (instruction.kind == InstructionKind::kScatter) {
    const T* const x = bases.read(instruction.sources[0].slot);
    return scatter_rows(
        std::span(bound.runs), {0, instruction.rows}, bases.lanes, out,
        [&](const RowRun& run, std::size_t row) { return x + (run.at + row - run.place) * bases.lanes; });
  }
  call_kernel(bound, operand, out, instruction.rows, bases.lanes);
}

template <class T>
void run_strips(std::span<const BoundInstruction<T>> group, const BoundStrips& strips, const Bases<T>& bases) {
  Strips<T>(group, strips, bases).run();
}

template void run_rows(const BoundInstruction<float>&, const Bases<float>&);
template void run_rows(const BoundInstruction<double>&, const Bases<double>&);
template void run_strips(std::span<const BoundInstruction<float>>, const BoundStrips&, const Bases<float>&);
template void run_strips(std::span<const BoundInstruction<double>>, const BoundStrips&, const Bases<double>&);

}  // namespace costate::internal
