#include "python/bindings/training.h"

namespace costate::python {

nb::dict report_of(const RunReport& report) {
  nb::dict out;
  out["nfe_forward"] = report.nfe_forward;
  out["nfe_backward"] = report.nfe_backward;
  out["accepted"] = report.accepted;
  out["rejected"] = report.rejected;
  out["factorizations"] = report.factorizations;
  nb::list failures;
  for (const SampleFailure& failure : report.failures) {
    nb::dict entry;
    entry["sample"] = failure.sample;
    entry["reason"] = failure.reason;
    entry["t"] = failure.t;
    entry["h"] = failure.h;
    entry["advice"] = failure.advice;
    failures.append(entry);
  }
  out["failures"] = failures;
  return out;
}

RunReport to_report(const nb::dict& report) {
  const auto count = [&](const char* name) { return nb::cast<std::int64_t>(report[name]); };
  RunReport out{.nfe_forward = count("nfe_forward"),
                .nfe_backward = count("nfe_backward"),
                .accepted = count("accepted"),
                .rejected = count("rejected"),
                .factorizations = count("factorizations"),
                .failures = {}};
  for (const nb::handle failure : report["failures"])
    out.failures.push_back({.sample = nb::cast<std::int64_t>(failure["sample"]),
                            .reason = nb::cast<std::string>(failure["reason"]),
                            .t = nb::cast<double>(failure["t"]),
                            .h = nb::cast<double>(failure["h"]),
                            .advice = nb::cast<std::string>(failure["advice"])});
  return out;
}

nb::dict history_of(const std::vector<HistoryRow>& rows) {
  nb::dict history;
  for (const HistoryColumn& column : history_columns(rows)) {
    std::vector<double> values;
    for (const HistoryRow& row : rows) values.push_back(row.*column.value);
    history[column.name] = to_numpy(values);
  }
  return history;
}

nb::list rows_of(const std::vector<HistoryRow>& rows) {
  nb::list out;
  for (const HistoryRow& row : rows) {
    nb::list numbers;
    for (const HistoryColumn& column : history_columns(rows)) numbers.append(row.*column.value);
    out.append(numbers);
  }
  return out;
}

std::vector<HistoryRow> to_rows(nb::handle rows) {
  std::vector<HistoryRow> out;
  for (const nb::handle numbers : rows) {
    out.emplace_back();
    for (std::size_t i = 0; i < nb::len(numbers); ++i)
      out.back().*all_history_columns()[i].value = nb::cast<double>(numbers[i]);
  }
  return out;
}

NumpyArray samples_of(const Batch& batch) {
  return to_numpy(std::vector<std::int64_t>(batch.samples.begin(), batch.samples.end()));
}

std::vector<HostArray> to_host_list(const nb::sequence& values) {
  std::vector<HostArray> arrays;
  for (const nb::handle value : values) arrays.push_back(to_host(value).astype(Dtype::kF64));
  return arrays;
}

nb::list to_numpy(const std::vector<HostArray>& arrays) {
  nb::list out;
  for (const HostArray& array : arrays) out.append(to_numpy(array));
  return out;
}

}  // namespace costate::python
