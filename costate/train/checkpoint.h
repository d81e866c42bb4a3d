// All that training needs to go on where it was, to the bit: one safetensors file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/graph/graph.h"
#include "costate/train/history.h"

namespace costate {

struct Checkpoint {
  std::string fingerprint;  // of the configuration; another one may not resume
  std::int64_t next_epoch = 0;
  std::int64_t best_epoch = -1;
  double best_loss = 0;
  std::map<std::string, HostArray> parameters, best_parameters, optimizer, polisher;
  std::vector<HistoryRow> history;
};

/// The Parameters' values by name. InvalidArgument if two have one name.
std::map<std::string, HostArray> values_by_name(const std::vector<Parameter>& parameters);

/// Sets Parameters from arrays of their names. DataError if one is missing or has another shape; then none is changed.
void set_values_by_name(const std::vector<Parameter>& parameters, const std::map<std::string, HostArray>& values,
                        const std::string& source);

/// Writes a checkpoint; the file is the old one or the new one, never half of it. IoError if that fails.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Of the configuration that the checkpoint was written by. IoError if it cannot be read, DataError if it is none.
std::string read_fingerprint(const std::filesystem::path& path);

/// IoError if the file cannot be read, DataError if it is no checkpoint. InvalidArgument if it is of another
/// configuration: fingerprints are compared as texts, and the message quotes the first lines that differ.
Checkpoint read_checkpoint(const std::filesystem::path& path, const std::string& fingerprint);

}  // namespace costate
