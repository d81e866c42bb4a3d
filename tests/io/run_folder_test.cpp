#include "costate/io/run_folder.h"

#include <gtest/gtest.h>

#include "tests/io/scratch.h"

namespace costate {
namespace {

using test::Scratch;

TEST(RunFolder, CreatesThenOpens) {
  const Scratch scratch;
  const RunFolder made = RunFolder::create(scratch / "runs/lynx");
  EXPECT_TRUE(std::filesystem::is_empty(made.path()));
  EXPECT_ERROR(RunFolder::open(made.path()), DataError, "is not a run folder: it has no config.toml");
  scratch.write("runs/lynx/config.toml", "format = 1\n");
  EXPECT_EQ(RunFolder::open(made.path()).model(), scratch / "runs/lynx/model.safetensors");
}

TEST(RunFolder, RefusesToOverwriteUnlessToldTo) {
  const Scratch scratch;
  const RunFolder run = RunFolder::create(scratch / "run");
  scratch.write("run/config.toml", "");
  scratch.write("run/history.csv", "");
  scratch.write("run/notes.txt", "mine");
  std::filesystem::create_directory(run.trials());
  std::filesystem::create_directory(run.members());
  for (const char* file : {"run/stopped.toml", "run/trials/trial-1.safetensors", "run/trials/mine.txt",
                           "run/trials/.trial-2.safetensors.999999999.0.tmp", "run/members/member-2.safetensors"})
    scratch.write(file, "");
  EXPECT_ERROR(RunFolder::create(run.path()), InvalidArgument, "already holds a run");
  RunFolder::create(run.path(), ExistingRun::kReplace);
  EXPECT_FALSE(std::filesystem::exists(run.config()));
  EXPECT_FALSE(std::filesystem::exists(run.history()));
  EXPECT_FALSE(std::filesystem::exists(run.stopped()));
  EXPECT_FALSE(std::filesystem::exists(run.members()));
  EXPECT_TRUE(std::filesystem::exists(scratch / "run/notes.txt"));
  EXPECT_TRUE(std::filesystem::exists(run.trials() / "mine.txt"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(run.trials()), std::filesystem::directory_iterator()), 1);
  EXPECT_ERROR(RunFolder::create(run.path(), ExistingRun::kReplace), InvalidArgument, "already holds other files");
}

TEST(RunFolder, WhatAKilledRunLeftDoesNotBarTheWay) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "run");
  scratch.write("run/.config.toml.999999999.0.tmp", "half");
  scratch.write("run/.writable", "");
  EXPECT_NO_THROW(RunFolder::create(scratch / "run"));
  EXPECT_TRUE(std::filesystem::is_empty(scratch / "run"));
}

TEST(RunFolder, IsTakenBackUnlessSomethingIsTrained) {
  const Scratch scratch;
  const RunFolder run = RunFolder::create(scratch / "run");
  const auto begin = [&] {
    scratch.write("run/config.toml", "");
    std::filesystem::create_directory(run.trials());
  };
  begin();
  run.remove_if_untrained();
  EXPECT_FALSE(std::filesystem::exists(run.path()));
  RunFolder::create(run.path());
  begin();
  scratch.write("run/trials/trial-1.safetensors", "");
  run.remove_if_untrained();
  EXPECT_TRUE(std::filesystem::exists(run.config()));
  std::filesystem::remove_all(run.trials());
  scratch.write("run/notes.txt", "mine");
  run.remove_if_untrained();
  EXPECT_FALSE(std::filesystem::exists(run.config()));
  EXPECT_TRUE(std::filesystem::exists(scratch / "run/notes.txt"));
}

TEST(RunFolder, IsLockedAgainstOthersAsLongAsTheLockLives) {
  const Scratch scratch;
  {
    const RunLock lock(scratch.folder());
    EXPECT_ERROR(RunLock(scratch.folder()), InvalidArgument, "another run is being written into");
  }
  EXPECT_NO_THROW(RunLock(scratch.folder()));
  EXPECT_NO_THROW(RunLock(scratch / "absent"));
}

TEST(RunFolder, ErrorsNameThePath) {
  const Scratch scratch;
  scratch.write("file", "");
  EXPECT_ERROR(RunFolder::create(scratch / "file"), IoError, "file': ");
  EXPECT_ERROR(RunFolder::create(scratch / "file/run"), IoError, "Not a directory");
  EXPECT_ERROR(RunFolder::create("/proc/run"), IoError, "/proc/run");
  EXPECT_ERROR(RunFolder::create("/proc/self/fd"), Error, "/proc/self/fd");
  EXPECT_ERROR(RunFolder::open(scratch / "absent"), IoError, "No such file or directory");
  EXPECT_ERROR(RunFolder::open(scratch / "file"), IoError, "it is not a folder");
}

}  // namespace
}  // namespace costate
