#include "costate/train/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "costate/io/files.h"
#include "costate/io/safetensors.h"
#include "tests/io/scratch.h"
#include "tests/support/expect_error.h"
#include "tests/train/regression.h"

namespace costate {
namespace {

namespace fs = std::filesystem;
using test::Regression;
using test::Scratch;

TEST(CheckpointFile, IsRefusedWhereItDoesNotFit) {
  const Scratch folder;
  const fs::path path = folder / "checkpoint.safetensors";
  Regression regression;
  const auto run = [&](const std::string& fingerprint) {
    Regression fresh;
    train(fresh.objective(), {.epochs = 3, .checkpoint = path, .fingerprint = fingerprint, .resume = Resume::kYes});
  };
  run("a");
  EXPECT_ERROR(run("b"), InvalidArgument, "another configuration: it has 'a' where this run has 'b'");
  const std::string bytes = read_file(path);
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(path, std::ios::binary) << bytes.substr(0, size);
    EXPECT_THROW(run("a"), DataError) << size;
  }
  write_safetensors(path, {.arrays = {{"x", HostArray::vector({1.0})}}, .metadata = {}});
  EXPECT_ERROR(run("a"), DataError, "not a checkpoint");
  EXPECT_ERROR(values_by_name({regression.w, regression.w}), InvalidArgument, "two parameters are called 'w'");
}

TEST(CheckpointFile, SurvivesAFolderThatCannotBeWritten) {
  const Scratch folder;
  const fs::path path = folder / "missing/checkpoint.safetensors";
  Regression regression;
  EXPECT_THROW(train(regression.objective(), {.epochs = 3, .checkpoint = path}), IoError);
}

TEST(CheckpointFile, GivesBackWhatWasWritten) {
  const Scratch folder;
  const Checkpoint written{.fingerprint = "rate = 1\nseed = 2\n",
                           .next_epoch = 1,
                           .best_epoch = 0,
                           .best_loss = 1.0 / 3,
                           .parameters = {{"w", HostArray::vector({0.1, -0.0})}},
                           .best_parameters = {{"w", HostArray::vector({0.2, 1e-320})}},
                           .optimizer = {{"first", HostArray::vector({3.0})}},
                           .polisher = {{"moves", HostArray::vector({})}},
                           .history = {{.epoch = 0, .loss = 0.7, .validation_loss = std::nan("")}}};
  write_checkpoint(folder / "file", written);
  const Checkpoint read = read_checkpoint(folder / "file", written.fingerprint);
  EXPECT_EQ(read.next_epoch, 1);
  EXPECT_EQ(read.best_epoch, 0);
  EXPECT_EQ(read.best_loss, 1.0 / 3);
  EXPECT_TRUE(read.parameters.at("w").same_bits(written.parameters.at("w")));
  EXPECT_TRUE(read.best_parameters.at("w").same_bits(written.best_parameters.at("w")));
  EXPECT_TRUE(read.optimizer.at("first").same_bits(written.optimizer.at("first")));
  EXPECT_TRUE(read.polisher.at("moves").same_bits(written.polisher.at("moves")));
  ASSERT_EQ(read.history.size(), 1U);
  EXPECT_EQ(read.history[0].loss, 0.7);
  EXPECT_TRUE(std::isnan(read.history[0].validation_loss));
  EXPECT_ERROR(read_checkpoint(folder / "file", "rate = 1\nseed = 3\n"), InvalidArgument,
               "it has 'seed = 2' where this run has 'seed = 3'");
  EXPECT_ERROR(read_checkpoint(folder / "file", "rate = 1\n"), InvalidArgument,
               "it has 'seed = 2' where this run has ''");
}

TEST(CheckpointFile, IsRefusedWhereItsArraysAreForeign) {
  const Scratch folder;
  const fs::path path = folder / "checkpoint";
  const auto resume = [&] {
    Regression fresh;
    train(fresh.objective(), {.epochs = 3, .checkpoint = path, .resume = Resume::kYes});
  };
  resume();
  const ArrayFile good = read_safetensors(path);
  const auto with = [&](const std::string& name, const HostArray& array) {
    ArrayFile file = good;
    file.arrays[name] = array;
    write_safetensors(path, file);
  };
  with("parameter.w", HostArray::vector({1.0}));
  EXPECT_ERROR(resume(), DataError, "has 'w' with shape");
  with("parameter.w", HostArray(Shape{2}, Dtype::kF32));
  EXPECT_ERROR(resume(), DataError, "another dtype than float64");
  with("parameter.other", HostArray::vector({1.0}));
  EXPECT_ERROR(resume(), DataError, "has 3 parameters; the model has 2");
  with("optimizer.first", HostArray::vector({1.0}));
  EXPECT_ERROR(resume(), DataError, "the state is of other parameters");
  with("counters", HostArray::vector({7, 0, 0}));
  EXPECT_ERROR(resume(), DataError, "counts 7 epochs but has a history of 3");
  with("counters", HostArray::vector({7, 0}));
  EXPECT_ERROR(resume(), DataError, "has 2 counters, not 3");
  with("history", HostArray::vector({7, 0}));
  EXPECT_ERROR(resume(), DataError, "a history of shape");
  ArrayFile renamed = good;
  renamed.arrays.erase("best.w");
  renamed.arrays["best.v"] = HostArray::vector({1.0, 2.0});
  write_safetensors(path, renamed);
  EXPECT_ERROR(resume(), DataError, "no weights called 'w'");
}

TEST(CheckpointFile, StaysAsItWasWhenTheNextCannotBeWritten) {
  const Scratch folder;
  const fs::path path = folder / "checkpoint";
  TrainOptions options{.epochs = 20, .checkpoint = path, .checkpoint_seconds = 0, .resume = Resume::kYes};
  Regression straight;
  train(straight.objective(), options);
  fs::remove(path);

  std::string before;
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  options.on_epoch = [&](const HistoryRow& row) {
    if (row.epoch != 8) return;
    before = read_file(path);
    const rlimit full{.rlim_cur = 100, .rlim_max = limit.rlim_max};  // as if the disk were full from here on
    ::setrlimit(RLIMIT_FSIZE, &full);
  };
  Regression stopped;
  EXPECT_ERROR(train(stopped.objective(), options), IoError, "checkpoint");
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(folder.num_files(), 1U);

  options.on_epoch = {};
  Regression resumed;
  EXPECT_EQ(train(resumed.objective(), options).history.size(), 20U);
  EXPECT_TRUE(resumed.w.value().same_bits(straight.w.value()));
}

}  // namespace
}  // namespace costate
