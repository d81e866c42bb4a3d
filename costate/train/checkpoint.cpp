// The arrays of a checkpoint file: "counters", "history" [epochs, columns], and by prefix "parameter.", "best.",
// "optimizer." and "polisher.". All are f64: another dtype would not resume to the same bits.
#include "costate/train/checkpoint.h"

#include <sstream>

#include "costate/base/error.h"
#include "costate/io/safetensors.h"

namespace costate {
namespace {

constexpr const char* kFormat = "costate-checkpoint-1";

void put(ArrayFile& file, const std::string& prefix, const std::map<std::string, HostArray>& arrays) {
  for (const auto& [name, array] : arrays) file.arrays.emplace(prefix + name, array);
}

std::map<std::string, HostArray> take(const ArrayFile& file, const std::string& prefix) {
  std::map<std::string, HostArray> arrays;
  for (const auto& [name, array] : file.arrays)
    if (name.starts_with(prefix)) arrays.emplace(name.substr(prefix.size()), array);
  return arrays;
}

void check_dtypes(const ArrayFile& file, const std::string& source) {
  for (const auto& [name, array] : file.arrays)
    if (array.dtype() != Dtype::kF64)
      throw DataError("[read_checkpoint] '", source, "' has '", name,
                      "' in another dtype than float64; it was not "
                      "written by training.");
}

/// "it has 'a' where this run has 'b'": the first lines in which two fingerprints differ.
std::string difference_of(const std::string& saved, const std::string& asked) {
  const auto [line, other] = text::first_difference(saved, asked);
  return text::concat("it has '", line, "' where this run has '", other, "'");
}

std::string fingerprint_of(const ArrayFile& file, const std::string& source) {
  const auto metadata = [&](const std::string& key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  if (metadata("format") != kFormat)
    throw DataError("[read_checkpoint] '", source, "' is not a checkpoint of this version of Costate (format '",
                    metadata("format"), "', expected '", kFormat, "').");
  return metadata("fingerprint");
}

HostArray history_array(const std::vector<HistoryRow>& history) {
  const std::span<const HistoryColumn> columns = history_columns(history);
  std::vector<double> numbers;
  for (const HistoryRow& row : history)
    for (const HistoryColumn& column : columns) numbers.push_back(row.*column.value);
  return HostArray(Shape{static_cast<std::int64_t>(history.size()), static_cast<std::int64_t>(columns.size())},
                   std::move(numbers));
}

std::vector<HistoryRow> history_rows(const HostArray& array, const std::string& source) {
  const std::size_t least = history_columns().size();
  const auto width = array.shape().rank() == 2 ? static_cast<std::size_t>(array.shape()[1]) : 0;
  if (width != least && width != all_history_columns().size())
    throw DataError("[read_checkpoint] '", source, "' has a history of shape ", array.shape(), ", not [epochs, ", least,
                    "]; it is of another version of Costate.");
  std::vector<HistoryRow> history(static_cast<std::size_t>(array.shape()[0]));
  std::int64_t at = 0;
  for (HistoryRow& row : history)
    for (const HistoryColumn& column : all_history_columns().first(width)) row.*column.value = array.at(at++);
  return history;
}

}  // namespace

std::map<std::string, HostArray> values_by_name(const std::vector<Parameter>& parameters) {
  std::map<std::string, HostArray> values;
  for (const Parameter& parameter : parameters)
    if (!values.emplace(parameter.name(), parameter.value()).second)
      throw InvalidArgument("[train] two parameters are called '", parameter.name(),
                            "'; give each net and Parameter a name of its own, by its argument name.");
  return values;
}

void set_values_by_name(const std::vector<Parameter>& parameters, const std::map<std::string, HostArray>& values,
                        const std::string& source) {
  for (const Parameter& parameter : parameters) {
    const auto found = values.find(parameter.name());
    if (found == values.end()) throw DataError("'", source, "' has no weights called '", parameter.name(), "'.");
    if (!(found->second.shape() == parameter.shape()))
      throw DataError("'", source, "' has '", parameter.name(), "' with shape ", found->second.shape(),
                      "; the model needs ", parameter.shape(), ".");
  }
  for (const Parameter& parameter : parameters) parameter.set_value(values.at(parameter.name()).astype(Dtype::kF64));
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  ArrayFile file;
  file.metadata = {{"format", kFormat}, {"fingerprint", checkpoint.fingerprint}};
  file.arrays.emplace("counters",
                      HostArray::vector({static_cast<double>(checkpoint.next_epoch),
                                         static_cast<double>(checkpoint.best_epoch), checkpoint.best_loss}));
  file.arrays.emplace("history", history_array(checkpoint.history));
  put(file, "parameter.", checkpoint.parameters);
  put(file, "best.", checkpoint.best_parameters);
  put(file, "optimizer.", checkpoint.optimizer);
  put(file, "polisher.", checkpoint.polisher);
  write_safetensors(path, file);
}

std::string read_fingerprint(const std::filesystem::path& path) {
  return fingerprint_of(read_safetensors(path), path.string());
}

Checkpoint read_checkpoint(const std::filesystem::path& path, const std::string& fingerprint) {
  const ArrayFile file = read_safetensors(path);
  const std::string source = path.string(), saved = fingerprint_of(file, source);
  if (saved != fingerprint)
    throw InvalidArgument("[read_checkpoint] '", source,
                          "' was written by a run with another configuration: ", difference_of(saved, fingerprint),
                          "; resume with the same options and data, or start a new run.");
  check_dtypes(file, source);
  Checkpoint checkpoint;
  checkpoint.fingerprint = fingerprint;
  const HostArray& counters = file.array("counters");
  if (counters.size() != 3)
    throw DataError("[read_checkpoint] '", source, "' has ", counters.size(), " counters, not 3.");
  checkpoint.best_epoch = static_cast<std::int64_t>(counters.at(1));
  checkpoint.best_loss = counters.at(2);
  checkpoint.history = history_rows(file.array("history"), source);
  if (counters.at(0) != static_cast<double>(checkpoint.history.size()))
    throw DataError("[read_checkpoint] '", source, "' counts ", counters.at(0), " epochs but has a history of ",
                    checkpoint.history.size(), "; it was not written by training.");
  checkpoint.next_epoch = static_cast<std::int64_t>(checkpoint.history.size());
  checkpoint.parameters = take(file, "parameter.");
  checkpoint.best_parameters = take(file, "best.");
  checkpoint.optimizer = take(file, "optimizer.");
  checkpoint.polisher = take(file, "polisher.");
  return checkpoint;
}

}  // namespace costate
