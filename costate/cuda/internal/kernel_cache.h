// Compiled kernels on disk, so that a process that solves what another has solved need not compile: a second or more.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace costate::internal {

class KernelCache {
 public:
  /// Without a folder ("") nothing is kept.
  explicit KernelCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// What was kept for this key, all of whose bytes are compared; nullopt if nothing was.
  std::optional<std::string> find(const std::string& key) const;
  /// Does nothing if the folder cannot be written: a cache is for speed.
  void keep(const std::string& key, const std::string& code) const;

  /// Of COSTATE_KERNEL_CACHE, or costate/kernels in XDG_CACHE_HOME or ~/.cache; "" where the environment has neither.
  static std::filesystem::path default_folder();

 private:
  std::filesystem::path file_of(const std::string& key) const;

  std::filesystem::path folder_;
};

}  // namespace costate::internal
