// What generated CUDA C++ needs to run on the host: blocks one after the other, and of each block every phase for one
// thread after another, in either order. Two threads that meet in a phase without a barrier give other numbers in the
// other order. Shared memory begins as NaN.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

inline bool costate_backwards = false;

#define COSTATE_DEVICE static inline
#define COSTATE_TABLE static const
#define COSTATE_CONSTANTS static const
#define COSTATE_PHASE(thread)                                                                                      \
  for (int costate_turn = 0, thread = costate_backwards ? COSTATE_THREADS - 1 : 0; costate_turn < COSTATE_THREADS; \
       ++costate_turn, thread += costate_backwards ? -1 : 1)
#define COSTATE_KERNEL(name, Arguments, body)                                                         \
  extern "C" void name(const void* words, int blocks, std::size_t shared_bytes, bool backwards) {     \
    Arguments a;                                                                                      \
    std::memcpy(&a, words, sizeof a);                                                                 \
    costate_backwards = backwards;                                                                    \
    std::vector<double> memory(shared_bytes / sizeof(double) + 2);                                    \
    for (int turn = 0; turn < blocks; ++turn) {                                                       \
      std::memset(memory.data(), 0xff, memory.size() * sizeof(double));                               \
      body(a, backwards ? blocks - 1 - turn : turn, reinterpret_cast<unsigned char*>(memory.data())); \
    }                                                                                                 \
  }
