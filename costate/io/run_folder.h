// The folder that a fit or an experiment leaves behind, and what its files are called.
#pragma once

#include <filesystem>
#include <string>

namespace costate {

/// What RunFolder::create does with a folder that already holds a run.
enum class ExistingRun { kRefuse, kReplace };

/// Paths in a run folder. A folder is a run folder if it holds config.toml; write that file first.
class RunFolder {
 public:
  /// Folders beside a checkpoint, for those of other trainings.
  static constexpr const char* kTrials = "trials";
  static constexpr const char* kMembers = "members";

  /// Makes the folder, and the ones above it, for a new run. An existing empty folder is taken. IoError if the path
  /// cannot be made or written to; InvalidArgument if the folder is not empty (kReplace removes the files of an old
  /// run from it, and refuses a folder of other things).
  static RunFolder create(const std::filesystem::path& path, ExistingRun existing = ExistingRun::kRefuse);

  /// Whether the folder holds one.
  static bool is_run(const std::filesystem::path& path);

  /// The folder of an earlier run. IoError if there is none; DataError if the folder holds no run.
  static RunFolder open(const std::filesystem::path& path);

  /// Takes back what a new run has written, if nothing of it is trained: a run that was refused does not bar the way
  /// to the next. Other files stay.
  void remove_if_untrained() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.toml"; }
  std::filesystem::path model() const { return path_ / "model.safetensors"; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path history() const { return path_ / "history.csv"; }
  std::filesystem::path metrics() const { return path_ / "metrics.json"; }
  /// The epochs after which time ended trainings; there is none if it did not.
  std::filesystem::path stopped() const { return path_ / "stopped.toml"; }
  /// What was held out, as the fit forecast it.
  std::filesystem::path forecast() const { return path_ / "forecast.csv"; }
  /// Where `costate forecast` writes to, unless told otherwise.
  std::filesystem::path ahead() const { return path_ / "forecast-ahead.csv"; }
  /// Checkpoints of trainings that the model was chosen from.
  std::filesystem::path trials() const { return path_ / kTrials; }
  /// Checkpoints of an ensemble's members behind the first.
  std::filesystem::path members() const { return path_ / kMembers; }
  /// The picture of an experiment; `format` is "svg" or "png".
  std::filesystem::path figure(const std::string& format) const { return path_ / ("figure." + format); }
  std::filesystem::path report() const { return path_ / "report.html"; }

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

/// Keeps other runs out of a folder while it lives; it ends with the process, however that ends. InvalidArgument if
/// another holds it. Where a folder cannot be locked (some network drives) it keeps no one out.
class RunLock {
 public:
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace costate
