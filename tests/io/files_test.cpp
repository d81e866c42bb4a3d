#include "costate/io/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "tests/io/scratch.h"

namespace costate {
namespace {

using test::Scratch;

/// Writes beyond `size_bytes` fail with EFBIG while this lives, as they fail with ENOSPC on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size_bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size_bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(Files, WritesAndReadsAnyBytes) {
  const Scratch scratch;
  const std::string bytes("a\0b\r\n\xFF", 6);
  write_atomically(scratch / "file", bytes);
  EXPECT_EQ(read_file(scratch / "file"), bytes);
  write_atomically(scratch / "file", "");
  EXPECT_EQ(read_file(scratch / "file"), "");
  EXPECT_EQ(scratch.num_files(), 1u);
}

TEST(Files, WritesIntoTheCurrentFolder) {
  const Scratch scratch;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.folder());
  EXPECT_NO_THROW(write_atomically("bare_name", "x"));
  std::filesystem::current_path(before);
  EXPECT_EQ(read_file(scratch / "bare_name"), "x");
}

TEST(Files, AFullDiskLeavesTheOldFileAndNoTemporary) {
  const Scratch scratch;
  write_atomically(scratch / "model", "old");
  {
    const FileSizeLimit limit(1000);
    EXPECT_ERROR(write_atomically(scratch / "model", std::string(5000, 'x')), IoError, "File too large");
  }
  EXPECT_EQ(read_file(scratch / "model"), "old");
  EXPECT_EQ(scratch.num_files(), 1u);
}

TEST(Files, ADeviceIsWrittenThroughAndItsFullnessIsReported) {
  EXPECT_NO_THROW(write_atomically("/dev/null", "x"));
  EXPECT_ERROR(write_atomically("/dev/full", "x"), IoError, "No space left on device");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(Files, ALinkIsFollowed) {
  const Scratch scratch;
  write_atomically(scratch / "target", "old");
  std::filesystem::create_symlink("target", scratch / "link");
  write_atomically(scratch / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(scratch / "link"));
  EXPECT_EQ(read_file(scratch / "target"), "new");
}

TEST(Files, AnOpenFileIsWrittenToAndNotReplaced) {
  // What `> log` makes of /dev/stdout: a link to a descriptor of a regular file, which may have lost its name.
  const Scratch scratch;
  const int log = ::open((scratch / "log").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(log, 0);
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(log), scratch / "stdout");
  write_atomically(scratch / "stdout", "one ");
  EXPECT_EQ(read_file(scratch / "log"), "one ");
  std::filesystem::remove(scratch / "log");
  write_atomically(scratch / "stdout", "two");
  EXPECT_TRUE(std::filesystem::is_symlink(scratch / "stdout"));
  EXPECT_EQ(read_file(scratch / "stdout"), "one two");
  ASSERT_EQ(::write(log, " six", 4), 4) << "whoever has it open goes on behind";
  EXPECT_EQ(read_file(scratch / "stdout"), "one two six");
  ::close(log);
}

TEST(Files, WhatKilledProcessesLeftIsRemoved) {
  const Scratch scratch;
  const std::string mine = text::concat(".model.", ::getpid(), ".3.tmp");
  for (const std::string& name : {std::string(".model.999999999.3.tmp"), mine, std::string(".notes.tmp"),
                                  std::string(".tmp"), std::string(".a.b.c.tmp"), std::string("x.999999999.3.tmp")})
    scratch.write(name, "half");
  remove_abandoned_files(scratch.folder());
  EXPECT_EQ(scratch.num_files(), 5u);
  EXPECT_FALSE(std::filesystem::exists(scratch / ".model.999999999.3.tmp"));
  EXPECT_NO_THROW(remove_abandoned_files(scratch / "absent"));
}

TEST(Files, DigestsArePublishedOnes) {
  EXPECT_EQ(digest_of(""), "cbf29ce484222325");  // draft-eastlake-fnv, appendix C
  EXPECT_EQ(digest_of("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(digest_of("foobar"), "85944171f73967e8");
}

TEST(Files, ErrorsNameThePathAndTheReason) {
  const Scratch scratch;
  EXPECT_ERROR(read_file(scratch / "absent"), IoError, "absent': No such file or directory");
  EXPECT_ERROR(read_file(scratch.folder()), IoError, "Is a directory");
  EXPECT_ERROR(write_atomically(scratch / "no/such/folder", "x"), IoError, "No such file or directory");
  EXPECT_ERROR(write_atomically(scratch.folder(), "x"), IoError, "Is a directory");
  scratch.write("file", "");
  EXPECT_ERROR(write_atomically(scratch / "file/below", "x"), IoError, "Not a directory");
}

}  // namespace
}  // namespace costate
