// Solves on memory that another library owns, as PyTorch's tensors do: numbers are read and written where they lie, and
// a solve and its gradient are one call each (python/costate/torch).
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "costate/base/error.h"
#include "costate/exec/program.h"
#include "costate/exec/pullback.h"
#include "python/bindings/tensors.h"
#include "python/bindings/training.h"

namespace costate::python {
namespace {

template <class T>
const T* numbers_at(Address address) {
  return reinterpret_cast<const T*>(address);  // NOLINT: the address of a tensor that the caller keeps alive
}

template <class T>
T* room_at(Address address) {
  return reinterpret_cast<T*>(address);  // NOLINT: as above
}

template <class T>
HostArray copied(Address address, Shape shape) {
  const T* first = numbers_at<T>(address);
  const auto size = static_cast<std::size_t>(shape.size());
  return HostArray(std::move(shape), std::vector<T>(first, first + size));
}

/// Blocks [row, width] of an array's rows, one after the other from column `begin` on.
struct PartColumns {
  std::size_t begin, width, row_numbers;
};

template <class T>
void gather_columns(const T* block, std::size_t rows, const PartColumns& columns, T* out) {
  for (std::size_t row = 0; row < rows; ++row)
    std::copy_n(block + row * columns.width, columns.width, out + row * columns.row_numbers + columns.begin);
}

template <class T>
void scatter_columns(const T* in, std::size_t rows, const PartColumns& columns, T* block) {
  for (std::size_t row = 0; row < rows; ++row)
    std::copy_n(in + row * columns.row_numbers + columns.begin, columns.width, block + row * columns.width);
}

/// The states that a program gives are [sample, time, number], where number goes through the parts of the state; those
/// in memory are one [time, sample, number of the part] a part.
struct TensorLayout {
  std::vector<std::size_t> sizes;  // numbers of a sample in each part
  std::size_t times = 0;

  std::size_t total() const {
    std::size_t sum = 0;
    for (const std::size_t size : sizes) sum += size;
    return sum;
  }

  /// Calls visit(part, columns) for each part of a state.
  template <class Visit>
  void for_each_part(const Visit& visit) const {
    std::size_t begin = 0;
    const std::size_t row_numbers = total();
    for (std::size_t part = 0; part < sizes.size(); begin += sizes[part++])
      visit(part, PartColumns{.begin = begin, .width = sizes[part], .row_numbers = row_numbers});
  }

  /// From rows [sample] of states to rows [time, sample] of each part, or back, by move(row of states, row of the
  /// part).
  template <class Move>
  void for_each_row(std::size_t samples, const Move& move) const {
    for (std::size_t sample = 0; sample < samples; ++sample)
      for (std::size_t time = 0; time < times; ++time) move(sample * times + time, time * samples + sample);
  }

  template <class T>
  HostArray start(std::size_t samples, const std::vector<Address>& parts) const {
    std::vector<T> flat(samples * total());
    for_each_part([&](std::size_t part, const PartColumns& columns) {
      gather_columns(numbers_at<T>(parts[part]), samples, columns, flat.data());
    });
    return HostArray({static_cast<std::int64_t>(samples), static_cast<std::int64_t>(total())}, std::move(flat));
  }

  template <class T>
  void write_start(const HostArray& gradient, std::size_t samples, const Address* parts) const {
    for_each_part([&](std::size_t part, const PartColumns& columns) {
      if (parts[part] != 0) scatter_columns(gradient.data<T>().data(), samples, columns, room_at<T>(parts[part]));
    });
  }

  template <class T>
  void write_states(const HostArray& states, std::size_t samples, const std::vector<Address>& parts) const {
    for_each_part([&](std::size_t part, const PartColumns& columns) {
      const T* from = states.data<T>().data() + columns.begin;
      T* to = room_at<T>(parts[part]);
      for_each_row(samples, [&](std::size_t row, std::size_t row_of_part) {
        std::copy_n(from + row * columns.row_numbers, columns.width, to + row_of_part * columns.width);
      });
    });
  }

  /// What write_states has written, or cotangents of it; zeros for a part that is not there.
  template <class T>
  HostArray states(std::size_t samples, const std::vector<Address>& parts) const {
    std::vector<T> flat(samples * times * total());
    for_each_part([&](std::size_t part, const PartColumns& columns) {
      if (parts[part] == 0) return;
      const T* from = numbers_at<T>(parts[part]);
      T* to = flat.data() + columns.begin;
      for_each_row(samples, [&](std::size_t row, std::size_t row_of_part) {
        std::copy_n(from + row_of_part * columns.width, columns.width, to + row * columns.row_numbers);
      });
    });
    return HostArray(
        {static_cast<std::int64_t>(samples), static_cast<std::int64_t>(times), static_cast<std::int64_t>(total())},
        std::move(flat));
  }
};

/// A tensor may have got other numbers since it was looked at; nothing is read or written beyond its memory.
void check_count(nb::handle tensor, std::size_t expected) {
  const std::size_t found = count_of(tensor);
  if (found != expected)
    throw ShapeError("[odeint] a tensor changed its shape while a solve or its gradient was under way: it has ", found,
                     " numbers, and had ", expected, ". Change what func reads between them.");
}

/// The reverse of one solve.
class TensorPullback {
 public:
  TensorPullback(Pullback pullback, bool is_f32, TensorLayout layout, std::size_t samples,
                 const PullbackProgram& program)
      : pullback_(std::move(pullback)),
        is_f32_(is_f32),
        layout_(std::move(layout)),
        samples_(samples),
        wrt_(program.wrt()),
        counts_({layout_.times}) {
    for (const std::size_t size : layout_.sizes) counts_.push_back(samples * size);
    for (const Input& input : std::span(program.function().inputs()).subspan(2))
      counts_.push_back(static_cast<std::size_t>(input.shape.size()));
  }

  /// A new tensor like each one that is given, with the gradient by it, None for None: `like` are the times in f64, the
  /// parts of the state and the shared tensors. None if one of all tensors does not lie as the core reads it.
  nb::object gradients(const nb::tuple& like, const nb::tuple& cotangents, nb::handle dtype) const {
    const auto by_states = addresses_of(cotangents, 0, cotangents.size(), dtype);
    if (!by_states || !addresses_of(like, 1, like.size(), dtype)) return nb::none();
    nb::list found;
    std::vector<Address> places;
    for (const nb::handle tensor : like) {
      if (!tensor.is_none()) check_count(tensor, counts_[places.size()]);
      found.append(tensor.is_none() ? nb::none() : empty_like(tensor));
      places.push_back(tensor.is_none() ? 0 : address_of(found[places.size()]));
    }
    is_f32_ ? run_in<float>(*by_states, places) : run_in<double>(*by_states, places);
    return found;
  }

 private:
  template <class T>
  void run_in(const std::vector<Address>& cotangents, const std::vector<Address>& places) const {
    const PullbackResult result = run_long([&] { return pullback_({layout_.states<T>(samples_, cotangents)}); });
    const std::size_t parts = layout_.sizes.size();
    for (std::size_t i = 0; i < wrt_.size(); ++i) {
      const HostArray& gradient = result.gradients[i];
      // Inputs are the state, the times, shared arrays; places are the times, the state's parts, shared arrays.
      if (wrt_[i] == 0) {
        layout_.write_start<T>(gradient, samples_, &places[1]);
      } else if (const Address place = places[wrt_[i] == 1 ? 0 : wrt_[i] - 1 + parts]; place == 0) {
        continue;
      } else if (wrt_[i] == 1) {
        gradient.copy_to(std::span(room_at<double>(place), static_cast<std::size_t>(gradient.size())));
      } else {
        std::ranges::copy(gradient.data<T>(), room_at<T>(place));
      }
    }
  }

  Pullback pullback_;
  bool is_f32_;
  TensorLayout layout_;
  std::size_t samples_;
  std::vector<std::size_t> wrt_;
  std::vector<std::size_t> counts_;  // of the times, the state's parts, shared arrays
};

/// A Python object that owns a pull-back: a capsule, since tensors may hold it until the interpreter is gone, which
/// nanobind would report of its own objects.
nb::capsule owned(TensorPullback* pullback) {
  return nb::capsule(pullback, [](void* pointer) noexcept { delete static_cast<TensorPullback*>(pointer); });
}

/// A solve of a function of (state of a sample, times, arrays that all samples share).
class TensorSolve {
 public:
  TensorSolve(std::variant<Program, PullbackProgram> program, std::vector<std::size_t> sizes, bool is_f32)
      : program_(std::move(program)), is_f32_(is_f32) {
    layout_ = {.sizes = std::move(sizes), .times = static_cast<std::size_t>(function().inputs()[1].shape.size())};
  }

  /// (states, evaluations, accepted steps, the first failure or None, an owned() or None) of `samples` samples. The
  /// parts of the start are the first tensors, the shared ones follow to before `last`. None if one does not lie as the
  /// core reads it.
  nb::object run(const nb::tuple& tensors, std::size_t last, nb::handle times, bool times_are_f32, std::size_t samples,
                 nb::handle dtype) const {
    const std::size_t first = layout_.sizes.size();
    const auto start = addresses_of(tensors, 0, first, dtype), shared = addresses_of(tensors, first, last, dtype);
    if (!start || !shared) return nb::none();
    for (std::size_t i = 0; i < last; ++i)
      check_count(tensors[i], i < first ? samples * layout_.sizes[i] : shared_count(i - first));
    nb::list states;
    std::vector<Address> places;
    for (std::size_t i = 0; i < first; ++i) {
      states.append(new_empty(tensors[i], static_cast<std::int64_t>(layout_.times)));
      places.push_back(address_of(states[i]));
    }
    const Address clock = address_of(times);
    HostArray at = times_are_f32 ? copied<float>(clock, function().inputs()[1].shape).astype(Dtype::kF64)
                                 : copied<double>(clock, function().inputs()[1].shape);
    const Outcome found = is_f32_ ? run_in<float>(samples, *start, std::move(at), *shared, places)
                                  : run_in<double>(samples, *start, std::move(at), *shared, places);
    return nb::make_tuple(nb::tuple(states), found.evaluations, found.accepted, found.failure, found.pullback);
  }

 private:
  std::size_t shared_count(std::size_t i) const {
    return static_cast<std::size_t>(function().inputs()[2 + i].shape.size());
  }

  const Function& function() const {
    return std::visit([](const auto& program) -> const Function& { return program.function(); }, program_);
  }

  struct Outcome {
    std::int64_t evaluations, accepted;
    nb::object failure, pullback;
  };

  template <class T>
  Outcome run_in(std::size_t samples, const std::vector<Address>& start, HostArray times,
                 const std::vector<Address>& shared, const std::vector<Address>& states) const {
    const std::vector<Input>& inputs = function().inputs();
    std::vector<HostArray> arrays;
    arrays.push_back(layout_.start<T>(samples, start));
    arrays.push_back(std::move(times));
    for (std::size_t i = 0; i < shared.size(); ++i) arrays.push_back(copied<T>(shared[i], inputs[2 + i].shape));
    if (const auto* program = std::get_if<Program>(&program_)) {
      const RunResult result = run_long([&] { return program->run(arrays); });
      return finished<T>(samples, result.outputs[0], result.report, states, nb::none());
    }
    const auto& program = std::get<PullbackProgram>(program_);
    PullbackRun result = run_long([&] { return program.run(arrays); });
    return finished<T>(samples, result.outputs[0], result.report, states,
                       owned(new TensorPullback(std::move(result.pullback), is_f32_, layout_, samples, program)));
  }

  template <class T>
  Outcome finished(std::size_t samples, const HostArray& found, const RunReport& report,
                   const std::vector<Address>& states, const nb::object& pullback) const {
    layout_.write_states<T>(found, samples, states);
    return {.evaluations = report.nfe_forward,
            .accepted = report.accepted,
            .failure = report.failures.empty() ? nb::object(nb::none()) : nb::object(report_of(report)["failures"][0]),
            .pullback = pullback};
  }

  std::variant<Program, PullbackProgram> program_;
  bool is_f32_;
  TensorLayout layout_;
};

/// An exponent of ones alone marks inf and NaN; whole numbers are compared in vectors, sums of floating point are not.
template <class T>
bool is_finite(Address address, std::size_t count) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const T* first = numbers_at<T>(address);
  const Bits ones = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  Bits is_bad = 0;
  for (std::size_t i = 0; i < count; ++i) is_bad |= Bits{(std::bit_cast<Bits>(first[i]) & ones) == ones};
  return is_bad == 0;
}

/// Whether times are finite and strictly ascend or descend.
template <class T>
bool are_times(Address address, std::size_t count) {
  const T* times = numbers_at<T>(address);
  if (count < 2 || !std::isfinite(times[0]) || !std::isfinite(times[count - 1])) return false;
  const bool ascends = times[1] > times[0];
  for (std::size_t i = 1; i < count; ++i)
    if (!(ascends ? times[i] > times[i - 1] : times[i] < times[i - 1])) return false;
  return true;
}

}  // namespace

void bind_tensor_solve(nb::module_& module) {
  module.def(
      "_gradients",
      [](const nb::capsule& pullback, const nb::tuple& like, const nb::tuple& cotangents, nb::handle dtype) {
        return static_cast<const TensorPullback*>(pullback.data())->gradients(like, cotangents, dtype);
      },
      nb::arg("pullback"), nb::arg("like"), nb::arg("cotangents"), nb::arg("dtype"),
      "The reverse of a run of a _TensorSolve: new tensors like those given (times in f64, parts of the state, shared "
      "ones), with the gradients by "
      "them; None for None. A cotangent that is None stands for zeros. None if a tensor has another dtype, or is not "
      "C-contiguous.");
  nb::class_<TensorSolve>(module, "_TensorSolve", "A solve on the memory of tensors.")
      .def(
          "__init__",
          [](TensorSolve* self, const nb::object& program, std::vector<std::size_t> sizes, bool is_f32) {
            if (nb::isinstance<PullbackProgram>(program))
              new (self) TensorSolve(nb::cast<PullbackProgram>(program), std::move(sizes), is_f32);
            else
              new (self) TensorSolve(nb::cast<Program>(program), std::move(sizes), is_f32);
          },
          nb::arg("program"), nb::arg("sizes"), nb::arg("is_f32"),
          "Of a program of (start, times, shared arrays) that gives states; `sizes` are the numbers of a sample in "
          "each part of the state.")
      .def("run", &TensorSolve::run, nb::arg("tensors"), nb::arg("last"), nb::arg("times"), nb::arg("times_are_f32"),
           nb::arg("samples"), nb::arg("dtype"),
           "(states, evaluations, accepted steps, the first failure or None, what _gradients takes or None), from "
           "tensors: the parts of "
           "the start, then to before "
           "`last` those that all samples share. None if a tensor has another dtype, or is not C-contiguous.");
  module.def(
      "_is_finite",
      [](Address address, std::size_t count, bool is_f32) {
        return is_f32 ? is_finite<float>(address, count) : is_finite<double>(address, count);
      },
      nb::arg("address"), nb::arg("count"), nb::arg("is_f32"), "Whether all numbers at an address are finite.");
  module.def(
      "_are_times",
      [](Address address, std::size_t count, bool is_f32) {
        return is_f32 ? are_times<float>(address, count) : are_times<double>(address, count);
      },
      nb::arg("address"), nb::arg("count"), nb::arg("is_f32"),
      "Whether the numbers at an address are finite and strictly ascend or descend.");
}

}  // namespace costate::python
