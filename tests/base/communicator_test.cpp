#include "costate/base/communicator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "costate/base/threads.h"
#include "tests/support/expect_error.h"
#include "tests/support/thread_ranks.h"

namespace costate {
namespace {

using test::on_thread_ranks;

TEST(Communicator, AloneThereIsOneRank) {
  EXPECT_EQ(current_communicator(), nullptr);
  EXPECT_EQ(num_ranks(), 1);
  EXPECT_EQ(this_rank(), 0);
  EXPECT_TRUE(any_rank(true));
  EXPECT_FALSE(any_rank(false));
  check_ranks_agree("test", "a", "");
  on_thread_ranks(1, [](int) { EXPECT_EQ(current_communicator(), nullptr); });
}

TEST(Communicator, WhatOneRankSaysAllGoBy) {
  for (const int said_by : {-1, 0, 2}) {
    on_thread_ranks(3, [&](int rank) {
      EXPECT_EQ(num_ranks(), 3);
      EXPECT_EQ(this_rank(), rank);
      EXPECT_EQ(any_rank(rank == said_by), said_by >= 0);
    });
  }
}

TEST(Communicator, RanksThatDifferAreNamedOnAllOfThem) {
  on_thread_ranks(3, [](int) { check_ranks_agree("test", "same", ""); });
  on_thread_ranks(3, [](int rank) {
    const std::string text = rank == 2 ? "seed = 1\nepochs = 9\n" : "seed = 1\nepochs = 5\n";
    EXPECT_ERROR(check_ranks_agree("test", text, "start them alike."), InvalidArgument,
                 "[test] rank 2 has 'epochs = 9' where rank 0 has 'epochs = 5'; start them alike.");
  });
}

TEST(Communicator, ThreadsThatHelpWorkAlone) {
  on_thread_ranks(2, [](int) {
    std::atomic<int> shared = 0;
    parallel_for(5, [&](std::size_t) { shared += num_ranks() > 1 ? 1 : 0; });
    EXPECT_EQ(shared, 0);
    int in_turn = 0;
    parallel_for_unless_shared(3, [&](std::size_t i) {
      EXPECT_EQ(in_turn++, static_cast<int>(i));
      EXPECT_EQ(num_ranks(), 2);
    });
    const CommunicatorPause alone;
    EXPECT_EQ(num_ranks(), 1);
  });
}

}  // namespace
}  // namespace costate
