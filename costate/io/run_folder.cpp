#include "costate/io/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "costate/base/error.h"
#include "costate/io/files.h"

namespace costate {
namespace {

namespace fs = std::filesystem;

/// Checkpoints alone: whatever else lies there is not the run's.
void remove_checkpoints(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return;
  remove_abandoned_files(folder);
  for (const fs::directory_entry& file : fs::directory_iterator(folder, error))
    if (file.path().extension() == ".safetensors") fs::remove(file.path(), error);
  if (!error && fs::is_empty(folder, error)) fs::remove(folder, error);
  if (error)
    throw IoError("[RunFolder] cannot clear '", folder.string(), "': ", error.message(), ". Choose another folder.");
}

void remove_run(const RunFolder& run) {
  remove_checkpoints(run.trials());
  remove_checkpoints(run.members());
  // config.toml last: if this is interrupted, the folder is still known as a run and can be replaced again.
  for (const fs::path& file :
       {run.model(), run.checkpoint(), run.history(), run.metrics(), run.stopped(), run.forecast(), run.ahead(),
        fs::path(run.ahead().string() + ".txt"), run.figure("svg"), run.figure("png"), run.report(), run.config()}) {
    std::error_code error;
    fs::remove(file, error);
    if (error)
      throw IoError("[RunFolder] cannot remove '", file.string(), "': ", error.message(), ". Choose another folder.");
  }
}

constexpr const char* kProbe = ".writable";

/// Permissions do not tell (root, full disks, read-only mounts), so one file is written.
void check_writable(const fs::path& path) {
  const fs::path probe = path / kProbe;
  write_atomically(probe, "");
  std::error_code ignored;
  fs::remove(probe, ignored);
}

}  // namespace

RunFolder RunFolder::create(const fs::path& path, ExistingRun existing) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path))
    throw IoError("[RunFolder] cannot make the folder '", path.string(),
                  "': ", error ? error.message() : "a file has that name", ". Choose another path.");
  RunFolder run(path);
  // A run that was killed at its very beginning does not bar the way to the next.
  remove_abandoned_files(path);
  fs::remove(path / kProbe, error);
  const bool is_run = fs::exists(run.config());
  if (is_run && existing == ExistingRun::kReplace) {
    remove_run(run);
  } else if (!fs::is_empty(path, error)) {
    throw InvalidArgument("[RunFolder] '", path.string(), "' ",
                          is_run ? "already holds a run; replace it or choose another folder."
                                 : "already holds other files; choose another folder.");
  }
  check_writable(path);
  return run;
}

bool RunFolder::is_run(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(RunFolder(path).config(), ignored);
}

RunFolder RunFolder::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    throw IoError("[RunFolder] cannot open the run folder '", path.string(), "': ",
                  error                     ? error.message()
                  : fs::exists(path, error) ? "it is not a folder"
                                            : "no such folder",
                  ". Give the folder that a fit wrote.");
  RunFolder run(path);
  if (!fs::is_regular_file(run.config(), error))
    throw DataError("[RunFolder] '", path.string(),
                    "' is not a run folder: it has no config.toml. Give the folder that a ", "fit wrote.");
  return run;
}

void RunFolder::remove_if_untrained() const {
  std::error_code ignored;
  for (const fs::path& folder : {trials(), members()})
    if (fs::exists(folder, ignored) && !fs::is_empty(folder, ignored)) return;
  if (fs::exists(checkpoint(), ignored) || fs::exists(model(), ignored)) return;
  for (const fs::path& made : {trials(), members(), config(), path_}) fs::remove(made, ignored);
}

RunLock::RunLock(const fs::path& folder) : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw InvalidArgument("[RunFolder] another run is being written into '", folder.string(),
                        "'; wait until it ends, or choose another folder.");
}

RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace costate
