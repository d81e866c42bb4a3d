#include "python/bindings/train_keywords.h"

#include <nanobind/stl/filesystem.h>

#include <functional>
#include <string>
#include <utility>

#include "costate/train/history.h"

namespace costate::python {
namespace {

nb::dict row_of(const HistoryRow& row) {
  nb::dict out;
  for (const HistoryColumn& column : history_columns(std::span(&row, 1))) out[column.name] = row.*column.value;
  return out;
}

/// A callable that training calls, or None. It is copied and destroyed by those who hold the GIL.
template <class Call>
Keyword<TrainOptions> callback(std::string name, Call TrainOptions::*member, Call (*make)(nb::object)) {
  return {.name = std::move(name),
          .annotation = "collections.abc.Callable | None",
          .get = [](const TrainOptions&) { return nb::none(); },
          .set =
              [member, make](TrainOptions& options, nb::handle value) {
                check_callback(value);
                options.*member = value.is_none() ? Call() : make(nb::borrow(value));
              }};
}

std::function<void(const HistoryRow&)> make_on_epoch(nb::object function) {
  return [function](const HistoryRow& row) {
    const nb::gil_scoped_acquire acquire;
    function(row_of(row));
  };
}

std::function<bool()> make_should_stop(nb::object function) {
  return [function] {
    const nb::gil_scoped_acquire acquire;
    return nb::bool_(nb::object(function())).ptr() == Py_True;
  };
}

Keyword<TrainOptions> checkpoint_keyword() {
  return {.name = "checkpoint",
          .annotation = "str | os.PathLike",
          .get = [](const TrainOptions& options) { return nb::cast(options.checkpoint.string()); },
          .set = [](TrainOptions& options,
                    nb::handle value) { options.checkpoint = argument_as<std::filesystem::path>(value); }};
}

Keyword<TrainOptions> resume_keyword() {
  return {.name = "resume",
          .annotation = "bool",
          .get = [](const TrainOptions& options) { return nb::cast(options.resume == Resume::kYes); },
          .set = [](TrainOptions& options,
                    nb::handle value) { options.resume = argument_as<bool>(value) ? Resume::kYes : Resume::kNo; }};
}

}  // namespace

void check_callback(nb::handle value) {
  if (!value.is_none() && PyCallable_Check(value.ptr()) == 0) throw nb::next_overload();
}

Keywords<TrainOptions> train_keywords() {
  using O = TrainOptions;
  return {option("epochs", &O::epochs),
          option("batch", &O::batch),
          option("seed", &O::seed),
          instance("optimizer", &O::optimizer),
          instance("schedule", &O::schedule),
          choice("keep", &O::keep, keep_from_name),
          option("polish", &O::polish),
          option("patience", &O::patience),
          checkpoint_keyword(),
          option("checkpoint_seconds", &O::checkpoint_seconds),
          option("fingerprint", &O::fingerprint),
          resume_keyword(),
          callback("on_epoch", &O::on_epoch, make_on_epoch),
          callback("should_stop", &O::should_stop, make_should_stop)};
}

const char* const kTrainOptionHelp = R"(epochs               how many, without those of polish.
batch                samples a step; 0: all.
seed                 of the order of the samples. Equal seeds give equal bits.
optimizer, schedule  OptimizerOptions and a Schedule.
keep                 the weights that it ends at: 'best', of the epoch with the lowest loss, or 'last'.
polish               further epochs of L-BFGS on all samples, which reaches minima that Adam circles.
patience             stop after this many epochs without a better loss; 0: never.
checkpoint           path of a file that is written at least every checkpoint_seconds, and at the end; '': none.
fingerprint          a text that says what is trained; a checkpoint of another one is refused.
resume               go on from the checkpoint if there is one, to the same bits as without the break.
on_epoch             called after each epoch with a dict of the columns of the history.
should_stop          called after each epoch; training ends if it gives True.
)";

}  // namespace costate::python
