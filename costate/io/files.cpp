#include "costate/io/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>
#include <system_error>

#include "costate/base/digest.h"
#include "costate/base/error.h"

namespace costate {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* function, const std::string& what, const fs::path& path, int reason,
                       const char* cure) {
  throw IoError("[", function, "] cannot ", what, " '", path.string(), "': ", std::generic_category().message(reason),
                ". ", cure);
}

/// Of what has no size: /dev/zero would fill the memory.
constexpr std::size_t kMostFromStream = std::size_t{1} << 30;

/// A file descriptor that closes itself.
class File {
 public:
  File(const fs::path& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (is_open()) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

  /// 0, or the system's reason.
  int write_all(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return errno;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
  }
  int flush_to_disk() const { return ::fsync(descriptor_) == 0 ? 0 : errno; }
  /// Some file systems report a full disk only here.
  int close() {
    const int result = ::close(descriptor_);
    descriptor_ = -1;
    return result == 0 ? 0 : errno;
  }

 private:
  int descriptor_;
};

/// Removes the temporary file unless it got its final name.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  int rename_to(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) return errno;
    renamed_ = true;
    return 0;
  }

 private:
  fs::path path_;
  bool renamed_ = false;
};

/// Unique among the processes and threads of one machine.
fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  fs::path name = target;
  name.replace_filename(
      text::concat(".", target.filename().string(), ".", ::getpid(), ".", counter.fetch_add(1), ".tmp"));
  return name;
}

/// Whether `name` is a temporary_name of a process that runs no more.
bool is_abandoned(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(".tmp")) return false;
  name.remove_suffix(4);
  const std::size_t counter = name.rfind('.'), process = name.rfind('.', counter - 1);
  if (counter == 0 || process == 0 || process == std::string_view::npos) return false;
  pid_t id = 0;
  const std::string_view digits = name.substr(process + 1, counter - process - 1);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || stop != digits.data() + digits.size() || id <= 0) return false;
  return ::kill(id, 0) != 0 && errno == ESRCH;
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// Without this a crash right after the rename could bring the old file back. Some file systems cannot flush a folder;
/// the new file is complete all the same, so they are let pass.
void flush_folder(const fs::path& target) {
  const File folder(folder_of(target), O_RDONLY | O_DIRECTORY);
  const int reason = folder.is_open() ? folder.flush_to_disk() : errno;
  if (reason == EIO) fail("write_atomically", "flush the folder of", target, reason, "Check the disk.");
}

/// Where in /proc the path leads if it is one of an open file, as /dev/stdout is by way of /proc/self/fd/1; "" if not.
/// It may stand for a regular file, even one without a name; replacing that would take it from those who have it open,
/// or replace the link in /dev.
fs::path descriptor_path(fs::path path) {
  constexpr int kMaxLinks = 40;
  std::error_code error;
  for (int link = 0; link < kMaxLinks; ++link) {
    const fs::path folder = fs::canonical(folder_of(path), error);
    if (folder.string().starts_with("/proc/")) return folder / path.filename();
    const fs::path target = fs::read_symlink(path, error);
    if (error) return {};
    path = folder_of(path) / target;
  }
  return {};
}

/// The descriptor if it is one of this process.
std::optional<int> own_descriptor(const fs::path& descriptor_path) {
  const std::string name = descriptor_path.filename().string();
  int descriptor = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), descriptor);
  const bool is_own = descriptor_path.parent_path() == text::concat("/proc/", ::getpid(), "/fd");
  return is_own && error == std::errc() && end == name.data() + name.size() ? std::optional(descriptor) : std::nullopt;
}

/// At the end of what has been written to it. Through a descriptor of our own, so that whoever writes to it next, such
/// as the shell of `(costate …; date) > log`, goes on behind.
void write_through(const fs::path& path, std::string_view bytes) {
  const std::optional<int> own = own_descriptor(descriptor_path(path));
  File device = own ? File(::dup(*own)) : File(path, O_WRONLY | O_APPEND);
  int reason = device.is_open() ? device.write_all(bytes) : errno;
  if (reason == 0) reason = device.close();
  if (reason != 0) fail("write_atomically", "write to", path, reason, "Write to a file instead.");
}

void write_and_rename(const fs::path& target, std::string_view bytes) {
  const fs::path name = temporary_name(target);
  File file(name, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.is_open())
    fail("write_atomically", "write", target, errno, "Check that the folder exists and that you may write to it.");
  TemporaryFile temporary(name);
  int reason = file.write_all(bytes);
  if (reason == 0) reason = file.flush_to_disk();
  if (reason == 0) reason = file.close();
  if (reason == 0) reason = temporary.rename_to(target);
  if (reason != 0)
    fail("write_atomically", "write", target, reason,
         "What was there before is intact; free some space and try again.");
  flush_folder(target);
}

}  // namespace

std::string read_file(const fs::path& path) {
  const char* cure = "Check the path and its permissions.";
  const File file(path, O_RDONLY);
  if (!file.is_open()) fail("read_file", "open", path, errno, cure);
  std::string bytes;
  struct stat status {};
  if (::fstat(file.descriptor(), &status) == 0 && S_ISREG(status.st_mode))
    bytes.reserve(static_cast<std::size_t>(status.st_size));
  const bool may_be_endless = !S_ISREG(status.st_mode);
  char block[1 << 16];
  while (true) {
    const ssize_t count = ::read(file.descriptor(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read_file", "read", path, errno, cure);
    if (count == 0) return bytes;
    bytes.append(block, static_cast<std::size_t>(count));
    if (may_be_endless && bytes.size() > kMostFromStream)
      fail("read_file", "read", path, EFBIG, "Devices and pipes are read up to 1 GiB; give a file.");
  }
}

void write_atomically(const fs::path& path, std::string_view bytes) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    write_and_rename(path, bytes);
  } else if (S_ISDIR(status.st_mode)) {
    fail("write_atomically", "write", path, EISDIR, "Name a file in it.");
  } else if (!S_ISREG(status.st_mode) || !descriptor_path(path).empty()) {
    write_through(path, bytes);
  } else {
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    if (error) fail("write_atomically", "follow the link", path, error.value(), "Name the file itself.");
    write_and_rename(target, bytes);
  }
}

void remove_abandoned_files(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (is_abandoned(entry.path().filename().string())) fs::remove(entry.path(), error);
}

std::string digest_of(std::string_view bytes) {
  const std::uint64_t hash = fnv1a(bytes);
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[(hash >> shift) & 15];
  return digits;
}

}  // namespace costate
