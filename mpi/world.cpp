// What start_world() loads where mpirun started several processes: the one place of the project that is linked to MPI.
#include "costate/ranks/world.h"

#include <chrono>
#include <thread>

#include "costate/ranks/mpi_communicator.h"

namespace costate {
namespace {

class MpiWorld final : public MpiOn<World> {
 public:
  MpiWorld() : MpiOn(MPI_COMM_WORLD) { MPI_Comm_dup(MPI_COMM_WORLD, &farewell_); }

  bool meet(double seconds) override {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    MPI_Request request;
    MPI_Ibarrier(farewell_, &request);
    int all_came = 0;
    do {
      MPI_Test(&request, &all_came, MPI_STATUS_IGNORE);
      if (all_came == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } while (all_came == 0 && Clock::now() < end);
    return all_came != 0;
  }

  void finish() override { MPI_Finalize(); }
  void abort(int exit_code) override { MPI_Abort(MPI_COMM_WORLD, exit_code); }

 private:
  MPI_Comm farewell_;  // of ranks that end, while others may be waiting in a message
};

}  // namespace
}  // namespace costate

extern "C" costate::World* costate_start_mpi() {
  MPI_Init(nullptr, nullptr);
  static auto* const world = new costate::MpiWorld();  // never freed: MPI ends before statics do
  return world;
}
