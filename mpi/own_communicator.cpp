// A program of a user's with an MPI communicator of its own: is what its ranks share the same to the bit as alone, and
// how long does it take?
//
// usage: mpirun -n RANKS own_communicator [BATCH RUNS]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "costate/costate.h"
#include "costate/ranks/mpi_communicator.h"

namespace {

namespace cs = costate;

/// Fastest of so many calls, in microseconds; all ranks begin together.
double fastest_us(int calls, const std::function<void()>& call) {
  double fastest = 1e300;
  for (int i = 0; i < calls; ++i) {
    MPI_Barrier(MPI_COMM_WORLD);
    const auto begin = std::chrono::steady_clock::now();
    call();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    fastest = std::min(fastest, took.count());
  }
  double slowest = 0;  // of the ranks
  MPI_Allreduce(&fastest, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return slowest;
}

/// Half of a message there and back between the first two ranks.
double one_way_us(cs::Communicator& ranks, std::size_t bytes) {
  std::vector<std::byte> message(bytes);
  constexpr int kTurns = 20;
  return fastest_us(30,
                    [&] {
                      for (int turn = 0; turn < kTurns && ranks.rank() < 2; ++turn) {
                        if (ranks.rank() == turn % 2)
                          ranks.send(message, 1 - ranks.rank());
                        else
                          ranks.receive(message, 1 - ranks.rank());
                      }
                    }) /
         kTurns;
}

int run(cs::Communicator& ranks, std::int64_t batch, int runs) {
  const cs::Mlp net({.inputs = 2, .hidden = {64, 64}, .outputs = 2});
  const cs::VectorField field = cs::vector_field({2}, [&](cs::Array, cs::Array z) { return net(z); });
  const cs::Function loss = cs::trace(
      [&](cs::Array z0) {
        return cs::mean(cs::square(cs::solve(field, z0, cs::constant(cs::HostArray::linspace(0, 2, 20)))));
      },
      {{"z0", {2}}});
  const cs::Program program = cs::compile(cs::value_and_grad(loss, net.parameters()));
  cs::HostArray starts(cs::Shape{batch, 2});
  for (std::int64_t i = 0; i < starts.size(); ++i) starts.set(i, std::sin(static_cast<double>(i)));

  const cs::RunResult alone = program.run({starts});
  const cs::CommunicatorScope scope(ranks);
  const cs::RunResult shared = program.run({starts});
  for (std::size_t i = 0; i < alone.outputs.size(); ++i)
    if (!shared.outputs[i].same_bits(alone.outputs[i])) {
      std::printf("rank %d: output %zu differs from that of one rank\n", ranks.rank(), i);
      return 1;
    }
  const cs::BatchRange own = program.read_by_run(static_cast<std::size_t>(batch));
  const double step = fastest_us(runs, [&] { program.run({starts}); });
  double one = 0, small = 0, large = 0;
  {
    const cs::CommunicatorPause pause;
    one = fastest_us(runs, [&] {
      if (ranks.rank() == 0) program.run({starts});
    });
  }
  if (ranks.size() > 1) {
    small = one_way_us(ranks, 8);
    large = one_way_us(ranks, std::size_t{1} << 16);
  }
  if (ranks.rank() == 0)
    std::printf("ranks %d  batch %lld  own %zu  step %.0f us  alone %.0f us  message %.2f us  64 KiB %.1f us\n",
                ranks.size(), static_cast<long long>(batch), own.end - own.begin, step, one, small, large);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int code = 0;
  {
    cs::MpiCommunicator ranks(MPI_COMM_WORLD);
    code = run(ranks, argc > 1 ? std::atoll(argv[1]) : 100, argc > 2 ? std::atoi(argv[2]) : 3);
  }
  MPI_Finalize();
  return code;
}
