// What fits, training and optimizers share: reports of runs, histories, evaluations and lists of arrays.
#pragma once

#include <vector>

#include "costate/exec/run_report.h"
#include "costate/train/evaluation.h"
#include "costate/train/history.h"
#include "python/bindings/bindings.h"

namespace costate::python {

/// A RunReport as a dict, and back.
nb::dict report_of(const RunReport& report);
RunReport to_report(const nb::dict& report);

/// One array a column, one number an epoch.
nb::dict history_of(const std::vector<HistoryRow>& rows);
/// The same as lists of numbers, which pickles keep, and back.
nb::list rows_of(const std::vector<HistoryRow>& rows);
std::vector<HistoryRow> to_rows(nb::handle rows);

/// The numbers of a step's samples.
NumpyArray samples_of(const Batch& batch);

/// What a callback of training gave. CallError if it is no Evaluation.
Evaluation to_evaluation(nb::handle value);

/// Arrays of a list in f64, and back.
std::vector<HostArray> to_host_list(const nb::sequence& values);
nb::list to_numpy(const std::vector<HostArray>& arrays);

}  // namespace costate::python
